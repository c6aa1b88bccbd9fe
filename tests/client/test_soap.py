"""The service reads the requests that the client builds, and the client reads whatever a service answers."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.client.soap import build_request, find_fault_text, find_result
from emulator.core.contract import INT32_MAX, INT32_MIN, NAMESPACE, Binding, Call, Result
from emulator.wire.service import WireRequest
from tests.helpers.wire import golden, respond

int32s = st.integers(INT32_MIN, INT32_MAX)
# All that XML can carry, with a tab, a line feed and a carriage return among the controls.
xml_texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=["Cc", "Cs"])
    | st.sampled_from("\t\n\r\x85\x9f]]>&<")
)
# What ASP.NET's request validation lets through in GET and POST.
form_texts = xml_texts.filter(lambda text: "<" not in text and "&#" not in text)
calls = st.one_of(
    st.builds(Call, int32s, int32s, xml_texts | st.none(), st.sampled_from([Binding.SOAP11, Binding.SOAP12])),
    st.builds(Call, int32s, int32s, form_texts, st.sampled_from([Binding.GET, Binding.POST])),
)


def read_back(call: Call) -> list[Call]:
    """Return the calls that the service reads from the request for a call."""
    request = build_request(call)
    path, _, query = request.path.removeprefix("/").partition("?")
    body = query.encode() if request.body is None else request.body
    headers = request.headers
    wire_request = WireRequest(body, headers.get("Content-Type", ""), headers.get("SOAPAction"), path)
    return respond(wire_request, call.binding)[1]


@given(call=calls)
def test_the_service_reads_a_request_as_the_call_it_was_built_for(call: Call) -> None:
    assert read_back(call) == [call]


@pytest.mark.parametrize("binding", [Binding.GET, Binding.POST])
def test_a_form_without_an_auth_code_carries_an_empty_one(binding: Binding) -> None:
    assert read_back(Call(1, 2, None, binding)) == [Call(1, 2, "", binding)]


@pytest.mark.parametrize("binding", [Binding.GET, Binding.SOAP11])
def test_the_repr_of_a_request_has_no_auth_code(binding: Binding) -> None:
    request = build_request(Call(1, 2, "demo-ann-0123", binding))
    assert "demo-ann-0123" in unquote_plus(request.path) + (request.body or b"").decode()
    assert "demo-ann-0123" not in repr(request)


@pytest.mark.parametrize("name", ["soap11-ok.xml", "soap12-ok.xml", "form-ok.xml"])
def test_each_result_is_found_in_each_golden_answer(name: str) -> None:
    for result in Result:
        assert find_result(golden(name).replace(b"startSessionRet_OK", result.value.encode())) is result


FAULTS = {
    "soap11-bad-int.xml": "Server was unable to read request. ---> There is an error in XML document (1, 312). "
    "---> Input string was not in a correct format.",
    "soap12-not-understood.xml": "SOAP header X was not understood.",
    "soap12-thrown.xml": "Server was unable to process request. ---> oracle was asked to throw",
    "soap11-unknown-action.xml": f"Server did not recognize the value of HTTP Header SOAPAction: {NAMESPACE}/other.",
    "form-thrown.txt": "oracle was asked to throw",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_golden_fault_has_a_text_and_no_result(name: str) -> None:
    assert (find_result(golden(name)), find_fault_text(golden(name))) == (None, FAULTS[name])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b" \r\n ", "(no text)", id="white space"),
        pytest.param(b"Service\r\n  Unavailable", "Service Unavailable", id="lines"),
        pytest.param(b"<html><head><title> 502 &amp; out </title></head></html>", "502 & out", id="a page"),
        pytest.param(b"\n<!DOCTYPE html>\n<TITLE>Gone</TITLE>", "Gone", id="a page with a doctype"),
        pytest.param(b"<html>no title</html>", "<html>no title</html>", id="a page without a title"),
        pytest.param(b"\x1b[31mred\x07\x00", "[31mred", id="controls"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="not UTF-8"),
        pytest.param(b"x" * 1000, "x" * 300 + "...", id="a long text"),
        pytest.param(b"<a><faultstring/></a>", "(no text)", id="an empty fault"),
    ],
)
def test_the_text_of_any_other_answer_is_one_line(body: bytes, text: str) -> None:
    assert find_fault_text(body) == text


DTD = b'<!DOCTYPE r [<!ENTITY a "startSessionRet_OK"><!ENTITY f SYSTEM "file:///etc/hostname">%s]>' % b"".join(
    b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha") for n in range(9)
)
NS = f'xmlns="{NAMESPACE}"'.encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DTD + b"<startSessionRet %s>&a;</startSessionRet>" % NS, id="a result in an entity"),
        pytest.param(DTD + b"<startSessionRet %s>&f;</startSessionRet>" % NS, id="a file in an entity"),
        pytest.param(DTD + b"<startSessionRet %s>&l8;</startSessionRet>" % NS, id="a billion laughs"),
        pytest.param(b'<?xml version="1.0" encoding="nope"?><startSessionRet %s/>' % NS, id="an unknown encoding"),
        pytest.param(b"<startSessionRet %s>startSessionRet_OK" % NS, id="half an answer"),
        pytest.param(b"<startSessionRet %s>startSessionRet_Fine</startSessionRet>" % NS, id="an unknown result"),
        pytest.param(b"<startSessionRet>startSessionRet_OK</startSessionRet>", id="no namespace"),
        pytest.param(b"<a>" * 100_000, id="very deep"),
    ],
)
def test_xml_that_is_not_an_answer_has_no_result_and_a_short_text(body: bytes) -> None:
    assert find_result(body) is None
    assert 0 < len(find_fault_text(body)) <= 303


spoilt = st.builds(
    lambda body, at, length, piece: body[:at] + piece + body[at + length :],
    st.sampled_from([golden(name) for name in ("soap11-ok.xml", "soap12-thrown.xml", "form-ok.xml")]),
    st.integers(0, 500),
    st.integers(0, 20),
    st.binary(max_size=8) | st.sampled_from([b"<!DOCTYPE x>", b"&x;", b"<![CDATA[", b"<?x ?>", b"]]>"]),
)


@given(body=st.binary() | spoilt)
def test_no_answer_is_too_garbled_to_be_read(body: bytes) -> None:
    assert find_result(body) in (*Result, None)
    assert find_fault_text(body).isprintable()
