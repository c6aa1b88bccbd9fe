"""Every recorded request to a real ASMX service gets the recorded answer, on a real port."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from http.client import HTTPMessage

import pytest

from emulator.core.contract import Binding, Call
from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from tests.helpers.calling import Address, serving
from tests.helpers.raw_http import Answer, Request, exchange
from tests.helpers.recorded_cases import Case, Expected, assert_answers, assert_received, load_cases, received_text

# The recorded service chose its result by the auth code alone.
RECORDED_SERVICE = """
rules:
  - {when: {auth_code: ok}, return: startSessionRet_OK}
  - {when: {auth_code: bad}, return: startSessionRet_Invalid_SecretAuthCode}
  - {when: {auth_code: deleted}, return: startSessionRet_User_Deleted_Or_Disabled}
  - {when: {auth_code: admin}, return: startSessionRet_NotLoggedInAsAdmin}
  - {when: {auth_code: failed}, return: startSessionRet_ActionFailed}
  - {when: {auth_code: throw}, fail: {exception: oracle was asked to throw}}
otherwise: startSessionRet_Error
"""
CASES = load_cases()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(loads(RECORDED_SERVICE))


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[Address]:
    with serving(engine) as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_recorded_request_gets_the_recorded_answer(case: Case, engine: Engine, address: Address) -> None:
    engine.clear_journal()
    assert_answers(case, exchange(case.request, address))
    assert_received(case, [entry.call for entry in engine.snapshot().exchanges])


def test_the_whole_recording_is_loaded() -> None:
    assert len(CASES) == 265 + 114
    assert [name for name, count in Counter(case.id for case in CASES).items() if count > 1] == []
    assert sum(answer.received is not None for case in CASES for answer in case.answers) == 143 + 64


# The comparison itself sees each difference.


def an_answer(body: bytes, *, status: int = 200, interim: tuple[int, ...] = (), **headers: str) -> Answer:
    """Return an answer as the service would send it; ``headers`` replace some, with ``_`` for ``-``."""
    message = HTTPMessage()
    defaults = {
        "Content-Type": "text/xml; charset=utf-8",
        "Cache-Control": "private, max-age=0" if status == 200 else "private",
        "Content-Length": str(len(body)),
    }
    for name, value in (defaults | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        message[name] = value
    return Answer(status, message, body, interim)


def a_case(body: str, *, status: int = 200, received: str | None = None) -> Case:
    expected = Expected(status, "all", "text/xml; charset=utf-8", body=body, received=received)
    return Case("a-case", "group", "note", Request("GET", "/"), (expected,))


WSDL = (
    '<?xml version="1.0"?>\n<wsdl:definitions xmlns:s="urn:s" xmlns:wsdl="urn:w">\n  <s:a b="1" />\n</wsdl:definitions>'
)


def test_equal_answers_pass() -> None:
    assert_answers(a_case("<?xml?>\n<a />"), [an_answer(b"<?xml?>\r\n<a />")])
    assert_answers(a_case("", status=400), [an_answer(b"", status=400)])
    reordered = WSDL.replace('xmlns:s="urn:s" xmlns:wsdl="urn:w"', 'xmlns:wsdl="urn:w" xmlns:s="urn:s"')
    assert_answers(a_case(WSDL), [an_answer(reordered.replace("\n", "\r\n").encode())])


@pytest.mark.parametrize(
    ("body", "answer", "complaint"),
    [
        pytest.param("<a />", an_answer(b"<a/>"), r"body b'<a/>', not b'<a />'", id="one byte"),
        pytest.param("<a />", an_answer(b"<a />\n"), "body ", id="a line end"),
        pytest.param("<a />", an_answer(b"<a />", status=500), "status 500, not 200", id="status"),
        pytest.param("<a />", an_answer(b"<a />", Content_Type="text/html"), "Content-Type", id="type"),
        pytest.param("<a />", an_answer(b"<a />", Cache_Control="private"), "Cache-Control", id="cache"),
        pytest.param("<a />", an_answer(b"<a />", Content_Length="7"), "Content-Length", id="length"),
        pytest.param("<a />", an_answer(b"<a />", Content_Encoding="gzip"), "Content-Encoding", id="encoding"),
        pytest.param("<a />", an_answer(b"<a />", interim=(100,)), "interim", id="interim"),
        pytest.param(WSDL, an_answer(WSDL.encode()), "LF alone", id="LF in a document"),
        pytest.param(WSDL, an_answer(WSDL.replace('b="1"', 'b="2"').encode()), "canonically", id="value in a document"),
    ],
)
def test_a_difference_is_named(body: str, answer: Answer, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert_answers(a_case(body), [answer])


def test_a_missing_answer_is_a_difference() -> None:
    with pytest.raises(AssertionError, match="0 answers, not 1"):
        assert_answers(a_case("<a />"), [])


def test_only_status_and_type_are_compared_where_the_recording_says_so() -> None:
    expected = Expected(404, "status+type", "text/html;charset=utf-8")
    case = Case("a-case", "group", "note", Request("GET", "/"), (expected,))
    assert_answers(case, [an_answer(b"any", status=404, Content_Type="text/html; charset=utf-8", Cache_Control="any")])
    with pytest.raises(AssertionError, match="Content-Type 'text/xml"):
        assert_answers(case, [an_answer(b"anything", status=404)])


def test_received_calls_are_compared_as_the_recording_writes_them() -> None:
    assert received_text(Call(1, 2, "a \u00e9'/~", Binding.GET)) == '1,2,"a%20%C3%A9%27%2F~"'
    case = a_case("", received='1,2,"ok"')
    assert_received(case, [Call(1, 2, "ok", Binding.GET)])
    assert_received(a_case(""), [Call(1, 2, "ok", Binding.GET)])
    with pytest.raises(AssertionError, match=r"received .*0,0,null"):
        assert_received(case, [Call(0, 0, None, Binding.GET)])
