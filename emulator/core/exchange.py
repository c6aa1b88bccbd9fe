"""What is remembered of a request: an exchange when it became a call, else a refusal; and the bytes that travelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from emulator.core.call import Call, Secret, masked
from emulator.core.contract import Binding
from emulator.core.near_misses import NEAR_MISSES, NearMiss
from emulator.core.replies import Outcome
from emulator.core.rules import Rule


class DecidedBy(str, Enum):
    """Who had the word: a rule, else the desk, else the scenario's ``otherwise``."""

    RULE = "rule"
    DESK = "desk"
    OTHERWISE = "otherwise"


@dataclass(slots=True)
class Message:
    """One HTTP message as it travelled; ``start`` is its first line, and headers are bytes where they came as bytes.

    None of it prints: any of it may hold a secret.
    """

    start: str = field(repr=False)
    headers: Sequence[tuple[str, str]] | Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""
        size = len(self.start) + len(self.body)
        for name, value in self.headers:
            size += len(name) + len(value)
        return size


@dataclass(slots=True)
class Traffic:
    """A request and, once it was given, its answer, None when no byte of one was sent.

    ``at`` is when the request came, in seconds since 1970; ``seconds`` is how long deciding its answer took.
    """

    at: float = 0.0
    request: Message | None = None
    answer: Message | None = None
    seconds: float = 0.0
    size: int = 0
    """How many bytes it counts for in the journal, about."""


class Considered(Protocol):
    """The rules that were in force when a call was decided."""

    def nearest(self, call: Call, answered: Rule | None, limit: int, secret: Secret, /) -> tuple[NearMiss, ...]:
        """Those nearest to accepting the call, the nearest first; ``secret`` writes an auth code.

        When one ``answered``, they are of those added at run time that were asked before it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its answer. ``delay`` is in seconds, 0.0 for none; ``rule`` is None unless a rule decided."""

    id: int
    call: Call
    outcome: Outcome
    delay: float
    decided_by: DecidedBy
    rule: Rule | None
    traffic: Traffic = field(default_factory=Traffic, repr=False, compare=False)
    considered: Considered | None = field(default=None, repr=False, compare=False)

    @property
    def decider(self) -> str:
        """The name of the rule that decided, else ``desk`` or ``otherwise``."""
        return self.decided_by.value if self.rule is None else self.rule.name

    def near_misses(self, limit: int = NEAR_MISSES, secret: Secret = masked) -> tuple[NearMiss, ...]:
        """The rules that came nearest to accepting a call that none accepted.

        For a call that a rule answered, they are of those added at run time that were asked before it, for nothing.
        """
        return () if self.considered is None else self.considered.nearest(self.call, self.rule, limit, secret)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that never became a call, and why: nothing in ``reason`` is secret.

    ``binding`` is None where the request did not get far enough to have one.
    """

    id: int
    binding: Binding | None
    status: int
    reason: str
    traffic: Traffic = field(default_factory=Traffic, repr=False, compare=False)


Entry = Exchange | Refusal
