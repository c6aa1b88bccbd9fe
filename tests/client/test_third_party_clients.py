"""Clients of other projects, over a real port: each reads the WSDL, calls, and reads the answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

import pytest
import requests
import zeep
from lxml import etree

from emulator.core.contract import NAMESPACE, Binding, Result
from emulator.core.matching import OneOf, When
from emulator.core.replies import Reply, Return
from emulator.core.rules import Rule, Scenario
from emulator.emulator import Emulator
from tests.helpers.calling import Address, a_request, call

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # suds compiles with escapes that newer Pythons warn of
    import suds.client

SCHEMA = "{http://www.w3.org/2001/XMLSchema}schema"
SCENARIO = Scenario(
    name="a session for each result",
    rules=tuple(
        Rule(result.name, When(session=OneOf(frozenset({number}))), (Reply(Return(result)),))
        for number, result in enumerate(Result)
    ),
)
RESULTS = [result.value for result in Result]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Emulator(SCENARIO) as emulator:
        yield emulator.url


@pytest.fixture(scope="module")
def schema(url: str) -> etree.XMLSchema:
    wsdl = etree.fromstring(requests.get(f"{url}?wsdl", timeout=5).content)
    (found,) = wsdl.iter(SCHEMA)
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


@pytest.fixture(scope="module")
def address(url: str) -> Address:
    return urlsplit(url).hostname or "", urlsplit(url).port or 0


@pytest.mark.parametrize("port", ["APISoap", "APISoap12", "APIHttpGet", "APIHttpPost"])
def test_zeep_gets_each_result_over_each_port(url: str, port: str) -> None:
    service = zeep.Client(f"{url}?wsdl").bind("API", port)  # type: ignore[no-untyped-call]
    answers = [service.startSession(iSession=session, iNode=2, sAuthCode="demo") for session in range(len(Result))]
    assert [answer if isinstance(answer, str) else answer.text for answer in answers] == RESULTS


@pytest.mark.parametrize("port", ["APISoap", "APISoap12"])
def test_suds_gets_each_result_over_each_soap_port(url: str, port: str) -> None:
    client = suds.client.Client(f"{url}?wsdl", port=port, cache=None)
    assert [client.service.startSession(session, 2, "demo") for session in range(len(Result))] == RESULTS


@pytest.mark.parametrize("binding", Binding)
def test_each_answer_fits_the_schema(address: Address, schema: etree.XMLSchema, binding: Binding) -> None:
    for session, result in enumerate(RESULTS):
        answer = call(address, a_request(binding, session=session))
        assert answer.status == 200
        root = etree.fromstring(answer.body)
        if binding in (Binding.SOAP11, Binding.SOAP12):
            root = etree.fromstring(etree.tostring(root[0][0]))
        schema.assertValid(root)
        assert root.xpath("string()") == result


def test_the_wsdl_has_the_address_of_the_request(url: str) -> None:
    address = url.replace("/API/API", "/api/api")
    assert requests.get(f"{address}?WSDL", timeout=5).text.count(f'location="{address}"') == 4


def test_discovery_leads_from_the_bare_address_to_the_wsdl(url: str) -> None:
    page = etree.HTML(requests.get(url, timeout=5).text)
    link = page.xpath("string(//link[@rel='alternate'][@type='text/xml']/@href)")
    disco = etree.fromstring(requests.get(urljoin(url, str(link)), timeout=5).content)
    (reference,) = disco.iter("{http://schemas.xmlsoap.org/disco/scl/}contractRef")
    assert NAMESPACE in requests.get(reference.get("ref", ""), timeout=5).text


def test_a_wrong_address_gets_one_line_that_names_the_right_one(url: str) -> None:
    answer = requests.get(url.replace("API.asmx", "startSession.aspx"), timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert len(answer.text.splitlines()) == 1
    assert f"{url}/startSession?iSession=...&iNode=...&sAuthCode=..." in answer.text


def test_a_call_in_no_namespace_is_answered_with_a_warning_in_the_log(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    right = a_request(Binding.SOAP11)
    assert right.body is not None
    wrong = replace(right, body=right.body.replace("<iSession>", '<iSession xmlns="">'))
    assert call(address, wrong).status == 200
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert "session=0 node=337366" in warning
    assert "<iSession> is in no namespace" in warning
    assert "demo" not in warning
