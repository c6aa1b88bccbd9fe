"""What holds for any call and any garbage: one meaning in all bindings, and never an answer outside the contract."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.core.call import Call
from emulator.core.contract import INT32_MAX, INT32_MIN, NAMESPACE, OPERATION, SOAP_ACTION, Binding, Result
from emulator.wire import faults, service
from emulator.wire.faults import Kind
from emulator.wire.service import WireRequest, WireResponse
from tests.helpers.calling import ENVELOPES, Address, a_request, call, everything, result, sent, serving
from tests.helpers.verdicts import verdict
from tests.wire.test_service import request_over

KINDS = {kind.id for kind in vars(faults).values() if isinstance(kind, Kind)}

int32s = st.integers(INT32_MIN, INT32_MAX)
# What XML can hold, without what its parsers change on the way: a raw CR becomes LF.
xml_texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\ufffe\uffff", exclude_categories=["Cc", "Cs"]))
# What ASP.NET's request validation lets through in GET and POST.
texts = xml_texts.filter(lambda text: "<" not in text and "&#" not in text)


def asked(request: WireRequest, binding: Binding) -> tuple[WireResponse, list[Call]]:
    """The answer to a request, and the calls that it became."""
    calls: list[Call] = []

    def operation(call: Call) -> Result:
        calls.append(call)
        return Result.OK

    return service.respond(request, operation, binding), calls


def percent_encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


@given(session=int32s, node=int32s, auth_code=texts)
def test_a_call_means_the_same_in_all_four_bindings(session: int, node: int, auth_code: str) -> None:
    for binding in Binding:
        encode = percent_encoded if binding in (Binding.GET, Binding.POST) else escape
        start, end = ("=", "&") if encode is percent_encoded else (">", "<")
        changes = {
            f"iSession{start}1{end}": f"iSession{start}{session}{end}",
            f"iNode{start}2{end}": f"iNode{start}{node}{end}",
            f"sAuthCode{start}demo": f"sAuthCode{start}{encode(auth_code)}",
        }
        answer, calls = asked(request_over(binding, **changes), binding)
        assert calls == [Call(session, node, auth_code, binding)]
        assert answer.status == 200
        assert b"startSessionRet_OK" in answer.body


@given(auth_code=xml_texts, charset=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32"]))
def test_the_encoding_of_an_envelope_does_not_matter(auth_code: str, charset: str) -> None:
    right = request_over(Binding.SOAP11)
    body = right.payload.decode().replace(">demo<", f">{escape(auth_code)}<").encode(charset)
    _, calls = asked(WireRequest(body, f"text/xml; charset={charset}", right.soap_action), Binding.SOAP11)
    assert [call.auth_code for call in calls] == [auth_code]


def within_contract(answer: WireResponse) -> bool:
    """Whether an answer is one that the contract knows."""
    if answer.status == 200:
        return answer.refusal is None
    empty = answer.status in (400, 415)
    known = answer.refusal is not None and answer.refusal.kind.id in KINDS
    return known and (answer.body == b"") is empty and service.OUR_FAULT.encode() not in answer.body


media_types = st.sampled_from(
    [
        "text/xml; charset=utf-8",
        "text/xml",
        "application/soap+xml",
        "text/xml; charset=utf-16",
        "application/x-www-form-urlencoded; charset=utf-7",
        "text/xml; charset=idna",
        "application/json",
        "",
    ]
) | st.text(st.characters(max_codepoint=255))
actions = (
    st.none() | st.sampled_from([SOAP_ACTION, f'"{SOAP_ACTION}"', '"', ""]) | st.text(st.characters(max_codepoint=255))
)
operations = st.just(OPERATION) | st.text()


@given(st.binary(max_size=300), media_types, actions, operations, st.sampled_from(Binding))
def test_garbage_is_answered_within_the_contract(
    payload: bytes, content_type: str, soap_action: str | None, operation: str, binding: Binding
) -> None:
    answer, _ = asked(WireRequest(payload, content_type, soap_action, operation), binding)
    assert within_contract(answer), answer


PIECES = [
    "<",
    ">",
    "/",
    "&",
    "&#1;",
    "<b>",
    "</b>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE x>",
    "\0",
    "\xff",
    "x",
]
mutations = st.lists(
    st.tuples(st.integers(0, 460), st.integers(0, 30), st.sampled_from(PIECES)), min_size=1, max_size=4
)


def mutated(payload: bytes, changes: list[tuple[int, int, str]]) -> bytes:
    for at, length, piece in changes:
        payload = payload[:at] + piece.encode("latin-1") + payload[at + length :]
    return payload


@given(mutations, st.sampled_from([Binding.SOAP11, Binding.SOAP12]))
def test_a_spoilt_envelope_is_answered_within_the_contract(
    changes: list[tuple[int, int, str]], binding: Binding
) -> None:
    right = request_over(binding)
    request = WireRequest(mutated(right.payload, changes), right.content_type, right.soap_action)
    answer, _ = asked(request, binding)
    assert within_contract(answer), answer


@given(mutations)
def test_the_quick_and_the_close_reading_agree(changes: list[tuple[int, int, str]]) -> None:
    xml = mutated(request_over(Binding.SOAP11).payload, changes)
    quick = verdict(xml, closely=False)
    if quick is not None:
        assert quick == verdict(xml, closely=True)


@pytest.mark.parametrize("case", ["<iSession>x</iSession>", "<iSession>1</iSession>"])
def test_the_comparison_of_the_readings_sees_a_difference(case: str) -> None:
    xml = request_over(Binding.SOAP11, **{"<iSession>1</iSession>": case}).payload
    assert (verdict(xml, closely=False) is None) == ("x" in case)
    assert verdict(xml, closely=True) is not None


SHAPES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: escape(text),
    "CDATA": lambda text: f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>",
    "decimal references": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "hexadecimal references": lambda text: "".join(f"&#x{ord(character):x};" for character in text),
    "CDATA and text": lambda text: f"<![CDATA[]]>{escape(text)}<![CDATA[]]>",
}
prefixes = st.sampled_from(["", "s", "SOAP-ENV", "_", "é"])
spaces = st.text(" \t\n", max_size=4)


def named(prefix: str, name: str) -> str:
    return f"{prefix}:{name}" if prefix else name


def declared(prefix: str, namespace: str) -> str:
    return f'{named("xmlns", prefix) if prefix else "xmlns"}="{namespace}"'


@given(
    auth_code=xml_texts,
    shape=st.sampled_from(sorted(SHAPES)),
    prefix=prefixes,
    inner=prefixes,
    space=spaces,
    charset=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
    binding=st.sampled_from([Binding.SOAP11, Binding.SOAP12]),
)
def test_the_shape_of_an_envelope_does_not_matter(
    auth_code: str, shape: str, prefix: str, inner: str, space: str, charset: str, binding: Binding
) -> None:
    code, session, node, operation = (named(inner, name) for name in ("sAuthCode", "iSession", "iNode", "startSession"))
    envelope_tag, body_tag = named(prefix, "Envelope"), named(prefix, "Body")
    xml = space.join(
        [
            f"<{envelope_tag} {declared(prefix, ENVELOPES[binding])}>",
            f"<{body_tag}>",
            f"<{operation} {declared(inner, NAMESPACE)}>",
            f"<{code}>{SHAPES[shape](auth_code)}</{code}>",
            f"<{node}>{space}2{space}</{node}>",
            f"<{session}>&#49;</{session}>",
            f"</{operation}>",
            f"</{body_tag}>",
            f"</{envelope_tag}>",
        ]
    )
    content_type = f"{request_over(binding).content_type.partition(';')[0]}; charset={charset}"
    action = SOAP_ACTION if binding is Binding.SOAP11 else None
    try:
        body = xml.encode(charset)
    except UnicodeEncodeError:  # not a charset for this text
        return
    answer, calls = asked(WireRequest(body, content_type, action), binding)
    assert calls == [Call(1, 2, auth_code, binding)], answer


@pytest.mark.parametrize("version", ["1.00", "1.01", "1.1", "2.0"])
def test_a_document_of_another_version_than_1_0_is_refused(version: str) -> None:
    right = request_over(Binding.SOAP11)
    payload = f'<?xml version="{version}"?>'.encode() + right.payload[right.payload.index(b"<soap:Envelope") :]
    answer, calls = asked(WireRequest(payload, right.content_type, right.soap_action), Binding.SOAP11)
    assert (answer.status, answer.body, calls) == (400, b"", [])


# UTF-7 alone of all charsets can spell half a surrogate pair, which no text that goes out may hold.
def test_half_a_surrogate_pair_in_an_envelope_becomes_the_replacement_character() -> None:
    right = request_over(Binding.SOAP11)
    body = right.payload.decode().encode("utf-7").replace(b"demo", b"+2AA-")
    answer, calls = asked(WireRequest(body, "text/xml; charset=utf-7", right.soap_action), Binding.SOAP11)
    assert ([call.auth_code for call in calls], answer.status) == (["\ufffd"], 200)


def test_half_a_surrogate_pair_in_a_form_becomes_the_replacement_character() -> None:
    body = b"iSession=1&iNode=2&sAuthCode=%2B2AA-"
    request = WireRequest(body, "application/x-www-form-urlencoded; charset=utf-7", operation=OPERATION)
    _, calls = asked(request, Binding.POST)
    assert [call.auth_code for call in calls] == ["\ufffd"]


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serving("otherwise: startSessionRet_OK") as found:
        yield found


RIGHT = [request.head + request.content for request in map(a_request, Binding)]
LINES = ["\r\n", "\n", "\0", "Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n", "%", "%ff", "/..", "\x80"]
spoilt = st.builds(
    mutated,
    st.sampled_from(RIGHT),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 30), st.sampled_from(LINES + PIECES)), max_size=4),
)


def answers_to(garbage: bytes, address: Address) -> bytes:
    """All that comes back; TimeoutError when the connection is neither answered nor closed."""
    with sent(address) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            return everything(connection)
        except TimeoutError:
            raise
        except OSError:  # closed in the middle of the garbage
            return b""


@settings(max_examples=100)
@given(st.binary(max_size=300) | spoilt)
def test_garbage_on_the_port_neither_hangs_nor_harms_the_next_connection(address: Address, garbage: bytes) -> None:
    assert service.OUR_FAULT.encode() not in answers_to(garbage, address)
    assert result(call(address, a_request())) == Result.OK.value.removeprefix("startSessionRet_")
