"""The fast path for XML: one parse by lxml.

lxml does not report what the service's faults depend on: where an element ended, how much of a malformed document could
be read, whether an element was written as ``<a/>``. The strict parser does, at many times the cost; it parses only what
the fast one rejects or cannot judge. Both give trees with the same interface, which the same code reads.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import NoReturn
from xml.etree import ElementTree

from lxml import etree

Element = etree._Element | ElementTree.Element
"""An element of either parser. The tag of a comment or a processing instruction is not a string."""


class NeedsStrictParser(Exception):
    """The tree of the fast parser does not have the answer."""


@dataclass(slots=True)
class FastXml:
    """A document that lxml found well-formed and without a DTD. The methods are those of StrictXml."""

    root: etree._Element

    def check_closed(self, element: Element) -> None:
        """Do nothing: the document is well-formed."""

    def check_complete(self) -> None:
        """Do nothing: the document is well-formed."""

    def is_self_closed(self, element: Element) -> NoReturn:
        raise NeedsStrictParser

    def position_after(self, element: Element) -> NoReturn:
        raise NeedsStrictParser


class _Parser(threading.local):
    """One hardened lxml parser per thread: no network, DTD or entities, and lxml's limits on depth and size."""

    def __init__(self) -> None:
        self.utf8 = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            collect_ids=False,
        )


_parser = _Parser()

_LONGEST = 64 * 1024  # bytes; behind an error lxml reads slowly to the end of the document
_EXCLAMATION = ord("!")
_PLAIN_DECLARATIONS = (b'<?xml version="1.0"', b"<?xml version='1.0'")
_NON_ASCII_IN_TAG = re.compile(rb"""<[^<>"'\x80-\xff]*(?:(?:"[^"<]*"|'[^'<]*')[^<>"'\x80-\xff]*)*[\x80-\xff]""")


def parse_fast(xml: bytes) -> FastXml | None:
    """Parse a document in UTF-8; return None if it has to be left to the strict parser."""
    if len(xml) > _LONGEST:
        return None
    # A DTD, unless it is inside a comment or a CDATA section. Looking for one byte first is faster.
    if _EXCLAMATION in xml and b"<!DOCTYPE" in xml:
        return None
    # lxml takes version 1.01 for 1.0.
    if xml.startswith(b"<?xml") and not xml.startswith(_PLAIN_DECLARATIONS):
        return None
    # lxml allows letters in names that were added to Unicode after .NET's tables were made.
    if not xml.isascii() and _NON_ASCII_IN_TAG.search(xml):
        return None
    parser = _parser.utf8
    try:
        parser.feed(xml)  # faster than etree.fromstring, with the same result
        root = parser.close()
    except etree.XMLSyntaxError:
        return None
    # Also on a mere warning: one about a namespace that is no URI hides an undeclared prefix before it.
    return None if len(parser.feed_error_log) else FastXml(root)
