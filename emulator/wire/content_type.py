"""What a Content-Type header says, read as ASP.NET reads it, and how that makes text of bytes."""

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

_LONGEST_NAME = 64
_NAMES = frozenset({*aliases, *aliases.values(), *(each.name for each in pkgutil.iter_modules(encodings.__path__))})
# Text encodings of Python's that are no charsets: .NET knows none of them.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem"})
# What .NET means by these names, where Python means something else.
_DOTNET_NAMES = {"utf-16": "utf-16-le", "unicode": "utf-16-le", "utf-32": "utf-32-le"}


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type. ``base`` is in lower case, with whatever white space stood before the first semicolon."""

    base: str = field(repr=False)  # anything may have been sent as one, an auth code too
    charset: str | None
    action: str = field(repr=False)

    @property
    def is_text(self) -> bool:
        """Whether it is of the family whose default charset is US-ASCII."""
        return self.base.startswith("text/")


@lru_cache(maxsize=64)
def parse_content_type(content_type: str) -> MediaType:
    """What a Content-Type header says; an absent one is the empty text."""
    base, *parameters = content_type.split(";")
    return MediaType(
        base=base.lower(),
        charset=known_charset(_parameter(parameters, "charset")),
        action=url_decoded(_parameter(parameters, "action")),
    )


def _parameter(parameters: list[str], name: str) -> str:
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key.lower() == name:
            return value.strip(" \t\"'")
    return ""


def known_charset(name: str) -> str | None:
    """Python's name of the codec for a charset; None for one that nobody knows."""
    name = name.lower()
    if len(name) > _LONGEST_NAME or encodings.normalize_encoding(name).replace(".", "_") not in _NAMES:
        return None  # and not looked up, since Python remembers every name that it did not find
    try:
        found = codecs.lookup(_DOTNET_NAMES.get(name, name))
    except (LookupError, ValueError):
        return None
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and found.name.replace("-", "_") not in _NO_CHARSETS else None


_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_BEGIN_MARKS = frozenset({mark[:1] for mark, _ in _BOMS})
_UNMARKED = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)""")
_ABOVE_ASCII = bytes(range(128)) + b"?" * 128


def as_utf8(data: bytes, media: MediaType) -> bytes:
    """An XML document in UTF-8, read in the charset that ASP.NET would choose; UTF-8 itself is passed on unchecked.

    Excessive when it is too long for its charset.
    """
    charset, length = _charset(data, media)
    if charset == "us-ascii":
        return data.translate(_ABOVE_ASCII)
    if charset == "utf-8":
        return data[length:] if length else data
    check_charset(data, charset)
    return _decoded(data[length:], charset).encode("utf-8")


def _charset(data: bytes, media: MediaType) -> tuple[str, int]:
    """The charset of the document, and the length of its byte order mark."""
    if data[:1] in _BEGIN_MARKS:
        for mark, charset in _BOMS:
            if data.startswith(mark):
                return charset, len(mark)
    if media.charset:
        return media.charset, 0
    if media.is_text:
        return "us-ascii", 0
    for start, charset in _UNMARKED:
        if data.startswith(start):
            return charset, 0
    declared = _DECLARED.match(data)
    return (declared and known_charset(declared[1].decode("ascii"))) or "utf-8", 0


def mended(xml: bytes, media: MediaType) -> bytes:
    """Bytes that are no UTF-8 as ASP.NET takes them: U+FFFD where a charset was given; else XML's rules refuse them."""
    return xml.decode("utf-8", "replace").encode("utf-8") if media.charset else xml


_PERCENT, _PLUS = b"%+"
_PERCENT_U = re.compile(rb"%u([0-9A-Fa-f]{4})")


def url_decoded(text: str) -> str:
    """A header value as ``HttpUtility.UrlDecode`` reads it."""
    if "%" not in text and "+" not in text:
        return text
    return url_decoded_bytes(text.encode("utf-8", "surrogateescape"), "utf-8")


def says_itself(data: bytes, charset: str) -> bool:
    """Whether data of a query string or form surely has nothing to decode: it is ASCII without ``%`` and ``+``."""
    return charset == "utf-8" and _PERCENT not in data and _PLUS not in data and data.isascii()


def url_decoded_bytes(data: bytes, charset: str) -> str:
    """Data of a query string or form as ``HttpUtility.UrlDecode`` reads it: also ``+``, a stray ``%``, ``%uXXXX``."""
    if says_itself(data, charset):
        return data.decode("ascii")
    data = data.replace(b"+", b" ")
    if b"%u" not in data:
        return _unquoted(data, charset)
    first, *pairs = _PERCENT_U.split(data)
    units = [_utf16(_unquoted(first, charset))]
    for code, plain in zip(pairs[::2], pairs[1::2], strict=True):
        units += [bytes.fromhex(code.decode("ascii")), _utf16(_unquoted(plain, charset))]
    return b"".join(units).decode("utf-16-be", "replace")


def _unquoted(data: bytes, charset: str) -> str:
    return _decoded(urllib.parse.unquote_to_bytes(data), charset)


def _decoded(data: bytes, charset: str) -> str:
    """Bytes as text, with U+FFFD for what means nothing: also for half a surrogate pair, which UTF-7 can spell."""
    text = data.decode(charset, "replace")
    return _utf16(text).decode("utf-16-be", "replace") if charset == "utf-7" else text


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")
