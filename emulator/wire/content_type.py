"""How ASP.NET reads a Content-Type, decodes a body and undoes URL encoding, where that differs from werkzeug.

This module is why the service address does not use werkzeug's parsers; each function says where the results differ.
Sources: ``System.Web.Services`` (ContentType.cs, RequestResponse.cs, Scalars.cs), ``System.Web`` (HttpUtility).
"""

from __future__ import annotations

import codecs
import encodings
import pkgutil
import re
import urllib.parse
from dataclasses import dataclass, field
from encodings.aliases import aliases
from functools import lru_cache

from emulator.wire.input_limits import check_charset


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type as ASP.NET reads it.

    ``base`` is in lower case and keeps white space before the first semicolon. ``charset`` is the name of a Python
    codec, or None if there is no charset or an unknown one. ``action`` is decoded, and "" if there is none.
    """

    base: str = field(repr=False)  # may hold anything that was sent, also an auth code
    charset: str | None
    action: str = field(repr=False)


@lru_cache(maxsize=64)
def parse_content_type(content_type: str) -> MediaType:
    """Parse a Content-Type header; an absent one is "".

    Differs from ``werkzeug.http.parse_options_header``:

    * a space before the first semicolon stays, and makes the media type a wrong one (415);
    * a semicolon ends a parameter even inside quotes, and ``\\"`` is no escape;
    * single quotes are removed like double ones, and so are blanks inside the quotes;
    * an unquoted value may hold any character; werkzeug cuts ``action=https://...`` at the colon;
    * of a parameter that is given twice the first counts; werkzeug takes the last;
    * the continuations and charsets of RFC 2231 (``charset*=``) are unknown.
    """
    base, *parameters = content_type.split(";")
    return MediaType(
        base=base.lower(),
        charset=_codec_name(_parameter(parameters, "charset")),
        action=url_decoded(_parameter(parameters, "action")),
    )


def _parameter(parameters: list[str], name: str) -> str:
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key.lower() == name:
            return value.strip(" \t\"'")
    return ""


_LONGEST_NAME = 64
_CODECS = frozenset(
    {*aliases, *aliases.values(), *(module.name for module in pkgutil.iter_modules(encodings.__path__))}
)
# Text encodings of Python that are no charsets; .NET knows none of them.
_NOT_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem"})
# Python's codecs of these names expect or write a byte order mark; .NET's encodings are little-endian.
_DOTNET_NAMES = {"utf-16": "utf-16-le", "unicode": "utf-16-le", "utf-32": "utf-32-le"}


def _codec_name(charset: str) -> str | None:
    """Return the name of Python's codec for a charset; None if it is unknown. werkzeug decodes UTF-8 only."""
    charset = charset.lower()
    # Checked first, since Python caches the name of every failed lookup for ever.
    if len(charset) > _LONGEST_NAME or encodings.normalize_encoding(charset).replace(".", "_") not in _CODECS:
        return None
    try:
        codec = codecs.lookup(_DOTNET_NAMES.get(charset, charset))
    except (LookupError, ValueError):
        return None
    is_text = getattr(codec, "_is_text_encoding", True)
    return codec.name if is_text and codec.name.replace("-", "_") not in _NOT_CHARSETS else None


_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_UTF16_WITHOUT_BOM = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)""")
_ABOVE_ASCII_REPLACED = bytes(range(128)) + b"?" * 128


def as_utf8(data: bytes, media: MediaType) -> bytes:
    """Convert an XML document to UTF-8 from the charset that ASP.NET would choose; UTF-8 itself is not validated.

    Raises InputTooLarge if the document is too long for its charset.
    """
    charset, bom_length = _charset(data, media)
    if charset == "us-ascii":
        return data.translate(_ABOVE_ASCII_REPLACED)
    if charset == "utf-8":
        return data[bom_length:] if bom_length else data
    check_charset(data, charset)
    return _decode(data[bom_length:], charset).encode("utf-8")


def _charset(data: bytes, media: MediaType) -> tuple[str, int]:
    """Return the charset of a document and the length of its byte order mark.

    A mark overrides the Content-Type, whose charset overrides the XML declaration. Without a charset ``text/*`` is
    US-ASCII (RFC 2046), where werkzeug assumes UTF-8, and other types follow the rules of XML.
    """
    if data[:1] != b"<":
        for bom, charset in _BOMS:
            if data.startswith(bom):
                return charset, len(bom)
    if media.charset:
        return media.charset, 0
    if media.base.startswith("text/"):
        return "us-ascii", 0
    for start, charset in _UTF16_WITHOUT_BOM:
        if data.startswith(start):
            return charset, 0
    declaration = _DECLARED_ENCODING.match(data)
    return (declaration and _codec_name(declaration[1].decode("ascii"))) or "utf-8", 0


def replace_invalid_utf8(xml: bytes, media: MediaType) -> bytes:
    """Replace invalid UTF-8 by U+FFFD if a charset was given, as ASP.NET does; without one it is an XML error."""
    return xml.decode("utf-8", "replace").encode("utf-8") if media.charset else xml


_PERCENT, _PLUS = b"%+"
_PERCENT_U = re.compile(rb"%u([0-9A-Fa-f]{4})")


def is_plain_ascii(data: bytes, charset: str) -> bool:
    """Return True if a query string or form surely needs no decoding: it is ASCII without ``%`` and ``+``."""
    return charset == "utf-8" and _PERCENT not in data and _PLUS not in data and data.isascii()


def url_decoded(text: str) -> str:
    """Undo the URL encoding of a header value."""
    return url_decoded_bytes(text.encode("utf-8", "surrogateescape"), "utf-8")


def url_decoded_bytes(data: bytes, charset: str) -> str:
    """Undo the URL encoding of a query string or form, as ``HttpUtility.UrlDecode`` does.

    Differs from werkzeug, which uses ``urllib.parse``: decodes ``%uXXXX`` and surrogate pairs of it, and other charsets
    than UTF-8.
    """
    if is_plain_ascii(data, charset):
        return data.decode("ascii")
    data = data.replace(b"+", b" ")
    if b"%u" not in data:
        return _unquote(data, charset)
    first, *pairs = _PERCENT_U.split(data)
    units = [_utf16(_unquote(first, charset))]
    for code, plain in zip(pairs[::2], pairs[1::2], strict=True):
        units += [bytes.fromhex(code.decode("ascii")), _utf16(_unquote(plain, charset))]
    return b"".join(units).decode("utf-16-be", "replace")


def _unquote(data: bytes, charset: str) -> str:
    return _decode(urllib.parse.unquote_to_bytes(data), charset)


def _decode(data: bytes, charset: str) -> str:
    """Decode with U+FFFD for invalid bytes; also for lone surrogates, which Python's UTF-7 codec lets through."""
    text = data.decode(charset, "replace")
    return _utf16(text).decode("utf-16-be", "replace") if charset == "utf-7" else text


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")
