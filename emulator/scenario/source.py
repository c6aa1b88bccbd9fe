"""Where something stands in what a person wrote: the path of keys that leads there, and how a problem there is told."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader

from emulator.errors import Problem, ScenarioError, frameless, on_purpose
from emulator.scenario.suggestions import shown

Path = tuple[str | int, ...]

DEEPEST: Final = 50
"""How deep data may nest. No scenario needs as much, and every reader of it can take as much."""


class UnquotedStr(str):
    """A scalar as it stands in a file without quotes: a number where one is wanted, a text where one is."""

    __slots__ = ()


class Place(NamedTuple):
    """A place in a text; both count from 1, and are 0 for what was not written in a text."""

    line: int = 0
    column: int = 0


class Source(Protocol):
    """Where data come from, and what in it can be pointed at."""

    @property
    def name(self) -> str:
        """The file, or what stands for it."""
        ...

    @property
    def data(self) -> Any:
        """The data, with every scalar as it was written."""
        ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong already in the way that the data are written."""
        ...

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at the path begins, or the last key of the path; as near as there is for a missing one."""
        ...

    def lines(self, key: str) -> Sequence[int]:
        """The line of each item in the list under a key of the outermost mapping; empty where there are no lines."""
        ...


def problem(source: Source, path: Path, message: str, *, key: bool = False) -> Problem:
    """A problem at a path, which begins its message."""
    where = f"{spelled(path)}: " if path else ""
    return Problem(source.name, *source.place(path, key=key), f"{where}{message}")


def spelled(path: Path) -> str:
    """A path as it is written in messages: ``rules[0].when.session``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_printable(str(step))}" for step in path)
    return "".join(steps).removeprefix(".")


def _printable(key: str) -> str:
    short = key if len(key) <= 40 else f"{key[:40]}…"
    return short if short.isprintable() and short else repr(short)


__tracebackhide__ = on_purpose

MOST_BYTES: Final = 16 * 1024 * 1024

PLAIN: Final = "plain"
"""The tag of a scalar without quotes; what it means is for the reader to say."""
QUOTED: Final = "tag:yaml.org,2002:str"
COLLECTION: Final = "collection"

_TOO_DEEP: Final = f"nested more than {DEEPEST} deep"
_TOO_DEEP_FOR_LIBYAML: Final = "exceeded maximum nesting depth"  # it reads on for a while before it hands out nodes
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNPRINTABLE: Final = Reader.NON_PRINTABLE  # the same for us: to compile it once more takes longer than a scenario


class _Composer(yaml.CBaseLoader):
    """Composes nodes without guessing at types, and stops before a nesting that would exhaust the stack."""

    depth = 0

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool]) -> str:  # noqa: ARG002
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else QUOTED
        return COLLECTION

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:  # noqa: ARG002
        self.depth += 1
        if self.depth > DEEPEST and parent is not None:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


def decoded(text: str | bytes, name: str) -> str:
    """The characters of a text, all of which YAML can read; ScenarioError with one problem when it is no such text."""
    if len(text) > MOST_BYTES:
        raise _source_error(name, Place(1, 1), f"larger than {MOST_BYTES // 1024 // 1024} MB")
    characters = (_decoded(text, name) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    strange = _UNPRINTABLE.search(characters)
    if strange:
        where = _place_behind(characters[: strange.start()])
        raise _source_error(name, where, f"the character U+{ord(strange[0]):04X} cannot be in a YAML file")
    return characters


def compose(characters: str, name: str) -> yaml.Node:
    """The root node of the one document in a text; ScenarioError with one problem when there is none."""
    try:
        root = yaml.compose(characters, _Composer)
    except yaml.MarkedYAMLError as error:
        raise _source_error(name, *_syntax(error, characters)) from frameless(error)
    if root is None:
        raise _source_error(name, Place(1, 1), "empty; a scenario needs at least one key, such as 'rules'")
    return root


def _decoded(text: bytes, name: str) -> str:
    encoding = "utf-16" if text.startswith(_BYTE_ORDER_MARKS) else "utf-8"
    try:
        return text.decode(encoding)
    except UnicodeDecodeError as error:
        where = _place_behind(text[: error.start].decode(encoding, "replace"))
        raise _source_error(name, where, f"not {encoding.upper()} text; save the file as UTF-8") from frameless(error)


def _place_behind(before: str) -> Place:
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax(error: yaml.MarkedYAMLError, characters: str) -> tuple[Place, str]:
    mark = error.problem_mark or error.context_mark
    where = Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)
    here = characters[mark.index : mark.index + 1] if mark else ""
    said = error.problem or ""
    if said in (_TOO_DEEP, _TOO_DEEP_FOR_LIBYAML):
        return where, _TOO_DEEP
    if "another document" in said:
        return where, "a second document begins here; a file is one scenario"
    if here == "\t" or "tab" in said:
        return where, "a tab cannot indent; use spaces"
    if "undefined alias" in said:
        return where, "nothing before this alias has its anchor"
    if "cannot start any token" in said:
        return where, f"a value cannot begin with {here}; put it in quotes"
    begun = error.context_mark
    context = f", {error.context} that begins in line {begun.line + 1}" if error.context and begun else ""
    return where, f"not YAML: {said}{context}{'; is the indentation right?' if 'block' in context else ''}"


def _source_error(name: str, where: Place, message: str) -> ScenarioError:
    return ScenarioError([Problem(name, *where, message)])


__tracebackhide__ = on_purpose

MOST_REPEATED: Final = 1_000_000
"""How many values aliases may repeat in one text, all together."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"
_SPECIAL: Final = "tag:yaml.org,2002:"
_COLLECTIONS: Final = frozenset({COLLECTION, f"{_SPECIAL}map", f"{_SPECIAL}seq"})


class YamlSource:
    """A YAML text as data: dicts, lists, quoted texts as ``str``, other scalars as ``UnquotedStr``, and None for a null.

    ``problems`` are those of YAML itself, repeated keys and the like, which still leave data to look at.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._root = compose(text, name)
        reader = _Reader(name)
        self.data: Any = reader.read(self._root, ())
        self.problems: tuple[Problem, ...] = tuple(reader.problems.values())

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at the path begins, or the last key of the path; as near as there is for a missing one."""
        node = here = self._root
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            here, node = found
        return _place(here if key else node)

    def lines(self, key: str) -> list[int]:
        """The line of each item in the list under a key of the outermost mapping."""
        found = _step(self._root, key)
        return [_place(item).line for item in found[1].value] if found and type(found[1]) is SequenceNode else []


class _Reader:
    """Reads nodes into data. What an alias stands for is read once more wherever the alias is, within a bound."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: set[int] = set()
        self._repeated = 0
        self.problems: dict[int, Problem] = {}

    def read(self, node: Node, path: Path) -> Any:
        """The data of a node, which stands at a path."""
        if type(node) is ScalarNode:
            return self._scalar(node, path)
        self._guard(node, path)
        if node.tag not in _COLLECTIONS:
            self._tag_problem(node, path)
        if type(node) is SequenceNode:
            return [self.read(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _scalar(self, node: Node, path: Path) -> str | None:
        text: str = node.value
        if node.tag == QUOTED:
            return text
        if node.tag == PLAIN:
            return None if text in _NULLS else UnquotedStr(text)
        self._tag_problem(node, path)
        return UnquotedStr(text)

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
            elif key.value == _MERGE and key.tag == PLAIN:
                first[_MERGE] = key
                merged = value.value if type(value) is SequenceNode else [value]
            else:
                first[key.value] = key
                data[key.value] = self.read(value, (*path, key.value))
        for mapping in merged:
            self._merge(mapping, data, path)
        return data

    def _merge(self, mapping: Node, data: dict[str, Any], path: Path) -> None:
        if type(mapping) is not MappingNode:
            self._add(mapping, (*path, _MERGE), "only a mapping, or a list of mappings, can be merged")
            return
        for key, value in self.read(mapping, path).items():
            data.setdefault(key, value)

    def _guard(self, node: Node, path: Path) -> None:
        if len(path) > DEEPEST:
            raise ScenarioError([Problem(self._name, *_place(node), "an alias contains itself, or nests too deep")])
        if id(node) in self._seen:
            self._repeated += len(node.value)
            if self._repeated > MOST_REPEATED:
                message = f"aliases repeat more than {MOST_REPEATED:,} values"
                raise ScenarioError([Problem(self._name, *_place(node), message)])
        self._seen.add(id(node))

    def _tag_problem(self, node: Node, path: Path) -> None:
        tag = node.tag.replace(_SPECIAL, "!!", 1)
        self._add(node, path, f"the tag {tag} means nothing here; remove it")

    def _add(self, node: Node, path: Path, message: str) -> None:
        """Note a problem once, however many aliases lead to it."""
        where = f"{spelled(path)}: " if path else ""
        self.problems.setdefault(id(node), Problem(self._name, *_place(node), f"{where}{message}"))


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """From a collection to the key and the value at one step; an item of a list is its own key."""
    if type(node) is SequenceNode and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if type(node) is MappingNode:
        return next((pair for pair in _pairs(node) if pair[0].value == step), None)
    return None


def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """The keys and values of a mapping, its own before those merged into it."""
    merged: list[Node] = []
    for key, value in node.value:
        if key.value == _MERGE and key.tag == PLAIN:
            merged += value.value if type(value) is SequenceNode else [value]
        else:
            yield key, value
    for mapping in merged:
        if type(mapping) is MappingNode:
            yield from _pairs(mapping)


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


__tracebackhide__ = on_purpose


class PythonSource:
    """Dicts, lists and scalars. ScenarioError for what no text could say: keys that are no texts, endless nesting."""

    def __init__(self, name: str, data: Any) -> None:
        self.name = name
        self.data = data
        self.problems: tuple[Problem, ...] = ()
        level = [data]
        for _ in range(DEEPEST):
            level = list({id(child): child for each in level for child in self._children(each)}.values())
        if level:
            raise self._refused(f"nested more than {DEEPEST} deep, or inside itself")

    def place(self, path: Path, *, key: bool = False) -> Place:  # noqa: ARG002 - there is no text to point at
        """No place."""
        return Place()

    def lines(self, key: str) -> Sequence[int]:  # noqa: ARG002 - there is no text to count in
        """No lines."""
        return ()

    def _children(self, value: Any) -> Iterable[Any]:
        if isinstance(value, dict):
            strange = next((key for key in value if not isinstance(key, str)), "")
            if strange != "":
                raise self._refused(f"a key must be a text, not {shown(strange)}")
            return value.values()
        return value if isinstance(value, list | tuple) else ()

    def _refused(self, message: str) -> ScenarioError:
        return ScenarioError([Problem(self.name, *Place(), message)])
