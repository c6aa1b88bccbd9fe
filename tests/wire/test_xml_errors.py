"""The texts and positions of XML errors, which clients see when a request has to be read to be routed."""

from __future__ import annotations

import gzip

import pytest

from emulator.core.contract import SOAP12_NS, Binding
from emulator.wire.service import WireRequest
from emulator.wire.xml_errors import XmlError
from emulator.wire.xml_parsers import StrictXml
from tests.helpers.wire import respond

LATE_DECLARATION = (
    "Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space "
    "characters are allowed to appear before it."
)
NO_VALUE = "The expected token is '\"' or '''."
DECLARATION = b"<?xml version='1.0'?>"


def error_of(xml: bytes) -> str:
    document = StrictXml(xml)
    with pytest.raises(XmlError) as caught:
        document.check_complete()
    return str(caught.value)


@pytest.mark.parametrize(
    ("xml", "text", "place"),
    [
        # Outside the root
        (gzip.compress(b"<a/>", mtime=0), "'\x1f', hexadecimal value 0x1F, is an invalid character.", (1, 1)),
        (b"xml=<?xml version='1.0'?><a/>", "Data at the root level is invalid.", (1, 1)),
        (b"x<a/>", "Data at the root level is invalid.", (1, 1)),
        (b'\r\n {"a": 1}', "Data at the root level is invalid.", (2, 2)),
        (DECLARATION + b"&amp;", "Data at the root level is invalid.", (1, 22)),
        (b"<a/>x", "Data at the root level is invalid.", (1, 5)),
        (b"<a/>\r\n\0", "'.', hexadecimal value 0x00, is an invalid character.", (2, 1)),
        (b"<a/><b/>", "There are multiple root elements.", (1, 6)),
        (b"</a>", "Unexpected end tag.", (1, 3)),
        (b" " + DECLARATION + b"<a/>", LATE_DECLARATION, (1, 4)),
        (b"<a/>" + DECLARATION, LATE_DECLARATION, (1, 7)),
        # In a tag
        (b"<a b='<'/>", "'<', hexadecimal value 0x3C, is an invalid attribute character.", (1, 7)),
        (b"<a b='>' c=\"d'<\"/>", "'<', hexadecimal value 0x3C, is an invalid attribute character.", (1, 15)),
        (b"<a b='&'/>", "An error occurred while parsing EntityName.", (1, 8)),
        (b"<a b='&lt;&amp c'/>", "An error occurred while parsing EntityName.", (1, 12)),
        (b"<a b='\x01'/>", "'\x01', hexadecimal value 0x01, is an invalid character.", (1, 7)),
        (b"<a b=1/>", f"'1' is an unexpected token. {NO_VALUE}", (1, 6)),
        (b"<a b = yes>", f"'yes' is an unexpected token. {NO_VALUE}", (1, 8)),
        (b"<a b/>", "'/' is an unexpected token. The expected token is '='.", (1, 5)),
        (b"<a b c=''>", "'c' is an unexpected token. The expected token is '='.", (1, 6)),
        (b"<a b='", "There is an unclosed literal string.", (1, 7)),
        (b"<a b='c\n", "There is an unclosed literal string.", (2, 1)),
        (b"<abcd", "Unexpected end of file while parsing Name has occurred.", (1, 6)),
        (b"<a bcd", "Unexpected end of file while parsing Name has occurred.", (1, 7)),
        (b"<a xmlns:b='' c='d'/>", "Invalid namespace declaration.", (1, 12)),
        (b"<a b='' c='' b=''/>", "'b' is a duplicate attribute name.", (1, 14)),
        (b"<a><b:c/></a>", "'b' is an undeclared prefix.", (1, 5)),
        (b"<a xmlns:b='c'><b:c d:e=''/></a>", "'d' is an undeclared prefix.", (1, 21)),
        (b"<a$/>", "The '$' character, hexadecimal value 0x24, cannot be included in a name.", (1, 3)),
        (b"<a $=''/>", "Name cannot begin with the '$' character, hexadecimal value 0x24.", (1, 4)),
        (b"<a b=''c=''/>", "'c' is an unexpected token. Expecting white space.", (1, 8)),
        (b"<a/ >", "' ' is an unexpected token. The expected token is '>'.", (1, 4)),
        # In the root
        (b"<a>< b/></a>", "Name cannot begin with the ' ' character, hexadecimal value 0x20.", (1, 5)),
        (b"<a>&amp</a>", "An error occurred while parsing EntityName.", (1, 5)),
        (b"<a>&lt; & </a>", "An error occurred while parsing EntityName.", (1, 10)),
        (b"<a><b>&nbsp;</b></a>", "Reference to undeclared entity.", (1, 7)),
        (b"<a>\x01</a>", "'\x01', hexadecimal value 0x01, is an invalid character.", (1, 4)),
        (b"<a><![CDATA[\x0b]]></a>", "'\x0b', hexadecimal value 0x0B, is an invalid character.", (1, 13)),
        ("<a>\n\U0001f600é\uffff</a>".encode(), "'\uffff', hexadecimal value 0xFFFF, is an invalid character.", (2, 4)),
        (b"<a>]]></a>", "']]>' is not allowed in character data.", (1, 4)),
        (b"<a>\xff</a>", "Invalid character in the given encoding.", (1, 4)),
        (b"<a>" + DECLARATION + b"</a>", LATE_DECLARATION, (1, 6)),
        (
            b"<a>\n<s:b xmlns:s='c'></a>",
            "The 's:b' start tag on line 2 position 2 does not match the end tag of 'a'.",
            (2, 20),
        ),
        (b"<a><b>c", "Unexpected end of file has occurred. The following elements are not closed: b, a.", (1, 8)),
        (b"<a><!-- b", "Unexpected end of file while parsing Comment has occurred.", (1, 10)),
        (b"<a><![CDATA[b", "Unexpected end of file while parsing CDATA has occurred.", (1, 14)),
        (b"<a><?b", "Unexpected end of file while parsing PI has occurred.", (1, 7)),
        # In the declaration
        (b"<?xml version='1.0' ", "Unexpected end of file while parsing Name has occurred.", (1, 21)),
        (b"<?xml version='1.0' enc", "Unexpected end of file while parsing Name has occurred.", (1, 24)),
        (b"<?xml version='1.0", "There is an unclosed literal string.", (1, 16)),
        (b"<?xml version=1.0?><a/>", f"'1.0' is an unexpected token. {NO_VALUE}", (1, 15)),
        (b"<?xml  version = '1.1'?><a/>", "Version number '1.1' is invalid.", (1, 19)),
        (b"<?xml?><a/>", "Syntax for an XML declaration is invalid.", (1, 6)),
    ],
)
def test_an_error_is_named_where_dotnet_finds_it(xml: bytes, text: str, place: tuple[int, int]) -> None:
    assert error_of(xml) == f"{text} Line {place[0]}, position {place[1]}."


@pytest.mark.parametrize("xml", [b"", b" \r\n", b"<?xml version='1.0'?>", b"<!-- -->", b"\0", b"<?b?>\0<a/>"])
def test_a_document_without_root_has_no_position(xml: bytes) -> None:
    assert error_of(xml) == "Root element is missing."


def test_a_control_character_in_a_fault_is_a_reference() -> None:
    answer, _ = respond(
        WireRequest(gzip.compress(b"<a/>", mtime=0), "application/soap+xml; charset=latin1"), Binding.SOAP12
    )
    assert b"---&gt; '&#x1F;', hexadecimal value 0x1F, is an invalid character. Line 1, position 1.<" in answer.body


def test_an_undeclared_entity_beside_header_and_body_is_no_error() -> None:
    StrictXml(f"<s:Envelope xmlns:s='{SOAP12_NS}'>&nbsp;<s:Body/>&x;</s:Envelope>".encode()).check_complete()
