"""From YAML nodes to plain data with every scalar as it was written, and from a path in the data back to its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from emulator.errors import Problem, ScenarioError, on_purpose
from emulator.scenario.places import DEEPEST, Place, spelled
from emulator.scenario.scalars import Plain
from emulator.scenario.written import Path
from emulator.scenario.yaml_nodes import COLLECTION, PLAIN, QUOTED, compose

__tracebackhide__ = on_purpose

MOST_REPEATED: Final = 1_000_000
"""How many values aliases may repeat in one text, all together."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"
_SPECIAL: Final = "tag:yaml.org,2002:"
_COLLECTIONS: Final = frozenset({COLLECTION, f"{_SPECIAL}map", f"{_SPECIAL}seq"})


class Document:
    """A YAML text as data: dicts, lists, quoted texts as ``str``, other scalars as ``Plain``, and None for a null.

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
            return None if text in _NULLS else Plain(text)
        self._tag_problem(node, path)
        return Plain(text)

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
