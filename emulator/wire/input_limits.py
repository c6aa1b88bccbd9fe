"""Limits on how much of a request is parsed: far above what the known clients of this service send.

ASP.NET itself limits only the length of a body and the number of names in a form. Its reader takes any number of tags,
which here would block all other requests meanwhile.
"""

from __future__ import annotations

from typing import Final

DEEPEST: Final = 256  # nested elements; libxml2 has the same limit
MOST_MARKUP: Final = 20_000  # "<" and "=" in an XML document, which bounds its tags and attributes
MOST_PAIRS: Final = 1000  # pairs in a form or query: ASP.NET's MaxHttpCollectionKeys, which counts names
MOST_ESCAPES: Final = 50_000  # percent signs in a form or query
LONGEST_TO_DECODE: Final = 512 * 1024  # bytes in a charset whose decoder can be slow, depending on the bytes
LONGEST_QUOTE: Final = 200  # characters of a value that is quoted from a request in a reason or a remark
_FAST_DECODERS: Final = frozenset({"utf-8", "ascii", "us-ascii", "iso8859-1"})


class InputTooLarge(Exception):
    """The request may be valid, but exceeds a limit of the emulator."""

    def __str__(self) -> str:
        return "The document is larger than rescue-emulator reads."


def check_markup(xml: bytes) -> None:
    """Raise InputTooLarge if a document in UTF-8 has too many tags and attributes."""
    if len(xml) > MOST_MARKUP and xml.count(b"<") + xml.count(b"=") > MOST_MARKUP:
        raise InputTooLarge


def check_charset(data: bytes, charset: str) -> None:
    """Raise InputTooLarge if the data is too long to be decoded from its charset."""
    if len(data) > LONGEST_TO_DECODE and charset not in _FAST_DECODERS:
        raise InputTooLarge


def check_pairs(data: bytes, charset: str) -> None:
    """Raise InputTooLarge if a form or query has too many pairs or percent signs, or is too long for its charset."""
    check_charset(data, charset)
    if len(data) > MOST_PAIRS and (data.count(b"&") >= MOST_PAIRS or data.count(b"%") > MOST_ESCAPES):
        raise InputTooLarge


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
