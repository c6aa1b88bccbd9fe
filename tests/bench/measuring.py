"""How all figures here are taken: several rounds, of which the median counts and the spread is shown."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes, once."""
    began = perf_counter()
    work()
    return perf_counter() - began
