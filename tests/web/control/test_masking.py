"""An auth code is shown nowhere in full, in whatever place it was sent, unless somebody asked to see it."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from emulator.core.contract import Binding
from emulator.web.settings import Settings
from tests.helpers.calling import ALL_BINDINGS
from tests.helpers.control import SERVICE, Emulated

SECRET = "s3cret-of-ann-0123"
PARTS = ("s3cret", "of-ann", "ann-0")
XML = {
    "Content-Type": "text/xml; charset=utf-8",
    "SOAPAction": '"https://secure.logmeinrescue.com/API/API.asmx/startSession"',
}
ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<startSession xmlns="https://secure.logmeinrescue.com/API/API.asmx">{}</startSession></s:Body></s:Envelope>'
)
FORM = "application/x-www-form-urlencoded"


def everything_told(emulated: Emulated) -> str:
    """All that the control API tells after the last call."""
    last = emulated.told("/calls")["last"]
    paths = [
        "/calls",
        "/rules",
        "/scenario",
        "/desk",
        "/metrics",
        *(f"/calls/{number}" for number in range(1, last + 1)),
    ]
    return "\n".join(emulated.ask("GET", path).text for path in paths)


def assert_masked(told: str) -> None:
    assert [part for part in PARTS if part in told] == []


@ALL_BINDINGS
def test_a_code_in_its_place_is_masked(binding: Binding) -> None:
    emulated = Emulated()
    emulated.call(99, auth_code=SECRET, binding=binding)
    told = everything_told(emulated)
    assert "s3cr***" in told
    assert_masked(told)


@ALL_BINDINGS
def test_a_code_is_shown_in_full_to_those_who_asked(binding: Binding) -> None:
    emulated = Emulated(settings=Settings(show_auth_codes=True))
    emulated.call(99, auth_code=SECRET, binding=binding)
    assert emulated.told("/calls")["calls"][0]["auth_code"] == SECRET
    assert emulated.told("/calls?auth_code=" + SECRET)["found"] == 1
    assert SECRET in json.dumps(emulated.told("/calls/1")["request"])


def soap(inside: str, **options: Any) -> dict[str, Any]:
    return {"path": SERVICE, "method": "POST", "data": ENVELOPE.format(inside), "headers": XML} | options


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(soap(f"<iSession>{SECRET}</iSession>"), id="as the session"),
        pytest.param(soap(f"<sAuthCode><![CDATA[{SECRET}]]></sAuthCode>"), id="in CDATA"),
        pytest.param(soap(f"<!-- {SECRET} --><sAuthCode>x</sAuthCode>"), id="in a comment"),
        pytest.param(soap(f'<sAuthCode value="{SECRET}"/>'), id="in an attribute"),
        pytest.param(soap(f"<sAuthCode>{SECRET}"), id="in broken XML"),
        pytest.param(soap(f"<sAuthCode {SECRET}"), id="in a broken tag"),
        pytest.param(soap(f"<sAuthCode><b>{SECRET}</b></sAuthCode>"), id="in an element of its own"),
        pytest.param(soap(f"<?code {SECRET}?>"), id="in a processing instruction"),
        pytest.param(soap(f'<iSession xmlns="{SECRET}">1</iSession>'), id="as a namespace"),
        pytest.param(soap("", data=f'<e:Envelope xmlns:e="{SECRET}"><e:Body/></e:Envelope>'), id="as the envelope's"),
        pytest.param(soap("", headers=XML | {"SOAPAction": SECRET}), id="as the SOAPAction"),
        pytest.param(soap("", headers=XML | {"SOAPAction": f'"{quote(SECRET)}%0d%0a%3Cb"'}), id="as an escaped SOAPAction"),
        pytest.param(
            soap("", data="<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><x/></e:Body></e:Envelope>",
                 headers={"Content-Type": f'application/soap+xml; action="{SECRET}"'}), id="as the action of SOAP 1.2",
        ),
        pytest.param(soap("", headers=XML | {"X-Other": SECRET}), id="in an unknown header"),
        pytest.param(
            soap("", data=f'<!DOCTYPE a [<!ENTITY e "{SECRET}">]><a>&e;</a>'), id="in a document type"
        ),
        pytest.param(
            soap("", data=ENVELOPE.format(f"<sAuthCode>{SECRET}</sAuthCode>").encode("utf-16"),
                 headers=XML | {"Content-Type": "text/xml; charset=utf-16"}),
            id="in UTF-16",
        ),
        pytest.param(soap("", data=SECRET), id="as all of an XML body"),
        pytest.param(
            {"path": SERVICE, "method": "POST", "data": ENVELOPE.format(f"<sAuthCode>{SECRET}</sAuthCode>"),
             "headers": {"Content-Type": "application/json"}}, id="in an envelope of the wrong type",
        ),
        pytest.param({"path": f"{SERVICE}/startSession?iSession={SECRET}&iNode=2&sAuthCode=x"}, id="as the session of a GET"),
        pytest.param(
            {"path": f"{SERVICE}/startSession?iSession=1&iNode=2&sAuthCode=" + "".join(f"%{ord(c):02x}" for c in SECRET)},
            id="percent-encoded",
        ),
        pytest.param({"path": f"{SERVICE}/startSession?iSession=1&iNode=2&sAuthCode={SECRET}%3Cb"}, id="beside markup"),
        pytest.param({"path": f"{SERVICE}/startSession?{SECRET}"}, id="without a name"),
        pytest.param({"path": f"{SERVICE}/startSession?a={SECRET}=b"}, id="with two equals signs"),
        pytest.param({"path": f"{SERVICE}/startSession/1/2/{SECRET}"}, id="behind the operation"),
        pytest.param({"path": f"/API/startSession/1/2/{SECRET}"}, id="in the path of no service"),
        pytest.param({"path": f"{SERVICE}/startSession/{SECRET}", "method": "HEAD"}, id="in the path of a HEAD"),
        pytest.param({"path": f"/API/startSession.aspx?session=1&node=2&authcode={SECRET}"}, id="to the other API"),
        pytest.param(
            {"path": f"{SERVICE}/startSession", "method": "POST", "data": f"iSession={quote(SECRET)}", "content_type": FORM},
            id="as the session of a form",
        ),
        pytest.param(
            {"path": f"{SERVICE}/startSession", "method": "POST", "json": {"sAuthCode": SECRET}}, id="in JSON"
        ),
        pytest.param(
            {"path": f"{SERVICE}/startSession", "method": "POST", "content_type": "multipart/form-data; boundary=x",
             "data": f'--x\r\nContent-Disposition: form-data; name="sAuthCode"\r\n\r\n{SECRET}\r\n--x--'},
            id="in a multipart body",
        ),
        pytest.param(
            {"path": f"{SERVICE}/startSession", "headers": {"Authorization": f"Basic {SECRET}", "Cookie": f"a={SECRET}"}},
            id="in headers",
        ),
    ],
)  # fmt: skip
def test_a_code_in_a_wrong_place_is_masked(request_: dict[str, Any]) -> None:
    emulated = Emulated()
    emulated.client.open(**request_)
    told = everything_told(emulated)
    assert emulated.told("/calls")["last"] == 1
    assert_masked(told)


def test_the_codes_of_rules_desk_and_scenario_are_masked() -> None:
    emulated = Emulated(
        f"# {SECRET} is Ann's\nrules:\n  - name: Ann\n    when: {{auth_code: {SECRET}}}\n    return: startSessionRet_OK\n"
        f"  - when: {{auth_code: {{matches: '{SECRET}.+'}}}}\n    return: startSessionRet_OK\n"
        f"desk: {{administrators: [{{name: Bob, auth_code: {SECRET}x}}]}}\n"
    )
    emulated.ask("POST", "/rules", {"when": {"auth_code": {"not": [SECRET]}}, "return": "startSessionRet_OK"})
    emulated.ask("POST", "/rules", {"when": {"auth_code": SECRET, "session": 4}, "return": "startSessionRet_OK"})
    emulated.call(5, auth_code="another")
    assert_masked(everything_told(emulated))
    assert_masked(emulated.ask("POST", "/explain", {"session": 1, "node": 2, "auth_code": SECRET}).text)
    assert_masked(emulated.ask("POST", "/verify", {"when": {"auth_code": SECRET, "session": 8}}).text)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rules", {"when": {"auth_code": {"matches": SECRET + "("}}, "return": "startSessionRet_OK"}),
        ("/rules", {"when": {"auth_code": {"mathces": SECRET}}, "return": "startSessionRet_OK"}),
        ("/rules", {"when": {"auth_code": [SECRET, 1]}, "return": "startSessionRet_OK"}),
        ("/explain", {"session": 1, "node": 2, "auth_code": [SECRET]}),
        ("/verify", {"when": {"auth_code": {"absent": SECRET}}}),
    ],
)
def test_a_problem_does_not_tell_the_code_beside_it(path: str, body: Any) -> None:
    answer = Emulated().ask("POST", path, body)
    assert answer.status_code == 422
    assert_masked(answer.text)


def test_xml_that_is_masked_is_still_xml_with_its_numbers() -> None:
    emulated = Emulated()
    emulated.call(99, 5, "<" + SECRET, Binding.SOAP11)
    body = emulated.told("/calls/1")["request"]["body"]
    assert "<iSession>99</iSession><iNode>5</iNode><sAuthCode>&lt;s3c***</sAuthCode>" in body


def test_questions_are_answered_with_codes_in_full_to_those_who_asked() -> None:
    emulated = Emulated(settings=Settings(show_auth_codes=True))
    emulated.call(99, auth_code=SECRET)
    explained = emulated.ask("POST", "/explain", {"session": 1, "node": 2, "auth_code": SECRET}).json
    verified = emulated.ask("POST", "/verify", {"when": {"auth_code": "another-code"}}).json
    assert explained is not None
    assert verified is not None
    assert (explained["call"]["auth_code"], SECRET in explained["text"]) == (SECRET, True)
    assert f"auth_code={SECRET}: auth_code is {SECRET}, wanted is another-code" in verified["text"]
