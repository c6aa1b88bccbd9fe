"""The strict parser for XML, on expat: it keeps positions and what precedes the first error, as .NET's reader does.

Much slower than the fast parser, so it is used only for what that one rejects or cannot judge.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

from emulator.wire.input_limits import DEEPEST, InputTooLarge
from emulator.wire.xml_fast import Element


class XmlError(Exception):
    """The document is not well-formed for .NET; the text is that of .NET's reader, or close to it."""


class StrictXml:
    """A document up to its first error, with the offset of each tag.

    The constructor does not raise. Every method raises XmlError, or InputTooLarge for a document that is nested too
    deeply, when the error is at a place that .NET's reader would have reached by then.
    """

    def __init__(self, xml: bytes) -> None:
        self._xml = xml
        self._root: ElementTree.Element | None = None
        self._error: XmlError | InputTooLarge | None = None
        self._open: list[ElementTree.Element] = []
        self._starts: dict[Element, int] = {}  # offset of the start tag
        self._ends: dict[Element, int] = {}  # offset of the end tag, or behind "<a/>"
        self._builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
        self._parser = self._create_parser()
        try:
            self._parser.Parse(xml, True)
        except expat.ExpatError as error:
            self._error = XmlError(self._describe(error))
        except (XmlError, InputTooLarge) as error:
            self._error = error.with_traceback(None)
        del self._parser  # it holds this object's methods: a reference cycle

    @property
    def root(self) -> ElementTree.Element:
        """The root element, which may be incomplete."""
        if self._root is None:
            self._fail()
        return self._root

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
        if self.is_self_closed(element):
            end = self._end_of_start_tag(element)
        else:
            end = self._xml.index(b">", self._ends[element]) + 1
        following = self._xml[end : end + 9]
        line, column = _position(self._xml, end)
        return line, column + next((width for start, width in _NODE_STARTS if following.startswith(start)), 0)

    def _end_of_start_tag(self, element: Element) -> int:
        tag = _START_TAG.match(self._xml, self._starts[element])
        assert tag, "expat has found a start tag there"
        return tag.end()

    def _fail(self) -> NoReturn:
        """Raise the error as a new exception: the stored one would keep the document alive through its traceback."""
        assert self._error is not None, "without an error there is a root, and every element is closed"
        raise type(self._error)(*self._error.args)

    # Parser callbacks

    def _create_parser(self) -> Any:
        parser = expat.ParserCreate("utf-8", namespace_separator="}")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._on_declaration
        parser.StartDoctypeDeclHandler = self._on_doctype
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._builder.data
        parser.CommentHandler = self._on_comment
        parser.ProcessingInstructionHandler = self._on_instruction
        return parser

    def _on_declaration(self, version: str, _encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise XmlError(f"Version number '{version}' is invalid. Line 1, position 16.")

    def _on_doctype(self, *_: object) -> None:
        raise XmlError("DTD is prohibited in this XML document.")

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

    def _describe(self, error: expat.ExpatError) -> str:
        """Return .NET's text for an error of expat."""
        message = expat.ErrorString(error.code)
        if self._root is None and message == expat.errors.XML_ERROR_NO_ELEMENTS:
            return "Root element is missing."
        open_names = [element.tag.rpartition("}")[2] for element in reversed(self._open)]
        if open_names and message in _UNEXPECTED_END:
            names = ", ".join(open_names)
            text = f"Unexpected end of file has occurred. The following elements are not closed: {names}."
        elif message in _TEXTS:
            text = _TEXTS[message].format(open=open_names[0] if open_names else "")
        elif open_names:
            text = "An unexpected token was found."
        else:
            text = "Data at the root level is invalid."
        line, column = _position(self._xml, self._parser.ErrorByteIndex)
        return f"{text} Line {line}, position {column}."


_START_TAG = re.compile(rb"""<[^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""")

# .NET's reader reports a position inside the node: the name of a tag, the text of a comment.
_NODE_STARTS = tuple((start, len(start)) for start in (b"</", b"<!--", b"<![CDATA[", b"<?", b"<"))

_UNEXPECTED_END = {
    expat.errors.XML_ERROR_NO_ELEMENTS,
    expat.errors.XML_ERROR_UNCLOSED_TOKEN,
    expat.errors.XML_ERROR_PARTIAL_CHAR,
    expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
}
# .NET's texts, as far as expat distinguishes the errors.
_TEXTS = {
    expat.errors.XML_ERROR_TAG_MISMATCH: "The '{open}' start tag does not match the end tag.",
    expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE: "An attribute name is a duplicate.",
    expat.errors.XML_ERROR_UNBOUND_PREFIX: "A prefix is undeclared.",
    expat.errors.XML_ERROR_UNDEFINED_ENTITY: "Reference to undeclared entity.",
    expat.errors.XML_ERROR_BAD_CHAR_REF: "An invalid character was referred to.",
    expat.errors.XML_ERROR_MISPLACED_XML_PI: "Unexpected XML declaration. The XML declaration must be the first "
    "node in the document, and no white space characters are allowed to appear before it.",
}


def _clark(name: str) -> str:
    """Return expat's ``namespace}name`` in Clark notation, ``{namespace}name``."""
    return "{" + name if "}" in name else name


def _position(xml: bytes, offset: int) -> tuple[int, int]:
    """Return the line and column of an offset, 1-based; columns are UTF-16 code units, as .NET counts."""
    before = xml[:offset]
    line_ends = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    line = before[max(before.rfind(b"\n"), before.rfind(b"\r")) + 1 :]
    return line_ends + 1, len(line.decode("utf-8", "replace").encode("utf-16-le")) // 2 + 1
