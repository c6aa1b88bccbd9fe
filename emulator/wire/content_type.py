"""How ASP.NET reads a Content-Type and undoes URL encoding, where that differs from werkzeug.

This module is why the service address does not use werkzeug's parsers; each function says where the results differ.
Sources: ``System.Web.Services`` (ContentType.cs, RequestResponse.cs, Scalars.cs), ``System.Web`` (HttpUtility).
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from functools import lru_cache

from emulator.wire.charsets import codec_name, decode


@dataclass(frozen=True, slots=True)
class MediaType:
    """A Content-Type as ASP.NET reads it.

    ``base`` is in lower case and keeps white space before the first semicolon. ``charset`` is the name of a Python
    codec, or None if there is no charset or an unknown one, and ``charset_name`` is what was sent. ``action`` is
    decoded. ``action`` and ``charset_name`` are "" if there is none.
    """

    base: str = field(repr=False)  # may hold anything that was sent, also an auth code
    charset: str | None
    action: str = field(repr=False)
    charset_name: str = field(default="", repr=False, compare=False)


@lru_cache(maxsize=64)
def parse_content_type(content_type: str) -> MediaType:
    """Parse a Content-Type header; an absent one is "".

    Differs from ``werkzeug.http.parse_options_header``:

    * a space before the first semicolon stays, and makes the media type a wrong one (415);
    * a semicolon ends a parameter even inside quotes, and ``\\"`` is no escape;
    * single quotes are removed like double ones, and so are blanks inside the quotes;
    * an unquoted value may hold any character; werkzeug cuts ``action=https://...`` at the colon;
    * a parameter is the first piece that begins with its name and has an equals sign anywhere behind it, so that
      ``charset-hint=x`` is a charset; werkzeug compares the name, and takes the last of several;
    * blanks around the equals sign are ignored;
    * the continuations and charsets of RFC 2231 (``charset*=``) are unknown.
    """
    base, *parameters = content_type.split(";")
    charset = _parameter(parameters, "charset")
    return MediaType(
        base=base.lower(),
        charset=codec_name(charset),
        action=url_decoded(_parameter(parameters, "action")),
        charset_name=charset,
    )


def _parameter(parameters: list[str], name: str) -> str:
    for parameter in parameters:
        parameter = parameter.strip()
        if parameter[: len(name)].lower() == name:
            _, equals, value = parameter[len(name) :].partition("=")
            if equals:
                return value.strip(" \t\"'")
    return ""


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
    return decode(urllib.parse.unquote_to_bytes(data), charset)[0]


def replaced_characters(data: bytes, charset: str) -> int:
    """Return how many characters of a query string or form its charset does not define."""
    return decode(urllib.parse.unquote_to_bytes(data), charset)[1]


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")
