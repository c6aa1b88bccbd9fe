"""The recording is whole, and a single wrong byte in an answer is seen."""

from __future__ import annotations

from collections import Counter
from email.message import Message
from http.client import HTTPMessage

import pytest

from emulator.core.call import Call
from emulator.core.contract import Binding
from tests.helpers.recorded_cases import (
    Answer,
    Case,
    Expected,
    Request,
    assert_answers,
    assert_received,
    load_cases,
    received_text,
)


def an_answer(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer as the service would send it."""
    message = HTTPMessage()
    defaults = {
        "Content-Type": "text/xml; charset=utf-8",
        "Cache-Control": "private, max-age=0" if status == 200 else "private",
        "Content-Length": str(len(body)),
    }
    for name, value in (defaults | (headers or {})).items():
        Message.add_header(message, name, value)
    return Answer(status, message, body)


def a_case(body: str, *, status: int = 200, received: str | None = None) -> Case:
    """A case with one answer, compared whole."""
    expected = Expected(status, "all", "text/xml; charset=utf-8", "as recorded on Mono", body, received)
    return Case("a-case", "group", "note", Request("GET", "/"), (expected,))


def test_the_whole_recording_is_loaded() -> None:
    cases = load_cases()
    assert len(cases) == 265
    assert [name for name, count in Counter(case.id for case in cases).items() if count > 1] == []
    assert sum(answer.received is not None for case in cases for answer in case.answers) == 143


def test_equal_answers_pass() -> None:
    assert_answers(a_case("<?xml?>\n<a />"), [an_answer(b"<?xml?>\r\n<a />")])
    assert_answers(a_case("", status=400), [an_answer(b"", status=400)])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        pytest.param(an_answer(b"<a/>"), r"body b'<a/>', not b'<a />'", id="one byte"),
        pytest.param(an_answer(b"<a />\n"), "body ", id="a line end"),
        pytest.param(an_answer(b"<a />", status=500), "status 500, not 200", id="status"),
        pytest.param(an_answer(b"<a />", headers={"Content-Type": "text/html"}), "Content-Type", id="type"),
        pytest.param(an_answer(b"<a />", headers={"Cache-Control": "private"}), "Cache-Control", id="cache"),
        pytest.param(an_answer(b"<a />", headers={"Content-Length": "7"}), "Content-Length", id="length"),
    ],
)
def test_a_difference_is_named(answer: Answer, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert_answers(a_case("<a />"), [answer])


def test_an_error_may_not_be_kept_in_a_cache() -> None:
    with pytest.raises(AssertionError, match="Cache-Control"):
        assert_answers(
            a_case("", status=400), [an_answer(b"", status=400, headers={"Cache-Control": "private, max-age=0"})]
        )


def test_a_missing_answer_is_a_difference() -> None:
    with pytest.raises(AssertionError, match="0 answers, not 1"):
        assert_answers(a_case("<a />"), [])


def test_an_unrecorded_interim_answer_is_a_difference() -> None:
    answer = an_answer(b"<a />")
    with pytest.raises(AssertionError, match="interim"):
        assert_answers(a_case("<a />"), [Answer(answer.status, answer.headers, answer.body, (100,))])


WSDL = (
    '<?xml version="1.0"?>\n<wsdl:definitions xmlns:s="urn:s" xmlns:wsdl="urn:w">\n  <s:a b="1" />\n</wsdl:definitions>'
)


def test_a_document_may_order_its_namespaces_as_it_likes() -> None:
    other = WSDL.replace('xmlns:s="urn:s" xmlns:wsdl="urn:w"', 'xmlns:wsdl="urn:w" xmlns:s="urn:s"')
    assert_answers(a_case(WSDL), [an_answer(other.replace("\n", "\r\n").encode())])


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        pytest.param(WSDL, "LF alone", id="LF"),
        pytest.param(WSDL.replace("  ", " ").replace("\n", "\r\n"), "canonically", id="indent"),
        pytest.param(WSDL.replace('b="1"', 'b="2"').replace("\n", "\r\n"), "canonically", id="value"),
    ],
)
def test_a_document_is_compared_in_everything_else(document: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert_answers(a_case(WSDL), [an_answer(document.encode())])


def test_status_and_type_are_all_that_counts_where_the_recording_says_so() -> None:
    expected = Expected(404, "status+type", "text/html;charset=utf-8")
    case = Case("a-case", "group", "note", Request("GET", "/"), (expected,))
    html = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "anything"}
    assert_answers(case, [an_answer(b"anything", status=404, headers=html)])
    with pytest.raises(AssertionError, match="Content-Type 'text/xml"):
        assert_answers(case, [an_answer(b"anything", status=404)])


@pytest.mark.parametrize(
    ("auth_code", "text"),
    [("ok", '1,2,"ok"'), (None, "1,2,null"), ("", '1,2,""'), ("a \u00e9'/~", '1,2,"a%20%C3%A9%27%2F~"')],
    ids=["plain", "none", "empty", "encoded"],
)
def test_what_a_call_received_is_written_as_in_the_recording(auth_code: str | None, text: str) -> None:
    assert received_text(Call(1, 2, auth_code, Binding.GET)) == text


def test_calls_are_held_against_the_recording() -> None:
    case = a_case("", received='1,2,"ok"')
    assert_received(case, [Call(1, 2, "ok", Binding.GET)])
    assert_received(a_case(""), [Call(1, 2, "ok", Binding.GET)])
    with pytest.raises(AssertionError, match=r"received .*0,0,null"):
        assert_received(case, [Call(0, 0, None, Binding.GET)])
