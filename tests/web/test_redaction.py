"""What travelled is shown without auth codes, whatever they are made of and wherever they were put."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.core.engine import Engine
from emulator.core.journal import RawMessage, Reason
from emulator.scenario.loading import loads
from emulator.web.redaction import Redactor

SECRET = "s3cret-of-ann-0123"
DIGITS = "9876501234567"
PATH = "/API/API.asmx/startSession"
FORM = "application/x-www-form-urlencoded"
XML = "text/xml; charset=utf-8"


def a_request(
    body: str | bytes = "", *, start: str = f"POST {PATH} HTTP/1.1", content_type: str = XML, **headers: str
) -> RawMessage:
    """A request as it travelled; an underscore in the name of a header is a hyphen."""
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    content = body.encode() if isinstance(body, str) else body
    return RawMessage(start, [(b"Content-Type", content_type.encode("latin-1")), *named], content)


def a_redactor(scenario: str = "name: empty", *, show_auth_codes: bool = False) -> Redactor:
    return Redactor(Engine(loads(scenario)), show_auth_codes)


REDACTOR = a_redactor()


def shown(message: RawMessage, redactor: Redactor = REDACTOR) -> Any:
    return redactor.request(message)


def envelope(inside: str) -> str:
    return (
        f'<e:Envelope xmlns:e="urn:e"><e:Body><startSession xmlns="urn:s">{inside}</startSession></e:Body></e:Envelope>'
    )


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(a_request(start=f"GET {PATH}?iSession=1&iNode=2&sAuthCode={DIGITS} HTTP/1.1"), id="a query"),
        pytest.param(a_request(start=f"GET /API/x.aspx?authcode={DIGITS} HTTP/1.1"), id="the other API's query"),
        pytest.param(a_request(f"iSession=1&sAuthCode={DIGITS}", content_type=FORM), id="a form"),
        pytest.param(
            a_request(f"iSession=1&s%41uthCode={DIGITS}", content_type=FORM), id="a form with an escaped name"
        ),
        pytest.param(a_request(envelope(f"<sAuthCode>{DIGITS}</sAuthCode>")), id="an element"),
        pytest.param(a_request(envelope(f"<a:sAuthCode>\n {DIGITS}\n</a:sAuthCode>")), id="an element with a prefix"),
        pytest.param(a_request(envelope(f"<sAuthCode><![CDATA[{DIGITS}]]></sAuthCode>")), id="CDATA"),
        pytest.param(a_request(envelope(f"<sAuthCode><!--x-->{DIGITS}</sAuthCode>")), id="behind a comment"),
        pytest.param(a_request(envelope(f'<a authCode="{DIGITS}"/>')), id="an attribute"),
        pytest.param(a_request(f"<sAuthCode>{DIGITS}"), id="broken XML"),
        pytest.param(a_request(X_Api_Key=DIGITS, Authorization=DIGITS, Cookie=DIGITS), id="headers"),
    ],
)
def test_a_code_of_digits_alone_is_masked_where_a_name_says_what_it_is(message: RawMessage) -> None:
    told = json.dumps(shown(message))
    assert DIGITS[4:] not in told
    assert "***" in told


def test_numbers_under_other_names_are_shown() -> None:
    assert shown(a_request("iSession=1001&iNode=-5&x=%31", content_type=FORM))["body"] == "iSession=1001&iNode=-5&x=%31"
    xml = envelope("<iSession> 1001 </iSession><iNode>-5</iNode>")
    assert shown(a_request(xml))["body"] == xml


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ("iSession=&iNode=&sAuthCode=", "iSession=&iNode=&sAuthCode="),
        ("iSession=1&&iNode=2&", "iSession=1&&iNode=2&"),
        (f"iSession=1&{SECRET}", "iSession=1&s3cr***"),
        (f"{SECRET}=", "s3cr***"),
        (f"{SECRET}==", "s3cr***"),
        (f"sAuthCode:{SECRET}=1", "sAut***"),
        (f"sAuthCode={SECRET}==", "sAuthCode=s3cr***"),
        ("sAuthCode=s3cret%26of%3dann%2b0123", "sAuthCode=s3cr***"),
        ("sAuthCode=s3cret&of-ann-0123", "sAuthCode=s***&of***"),
        (json.dumps({"sAuthCode": f"{SECRET}=="}), '{"sA***'),
    ],
)
def test_pairs_are_shown_by_name_without_their_values(pairs: str, told: str) -> None:
    assert shown(a_request(pairs, content_type=FORM))["body"] == told


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (f"GET {PATH} HTTP/1.1", f"GET {PATH} HTTP/1.1"),
        (f"GET {PATH}? HTTP/1.1", f"GET {PATH}? HTTP/1.1"),
        (f"GET {PATH}?iSession=1&sAuthCode={SECRET} HTTP/1.1", f"GET {PATH}?iSession=1&sAuthCode=s3cr*** HTTP/1.1"),
        (f"GET {PATH}%3FsAuthCode={SECRET} HTTP/1.1", f"GET {PATH}%3FsAuthCode=s3cr*** HTTP/1.1"),
        (f"GET {PATH}?sAuthCode={SECRET}?a=b HTTP/1.1", f"GET {PATH}?sAuthCode=s3cr*** HTTP/1.1"),
        (f"GET http://h{PATH}?sAuthCode={SECRET} HTTP/1.0", f"GET http://h{PATH}?sAuthCode=s3cr*** HTTP/1.0"),
    ],
)
def test_a_first_line_is_shown_without_the_values_of_its_query(start: str, told: str) -> None:
    assert shown(a_request(start=start))["start"] == told


@pytest.mark.parametrize("name", ["Referer", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "Forwarded"])
def test_a_header_with_the_address_of_another_request_is_shown_without_the_values_of_its_query(name: str) -> None:
    told = shown(a_request(**{name: f"http://localhost{PATH}?iSession=1&sAuthCode={SECRET}"}))["headers"]
    assert told[1] == [name, f"http://localhost{PATH}?iSession=1&sAuthCode=s3cr***"]


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "X-Auth-Code", "sAuthCode", "X-Token", "X-Api-Key", "X-Pwd"]
)
def test_a_header_that_may_hold_a_secret_is_masked(name: str) -> None:
    assert shown(a_request(**{name: SECRET}))["headers"][1] == [name, "s3cr***"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "localhost:8085"), ("User-Agent", "curl/8.5.0 (x86; Linux)"), ("Accept-Encoding", "gzip, deflate"),
        ("SOAPAction", '"https://secure.logmeinrescue.com/API/API.asmx/startSession"'), ("Keep-Alive", "timeout=5"),
        ("SOAPAction", "http://tempuri.org/startSession"), ("SOAPAction", "startSession"), ("SOAPAction", '""'),
        ("soapaction", "urn:other"), ("SOAPAction", '"startSesion"'), ("SOAPAction", "'StartSession'"),
        ("X-Forwarded-For", "10.0.0.1, 10.0.0.2"), ("Sec-Fetch-Site", "cross-site"),
        ("Content-Encoding", "gzip"), ("If-None-Match", '"x"'), ("X-Attempt", "3"), ("X-Empty", ""),
    ],
)  # fmt: skip
def test_a_header_that_helps_is_shown(name: str, value: str) -> None:
    assert shown(a_request(**{name: value}))["headers"][1] == [name, value]


@pytest.mark.parametrize("name", ["SOAPAction", "X-Other", "X-Customer", "From", "Subject", "Hosts", "X-Host"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_that_is_not_well_known_is_masked(name: str, quote: str) -> None:
    told = json.dumps(shown(a_request(**{name: f"{quote}{SECRET}{quote}"})))
    assert SECRET[5:] not in told


@pytest.mark.parametrize(("value", "told"), [("s3cret-of-ann-0123", "s3cr***"), ("urn:a", "urn:a"), ("", "")])
@pytest.mark.parametrize("name", ["xmlns", "xmlns:a"])
def test_a_namespace_is_masked_unless_it_is_a_uri(name: str, value: str, told: str) -> None:
    body = shown(a_request(envelope(f'<iSession {name}="{value}">1</iSession>')))["body"]
    assert body == envelope(f'<iSession {name}="{told}">1</iSession>')


@pytest.mark.parametrize("name", ["value", "type", "role", "xsi:type", "mustUnderstand", "actor", "id"])
def test_an_attribute_is_masked_unless_it_says_what_the_protocol_wants(name: str) -> None:
    assert shown(a_request(envelope(f'<sAuthCode {name}="{SECRET}"/>')))["body"] == envelope(
        f'<sAuthCode {name}="s3cr***"/>'
    )


@pytest.mark.parametrize(
    "attribute",
    ['xsi:type="xsd:string"', 'xsi:nil="true"', 'e:mustUnderstand="1"', "xmlns:a='urn:a'",
     'e:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'],
)  # fmt: skip
def test_an_attribute_of_the_protocol_is_shown(attribute: str) -> None:
    xml = envelope(f"<iSession {attribute}>1</iSession>")
    assert shown(a_request(xml))["body"] == xml


def test_a_request_is_shown_as_it_came_to_those_who_asked() -> None:
    start = f"POST {PATH}?sAuthCode={SECRET} HTTP/1.1"
    told = shown(
        a_request(envelope(f"<sAuthCode>{SECRET}</sAuthCode>"), start=start, Cookie=SECRET),
        a_redactor(show_auth_codes=True),
    )
    assert (told["start"], told["headers"][1][1]) == (start, SECRET)
    assert told["body"] == envelope(f"<sAuthCode>{SECRET}</sAuthCode>")


def test_a_body_of_another_kind_is_told_by_its_length_alone() -> None:
    told = shown(a_request(json.dumps({"sAuthCode": SECRET}), content_type="application/json"))["body"]
    assert told == "(35 bytes of application/json, shown with --show-auth-codes only)"


NAMING = """
rules:
  - {when: {auth_code: [demo-ann, demo-bob]}, return: startSessionRet_OK}
  - {when: {auth_code: {not: demo-carl}, session: 5}, return: startSessionRet_OK}
desk: {administrators: [{auth_code: demo-dora}]}
"""


def test_a_named_code_is_shown_in_raw_requests_too() -> None:
    redactor = a_redactor(NAMING)
    assert shown(a_request(envelope("<sAuthCode>demo-ann</sAuthCode>")), redactor)["body"].count("demo-ann") == 1
    assert shown(a_request("sAuthCode=demo%2Dann&x=demo-eve", content_type=FORM), redactor)["body"] == (
        "sAuthCode=demo%2Dann&x=de***"
    )


@pytest.mark.parametrize(
    ("why", "shown_reason"),
    [
        (Reason("Cannot convert {value} to Int32", {"value": SECRET}), "Cannot convert s3cr*** to Int32"),
        (Reason("the action '{action}'", {"action": "urn:a"}), "the action 'urn:a'"),
        (Reason("the action '{action}'", {"action": "'StartSession"}), "the action ''StartSession'"),
        (Reason("the action '{action}'", {"action": SECRET}), "the action 's3cr***'"),
        (Reason("SOAPAction: {sent}", {"sent": f'"{SECRET}"'}), 'SOAPAction: "s3cr***"'),
        (Reason("SOAPAction: {sent}", {"sent": "(empty)"}), "SOAPAction: (empty)"),
        (Reason("in '{namespace}'", {"namespace": SECRET}), "in 's3cr***'"),
        (Reason("no", {"value": SECRET}, "it is '{value}'"), "no (it is 's3cr***')"),
        *((Reason("{value}", {"value": each}), each) for each in ("1.5", "", " 1,000 ", "0x10", "1e3", "-2147483649")),
        (Reason("{name} is not valid", {"name": f"startSession/{SECRET}"}), "startSession/s3cr*** is not valid"),
        (Reason("nothing at {path}", {"path": f"{PATH}/1/{SECRET}"}), f"nothing at {PATH}/1/s3cr***"),
    ],
)
def test_a_reason_is_shown_without_the_values_that_it_quotes(why: Reason, shown_reason: str) -> None:
    assert REDACTOR.reason(why) == shown_reason


# KW stands in no template, so that where it is found a code was shown.
pieces = st.text(st.sampled_from("0123456789abZ-_.~ !\"#$%&'()*+,/:;<=>?@[]^`{|}\u00e9\u20ac\U0001f600"), min_size=4)
codes = st.lists(pieces, min_size=2, max_size=4).map(lambda parts: "KW".join((*parts, "")))
PLACES = {
    "a query": lambda code: a_request(start=f"GET {PATH}?iSession=1&sAuthCode={quote(code, safe='')} HTTP/1.1"),
    "a query, as the session": lambda code: a_request(start=f"GET {PATH}?iSession={quote_plus(code)} HTTP/1.1"),
    "a form": lambda code: a_request(f"iNode=1&sAuthCode={quote_plus(code)}", content_type=FORM),
    "a form that is not escaped": lambda code: a_request(f"sAuthCode={code.replace('&', 'x')}", content_type=FORM),
    "an element": lambda code: a_request(envelope(f"<sAuthCode>{escape(code)}</sAuthCode>")),
    "an element, as the node": lambda code: a_request(envelope(f"<iNode>{escape(code)}</iNode>")),
    "an element in UTF-16": lambda code: a_request(
        envelope(f"<sAuthCode>{escape(code)}</sAuthCode>").encode("utf-16"), content_type="text/xml; charset=utf-16"
    ),
    "an attribute": lambda code: a_request(envelope(f"<sAuthCode value={quoteattr(code)}/>")),
    "CDATA": lambda code: a_request(envelope(f"<sAuthCode><![CDATA[{code.replace(']', 'x')}]]></sAuthCode>")),
    "a comment": lambda code: a_request(envelope(f"<!--{code.replace('-', 'x')}-->")),
    "XML cut short": lambda code: a_request(f"<a><sAuthCode>{escape(code)}"),
    "JSON": lambda code: a_request(json.dumps({"code": code}), content_type="application/json"),
    "JSON sent as a form": lambda code: a_request(json.dumps({"code": code.replace("&", "x")}), content_type=FORM),
    "the header": lambda code: a_request(Authorization=quote(code)),
    "an unknown header": lambda code: a_request(X_Other=quote(code)),
    "the SOAPAction": lambda code: a_request(SOAPAction=quote(code)),
    "a namespace": lambda code: a_request(envelope(f"<a xmlns={quoteattr(code.replace(':', 'x'))}/>")),
    "the address of another": lambda code: a_request(Referer=f"http://h/?sAuthCode={quote(code)}"),
}


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40)
@given(code=codes)
def test_no_code_is_ever_shown_beyond_its_first_letters(place: str, code: str) -> None:
    told = json.dumps(shown(PLACES[place](code)), ensure_ascii=False)
    assert "KW" not in told
