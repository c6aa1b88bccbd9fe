"""How figures are taken: several rounds, of which the median counts; some have a bound that they must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: the number of rounds, and the fraction of each section's calls, rules and seconds."""

    rounds: int
    fraction: float

    def number(self, full: int) -> int:
        return max(1, round(full * self.fraction))

    def seconds(self, full: float) -> float:
        return max(0.25, full * self.fraction)

    def variants(self, full: Sequence[T]) -> Sequence[T]:
        """Return all variants, or only the first in a smoke test."""
        return full if self.fraction == 1 else full[:1]


FULL = Effort(5, 1.0)
LEAST = Effort(1, 0.001)
"""The smoke test: its figures mean nothing."""


@dataclass(slots=True)
class Figures:
    """The results of a section: the values of each figure, bounds such as ``<= 0.4``, and what was left out and why."""

    values: dict[str, list[float]] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float, bound: str = "") -> None:
        """Add the value of one round, or the only one."""
        self.values.setdefault(name, []).append(value)
        if bound:
            self.bounds[name] = bound

    def measure(self, effort: Effort, figures: Mapping[str, Callable[[], float]]) -> None:
        """Take each figure once a round, one after the other."""
        for _ in range(effort.rounds):
            for name, take in figures.items():
                self.add(name, take())

    def add_ratio(self, name: str, over: str, under: str, bound: str = "") -> None:
        """Add the ratio of the medians of two figures, if both were measured."""
        if over in self.values and under in self.values:
            self.add(name, median(self.values[over]) / median(self.values[under]), bound)

    def verdict(self, name: str) -> str:
        """Return the bound of a figure and whether its median keeps it, or "" if it has none."""
        if name not in self.bounds:
            return ""
        relation, limit = self.bounds[name].split()
        value = median(self.values[name])
        holds = value <= float(limit) if relation == "<=" else value >= float(limit)
        return f"{self.bounds[name]} {'ok' if holds else 'MISSED'}"


class Missing(Exception):
    """Something cannot be measured here; the message says why."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes, once."""
    began = perf_counter()
    work()
    return perf_counter() - began


def scenario(size: int) -> str:
    """Return a scenario with this number of exact rules, no two alike."""
    rule = "  - {{name: rule number {0}, when: {{session: {0}, auth_code: demo-{0}}}, return: startSessionRet_OK}}\n"
    return "version: 1\nname: bench\nrules:\n" + "".join(map(rule.format, range(size)))
