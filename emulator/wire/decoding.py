"""How an XML document in a request becomes UTF-8: by byte order mark, Content-Type or XML declaration, as in .NET.

Sources: ``RequestResponse.GetEncoding2`` of ``System.Web.Services``; ``StreamReader``, which decodes where the
Content-Type decides; ``XmlTextReaderImpl`` of ``System.Xml`` (DetectEncoding, CheckEncoding), which does elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from emulator.core.journal import Reason
from emulator.wire.charsets import NOT_SUPPORTED, codec_name, decode, replacement
from emulator.wire.content_type import MediaType
from emulator.wire.input_limits import check_charset, shorten
from emulator.wire.xml_errors import UNKNOWN_ENCODING, XmlError, xml_error

BOM: Final = b"\xef\xbb\xbf"
_BOMS = (
    (BOM, "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_WITHOUT_BOM = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
# The beginnings of nearly all documents, whose declaration changes nothing under any rule.
_PLAIN_DECLARATIONS = tuple(
    f"<?xml version={quote}1.0{quote} encoding={quote}{name}{quote}".encode()
    for quote in "\"'"
    for name in ("utf-8", "UTF-8")
)
_LONGEST_DECLARATION = 1024  # bytes
_VERSION = r"<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:\"{0}\"|'{0}')"
_ENCODING = r"""[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"(?P<a>[^"<&]*)"|'(?P<b>[^'<&]*)')"""
_DECLARED = re.compile(_VERSION.format(r"1\.0") + _ENCODING)
_ANY_DECLARED = re.compile(f"(?P<version>{_VERSION.format('[0-9.]*')}){_ENCODING}".encode())
_DECLARATION_END = re.compile(r"""(?:[ \t\r\n]+standalone[^?<>]*)?[ \t\r\n]*\?>""")
_UTF16 = ("utf-16-le", "utf-16-be")


def decode_xml(data: bytes, media: MediaType) -> tuple[bytes, tuple[Reason, ...]]:
    """Convert an XML document to UTF-8; return it without its declaration of an encoding, and remarks about losses.

    UTF-8 itself is not validated. Raises XmlError for a declaration that .NET does not accept, and InputTooLarge if the
    document is too long for its charset.
    """
    charset, bom_length = _charset(data, media)
    if charset == "utf-8":
        xml = data[bom_length:] if bom_length else data
        if xml.startswith(_PLAIN_DECLARATIONS) or not xml.startswith(b"<?xml"):
            return xml, () if media.charset is not None else decoding_remarks(media, charset, 0)
    xml, charset, lost = _as_utf8(data[bom_length:], media, charset)
    return _without_encoding(xml), decoding_remarks(media, charset, lost)


def as_text(data: bytes, media: MediaType) -> str:
    """Return a body for display: decoded like an XML document as far as possible."""
    charset, bom_length = _charset(data, media)
    try:
        xml = _as_utf8(data[bom_length:], media, charset)[0]
    except XmlError:
        xml = data
    return xml.decode("utf-8", "replace")


def replace_invalid_utf8(xml: bytes, media: MediaType) -> tuple[bytes, tuple[Reason, ...]]:
    """Replace invalid UTF-8 by U+FFFD where .NET does; under the rules of XML it is an error, and left as it is."""
    if _follows_xml_rules(media):
        return xml, ()
    text, lost = decode(xml, "utf-8")
    return text.encode("utf-8"), decoding_remarks(media, "utf-8", lost) if lost else ()


def _follows_xml_rules(media: MediaType) -> bool:
    return media.charset is None and not media.base.startswith("text/")


def _charset(data: bytes, media: MediaType) -> tuple[str, int]:
    """Return the charset of a document, which its declaration may change, and the length of its byte order mark.

    A mark overrides the Content-Type, whose charset overrides the XML declaration. Without a charset ``text/*`` is
    US-ASCII (RFC 2046), where werkzeug assumes UTF-8, and other types follow the rules of XML.
    """
    if data[:1] != b"<":
        for bom, charset in _BOMS:
            if data.startswith(bom):
                return charset, len(bom)
    if media.charset is not None:
        return media.charset, 0
    if media.base.startswith("text/"):
        return "ascii", 0
    return next((charset for start, charset in _WITHOUT_BOM if data.startswith(start)), "utf-8"), 0


def _as_utf8(data: bytes, media: MediaType, charset: str) -> tuple[bytes, str, int]:
    """Return a document without byte order mark in UTF-8, its real charset, and the number of replaced characters."""
    declaration = b""
    if _follows_xml_rules(media):
        width = {"utf-16": 2, "utf-32": 4}.get(charset[:6], 1)
        head, _ = decode(data[: _LONGEST_DECLARATION * width], "ascii" if width == 1 else charset)
        declared = _DECLARED.match(head)
        if declared is not None:
            new_charset = _declared_charset(head, declared, charset)
            end = _DECLARATION_END.match(head, declared.end())
            if new_charset != charset and end is not None:
                # .NET decodes what follows the declaration anew, also where the first bytes showed another charset.
                declaration, data, charset = end.string[: end.end()].encode(), data[end.end() * width :], new_charset
    if charset == "utf-8":
        return declaration + data, charset, 0
    check_charset(data, charset)
    text, lost = decode(data, charset)
    return declaration + text.encode("utf-8"), charset, lost


def _declared_charset(head: str, declared: re.Match[str], charset: str) -> str:
    """Return the charset that a declaration leads to; raise XmlError if .NET does not accept it."""
    group = "a" if declared["a"] is not None else "b"
    name = declared[group]
    if name.lower() in ("utf-16", "ucs-2", "iso-10646-ucs-2", "ucs-4"):
        if charset not in _UTF16 and name.lower() != "ucs-4":
            raise XmlError("There is no Unicode byte order mark. Cannot switch to Unicode.")
        return charset
    codec = codec_name(name)
    if codec is None:
        raise xml_error(head.encode(), declared.start(group), UNKNOWN_ENCODING, name=name)
    return codec


def _without_encoding(xml: bytes) -> bytes:
    """Replace the declaration of an encoding, which the parsers must not act on, by as many blanks."""
    declared = _ANY_DECLARED.match(xml)
    if declared is None:
        return xml
    blanks = len(xml[declared.end("version") : declared.end()].decode("utf-8", "replace"))
    return declared["version"] + b" " * blanks + xml[declared.end() :]


def decoding_remarks(media: MediaType, charset: str, lost: int) -> tuple[Reason, ...]:
    """Return a remark on why ``lost`` characters of a body were replaced, or on a charset that is not supported."""
    is_supported = media.charset is not None or media.charset_name.lower() not in NOT_SUPPORTED
    if not lost and is_supported:
        return ()
    read_as = "US-ASCII" if charset == "ascii" else charset.upper()
    values = {"charset": shorten(media.charset_name)}
    if not is_supported:
        text = f"rescue-emulator cannot decode charset '{{charset}}', which .NET knows, and reads the body as {read_as}"
    elif media.charset_name and media.charset is None:
        text = f"charset '{{charset}}' is unknown to .NET, which reads the body as {read_as}"
    elif media.charset is None and media.base.startswith("text/") and charset == "ascii":
        text, values = "text/xml without a charset is read as US-ASCII", {}
    else:
        text, values = f"the body holds bytes that are not {read_as}", {}
    if lost:
        text += f": {lost} of its characters became {replacement(charset)}"
    return (Reason(text, values),)
