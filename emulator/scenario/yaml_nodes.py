"""From the bytes of a file to YAML nodes: encoding, limits and syntax; what the nodes mean is not known here."""

from __future__ import annotations

import codecs
from typing import Final

import yaml
from yaml.reader import Reader

from emulator.errors import Problem, ScenarioError, frameless, on_purpose
from emulator.scenario.places import DEEPEST, Place

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
        raise _refused(name, Place(1, 1), f"larger than {MOST_BYTES // 1024 // 1024} MB")
    characters = (_decoded(text, name) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    strange = _UNPRINTABLE.search(characters)
    if strange:
        where = _place(characters[: strange.start()])
        raise _refused(name, where, f"the character U+{ord(strange[0]):04X} cannot be in a YAML file")
    return characters


def compose(characters: str, name: str) -> yaml.Node:
    """The root node of the one document in a text; ScenarioError with one problem when there is none."""
    try:
        root = yaml.compose(characters, _Composer)
    except yaml.MarkedYAMLError as error:
        raise _refused(name, *_syntax(error, characters)) from frameless(error)
    if root is None:
        raise _refused(name, Place(1, 1), "empty; a scenario needs at least one key, such as 'rules'")
    return root


def _decoded(text: bytes, name: str) -> str:
    encoding = "utf-16" if text.startswith(_BYTE_ORDER_MARKS) else "utf-8"
    try:
        return text.decode(encoding)
    except UnicodeDecodeError as error:
        where = _place(text[: error.start].decode(encoding, "replace"))
        raise _refused(name, where, f"not {encoding.upper()} text; save the file as UTF-8") from frameless(error)


def _place(before: str) -> Place:
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


def _refused(name: str, where: Place, message: str) -> ScenarioError:
    return ScenarioError([Problem(name, *where, message)])
