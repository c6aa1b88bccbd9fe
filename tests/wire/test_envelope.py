"""What may be in an envelope beside the parameters: between its parts, in its Header, and in values."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.contract import SOAP11_NS, SOAP12_NS, SOAP_ACTION, Binding, Call
from emulator.wire.service import WireRequest, WireResponse
from emulator.wire.soap import guessed_version
from emulator.wire.xml_parsers import parse_fast
from tests.helpers.verdicts import verdict
from tests.helpers.wire import request_over, respond

SOAP12_WITH_ACTION: Final = f'application/soap+xml; charset=utf-8; action="{SOAP_ACTION}"'


def soap(replacements: dict[str, str], binding: Binding, *, by_body: bool = False) -> tuple[WireResponse, list[Call]]:
    """Return the answer to an envelope that the action routes, or with ``by_body`` its Body."""
    request = request_over(binding, **{"soap12:": "soap:", "xmlns:soap12=": "xmlns:soap="})
    for old, new in replacements.items():
        request.payload = request.payload.replace(old.encode(), new.encode())
    if by_body:
        request.soap_action = None
    elif binding is Binding.SOAP12:
        request.content_type = SOAP12_WITH_ACTION
    return respond(request, guessed_version(request.content_type, request.soap_action))


def fault_id(answer: WireResponse) -> str | None:
    return None if answer.fault is None else answer.fault.spec.id


NOTHING = ["", " \n\t", "<!-- c -->", "<?p i?>", "<!-- c --> <?p i?>\n", "&#x20;", "&#x9;&#x0A; "]
CONTENT = [
    *(
        "text",
        "\u00a0",
        "<![CDATA[x]]>",
        "<![CDATA[]]>",
        "<![CDATA[ ]]>",
        "&#32;",
        "&#9;",
        " &#32;",
        "&nbsp;",
        " &nbsp; ",
    ),
    *("&amp;", "<!-- c -->x", "<![CDATA[<soap:Body/>]]>", "<?p i?>&#10;", "&#x20;x"),
]
PLACES = {
    "before Body": ("<soap:Body>", "{}<soap:Body>"),
    "before Header": ("<soap:Body>", "{}<soap:Header><a/></soap:Header><soap:Body>"),
    "behind Header": ("<soap:Body>", "<soap:Header><a/></soap:Header>{}<soap:Body>"),
    "behind an empty Header": ("<soap:Body>", "<soap:Header/>{}<soap:Body>"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("by_body", [False, True])
@pytest.mark.parametrize("binding", [Binding.SOAP11, Binding.SOAP12])
def test_only_white_space_comments_and_instructions_may_be_between_the_parts(
    binding: Binding, by_body: bool, place: str
) -> None:
    old, template = PLACES[place]
    for piece in NOTHING:
        answer, calls = soap({old: template.format(piece)}, binding, by_body=by_body)
        assert (answer.status, calls) == (200, [Call(1, 2, "demo", binding)]), piece
    for piece in [*CONTENT, "<x/>", "<x>&#32;</x>"]:
        answer, calls = soap({old: template.format(piece)}, binding, by_body=by_body)
        assert (fault_id(answer), answer.binding, calls) == ("E1/E2", binding, []), piece


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("<soap:Body>", "{}<soap:Body><x/>", "R2"),
        ("<soap:Body>", "{}<soap:Body><x/>text", "R2"),
        ("<soap:Envelope", "{}<soap:Envelope", "R5"),
        ("soap:Body>", "soap:Body>{}", "R2"),
        ("soap:Envelope", "soap:envelope", "R6"),
        ("Body>", "Rump>", "R6"),
    ],
)
@pytest.mark.parametrize("piece", ["text", "<![CDATA[]]>", "&#32;", "&nbsp;"])
def test_routing_skips_what_is_before_the_body_and_stops_at_what_is_in_it(
    old: str, new: str, expected: str, piece: str
) -> None:
    answer, _ = soap({old: new.format(piece)}, Binding.SOAP12, by_body=True)
    assert (fault_id(answer), answer.binding) == (expected, Binding.SOAP12)


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("text<", "E1/E2"),
        ("&nbsp;<", "E1/E2"),
        ("text&nbsp;& more", "E1/E2"),
        ("<![CDATA[]]><", "E1/E2"),
        ("text & more", "400"),
        ("text ]]> more", "400"),
        ("text&#1;", "400"),
        ("<![CDATA[x", "400"),
        ("<!-- -- -->text", "400"),
        ("<x></y>", "E1/E2"),
        ("& nbsp;", "400"),
    ],
)
def test_what_comes_first_counts_text_or_an_error(piece: str, expected: str) -> None:
    assert fault_id(soap({"<soap:Body>": f"{piece}<soap:Body>"}, Binding.SOAP11)[0]) == expected


@pytest.mark.parametrize("old", ["<iSession>", ">demo<", "<soap:Body><startSession"])
def test_an_undeclared_entity_elsewhere_is_an_error(old: str) -> None:
    assert fault_id(soap({old: f"{old[:-1]}&nbsp;{old[-1]}"}, Binding.SOAP11)[0]) == "400"


def test_a_value_with_an_empty_cdata_section_before_an_element_is_not_simple() -> None:
    answer, _ = soap({">demo<": "><![CDATA[]]><b>demo</b><"}, Binding.SOAP11)
    assert fault_id(answer) == "400"


@pytest.mark.parametrize("value", ["<![CDATA[demo]]>", "de&#109;o", "&#x64;emo"])
def test_an_auth_code_in_cdata_or_references_is_left_to_the_fast_parser(value: str) -> None:
    xml = request_over(Binding.SOAP11, demo=value).payload
    assert parse_fast(xml) is not None
    assert verdict(xml, strict=False) is not None


OTHER: Final = {Binding.SOAP11: SOAP12_NS, Binding.SOAP12: SOAP11_NS}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("binding", OTHER)
@pytest.mark.parametrize(
    ("entry", "is_mandatory"),
    [
        ('<h soap:mustUnderstand="1"/>', True),
        ('<h soap:mustUnderstand="true"/>', True),
        ('<h o:mustUnderstand="1"/>', True),
        ('<h o:mustUnderstand="true"/>', True),
        ('<h o:mustUnderstand="0"/>', False),
        ('<h o:mustUnderstand="TRUE"/>', False),
        ('<h mustUnderstand="1"/>', False),
        ('<h xmlns="{other}" mustUnderstand="1"/>', True),
        ('<h xmlns="{other}" o:mustUnderstand="1"/>', False),
        ('<o:h mustUnderstand="1"/>', False),
    ],
)
def test_must_understand_counts_in_the_namespace_of_either_version(
    binding: Binding, entry: str, is_mandatory: bool, strict: bool
) -> None:
    other = OTHER[binding]
    header = f'<soap:Header xmlns:o="{other}">{entry.format(other=other)}</soap:Header>'
    comment = "<!-- <!DOCTYPE -->" if strict else ""  # the fast parser leaves such a document to the strict one
    answer, _ = soap({"<soap:Body>": f"{comment}{header}<soap:Body>"}, binding)
    assert fault_id(answer) == ("E5" if is_mandatory else None)


@pytest.mark.parametrize(("soap11", "soap12", "is_mandatory"), [("0", "1", False), ("1", "0", True)])
def test_must_understand_of_soap_11_goes_before_that_of_soap_12(soap11: str, soap12: str, is_mandatory: bool) -> None:
    attributes = f'xmlns:a="{SOAP11_NS}" xmlns:b="{SOAP12_NS}" a:mustUnderstand="{soap11}" b:mustUnderstand="{soap12}"'
    header = f"<soap:Header><h {attributes}/></soap:Header>"
    for binding in OTHER:
        answer, _ = soap({"<soap:Body>": f"{header}<soap:Body>"}, binding)
        assert fault_id(answer) == ("E5" if is_mandatory else None)


@pytest.mark.parametrize(
    ("binding", "content_type", "soap_action", "payload", "expected"),
    [
        (Binding.SOAP12, "text/plain", None, None, (415, "application/soap+xml")),
        (Binding.SOAP12, "", None, None, (415, "application/soap+xml")),
        (Binding.SOAP11, "text/plain", None, None, (415, "text/xml")),
        (Binding.SOAP11, "text/plain", SOAP_ACTION, None, (415, "text/xml")),
        (Binding.SOAP12, "text/plain", SOAP_ACTION, None, (415, "text/xml")),
        (Binding.SOAP12, "text/plain", SOAP_ACTION, b"", (415, "text/xml")),
        (Binding.SOAP11, "text/plain", None, b"", (500, "application/soap+xml")),
        (Binding.SOAP11, f'text/plain; action="{SOAP_ACTION}"', None, b"", (415, "application/soap+xml")),
        (Binding.SOAP11, SOAP12_WITH_ACTION, None, b"", (400, "application/soap+xml")),
        (Binding.SOAP12, "text/xml", SOAP_ACTION, b"", (400, "text/xml")),
        (Binding.SOAP12, "text/xml", "urn:x", b"", (500, "text/xml")),
    ],
)
def test_a_refusal_is_of_the_version_of_the_envelope_else_of_the_headers(
    binding: Binding, content_type: str, soap_action: str | None, payload: bytes | None, expected: tuple[int, str]
) -> None:
    body = request_over(binding).payload if payload is None else payload
    request = WireRequest(body, content_type, soap_action)
    answer, _ = respond(request, guessed_version(content_type, soap_action))
    assert (answer.status, answer.content_type.partition(";")[0]) == expected


pieces = st.sampled_from(
    [*NOTHING, *CONTENT, "<x/>", "<x>", "&", "&#1;", "<!--", "]]>", "<soap:Header/>", "<soap:Body/>"]
)


@given(st.lists(st.tuples(st.integers(0, 13), pieces), min_size=1, max_size=4))
def test_the_fast_and_the_strict_parser_agree_on_damage_between_tags(damage: list[tuple[int, str]]) -> None:
    header = "<soap:Header><a/></soap:Header><soap:Body>"
    tags = re.split(r"(?<=>)", request_over(Binding.SOAP11, **{"<soap:Body>": header}).payload.decode())
    for at, piece in damage:
        tags[at] += piece
    xml = "".join(tags).encode()
    fast, strict = verdict(xml, strict=False), verdict(xml, strict=True)
    assert fast in (None, strict)
