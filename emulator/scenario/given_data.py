"""Data that a program gives in place of a text: what is as good as a text's data, and has no places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from emulator.errors import Problem, ScenarioError, on_purpose
from emulator.scenario.places import DEEPEST, Place
from emulator.scenario.words import shown
from emulator.scenario.written import Path

__tracebackhide__ = on_purpose


class GivenData:
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
