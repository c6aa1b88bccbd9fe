"""Real clients, over a real port: each reads the served WSDL or the help page, calls, and understands the answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import zeep
from lxml import etree

from emulator.core.contract import NAMESPACE, SOAP_ACTION, Result
from emulator.core.matching import OneOf, When
from emulator.core.replies import Reply, Return
from emulator.core.rules import Rule, Scenario
from emulator.emulator import Emulator, Options

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
PORTS = ["APISoap", "APISoap12", "APIHttpGet", "APIHttpPost"]
RESULTS = list(enumerate(result.value for result in Result))

ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<{prefix}:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:{prefix}="{namespace}">
  <{prefix}:Body>
    <startSession xmlns="https://secure.logmeinrescue.com/API/API.asmx">
      <iSession>{session}</iSession>
      <iNode>2</iNode>
      <sAuthCode>demo</sAuthCode>
    </startSession>
  </{prefix}:Body>
</{prefix}:Envelope>"""
SOAP11 = ("soap", "http://schemas.xmlsoap.org/soap/envelope/")
SOAP12 = ("soap12", "http://www.w3.org/2003/05/soap-envelope")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Emulator(SCENARIO) as emulator:
        yield emulator.url


@pytest.fixture(scope="module")
def zeep_client(url: str) -> zeep.Client:
    return zeep.Client(f"{url}?wsdl")  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def schema(url: str) -> etree.XMLSchema:
    wsdl = etree.fromstring(requests.get(f"{url}?wsdl", timeout=5).content)
    (found,) = wsdl.iter(SCHEMA)
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))


def sample(url: str, binding: str, session: int) -> requests.Response:
    """The help page's own sample request over a binding, with its placeholders filled in."""
    form = {"iSession": str(session), "iNode": "2", "sAuthCode": "demo"}
    if binding == "get":
        return requests.get(f"{url}/startSession", form, timeout=5)
    if binding == "post":
        return requests.post(f"{url}/startSession", form, timeout=5)
    prefix, namespace = SOAP11 if binding == "soap11" else SOAP12
    headers = (
        {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SOAP_ACTION}"'}
        if binding == "soap11"
        else {"Content-Type": "application/soap+xml; charset=utf-8"}
    )
    body = ENVELOPE.format(prefix=prefix, namespace=namespace, session=session)
    return requests.post(url, body, headers=headers, timeout=5)


@pytest.mark.parametrize(("session", "result"), RESULTS)
@pytest.mark.parametrize("port", PORTS)
def test_zeep_gets_each_result_over_each_port(zeep_client: zeep.Client, port: str, session: int, result: str) -> None:
    service = zeep_client.bind("API", port)
    answer: Any = service.startSession(iSession=session, iNode=2, sAuthCode="demo")
    text = answer if isinstance(answer, str) else answer.text
    assert text == result


@pytest.mark.parametrize(("session", "result"), RESULTS)
@pytest.mark.parametrize("port", ["APISoap", "APISoap12"])
def test_suds_gets_each_result_over_each_soap_port(url: str, port: str, session: int, result: str) -> None:
    client = suds.client.Client(f"{url}?wsdl", port=port, cache=None)
    assert client.service.startSession(session, 2, "demo") == result


@pytest.mark.parametrize(("session", "result"), RESULTS)
@pytest.mark.parametrize("binding", ["soap11", "soap12", "get", "post"])
def test_the_samples_of_the_help_page_work_and_their_answers_fit_the_schema(
    url: str, schema: etree.XMLSchema, binding: str, session: int, result: str
) -> None:
    answer = sample(url, binding, session)
    assert answer.status_code == 200
    root = etree.fromstring(answer.content)
    if binding.startswith("soap"):
        (root,) = root[0]
        root = etree.fromstring(etree.tostring(root))
    schema.assertValid(root)
    assert root.xpath("string()") == result


@pytest.mark.parametrize("path", ["/API/API.asmx?WSDL", "/api/api.asmx?wsdl", "/api/API.asmx?wsdl"])
def test_the_wsdl_tells_the_address_that_it_was_asked_at(url: str, path: str) -> None:
    origin = url.removesuffix("/API/API.asmx")
    wsdl = requests.get(origin + path, timeout=5).text
    assert wsdl.count(f'location="{origin}{path.partition("?")[0]}"') == 4


def test_discovery_leads_from_the_bare_address_to_the_wsdl(url: str) -> None:
    page = etree.HTML(requests.get(url, timeout=5).text)
    link = page.xpath("string(//link[@rel='alternate'][@type='text/xml']/@href)")
    disco = etree.fromstring(requests.get(urljoin(url, str(link)), timeout=5).content)
    (reference,) = disco.iter("{http://schemas.xmlsoap.org/disco/scl/}contractRef")
    assert NAMESPACE in requests.get(reference.get("ref", ""), timeout=5).text


def test_public_url_takes_the_place_of_the_address() -> None:
    with Emulator(SCENARIO, Options(public_url="https://rescue.test")) as emulator:
        wsdl = requests.get(f"{emulator.url}?wsdl", timeout=5).text
    assert wsdl.count('location="https://rescue.test/API/API.asmx"') == 4


@pytest.mark.parametrize("path", ["/API/startSession.aspx", "/api/startsession", "/startSession"])
def test_a_wrong_address_gets_one_line_that_names_the_right_one(url: str, path: str) -> None:
    origin = url.removesuffix("/API/API.asmx")
    answer = requests.get(f"{origin}{path}?session=1&node=2&authcode=x", timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert len(answer.text.splitlines()) == 1
    assert f"{url}/startSession?iSession=...&iNode=...&sAuthCode=..." in answer.text


def test_a_call_in_no_namespace_is_answered_as_there_and_warned_of(url: str, caplog: pytest.LogCaptureFixture) -> None:
    body = ENVELOPE.format(prefix="soap", namespace=SOAP11[1], session=1).replace("<iSession>", '<iSession xmlns="">')
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": SOAP_ACTION}
    assert requests.post(url, body, headers=headers, timeout=5).status_code == 200
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert "session=0 node=2" in warning
    assert "<iSession> is in no namespace" in warning
    assert "demo" not in warning
