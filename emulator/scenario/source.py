"""Where data come from: YAML texts, in which every value has a line and a column, and Python data, which have none."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader

from emulator.errors import Problem, ScenarioError, on_purpose, without_frames
from emulator.scenario.suggestions import quote_value

__tracebackhide__ = on_purpose

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 50
"""How deep data may nest: more than any scenario needs, and within what every parser can read."""
MAX_REPEATED: Final = 1_000_000
"""How many values the aliases of one text may repeat, in total."""

_LONG_TEXT: Final = 100  # characters

_PLAIN: Final = "plain"  # the tag of a scalar without quotes; its type depends on the field
_QUOTED: Final = "tag:yaml.org,2002:str"
_COLLECTION: Final = "collection"
_STANDARD_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = (_PLAIN, _QUOTED)
_COLLECTION_TAGS: Final = frozenset({_COLLECTION, f"{_STANDARD_TAG}map", f"{_STANDARD_TAG}seq"})
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"
_TOO_DEEP: Final = f"nested more than {MAX_DEPTH} deep"
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNPRINTABLE: Final = Reader.NON_PRINTABLE  # compiling the same pattern again would take longer than most scenarios


class UnquotedStr(str):
    """A scalar written without quotes: the field decides whether it is a text, a number or a boolean."""

    __slots__ = ()


class Place(NamedTuple):
    """A position in a text, counted from 1; 0 for data that are not from a text."""

    line: int = 0
    column: int = 0


class Mistake(NamedTuple):
    place: Place
    path: Path
    message: str

    def problem(self, name: str) -> Problem:
        """Return the mistake as a problem of the file ``name``; its message begins with the path."""
        return Problem(name, *self.place, f"{format_path(self.path)}: {self.message}" if self.path else self.message)


def format_path(path: Path) -> str:
    """Return a path as written in messages: ``rules[0].when.session``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_format_key(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _format_key(key: str) -> str:
    short = key if len(key) <= 40 else f"{key[:40]}…"
    return short if short.isprintable() and short else repr(short)


def decode(text: str | bytes, name: str) -> str:
    """Return the characters of a text; raise ScenarioError if it is too large, not UTF-8 or UTF-16, or not YAML's."""
    if len(text) > MAX_BYTES:
        raise _error(name, Place(1, 1), f"larger than {MAX_BYTES // 1024 // 1024} MB")
    if isinstance(text, str):
        characters = text
    else:
        encoding = "utf-16" if text.startswith(_BYTE_ORDER_MARKS) else "utf-8"
        try:
            characters = text.decode(encoding)
        except UnicodeDecodeError as error:
            place = _place_after(text[: error.start].decode(encoding, "replace"))
            raise _error(name, place, f"not {encoding.upper()} text; save the file as UTF-8") from without_frames(error)
    characters = characters.removeprefix("\ufeff")
    if invalid := _UNPRINTABLE.search(characters):
        place = _place_after(characters[: invalid.start()])
        raise _error(name, place, f"the character U+{ord(invalid[0]):04X} is not allowed in a YAML file")
    return characters


def _place_after(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _error(name: str, place: Place, message: str) -> ScenarioError:
    return ScenarioError([Problem(name, *place, message)])


class _Composer(yaml.CBaseLoader):
    """Composes nodes without guessing types, and stops at a nesting that would exhaust the stack."""

    depth = 0

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool]) -> str:  # noqa: ARG002
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _QUOTED
        return _COLLECTION

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:  # noqa: ARG002
        self.depth += 1
        if self.depth > MAX_DEPTH and parent is not None:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


_BLOCK: Final = "> and | begin a text on the lines below; put a value that begins so in quotes"
_DIGIT_OF_BLOCK: Final = re.compile("[>|][0-9]")  # YAML reads the digit of >5 as an indentation, which nobody writes
_SYNTAX_ERRORS: Final = {  # by a part of libyaml's text, or the character that it stops at
    _TOO_DEEP: _TOO_DEEP,
    "maximum nesting depth": _TOO_DEEP,  # libyaml parses ahead of the nodes that it hands out
    "another document": "a second document begins here; a file is one scenario",
    "\t": "a tab cannot indent; use spaces",
    "tab": "a tab cannot indent; use spaces",
    "undefined alias": "no anchor with this name before this alias; put a text that begins with * in quotes",
    "expected alphabetic or numeric": "* and & begin an alias and an anchor; put a text that begins with one in quotes",
    "expected comment or line break": _BLOCK,
    "mapping keys are not allowed": "a value cannot begin with ?; put it in quotes",
    "block sequence entries": "a list begins on a line of its own; put a text that begins with '- ' in quotes",
    "unknown escape": "unknown escape in double quotes; in single quotes a backslash is an ordinary character",
    "cannot start any token": "a value cannot begin with {}; put it in quotes",
}


def _syntax_error(error: yaml.MarkedYAMLError, characters: str) -> tuple[Place, str]:
    """Return the place and our message for an error of libyaml, which has only its text to tell it by."""
    mark = error.problem_mark or error.context_mark
    place = Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)
    character = characters[mark.index : mark.index + 1] if mark else ""
    text = error.problem or ""
    begin = error.context_mark
    if begin is not None and "unexpected end of stream" in text and "quoted" in (error.context or ""):
        return Place(begin.line + 1, begin.column + 1), "the quotes that begin here are never closed"
    if mark is not None and (advice := _advice(text, characters[: mark.index], character)):
        return place, advice
    for part, message in _SYNTAX_ERRORS.items():
        if part in text or part == character:
            return place, message.format(character)
    context = f", {error.context} that begins in line {begin.line + 1}" if error.context and begin else ""
    return place, f"not YAML: {text}{context}{'; is the indentation right?' if 'block' in context else ''}"


def _advice(problem: str, before: str, character: str) -> str | None:
    """Return what to do about a mapping or a text that goes on where YAML expects no more of it; None if unclear."""
    *_, last, line = ["", "", *before.split("\n")]
    if character == ":" and problem.startswith(("mapping values are not allowed", "did not find expected ','")):
        if re.search(r":[ \t]+[^ \t]", line):
            return "a text with ': ' in it needs quotes around all of it"
        if re.search(r"^[ \t-]*\w+:[^ \t]", last):
            return "is a blank missing after ':' in the line before?"
        return "no key can stand here; is the indentation right?" if problem.startswith("mapping") else None
    if problem.startswith("did not find expected") and line.rstrip().endswith(("'", '"')) and character.strip(",:"):
        return "a text goes on after its closing quote; put quotes around all of it, and write ' as '' in single quotes"
    return None


class YamlSource:
    """A YAML text as data: dicts, lists, ``str`` for quoted scalars, ``UnquotedStr`` for others, None for a null.

    What an alias repeats is read again at each alias, up to a limit. ``mistakes`` are those in the YAML itself, such as
    repeated keys, which leave data to validate.
    """

    def __init__(self, text: str, name: str) -> None:
        try:
            root = yaml.compose(text, _Composer)
        except yaml.MarkedYAMLError as error:
            raise _error(name, *_syntax_error(error, text)) from without_frames(error)
        if root is None:
            raise _error(name, Place(1, 1), "empty; a scenario needs at least one key, such as 'rules'")
        self.name = name
        self._root: yaml.Node = root
        self._text = text
        self._seen: set[int] = set()
        self._repeated = 0
        self._open: set[int] = set()  # the ids of the nodes that are being read
        self._mistakes: dict[int, Mistake] = {}
        self.data: Any = self._read(self._root, ())
        self.mistakes = tuple(self._mistakes.values())

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return where the value at the path begins, or its key; for a missing value, where its parent begins."""
        node = key_node = self._root
        for step in path:
            pair = _step(node, step)
            if pair is None:
                break
            key_node, node = pair
        return _place(key_node if key else node)

    def _read(self, node: Node, path: Path) -> Any:
        is_scalar = type(node) is ScalarNode
        if node.tag not in (_SCALAR_TAGS if is_scalar else _COLLECTION_TAGS):
            tag = node.tag.replace(_STANDARD_TAG, "!!", 1)
            self._add(node, path, f"the tag {tag} has no meaning here; remove it")
        if is_scalar:
            if _DIGIT_OF_BLOCK.match(self._text, node.start_mark.index):
                raise _error(self.name, _place(node), _BLOCK)
            if len(node.value) > _LONG_TEXT:
                self._count_repeated(node, len(node.value) // _LONG_TEXT)
            if node.tag == _QUOTED:
                return node.value
            return None if node.tag == _PLAIN and node.value in _NULLS else UnquotedStr(node.value)
        self._check_limits(node)
        self._open.add(id(node))
        if type(node) is SequenceNode:
            data: Any = [self._read(item, (*path, index)) for index, item in enumerate(node.value)]
        else:
            data = self._mapping(node, path)
        self._open.remove(id(node))
        return data

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[Node] = []
        first: dict[str, Node] = {}
        for key, value in node.value:
            if type(key) is not ScalarNode:
                self._add(key, path, "a key must be a single text")
            elif key.value in first:
                line = _place(first[key.value]).line
                self._add(key, (*path, key.value), f"the key is given twice, first in line {line}")
            elif key.value == _MERGE and key.tag == _PLAIN:
                first[_MERGE] = key
                merged = value.value if type(value) is SequenceNode else [value]
            else:
                first[key.value] = key
                data[key.value] = self._read(value, (*path, key.value))
        for mapping in merged:
            if type(mapping) is MappingNode:
                for key, value in self._read(mapping, path).items():
                    data.setdefault(key, value)
            else:
                self._add(mapping, (*path, _MERGE), "only a mapping, or a list of mappings, can be merged")
        return data

    def _check_limits(self, node: Node) -> None:
        if id(node) in self._open or len(self._open) > MAX_DEPTH:
            raise _error(self.name, _place(node), "an alias contains itself, or nests too deep")
        self._count_repeated(node, len(node.value))

    def _count_repeated(self, node: Node, values: int) -> None:
        """Raise ScenarioError once aliases repeat too much; each 100 characters of a long text count as a value."""
        if id(node) in self._seen:
            self._repeated += values
            if self._repeated > MAX_REPEATED:
                raise _error(self.name, _place(node), f"aliases repeat more than {MAX_REPEATED:,} values")
        self._seen.add(id(node))

    def _add(self, node: Node, path: Path, message: str) -> None:
        """Add a mistake once, however many aliases lead to its node."""
        self._mistakes.setdefault(id(node), Mistake(_place(node), path, message))


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """Return the key node and value node at a key or index; a list item is its own key."""
    if type(node) is SequenceNode and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if type(node) is MappingNode:
        return next((pair for pair in _pairs(node) if pair[0].value == step), None)
    return None


def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the keys and values of a mapping: its own before those that are merged into it."""
    merged: list[Node] = []
    for key, value in node.value:
        if key.value == _MERGE and key.tag == _PLAIN:
            merged += value.value if type(value) is SequenceNode else [value]
        else:
            yield key, value
    for mapping in merged:
        if type(mapping) is MappingNode:
            yield from _pairs(mapping)


class PythonSource:
    """Dicts, lists and scalars. Raises ScenarioError for keys that are not texts and for endless nesting."""

    mistakes: tuple[Mistake, ...] = ()

    def __init__(self, name: str, data: Any) -> None:
        self.name = name
        self.data = data
        level = [data]
        for _ in range(MAX_DEPTH):
            level = list({id(child): child for value in level for child in self._children(value)}.values())
        if level:
            raise _error(name, Place(), f"{_TOO_DEEP}, or inside itself")

    def place(self, path: Path, *, key: bool = False) -> Place:  # noqa: ARG002 - the same method as YamlSource's
        return Place()

    def _children(self, value: Any) -> Iterable[Any]:
        if not isinstance(value, dict):
            return value if isinstance(value, list | tuple) else ()
        for key in value:
            if not isinstance(key, str):
                raise _error(self.name, Place(), f"a key must be a text, not {quote_value(key)}")
        return value.values()


Source = YamlSource | PythonSource
