"""Where something stands in what a person wrote: the path of keys that leads there, and how a problem there is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from emulator.errors import Problem
from emulator.scenario.written import Path

DEEPEST: Final = 50
"""How deep data may nest. No scenario needs as much, and every reader of it can take as much."""


class Place(NamedTuple):
    """A place in a text; both count from 1, and are 0 for what was not written in a text."""

    line: int = 0
    column: int = 0


class Origin(Protocol):
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


def problem(origin: Origin, path: Path, message: str, *, key: bool = False) -> Problem:
    """A problem at a path, which begins its message."""
    where = f"{spelled(path)}: " if path else ""
    return Problem(origin.name, *origin.place(path, key=key), f"{where}{message}")


def spelled(path: Path) -> str:
    """A path as it is written in messages: ``rules[0].when.session``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_printable(str(step))}" for step in path)
    return "".join(steps).removeprefix(".")


def _printable(key: str) -> str:
    short = key if len(key) <= 40 else f"{key[:40]}…"
    return short if short.isprintable() and short else repr(short)
