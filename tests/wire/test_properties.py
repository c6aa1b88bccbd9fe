"""Properties of any call and any garbage: one meaning in all bindings, and no answer outside the contract."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.contract import (
    INT32_MAX,
    INT32_MIN,
    NAMESPACE,
    OPERATION,
    SOAP11_NS,
    SOAP12_NS,
    SOAP_ACTION,
    Binding,
    Call,
)
from emulator.wire import faults, service
from emulator.wire.faults import FaultSpec
from emulator.wire.service import WireRequest, WireResponse
from tests.helpers.verdicts import verdict
from tests.helpers.wire import request_over, respond

FAULT_IDS = {spec.id for spec in vars(faults).values() if isinstance(spec, FaultSpec)}
SOAP = {Binding.SOAP11: SOAP11_NS, Binding.SOAP12: SOAP12_NS}

int32s = st.integers(INT32_MIN, INT32_MAX)
# What XML can hold, except what parsers change: a raw CR becomes LF.
xml_texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\ufffe\uffff", exclude_categories=["Cc", "Cs"]))
# What ASP.NET's request validation lets through in GET and POST.
texts = xml_texts.filter(lambda text: "<" not in text and "&#" not in text)


def percent_encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


@given(session=int32s, node=int32s, auth_code=texts)
def test_a_call_means_the_same_in_all_four_bindings(session: int, node: int, auth_code: str) -> None:
    for binding in Binding:
        encode, start, end = (escape, ">", "<") if binding in SOAP else (percent_encoded, "=", "&")
        replacements = {
            f"iSession{start}1{end}": f"iSession{start}{session}{end}",
            f"iNode{start}2{end}": f"iNode{start}{node}{end}",
            f"sAuthCode{start}demo": f"sAuthCode{start}{encode(auth_code)}",
        }
        answer, calls = respond(request_over(binding, **replacements), binding)
        assert calls == [Call(session, node, auth_code, binding)]
        assert (answer.status, b"startSessionRet_OK" in answer.body) == (200, True)


def is_within_contract(answer: WireResponse) -> bool:
    if answer.status == 200:
        return answer.fault is None
    has_no_body = answer.status in (400, 415)
    is_known = answer.fault is not None and answer.fault.spec.id in FAULT_IDS
    return is_known and (answer.body == b"") is has_no_body and service.INTERNAL_ERROR.encode() not in answer.body


latin1 = st.text(st.characters(max_codepoint=255))
media_types = latin1 | st.sampled_from(
    [
        "text/xml; charset=utf-8",
        "text/xml; charset=utf-16",
        "application/soap+xml",
        "application/x-www-form-urlencoded; charset=utf-7",
    ]
)
actions = latin1 | st.none() | st.sampled_from([SOAP_ACTION, f'"{SOAP_ACTION}"', '"', ""])


@given(st.binary(max_size=300), media_types, actions, st.just(OPERATION) | st.text(), st.sampled_from(Binding))
def test_garbage_is_answered_within_the_contract(
    payload: bytes, content_type: str, soap_action: str | None, operation: str, binding: Binding
) -> None:
    answer, _ = respond(WireRequest(payload, content_type, soap_action, operation), binding)
    assert is_within_contract(answer), answer


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


def mutate(payload: bytes, changes: list[tuple[int, int, str]]) -> bytes:
    for at, length, piece in changes:
        payload = payload[:at] + piece.encode("latin-1") + payload[at + length :]
    return payload


@given(mutations, st.sampled_from([*SOAP]))
def test_a_mutated_envelope_is_answered_within_the_contract(
    changes: list[tuple[int, int, str]], binding: Binding
) -> None:
    request = request_over(binding)
    request.payload = mutate(request.payload, changes)
    answer, _ = respond(request, binding)
    assert is_within_contract(answer), answer


@given(mutations)
def test_the_fast_and_the_strict_parser_agree(changes: list[tuple[int, int, str]]) -> None:
    xml = mutate(request_over(Binding.SOAP11).payload, changes)
    fast, strict = verdict(xml, strict=False), verdict(xml, strict=True)
    assert fast in (None, strict)


SHAPES: dict[str, Callable[[str], str]] = {
    "plain": lambda text: escape(text),
    "CDATA": lambda text: f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>",
    "decimal references": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "hexadecimal references": lambda text: "".join(f"&#x{ord(character):x};" for character in text),
    "CDATA and text": lambda text: f"<![CDATA[]]>{escape(text)}<![CDATA[]]>",
}
prefixes = st.sampled_from(["", "s", "SOAP-ENV", "_", "é"])


@given(
    auth_code=xml_texts,
    shape=st.sampled_from(sorted(SHAPES)),
    outer=prefixes,
    inner=prefixes,
    space=st.text(" \t\n", max_size=4),
    charset=st.sampled_from(["utf-8", "utf-16", "utf-16be", "utf-32", "latin1"]),
    binding=st.sampled_from([*SOAP]),
)
def test_prefixes_order_white_space_and_charset_do_not_matter(
    auth_code: str, shape: str, outer: str, inner: str, space: str, charset: str, binding: Binding
) -> None:
    def tag(prefix: str, name: str) -> str:
        return f"{prefix}:{name}" if prefix else name

    def declaration(prefix: str, namespace: str) -> str:
        return f'{f"xmlns:{prefix}" if prefix else "xmlns"}="{namespace}"'

    code, session, node, operation = (tag(inner, name) for name in ("sAuthCode", "iSession", "iNode", "startSession"))
    envelope, body = tag(outer, "Envelope"), tag(outer, "Body")
    lines = [
        f"<{envelope} {declaration(outer, SOAP[binding])}>",
        f"<{body}>",
        f"<{operation} {declaration(inner, NAMESPACE)}>",
        f"<{code}>{SHAPES[shape](auth_code)}</{code}>",
        f"<{node}>{space}2{space}</{node}>",
        f"<{session}>&#49;</{session}>",
        f"</{operation}>",
        f"</{body}>",
        f"</{envelope}>",
    ]
    content_type = f"{request_over(binding).content_type.partition(';')[0]}; charset={charset}"
    action = SOAP_ACTION if binding is Binding.SOAP11 else None
    try:
        payload = space.join(lines).encode(charset)
    except UnicodeEncodeError:  # the charset does not have all characters
        return
    answer, calls = respond(WireRequest(payload, content_type, action), binding)
    assert calls == [Call(1, 2, auth_code, binding)], answer


@pytest.mark.parametrize("version", ["1.00", "1.01", "1.1", "2.0"])
def test_an_xml_version_other_than_1_0_is_refused(version: str) -> None:
    request = request_over(Binding.SOAP11)
    envelope = request.payload[request.payload.index(b"<soap:Envelope") :]
    request.payload = f'<?xml version="{version}"?>'.encode() + envelope
    answer, calls = respond(request, Binding.SOAP11)
    assert (answer.status, answer.body, calls) == (400, b"", [])


# Python's UTF-7 codec alone decodes to lone surrogates, which cannot be encoded again.
def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    envelope = request_over(Binding.SOAP11)
    envelope.payload = envelope.payload.decode().encode("utf-7").replace(b"demo", b"+2AA-")
    envelope.content_type = "text/xml; charset=utf-7"
    form = request_over(Binding.POST, demo="%2B2AA-")
    form.content_type += "; charset=utf-7"
    for request, binding in ((envelope, Binding.SOAP11), (form, Binding.POST)):
        answer, calls = respond(request, binding)
        assert ([call.auth_code for call in calls], answer.status) == (["\ufffd"], 200)


charset_parameters = st.sampled_from(
    [
        *(
            f"; charset={name}"
            for name in ("utf-8", "utf8", "ascii", "utf-16", "gb2312", "x-sjis", "utf-7", "asmo-708")
        ),
        "",
    ]
)
encodings = st.sampled_from(["utf-8", "utf8", "utf-16", "unicode", "latin1", "ucs-4", "us-ascii", "", "é", "x y", "hz"])
marks = st.sampled_from(["", "", "", "\ufeff", "\ufeff\ufeff", " ", "\0", "\ufeff \n", "xml=", "&#65279;"])
declarations = st.sampled_from(["", '<?xml version="1.0"?>', "<?xml version='1.1'?>", "<?xml "]) | encodings.map(
    lambda encoding: f'<?xml version="1.0" encoding="{encoding}"?>'
)
tails = st.sampled_from(["", "", "\0", "\0 x", "\n\0", "<!-- -->\0<", "&nbsp;", "x", "<?xml version='1.0'?>"])
strays = st.sampled_from(
    [
        "\0",
        "\x01",
        "\x1f",
        "\ufffe",
        "\x80",
        "é",
        "\ufeff",
        "&nbsp;",
        "&amp",
        "&#0;",
        "< ",
        "a=1 ",
        ' xmlns:q=""',
        "<?xml ",
    ]
)


@given(
    start=st.tuples(marks, declarations).map("".join),
    tail=tails,
    stray=st.tuples(st.integers(0, 460), strays) | st.none(),
    length=st.integers(0, 600) | st.none(),
    encoded_in=st.sampled_from(["utf-8", "utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le", "gbk"]),
    parameter=charset_parameters,
    binding=st.sampled_from([*SOAP]),
    is_routed=st.booleans(),
)
def test_both_parsers_answer_a_damaged_envelope_alike_and_within_the_contract(
    start: str,
    tail: str,
    stray: tuple[int, str] | None,
    length: int | None,
    encoded_in: str,
    parameter: str,
    binding: Binding,
    is_routed: bool,
) -> None:
    request = request_over(binding, demo="né")
    text = request.payload.decode()
    text = start + text[text.index("<soap") :].rstrip() + tail
    if stray is not None:
        text = text[: stray[0]] + stray[1] + text[stray[0] :]
    request.payload = text.encode(encoded_in, "replace")[:length]
    request.content_type = request.content_type.partition(";")[0] + parameter
    request.soap_action = SOAP_ACTION if is_routed and binding is Binding.SOAP11 else None
    if is_routed and binding is Binding.SOAP12:
        request.content_type += f'; action="{SOAP_ACTION}"'
    usual = respond(request, binding)
    assert is_within_contract(usual[0]), usual
    with patch("emulator.wire.soap.parse_fast", return_value=None):
        strict = respond(request, binding)
    assert (strict[0].status, strict[0].content_type, strict[0].body) == (
        usual[0].status,
        usual[0].content_type,
        usual[0].body,
    )
    assert strict[1] == usual[1]
