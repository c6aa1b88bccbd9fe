"""Which charset a body is read in, what its bytes become, and what is remarked on it."""

from __future__ import annotations

import codecs

import pytest

from emulator.core.contract import NAMESPACE, SOAP11_NS, SOAP12_NS, SOAP_ACTION, Binding
from emulator.wire import charsets
from emulator.wire.charsets import codec_name
from emulator.wire.content_type import parse_content_type
from emulator.wire.decoding import as_text
from emulator.wire.service import WireRequest, WireResponse
from tests.helpers.wire import respond

BARE = "application/soap+xml"


def envelope(auth_code: str, declaration: str = "", namespace: str = SOAP12_NS) -> str:
    return (
        f'{declaration}<s:Envelope xmlns:s="{namespace}"><s:Body><startSession xmlns="{NAMESPACE}"><iSession>1'
        f"</iSession><iNode>2</iNode><sAuthCode>{auth_code}</sAuthCode></startSession></s:Body></s:Envelope>"
    )


def declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>'


def answered(payload: bytes, content_type: str) -> tuple[WireResponse, list[str | None]]:
    """Return the answer to an envelope, routed by its Body if it is of SOAP 1.2, and the auth codes received."""
    is_11 = SOAP11_NS.encode() in payload
    request = WireRequest(payload, content_type, SOAP_ACTION if is_11 else None)
    answer, calls = respond(request, Binding.SOAP11 if is_11 else Binding.SOAP12)
    return answer, [call.auth_code for call in calls]


def received(payload: bytes, content_type: str) -> list[str | None]:
    return answered(payload, content_type)[1]


@pytest.mark.parametrize(
    "charset",
    ["utf8", "UTF_8", "latin-1", "cp1252", "cp1250", "utf-16-le", "iso88591", "idna", "mbcs", "rot13", "x" * 65, ""],
)
def test_a_name_that_only_python_knows_is_unknown(charset: str) -> None:
    assert codec_name(charset) is None


@pytest.mark.parametrize(
    ("charset", "encoded", "text"),
    [
        ("UTF-8", "né".encode(), "né"),
        ("unicode-1-1-utf-8", "né".encode(), "né"),
        ("utf-16", "né".encode("utf-16-le"), "né"),
        ("unicodeFFFE", "né".encode("utf-16-be"), "né"),
        ("us-ascii", "né".encode(), "n??"),
        ("x-ansi", b"\x80\x81", "€\x81"),  # a byte without a character is a control character
        ("gb2312", b"\xe9F", "镕"),
        ("big5", "碁".encode("cp950"), "碁"),
        ("shift_jis", b"\x87@", "①"),
        ("ks_c_5601-1987", "똠".encode("cp949"), "똠"),
        ("windows-874", b"\xa1", "ก"),
        ("koi8r", b"\xd1", "я"),
        ("iso-8859-8-i", b"\xe0", "א"),
        ("euc-jp", b"\xff", "?"),
        ("utf-8", b"\xff", "\ufffd"),
    ],
)
def test_a_charset_of_dotnet_is_decoded_as_by_dotnet(charset: str, encoded: bytes, text: str) -> None:
    codec = codec_name(charset)
    assert codec is not None
    assert charsets.decode(encoded, codec)[0] == text


def test_each_name_has_a_codec_or_is_known_to_have_none() -> None:
    assert [codec for codec in charsets._NAMES if codecs.lookup(codec).name != codec] == []
    assert charsets.NOT_SUPPORTED.isdisjoint(charsets._CODECS)
    assert all(name == name.lower() for name in (*charsets._CODECS, *charsets.NOT_SUPPORTED))


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("text/xml; charset = utf-8", "utf-8"),
        ("text/xml; CHARSET='utf-8'", "utf-8"),
        ("text/xml; charset-hint=latin1; charset=utf-8", "iso8859-1"),
        ("text/xml; charset; charset=utf-8", "utf-8"),
        ("text/xml; xcharset=utf-8", None),
    ],
)
def test_a_parameter_is_the_first_piece_that_begins_with_its_name(content_type: str, charset: str | None) -> None:
    assert parse_content_type(content_type).charset == charset


@pytest.mark.parametrize(
    ("encoding", "encoded_in", "code"),
    [
        ("windows-1251", "cp1251", "я"),
        ("UTF-8", "utf-8", "я"),
        ("ucs-4", "utf-8", "я"),
        ("utf-16", "utf-16", "я"),
        ("UTF-16", "utf-16-be", "я"),
        ("unicode", "utf-16-le", "я"),
        ("utf-8", "utf-8-sig", "я"),
        ("latin1", "utf-8-sig", "Ñ\x8f"),
        ("anything", "utf-32-le", None),
        ("us-ascii", "utf-8", "??"),
    ],
)
def test_a_declaration_counts_without_a_charset(encoding: str, encoded_in: str, code: str | None) -> None:
    payload = envelope("я", declared(encoding)).encode(encoded_in)
    assert received(payload, BARE) == ([code] if code else [])


@pytest.mark.parametrize("start", ["", declared("utf-32")])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_characters_are_seen_without_a_mark(encoding: str, start: str) -> None:
    if start and "16" in encoding:
        return
    payload = envelope("я", start).encode(encoding)
    assert received(payload, BARE) == (["я"] if not start or encoding == "utf-32-le" else [])


@pytest.mark.parametrize("encoding", ["", "utf8", "utf 8", "utf-16", "ü"])
@pytest.mark.parametrize("content_type", [f"{BARE}; charset=utf-8", "text/xml; charset=utf-8"])
def test_a_declaration_is_ignored_with_a_charset(encoding: str, content_type: str) -> None:
    assert received(envelope("я", declared(encoding)).encode(), content_type) == ["я"]


@pytest.mark.parametrize(
    ("encoding", "encoded_in", "text"),
    [
        ("x<", "utf-8", "Syntax for an XML declaration is invalid. Line 1, position 31."),
        (
            "utf8",
            "utf-8",
            "System does not support 'utf8' encoding. Line 1, position 31. ---> 'utf8' is not a supported encoding "
            "name. For information on defining a custom encoding, see the documentation for the "
            "Encoding.RegisterProvider method.\r\nParameter name: name",
        ),
        ("", "utf-8-sig", "System does not support '' encoding. Line 1, position 31. ---> '' is not a supported"),
        ("ASMO-708", "utf-8", "System does not support 'ASMO-708' encoding."),
        ("utf-16", "utf-8", "There is no Unicode byte order mark. Cannot switch to Unicode."),
        ("ucs-2", "utf-8-sig", "There is no Unicode byte order mark. Cannot switch to Unicode."),
        ("utf-8", "utf-16", "'.', hexadecimal value 0x00, is an invalid character. Line 1, position 40."),
        ("utf-16le", "utf-8", "Data at the root level is invalid. Line 1, position 42."),
    ],
)
def test_a_declaration_that_cannot_be_followed_is_an_error(encoding: str, encoded_in: str, text: str) -> None:
    answer, codes = answered(envelope("я", declared(encoding)).encode(encoded_in), BARE)
    assert (answer.status, codes) == (500, [])
    assert answer.fault is not None
    assert answer.fault.text.removeprefix("Server was unable to process request. ---> ").startswith(text)
    routed, _ = answered(envelope("я", declared(encoding)).encode(encoded_in), f'{BARE}; action="{SOAP_ACTION}"')
    assert (routed.status, routed.body) == (400, b"")


@pytest.mark.parametrize("content_type", ["text/xml", "text/xml; charset=utf-8", BARE])
@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "\ufeff "])
def test_a_second_mark_or_a_blank_behind_one_is_no_xml(mark: str, content_type: str) -> None:
    answer, codes = answered(mark.encode() + envelope("ok", declared("utf-8")).encode(), content_type)
    assert (answer.status, codes) == (500, [])
    assert answer.fault is not None


@pytest.mark.parametrize(
    ("tail", "is_accepted"), [("\0", True), ("\0 \n", True), ("\0<", True), ("<!-- -->\0x", True), ("\n\0", False)]
)
def test_a_nul_directly_behind_a_tag_ends_the_document(tail: str, is_accepted: bool) -> None:
    answer, codes = answered(envelope("ok", namespace=SOAP11_NS).encode() + tail.encode(), "text/xml; charset=utf-8")
    assert (answer.status, codes) == ((200, ["ok"]) if is_accepted else (400, []))


@pytest.mark.parametrize("payload", [envelope("ok").replace("ok", "o\0k").encode(), envelope("ok").encode("utf-16-le")])
def test_a_nul_elsewhere_is_no_xml(payload: bytes) -> None:
    answer, codes = answered(payload, "text/xml")
    assert (answer.status, answer.fault is not None, codes) == (400 if b"\0s" not in payload else 500, True, [])


@pytest.mark.parametrize(
    ("content_type", "encoded_in", "remark"),
    [
        ("text/xml", "utf-8", "text/xml without a charset is read as US-ASCII: 2 of its characters became ?"),
        (
            "text/xml; charset=utf8",
            "utf-8",
            "charset 'utf8' is unknown to .NET, which reads the body as US-ASCII: 2 of its characters became ?",
        ),
        (
            "text/xml; charset=asmo-708",
            "utf-8",
            "rescue-emulator cannot decode charset 'asmo-708', which .NET knows, and reads the body as US-ASCII: "
            "2 of its characters became ?",
        ),
        (
            "text/xml; charset=utf-8",
            "latin-1",
            "the body holds bytes that are not UTF-8: 1 of its characters became \ufffd",
        ),
        (
            "text/xml; charset=ascii",
            "latin-1",
            "the body holds bytes that are not US-ASCII: 1 of its characters became ?",
        ),
        ("text/xml; charset=utf-8", "utf-8", ""),
        ("text/xml; charset=windows-1252", "utf-8", ""),
    ],
)
def test_a_lost_character_is_remarked_on(content_type: str, encoded_in: str, remark: str) -> None:
    answer, _ = answered(envelope("é?", namespace=SOAP11_NS).encode(encoded_in), content_type)
    assert "; ".join(map(str, answer.remarks)) == remark


@pytest.mark.parametrize(
    ("charset", "sent", "code", "remark"),
    [
        ("latin-1", "n%C3%A9", "né", ""),
        ("us-ascii", "n%C3%A9", "n??", "the body holds bytes that are not US-ASCII: 2 of its characters became ?"),
        ("utf-8", "n%E9", "n\ufffd", "the body holds bytes that are not UTF-8: 1 of its characters became \ufffd"),
        ("utf-8", "%EF%BF%BD", "\ufffd", ""),
        ("gb2312", "%E9F", "镕", ""),
    ],
)
def test_a_form_is_read_in_its_charset(charset: str, sent: str, code: str, remark: str) -> None:
    content_type = f"application/x-www-form-urlencoded; charset={charset}"
    payload = f"iSession=1&iNode=2&sAuthCode={sent}".encode()
    answer, calls = respond(WireRequest(payload, content_type, operation="startSession"), Binding.POST)
    assert ([call.auth_code for call in calls], "; ".join(map(str, answer.remarks))) == ([code], remark)


def test_a_body_is_shown_with_its_declaration_even_if_that_is_an_error() -> None:
    media = parse_content_type(BARE)
    assert as_text(b"\xef\xbb\xbf<?xml version='1.0' encoding='latin1'?>\xe9", media).endswith("'latin1'?>é")
    assert as_text(b"<?xml version='1.0' encoding='utf8'?>x", media) == "<?xml version='1.0' encoding='utf8'?>x"
