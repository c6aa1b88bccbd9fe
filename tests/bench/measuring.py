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


def scenario(size: int) -> str:
    """A scenario of exact rules, no two alike."""
    rules = "".join(
        f"  - name: rule number {number}\n    when: {{session: {number}, auth_code: demo-{number}}}\n"
        "    return: startSessionRet_OK\n"
        for number in range(size)
    )
    return f"version: 1\nname: bench\nrules:\n{rules}"
