"""The two XML parsers of requests: a fast one on lxml, and a strict one on expat.

lxml does not report what the service's faults depend on: where an element ended, how much of a malformed document could
be read, whether an element was written as ``<a/>``. The strict parser does, at many times the cost; it parses only what
the fast one rejects or cannot judge. Both give trees with the same interface, which the same code reads.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

from lxml import etree

from emulator.wire.input_limits import DEEPEST, InputTooLarge
from emulator.wire.xml_errors import (
    DTD_PROHIBITED,
    ROOT_MISSING,
    VERSION_INVALID,
    XmlError,
    describe,
    position,
    xml_error,
)

Element = etree._Element | ElementTree.Element
"""An element of either parser. The tag of a comment or a processing instruction is not a string."""


class NeedsStrictParser(Exception):
    """The tree of the fast parser does not have the answer."""


@dataclass(slots=True)
class FastXml:
    """A document that lxml found well-formed and without a DTD. The methods are those of StrictXml.

    ``hiding`` is the ``source`` from its first CDATA section or numeric reference on, which the tree shows as text.
    """

    root: etree._Element
    source: bytes = field(repr=False)
    hiding: bytes = field(repr=False)

    def first_content(self, element: Any) -> Element | None:
        return self._content(element.text, element)

    def next_content(self, element: Any) -> Element | None:
        return self._content(element.tail, element.itersiblings())

    def _content(self, text: str | None, nodes: Iterable[etree._Element]) -> Element | None:
        for node in nodes:
            if text and text.strip(_WHITE_SPACE):
                return None
            if isinstance(node.tag, str):
                if self.hiding and self._start_tag(node) in self.hiding:
                    raise NeedsStrictParser  # a section or reference may be before the element
                return node
            text = node.tail
        return None

    @staticmethod
    def _start_tag(element: etree._Element) -> bytes:
        name = etree.QName(element).localname
        return f"<{element.prefix}:{name}".encode() if element.prefix else f"<{name}".encode()

    def has_prefix(self, element: Any) -> bool:
        return element.prefix is not None

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
_NUL, _EXCLAMATION, _AMPERSAND = b"\0!&"
_FIRST_BYTES = (b"<", b" ", b"\t", b"\r", b"\n")
_HIDING = re.compile(rb"<!\[CDATA\[|&#")
_WHITE_SPACE = " \t\r\n"
_PLAIN_DECLARATIONS = (b'<?xml version="1.0"', b"<?xml version='1.0'")
_NON_ASCII_IN_TAG = re.compile(rb"""<[^<>"'\x80-\xff]*(?:(?:"[^"<]*"|'[^'<]*')[^<>"'\x80-\xff]*)*[\x80-\xff]""")


def parse_fast(xml: bytes) -> FastXml | None:
    """Parse a document in UTF-8; return None if it has to be left to the strict parser."""
    if len(xml) > _LONGEST:
        return None
    # What lxml could take for another encoding than UTF-8, or for a byte order mark.
    if _NUL in xml or not xml.startswith(_FIRST_BYTES):
        return None
    # A DTD, unless it is inside a comment or a CDATA section. Looking for one byte first is faster.
    has_exclamation = _EXCLAMATION in xml
    if has_exclamation and b"<!DOCTYPE" in xml:
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
    if len(parser.feed_error_log):
        return None
    hiding = _HIDING.search(xml) if has_exclamation or _AMPERSAND in xml else None
    return FastXml(root, xml, xml[hiding.start() :] if hiding else b"")


class StrictXml:
    """A document up to its first error, with the offset of each tag.

    The constructor does not raise. Every method raises XmlError, or InputTooLarge for a document that is nested too
    deeply, when the error is at a place that .NET's reader would have reached by then.
    """

    def __init__(self, xml: bytes) -> None:
        self._xml = xml
        self._root: ElementTree.Element | None = None
        self._error: XmlError | InputTooLarge | None = None
        self._error_at = len(xml) + 1  # offset
        self._open: list[ElementTree.Element] = []
        self._starts: dict[Element, int] = {}  # offset of the start tag
        self._ends: dict[Element, int] = {}  # offset of the end tag, or behind "<a/>"
        self._builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
        self._parser: Any = expat.ParserCreate("utf-8", namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._on_declaration
        self._parser.StartDoctypeDeclHandler = self._on_doctype
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.CharacterDataHandler = self._builder.data
        self._parser.CommentHandler = self._on_comment
        self._parser.ProcessingInstructionHandler = self._on_instruction
        self._parser.UseForeignDTD(True)  # else a reference to an undeclared entity is an error everywhere
        self._parser.SkippedEntityHandler = self._on_undeclared_entity
        try:
            self._parse()
        except (XmlError, InputTooLarge) as error:
            error.__traceback__ = error.__context__ = None  # their frames hold this object: a reference cycle
            self._error, self._error_at = error, self._parser.CurrentByteIndex
        del self._parser  # it holds this object's methods: a reference cycle

    def _parse(self) -> None:
        """Parse up to the first NUL: a sign of UTF-16 for expat; for .NET directly behind the root the end."""
        xml, nul = self._xml, self._xml.find(b"\0")
        if xml.startswith(_BOM):  # a second one, which expat would skip
            raise self._describe(0, "")
        end = len(xml) if nul < 0 else nul
        try:
            self._parser.Parse(xml[:end], True)
        except expat.ExpatError as error:
            kind = expat.ErrorString(error.code)
            if nul < 0 or kind not in _UNEXPECTED_END:
                raise self._describe(self._parser.ErrorByteIndex, kind) from None
        if nul < 0 or (self._root is not None and not self._open and xml[:end].endswith(b">")):
            return
        if self._root is None and (not end or xml[:end].endswith((b"?>", b"-->"))):
            raise XmlError(ROOT_MISSING)
        raise self._describe(nul, "")

    def _describe(self, offset: int, kind: str) -> XmlError:
        open_tags = [self._starts[element] for element in self._open]
        root_end = 0 if self._root is None or self._open else self._end(self._root)
        return describe(self._xml, offset, kind, open_tags, root_end)

    @property
    def root(self) -> ElementTree.Element:
        """The root element, which may be incomplete."""
        if self._root is None:
            self._fail()
        return self._root

    def first_content(self, element: Element) -> Element | None:
        """Return the first element inside an element; None if text, or the end tag, comes before it.

        Text is also an empty CDATA section, a decimal reference such as ``&#32;``, and a reference to an entity. White
        space, also as a hexadecimal reference, is none (``XmlTextReaderImpl.ParseText`` has this difference), and
        comments and processing instructions are passed over.
        """
        return None if self.is_self_closed(element) else self._content_at(self._end_of_start_tag(element))

    def next_content(self, element: Element) -> Element | None:
        """Return the first element behind an element; None if text, or the end tag of the parent, comes before it."""
        self.check_closed(element)
        return self._content_at(self._end(element))

    def _content_at(self, offset: int) -> Element | None:
        start = _NO_CONTENT.match(self._xml, offset).end()  # type: ignore[union-attr]  # it matches anywhere
        element = next((element for element, at in self._starts.items() if at == start), None)
        node = _NODE.match(self._xml, start)
        if element is None and (node is None or node.end() > self._error_at):
            self._fail()
        return element

    def has_prefix(self, element: Element) -> bool:
        return _PREFIX.match(self._xml, self._starts[element]) is not None

    def check_closed(self, element: Element) -> None:
        """Raise if the error is inside the element."""
        if element not in self._ends:
            self._fail()

    def check_complete(self) -> None:
        """Raise if there is an error anywhere in the document."""
        if self._error is not None:
            self._fail()

    def is_self_closed(self, element: Element) -> bool:
        """Return True if the element is written as ``<a/>``."""
        return self._xml[: self._end_of_start_tag(element)].endswith(b"/>")

    def position_after(self, element: Element) -> tuple[int, int]:
        """Return the line and column, 1-based, that .NET's reader reports after it has read the element."""
        end = self._end(element)
        following = self._xml[end : end + 9]
        line, column = position(self._xml, end)
        return line, column + next((width for start, width in _NODE_STARTS if following.startswith(start)), 0)

    def _end(self, element: Element) -> int:
        if self.is_self_closed(element):
            return self._end_of_start_tag(element)
        return self._xml.index(b">", self._ends[element]) + 1

    def _end_of_start_tag(self, element: Element) -> int:
        tag = _START_TAG.match(self._xml, self._starts[element])
        assert tag, "expat has found a start tag there"
        return tag.end()

    def _fail(self) -> NoReturn:
        """Raise the error as a new exception: the stored one would keep the document alive through its traceback."""
        assert self._error is not None, "without an error there is a root, and every element is closed"
        raise type(self._error)(*self._error.args)

    # Parser callbacks

    def _on_declaration(self, version: str, _encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            value = _VERSION.match(self._xml)
            raise xml_error(self._xml, value.end() if value else 0, VERSION_INVALID, version=version)

    def _on_doctype(self, *_: object) -> None:
        raise XmlError(DTD_PROHIBITED)

    def _on_undeclared_entity(self, name: str, _is_parameter: bool) -> None:
        """Fail at an entity only where .NET's reader has to resolve it, which is not directly inside the Envelope."""
        if len(self._open) > 1:
            raise self._describe(self._parser.CurrentByteIndex, expat.errors.XML_ERROR_UNDEFINED_ENTITY)

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == DEEPEST:
            raise InputTooLarge
        element = self._builder.start(_clark(name), {_clark(key): value for key, value in attributes.items()})
        if self._root is None:
            self._root = element
        self._starts[element] = self._parser.CurrentByteIndex
        self._open.append(element)

    def _on_end(self, name: str) -> None:
        self._ends[self._open.pop()] = self._parser.CurrentByteIndex
        self._builder.end(_clark(name))

    def _on_comment(self, text: str) -> None:
        if self._open:
            self._builder.comment(text)

    def _on_instruction(self, target: str, text: str) -> None:
        if self._open:
            self._builder.pi(target, text)


_NO_CONTENT = re.compile(rb"(?:[ \t\r\n]+|&#x0*(?:9|20|[aAdD]);|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_ENTITY = rb"&(?!(?:lt|gt|amp|quot|apos);)[A-Za-z_:\x80-\xff][\w.:\x80-\xff-]*;"
# What .NET's reader takes in one step: nothing of an entity, an end tag, a CDATA section, or text up to one of these.
_NODE = re.compile(rb"(?=%b)|</[^>]*>|<!\[CDATA\[.*?\]\]>|(?:[^<&]+|(?!%b)&)+" % (_ENTITY, _ENTITY), re.DOTALL)
_PREFIX = re.compile(rb"<[^\s/>:]+:")
_START_TAG = re.compile(rb"""<[^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""")

# .NET's reader reports a position inside the node: the name of a tag, the text of a comment.
_NODE_STARTS = tuple((start, len(start)) for start in (b"</", b"<!--", b"<![CDATA[", b"<?", b"<"))

_UNEXPECTED_END = {
    expat.errors.XML_ERROR_NO_ELEMENTS,
    expat.errors.XML_ERROR_UNCLOSED_TOKEN,
    expat.errors.XML_ERROR_PARTIAL_CHAR,
    expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
}
_BOM = b"\xef\xbb\xbf"
_VERSION = re.compile(rb"""<\?xml\s+version\s*=\s*["']""")


def _clark(name: str) -> str:
    """Return expat's ``namespace}name`` in Clark notation, ``{namespace}name``."""
    return "{" + name if "}" in name else name
