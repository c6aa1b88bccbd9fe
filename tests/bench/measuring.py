"""How all figures here are taken: several rounds, of which the median counts and the spread is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: so many rounds, of so large a part of the calls and seconds that a section is made for."""

    rounds: int
    part: float

    def some(self, all_of_them: int) -> int:
        """So many of a number of calls or rules; one at least."""
        return max(1, round(all_of_them * self.part))

    def time(self, all_of_it: float) -> float:
        """So many of some seconds; enough at least for something to be seen."""
        return max(0.25, all_of_it * self.part)

    def few(self, all_of_them: Sequence[T]) -> Sequence[T]:
        """The kinds of a thing that are measured: all, or the first alone."""
        return all_of_them if self.part == 1 else all_of_them[:1]


FULL = Effort(5, 1.0)
LEAST = Effort(1, 0.001)
"""What shows that everything still runs; its figures mean nothing."""


@dataclass(slots=True)
class Figures:
    """What a section found: the values of each round, ratios and single values, and what it left out and why."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """One more round of a figure."""
        self.rounds.setdefault(name, []).append(value)

    def middle(self, name: str) -> float:
        """The median of a figure."""
        return median(self.rounds[name])

    def ratio(self, name: str, over: str, under: str) -> None:
        """The ratio of the medians of two figures, where both were measured."""
        if over in self.rounds and under in self.rounds:
            self.ratios[name] = self.middle(over) / self.middle(under)


class Section(NamedTuple):
    """Some figures that belong together, and how they are taken."""

    name: str
    says: str
    measure: Callable[[Effort], Figures]


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes, once."""
    began = perf_counter()
    work()
    return perf_counter() - began


def scenario(size: int) -> str:
    """A scenario of exact rules, no two alike."""
    rules = "".join(
        f"  - name: rule number {number}\n    when: {{session: {number}, auth_code: demo-{number}}}\n"
        "    return: startSessionRet_OK\n"
        for number in range(size)
    )
    return f"version: 1\nname: bench\nrules:\n{rules}"
