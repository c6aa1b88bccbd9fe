"""An XML document as the envelope is read from it, and the quick way to it: one parse by lxml.

lxml reads quickly but does not tell what the service's refusals depend on: where an element ended, how far a broken
document could be read, whether an element was written as ``<a/>``. The close reading, on expat, tells all of it at many
times the cost; it is used for documents that are to be refused, and for the few odd ones that only it can judge.
Both give trees of the same shape (``tag``, ``text``, ``get``, iteration), read by the same code.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from lxml import etree


class Element(Protocol):
    """What the trees of lxml and of the standard library have in common. The tag of a comment is no text."""

    @property
    def tag(self) -> Any: ...
    @property
    def text(self) -> str | None: ...
    @property
    def tail(self) -> str | None: ...
    def get(self, key: str) -> str | None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> Any: ...


class LookCloser(Exception):
    """The quick reading cannot tell; the close reading can."""


class Unreadable(Exception):
    """The root of what can be wrong with an envelope."""


class Malformed(Unreadable):
    """The document is no well-formed XML as .NET sees it; the message is what .NET's reader says, or near it."""


class Document(Protocol):
    """An XML document as far as it could be read."""

    @property
    def root(self) -> Element:
        """The root element; Malformed when there is none."""
        ...

    def check_end_of(self, element: Element) -> None:
        """Malformed when the document broke off inside the element."""
        ...

    def check_end(self) -> None:
        """Malformed when the document broke off anywhere."""
        ...

    def is_self_closed(self, element: Element) -> bool:
        """Whether the element was written as ``<a/>``."""
        ...

    def place_after(self, element: Element) -> tuple[int, int]:
        """Line and column, 1-based, that .NET's reader reports once it has read past the element."""
        ...


class _Parsers(threading.local):
    """One hardened parser a thread: no network, no DTD, no entities, lxml's limits on depth and size."""

    def __init__(self) -> None:
        self.utf8 = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            collect_ids=False,
        )


_parsers = _Parsers()


@dataclass(slots=True)
class QuickReading:
    """A document that lxml found well-formed and without a DTD."""

    root: Any

    def check_end_of(self, element: Element) -> None:
        """Nothing broke off."""

    def check_end(self) -> None:
        """Nothing broke off."""

    def is_self_closed(self, element: Element) -> bool:
        """Not to be told from the tree."""
        raise LookCloser

    def place_after(self, element: Element) -> tuple[int, int]:
        """Not to be told from the tree."""
        raise LookCloser


LONGEST_QUICKLY = 64 * 1024
"""How many bytes of a document are read quickly."""

_OTHER_LETTER_IN_TAG = re.compile(rb"""<[^<>"'\x80-\xff]*(?:(?:"[^"<]*"|'[^'<]*')[^<>"'\x80-\xff]*)*[\x80-\xff]""")
_EXCLAMATION = ord("!")
_PLAIN_DECLARATIONS = (b'<?xml version="1.0"', b"<?xml version='1.0'")


def read_quickly(xml: bytes) -> QuickReading | None:
    """The document in UTF-8, or None where it takes the close reading to judge it: also a long one."""
    # Behind a mistake lxml reads on to the end, slowly.
    if len(xml) > LONGEST_QUICKLY:
        return None
    # Only inside a comment or a CDATA section could this be anything but a DTD: the close reading tells.
    if _EXCLAMATION in xml and b"<!DOCTYPE" in xml:
        return None
    # lxml takes 1.01 for 1.0: a declaration in any but the usual words is for the close reading.
    if xml.startswith(b"<?xml") and not xml.startswith(_PLAIN_DECLARATIONS):
        return None
    # lxml takes letters in names that were none yet when .NET's tables of them were made.
    if not xml.isascii() and _OTHER_LETTER_IN_TAG.search(xml):
        return None
    parser = _parsers.utf8
    try:
        parser.feed(xml)  # quicker than a document at once, to the same end
        root = parser.close()
    except etree.XMLSyntaxError:
        return None
    # A mere warning, as of a namespace that is no address, hides an undeclared prefix before it.
    return None if len(parser.feed_error_log) else QuickReading(root)
