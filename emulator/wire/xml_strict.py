"""A document as .NET's reader goes through it: how far it gets, where each node stands, what it says where it stops.

Built on expat; slower than the quick reading by far, and used only where that one cannot judge.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from emulator.wire.faults import DTD_PROHIBITED
from emulator.wire.input_limits import DEEPEST, Excessive
from emulator.wire.xml_fast import Element, Malformed


class CloseReading:
    """A document as .NET's reader goes through it: what came before it broke off, if it did, and where things stand."""

    def __init__(self, xml: bytes) -> None:
        self._xml = xml
        self._tree = _Tree(xml)

    @property
    def root(self) -> Element:
        """The root element; Malformed when there is none."""
        if self._tree.root is None:
            raise self._flaw
        return self._tree.root

    def check_end_of(self, element: Element) -> None:
        """Malformed when the document broke off inside the element."""
        if element not in self._tree.ends:
            raise self._flaw

    def check_end(self) -> None:
        """Malformed when the document broke off anywhere."""
        if self._tree.flaw is not None:
            raise self._flaw

    def is_self_closed(self, element: Element) -> bool:
        """Whether the element was written as ``<a/>``."""
        return self._xml[: self._end_of_tag(element)].endswith(b"/>")

    def place_after(self, element: Element) -> tuple[int, int]:
        """Line and column, 1-based, that .NET's reader reports once it has read past the element."""
        end = self._end(element)
        following = self._xml[end : end + 9]
        into = next((step for start, step in _INTO_NODE if following.startswith(start)), 0)
        line, column = place(self._xml, end)
        return line, column + into

    def _end(self, element: Element) -> int:
        """The offset behind an element."""
        if self.is_self_closed(element):
            return self._end_of_tag(element)
        return self._xml.index(b">", self._tree.ends[element]) + 1

    def _end_of_tag(self, element: Element) -> int:
        """The offset behind the tag with which an element starts."""
        tag = _TAG.match(self._xml, self._tree.starts[element])
        assert tag, "an element starts with a tag"
        return tag.end()

    @property
    def _flaw(self) -> Malformed:
        return Excessive() if self._tree.is_excessive else Malformed(self._tree.flaw)


_TAG = re.compile(rb"""<[^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""")

# How far into a node .NET's reader reports its place: a tag at its name, a comment at its text.
_INTO_NODE = ((b"</", 2), (b"<!--", 4), (b"<![CDATA[", 9), (b"<?", 2), (b"<", 1))


def place(xml: bytes, offset: int) -> tuple[int, int]:
    """Line and column of an offset, 1-based, in UTF-16 code units as .NET counts."""
    before = xml[:offset]
    ends = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    line = before[max(before.rfind(b"\n"), before.rfind(b"\r")) + 1 :]
    return ends + 1, len(line.decode("utf-8", "replace").encode("utf-16-le")) // 2 + 1


class _Tree:
    """The tree that expat builds, what broke the reading off, and where in the document the elements are.

    Each element has the offset of its first tag; each that is closed, that of its last one, or the one behind ``<a/>``.
    """

    def __init__(self, xml: bytes) -> None:
        self.root: ElementTree.Element | None = None
        self.starts: dict[Element, int] = {}
        self.ends: dict[Element, int] = {}
        self.flaw: str | None = None
        self.is_excessive = False
        self._builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
        self._open: list[ElementTree.Element] = []
        self._parser = self._prepared()
        try:
            self._parser.Parse(xml, True)
        except expat.ExpatError as error:
            self.flaw = _flaw(error, xml, self)
        except Malformed as error:
            self.flaw = str(error)
            self.is_excessive = isinstance(error, Excessive)

    def _prepared(self) -> Any:
        parser = expat.ParserCreate("utf-8", namespace_separator="}")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = self._instruction
        return parser

    def _declaration(self, version: str, _encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise Malformed(f"Version number '{version}' is invalid. Line 1, position 16.")

    def _doctype(self, *_: object) -> None:
        raise Malformed(DTD_PROHIBITED)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == DEEPEST:
            raise Excessive
        element = self._builder.start(_clark(name), {_clark(key): value for key, value in attributes.items()})
        if self.root is None:
            self.root = element
        self.starts[element] = self._parser.CurrentByteIndex
        self._open.append(element)

    def _end(self, name: str) -> None:
        self.ends[self._open.pop()] = self._parser.CurrentByteIndex
        self._builder.end(_clark(name))

    def _comment(self, text: str) -> None:
        if self._open:
            self._builder.comment(text)

    def _instruction(self, target: str, text: str) -> None:
        if self._open:
            self._builder.pi(target, text)

    @property
    def open_tags(self) -> str:
        """The elements under way, innermost first, as .NET lists them."""
        return ", ".join(element.tag.rpartition("}")[2] for element in reversed(self._open))


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name


_ERRORS = expat.errors.codes
_NO_ELEMENT = _ERRORS[expat.errors.XML_ERROR_NO_ELEMENTS]
_UNFINISHED = {
    _ERRORS[name]
    for name in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}
# What .NET's reader says, as far as expat tells the same mistakes apart.
_TEXTS = {
    _ERRORS[expat.errors.XML_ERROR_TAG_MISMATCH]: "The '{open}' start tag does not match the end tag.",
    _ERRORS[expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE]: "An attribute name is a duplicate.",
    _ERRORS[expat.errors.XML_ERROR_UNBOUND_PREFIX]: "A prefix is undeclared.",
    _ERRORS[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "Reference to undeclared entity.",
    _ERRORS[expat.errors.XML_ERROR_BAD_CHAR_REF]: "An invalid character was referred to.",
    _ERRORS[
        expat.errors.XML_ERROR_MISPLACED_XML_PI
    ]: "Unexpected XML declaration. The XML declaration must be the first "
    "node in the document, and no white space characters are allowed to appear before it.",
}


def _flaw(error: expat.ExpatError, xml: bytes, tree: _Tree) -> str:
    line, column = place(xml, tree._parser.ErrorByteIndex)
    if tree.root is None and error.code == _NO_ELEMENT:
        return "Root element is missing."
    if error.code in _UNFINISHED and tree._open:
        text = f"Unexpected end of file has occurred. The following elements are not closed: {tree.open_tags}."
    elif error.code in _TEXTS:
        text = _TEXTS[error.code].format(open=tree.open_tags.partition(",")[0])
    elif not tree._open:
        text = "Data at the root level is invalid."
    else:
        text = "An unexpected token was found."
    return f"{text} Line {line}, position {column}."
