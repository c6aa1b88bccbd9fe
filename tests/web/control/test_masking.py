"""Auth codes in the control API: one that the scenario names is shown, any other is masked wherever it was sent.

tests/web/test_redaction.py has all places in raw requests; here are those that the service quotes or refuses.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.core.contract import Binding
from emulator.web.spaces import Settings
from tests.helpers.calling import ALL_BINDINGS
from tests.helpers.control import SERVICE, Emulated, detail

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
SOAP12 = "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><x/></e:Body></e:Envelope>"
GET = f"{SERVICE}/startSession"


def everything(emulated: Emulated) -> str:
    """Return all that the control API shows after the last call."""
    last = emulated.get("/calls")["last"]
    paths = [
        "/calls",
        "/rules",
        "/scenario",
        "/desk",
        "/metrics",
        *(f"/calls/{number}" for number in range(1, last + 1)),
    ]
    return "\n".join(emulated.request("GET", path).text for path in paths)


def assert_masked(text: str) -> None:
    assert [part for part in PARTS if part in text] == []


@ALL_BINDINGS
def test_a_code_that_no_rule_names_is_masked(binding: Binding) -> None:
    emulated = Emulated()
    emulated.call(99, auth_code=SECRET, binding=binding)
    shown = everything(emulated)
    assert "s3cr***" in shown
    assert_masked(shown)


def test_every_code_is_shown_if_the_operator_says_so() -> None:
    emulated = Emulated(settings=Settings(show_auth_codes=True))
    emulated.call(99, auth_code=SECRET)
    assert emulated.get("/calls")["calls"][0]["auth_code"] == SECRET
    assert emulated.get("/calls?auth_code=" + SECRET)["found"] == 1
    assert SECRET in json.dumps(emulated.get("/calls/1")["request"])
    explained = emulated.post("/explain", {"session": 1, "node": 2, "auth_code": SECRET})
    assert (explained["call"]["auth_code"], SECRET in explained["text"]) == (SECRET, True)
    verified = emulated.request("POST", "/verify", {"when": {"auth_code": "another-code"}})
    assert f"auth_code={SECRET}: auth_code is {SECRET}, wanted is another-code" in detail(verified, 409)


def test_a_code_that_rule_or_desk_names_is_shown() -> None:
    emulated = Emulated(
        "rules: [{name: Ann, when: {session: 1, auth_code: demo-ann}, return: startSessionRet_OK}]\n"
        "desk: {administrators: [{auth_code: demo-bob}]}"
    )
    rule = {"when": {"auth_code": {"not": ["demo-carl"]}, "session": 2}, "return": "startSessionRet_OK"}
    emulated.post("/rules", rule)
    for name in ("ann", "bob", "carl", "dora"):
        emulated.call(3, auth_code=f"demo-{name}")
    codes = [call["auth_code"] for call in emulated.get("/calls")["calls"]]
    assert codes == ["demo-ann", "demo-bob", "demo-carl", "de***"]
    assert emulated.get("/rules")["rules"][0]["when"]["auth_code"] == "anything but demo-carl"
    assert emulated.get("/desk")["administrators"][0]["auth_code"] == "demo-bob"
    assert "sAuthCode=demo-bob" in emulated.get("/calls/2")["request"]["start"]
    emulated.request("DELETE", "/rules")
    assert emulated.get("/calls")["calls"][2]["auth_code"] == "de***"


def test_explanation_and_verification_mask_the_code_of_the_call_and_show_where_it_differs() -> None:
    emulated = Emulated()
    emulated.call(1001, auth_code=SECRET)
    explained = emulated.post("/explain", {"session": 1001, "node": 2, "auth_code": "demo-amn"})
    (mismatch,) = explained["passed_over"][0]["mismatches"]
    assert mismatch == {"field": "auth_code", "expected": "demo-ann", "actual": "de***", "differs_at": 7}
    assert "demo-amn" not in json.dumps(explained)
    verified = emulated.request("POST", "/verify", {"when": {"auth_code": "demo-ann"}})
    assert "auth_code=s3cr***: auth_code is s3cr***, wanted is demo-ann" in detail(verified, 409)
    assert_masked(verified.text)


def soap(inside: str = "", **options: Any) -> dict[str, Any]:
    return {"path": SERVICE, "method": "POST", "data": ENVELOPE.format(inside), "headers": XML} | options


PLACES: dict[str, dict[str, Any]] = {
    "as the session": soap(f"<iSession>{SECRET}</iSession>"),
    "in a broken tag": soap(f"<sAuthCode {SECRET}"),
    "as a namespace": soap(f'<iSession xmlns="{SECRET}">1</iSession>'),
    "as the envelope's namespace": soap(data=f'<e:Envelope xmlns:e="{SECRET}"><e:Body/></e:Envelope>'),
    "in a document type": soap(data=f'<!DOCTYPE a [<!ENTITY e "{SECRET}">]><a>&e;</a>'),
    "in an envelope of the wrong type": soap(
        f"<sAuthCode>{SECRET}</sAuthCode>", headers={"Content-Type": "application/json"}
    ),
    "as the session of a GET": {"path": f"{GET}?iSession={SECRET}&iNode=2&sAuthCode=x"},
    "beside markup": {"path": f"{GET}?iSession=1&iNode=2&sAuthCode={SECRET}%3Cb"},
    "without a name": {"path": f"{GET}?{SECRET}"},
    "behind the operation": {"path": f"{GET}/1/2/{SECRET}"},
    "in the path of no service": {"path": f"/API/startSession/1/2/{SECRET}"},
    "to the other API": {"path": f"/API/startSession.aspx?session=1&node=2&authcode={SECRET}"},
    "as the session of a form": {"path": GET, "method": "POST", "data": {"iSession": SECRET}},
    "in JSON": {"path": GET, "method": "POST", "json": {"sAuthCode": SECRET}},
}


@pytest.mark.parametrize("action", ["StartSession", "'https://secure.logmeinrescue.com/API/API.asmx"])
@pytest.mark.parametrize("binding", ["SOAP 1.1", "SOAP 1.2"])
def test_a_refused_action_is_shown_in_full(binding: str, action: str) -> None:
    emulated = Emulated()
    soap12 = {"Content-Type": f'application/soap+xml; action="{action}"'}
    is_soap11 = binding == "SOAP 1.1"
    emulated.client.open(
        **(soap(headers=XML | {"SOAPAction": action}) if is_soap11 else soap(data=SOAP12, headers=soap12))
    )
    reason = emulated.get("/calls/1")["reason"]
    assert action.strip("'") in reason
    assert "***" not in reason


@pytest.mark.parametrize("place", PLACES)
def test_a_code_in_a_wrong_place_is_masked(place: str) -> None:
    emulated = Emulated()
    emulated.client.open(**PLACES[place])
    assert emulated.get("/calls")["last"] == 1
    assert_masked(everything(emulated))
