"""How much of a request is read: far more than any caller of this service sends, and little enough to be read at once.

The service itself stops at the length of a body and, for forms, at a number of names. Its reader goes through four
megabytes of tags without looking up, which would hold up everybody else here.
"""

from __future__ import annotations

from typing import Final

from emulator.wire.xml_fast import Malformed

DEEPEST: Final = 256
"""How deep elements may nest: as deep as libxml2 reads."""

MOST_MARKUP: Final = 20_000
"""How many ``<`` and ``=`` an XML document may hold, and so about how many tags and attributes."""

MOST_PAIRS: Final = 1000
"""How many pairs a form or a query may hold: ASP.NET's ``MaxHttpCollectionKeys``, which counts their names."""

MOST_ESCAPES: Final = 50_000
"""How many percent signs a form or a query may hold."""

LONGEST_TO_DECODE: Final = 512 * 1024
"""How many bytes are read in a charset other than those which Python decodes at once, whatever the bytes are."""

_AT_ONCE: Final = frozenset({"utf-8", "ascii", "us-ascii", "iso8859-1"})

LONGEST_TOLD: Final = 200
"""How many characters of something that a request holds are told in a log."""


class Excessive(Malformed):
    """The document may well be right, but is more than is read here."""

    def __init__(self) -> None:
        super().__init__("The document is larger than rescue-emulator reads.")


def check_markup(xml: bytes) -> None:
    """Excessive when a document in UTF-8 has too many tags and attributes."""
    if len(xml) > MOST_MARKUP and xml.count(b"<") + xml.count(b"=") > MOST_MARKUP:
        raise Excessive


def check_charset(data: bytes, charset: str) -> None:
    """Excessive when data is too long to be decoded from its charset."""
    if len(data) > LONGEST_TO_DECODE and charset not in _AT_ONCE:
        raise Excessive


def check_pairs(data: bytes, charset: str) -> None:
    """Excessive when a form or a query holds too much."""
    check_charset(data, charset)
    if len(data) > MOST_PAIRS and (data.count(b"&") >= MOST_PAIRS or data.count(b"%") > MOST_ESCAPES):
        raise Excessive


def told(text: str) -> str:
    """A text as it is told in a log: its beginning, when it is long."""
    return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"
