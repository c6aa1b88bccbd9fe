"""The client's side of the wire: the service reads what it writes, and it reads whatever any service answers."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.client import soap
from emulator.client.soap import fault_in, result_in, written
from emulator.core.call import Call
from emulator.core.contract import INT32_MAX, INT32_MIN, OPERATION, Binding, Result
from emulator.wire import service
from emulator.wire.service import WireRequest
from tests.helpers.calling import ALL_BINDINGS
from tests.helpers.paths import GOLDEN
from tests.wire.test_service import golden

DTD = (
    b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "startSessionRet_OK"><!ENTITY f SYSTEM "file:///etc/hostname">]>"""
)
NS = b'xmlns="https://secure.logmeinrescue.com/API/API.asmx"'
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 9))

int32s = st.integers(INT32_MIN, INT32_MAX)
# All that XML can carry: a tab, a line feed and a carriage return among the controls.
xml_texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=["Cc", "Cs"])
    | st.sampled_from("\t\n\r\x85\x9f]]>&<")
)
# What ASP.NET's request validation lets through in GET and POST.
form_texts = xml_texts.filter(lambda text: "<" not in text and "&#" not in text)


def read_back(call: Call) -> list[Call]:
    """The calls that the request for a call becomes in the service."""
    asked = written(call)
    calls: list[Call] = []

    def operation(call: Call) -> Result:
        calls.append(call)
        return Result.OK

    content_type = asked.headers.get("Content-Type", "")
    action = asked.headers.get("SOAPAction")
    if call.binding is Binding.GET:
        request = WireRequest(asked.path.partition("?")[2].encode(), operation=OPERATION)
    else:
        request = WireRequest(asked.body or b"", content_type, action, asked.path.removeprefix("/"))
    service.respond(request, operation, call.binding)
    return calls


@given(session=int32s, node=int32s, auth_code=xml_texts | st.none(), binding=st.sampled_from(["soap11", "soap12"]))
def test_the_service_reads_an_envelope_as_the_call_it_was_written_for(
    session: int, node: int, auth_code: str | None, binding: str
) -> None:
    call = Call(session, node, auth_code, Binding(binding))
    assert read_back(call) == [call]


@given(session=int32s, node=int32s, auth_code=form_texts, binding=st.sampled_from(["get", "post"]))
def test_the_service_reads_a_form_as_the_call_it_was_written_for(
    session: int, node: int, auth_code: str, binding: str
) -> None:
    call = Call(session, node, auth_code, Binding(binding))
    assert read_back(call) == [call]


@pytest.mark.parametrize("binding", [Binding.GET, Binding.POST], ids=lambda binding: binding.value)
def test_a_form_carries_an_auth_code_that_is_not_there_as_an_empty_one(binding: Binding) -> None:
    assert read_back(Call(1, 2, None, binding)) == [Call(1, 2, "", binding)]


@ALL_BINDINGS
def test_a_written_request_does_not_tell_the_auth_code_when_it_is_printed(binding: Binding) -> None:
    asked = written(Call(1, 2, "demo-ann-0123", binding))
    assert "demo-ann-0123" in unquote_plus(asked.path) + (asked.body or b"").decode()
    assert "demo-ann-0123" not in repr(asked)


@pytest.mark.parametrize("name", ["soap11-ok.xml", "soap12-ok.xml", "form-ok.xml"])
@pytest.mark.parametrize("result", Result, ids=lambda result: result.value)
def test_each_result_is_found_in_each_golden_answer(name: str, result: Result) -> None:
    assert result_in(golden(name).replace(b"startSessionRet_OK", result.value.encode())) is result


FAULTS = {
    "soap11-bad-int.xml": "Server was unable to read request. ---> There is an error in XML document (1, 312). "
    "---> Input string was not in a correct format.",
    "soap11-not-understood.xml": "SOAP header X was not understood.",
    "soap12-not-understood.xml": "SOAP header X was not understood.",
    "soap11-thrown.xml": "Server was unable to process request. ---> oracle was asked to throw",
    "soap12-thrown.xml": "Server was unable to process request. ---> oracle was asked to throw",
    "soap11-unknown-action.xml": "Server did not recognize the value of HTTP Header SOAPAction: "
    "https://secure.logmeinrescue.com/API/API.asmx/other.",
    "form-thrown.txt": "oracle was asked to throw",
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_words_of_each_golden_fault_are_found(name: str) -> None:
    assert fault_in(golden(name)) == FAULTS[name]


@pytest.mark.parametrize(
    "name",
    sorted(file.name for file in GOLDEN.iterdir() if "-ok." not in file.name and file.suffix in (".xml", ".txt")),
)
def test_there_is_no_result_in_what_is_no_right_answer(name: str) -> None:
    assert result_in(golden(name)) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "(no text)", id="nothing"),
        pytest.param(b" \r\n ", "(no text)", id="white space"),
        pytest.param(b"Service\r\n  Unavailable", "Service Unavailable", id="lines"),
        pytest.param(b"<html><head><title> 502 &amp; out </title></head></html>", "502 & out", id="a page"),
        pytest.param(b"\n<!DOCTYPE html>\n<TITLE>Gone</TITLE>", "Gone", id="a page with a doctype"),
        pytest.param(b"<html>no title</html>", "<html>no title</html>", id="a page without a title"),
        pytest.param(b"\x1b[31mred\x07\x00", "[31mred", id="controls"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="bytes that are no text"),
        pytest.param(b"x" * 1000, "x" * 300 + "...", id="a long text"),
        pytest.param(b"<a><faultstring/></a>", "(no text)", id="an empty fault"),
    ],
)
def test_an_answer_that_is_no_fault_is_told_in_a_line(body: bytes, words: str) -> None:
    assert fault_in(body) == words


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no such code: {}.", id="by itself"),
        pytest.param("{0} is not {0}", id="twice"),
        pytest.param('detected from the client (sAuthCode="{}").', id="quoted"),
        pytest.param("x" * 295 + " {}", id="where the text is cut"),
    ],
)
@pytest.mark.parametrize("auth_code", ["demo-ann-0123", "<b>demo&ann", "demo  ann\t1"])
def test_a_fault_that_repeats_the_auth_code_is_told_without_it(text: str, auth_code: str) -> None:
    told = fault_in(text.format(auth_code).encode(), auth_code)
    assert auth_code[4:9] not in told


def test_a_fault_that_quotes_the_auth_code_cut_and_as_html_is_told_without_it() -> None:
    body = b"A value was detected from the client (sAuthCode=&quot;&lt;b&gt;demo-an...&quot;)."
    assert fault_in(body, "<b>demo-ann-0123") == "A value was detected from the client (sAuthCode=&quot;***"


XML_THAT_IS_NO_ANSWER = [
    pytest.param(DTD + b"<startSessionRet %s>&a;</startSessionRet>" % NS, id="a result behind an entity"),
    pytest.param(DTD + b"<startSessionRet %s>&f;</startSessionRet>" % NS, id="a file behind an entity"),
    pytest.param(
        b'<!DOCTYPE r [<!ENTITY l0 "ha">%s]><startSessionRet %s>&l8;</startSessionRet>' % (LAUGHS, NS),
        id="a billion laughs",
    ),
    pytest.param(b'<?xml version="1.0" encoding="nope"?><startSessionRet %s/>' % NS, id="an unknown encoding"),
    pytest.param(b"<startSessionRet %s>startSessionRet_OK" % NS, id="half an answer"),
    pytest.param(b"<startSessionRet %s>startSessionRet_Fine</startSessionRet>" % NS, id="an unknown result"),
    pytest.param(b"<startSessionRet>startSessionRet_OK</startSessionRet>", id="no namespace"),
    pytest.param(b"<startSessionRet %s/>" % NS, id="an empty result"),
    pytest.param(b"<a>" * 100_000, id="very deep"),
    pytest.param(b"\0", id="a zero byte"),
]


@pytest.mark.parametrize("body", XML_THAT_IS_NO_ANSWER)
def test_there_is_no_result_in_xml_that_is_no_answer(body: bytes) -> None:
    assert result_in(body) is None


@pytest.mark.parametrize("body", XML_THAT_IS_NO_ANSWER)
def test_the_words_of_xml_that_is_no_answer_are_few(body: bytes) -> None:
    assert 0 < len(fault_in(body)) <= soap._LONGEST + len("...")


spoilt = st.builds(
    lambda body, at, length, piece: body[:at] + piece + body[at + length :],
    st.sampled_from([golden(name) for name in ("soap11-ok.xml", "soap12-thrown.xml", "form-ok.xml")]),
    st.integers(0, 500),
    st.integers(0, 20),
    st.binary(max_size=8) | st.sampled_from([b"<!DOCTYPE x>", b"&x;", b"<![CDATA[", b"<?x ?>", b"]]>"]),
)


@given(body=st.binary() | spoilt, auth_code=st.text() | st.none())
def test_no_answer_is_too_garbled_to_be_told(body: bytes, auth_code: str | None) -> None:
    assert result_in(body) in (*Result, None)
    assert fault_in(body, auth_code).isprintable()
