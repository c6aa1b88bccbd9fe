"""When a rule accepts a call, and why it does not; it knows calls, and nothing of rules, files or counting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from emulator.core.call import Call, Secret, masked

FIELDS: Final = ("session", "node", "auth_code", "binding")

Value = int | str | None
Show = Callable[[Value], str]

_VALUES_SHOWN: Final = 4


class Condition(Protocol):
    """What one argument of a call must be."""

    def accepts(self, value: Value) -> bool:
        """Whether the argument is as wanted."""
        ...

    def wording(self, show: Show) -> str:
        """What is wanted, to follow "the rule wants"; ``show`` writes a value as anybody may see it."""
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of these values."""

    values: frozenset[int | str] = field(repr=False)

    def accepts(self, value: Value) -> bool:
        """Whether the value is among them."""
        return value in self.values

    def wording(self, show: Show) -> str:
        """The values, the first few of them when they are many."""
        texts = [show(value) for value in sorted(self.values, key=str)]
        if len(texts) > _VALUES_SHOWN:
            texts[_VALUES_SHOWN - 1 :] = [f"{len(texts) - _VALUES_SHOWN + 1} others"]
        return " or ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)


@dataclass(frozen=True, slots=True)
class Range:
    """Any number from ``low`` to ``high``, both included; None leaves an end open."""

    low: int | None = None
    high: int | None = None

    def accepts(self, value: Value) -> bool:
        """Whether the number lies in the range."""
        if not isinstance(value, int):
            return False
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)

    def wording(self, show: Show) -> str:
        """The range in words."""
        if self.low is None:
            return f"{show(self.high)} or less"
        return f"{show(self.low)} or more" if self.high is None else f"{show(self.low)} to {show(self.high)}"


@dataclass(frozen=True, slots=True)
class Matches:
    """A text that matches the pattern from its first character to its last; a number is matched as decimal text."""

    pattern: re.Pattern[str] = field(repr=False)

    def accepts(self, value: Value) -> bool:
        """Whether there is a text and all of it matches."""
        if value is None:
            return False
        return self.pattern.fullmatch(value if isinstance(value, str) else str(value)) is not None

    def wording(self, show: Show) -> str:
        """The pattern, shown as a value would be: it may well be an auth code."""
        return f"a text that matches {show(self.pattern.pattern)}"


@dataclass(frozen=True, slots=True)
class Absent:
    """An auth code that is empty or was not sent; with ``absent`` False, one that was sent."""

    absent: bool = True

    def accepts(self, value: Value) -> bool:
        """Whether the auth code is absent as wanted."""
        return (value is None or value == "") is self.absent

    def wording(self, show: Show) -> str:  # noqa: ARG002 - no value to show
        """Whether one is wanted."""
        return "none" if self.absent else "any that was sent"


@dataclass(frozen=True, slots=True)
class Not:
    """Anything that another condition refuses."""

    condition: Condition

    def accepts(self, value: Value) -> bool:
        """Whether the other condition refuses."""
        return not self.condition.accepts(value)

    def wording(self, show: Show) -> str:
        """What is not wanted."""
        return f"anything but {self.condition.wording(show)}"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why one condition refused a call. Both values are texts; auth codes in them are as whoever asked may see them."""

    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return self.told("the rule wants")

    def told(self, wanting: str) -> str:
        """The mismatch in words, of which some say who wants anything."""
        alike = " (another one that begins alike)" if self.expected == self.actual else ""
        return f"{self.field} is {self.actual}, {wanting} {self.expected}{alike}"

    def as_data(self) -> dict[str, str]:
        """The same as plain data."""
        return {"field": self.field, "expected": self.expected, "actual": self.actual}


@dataclass(frozen=True, slots=True, repr=False)
class When:
    """The conditions of a rule, all of which must hold; None accepts whatever comes."""

    session: Condition | None = None
    node: Condition | None = None
    auth_code: Condition | None = None
    binding: Condition | None = None

    def refusals(self, call: Call) -> Iterator[tuple[str, Condition]]:
        """Each condition that refuses the call, with the name of its field; deciding and explaining both ask here."""
        for name in FIELDS:
            condition: Condition | None = getattr(self, name)
            if condition is not None and not condition.accepts(getattr(call, name)):
                yield name, condition

    def accepts(self, call: Call) -> bool:
        """Whether there is nothing to explain."""
        return next(self.refusals(call), None) is None

    def mismatches(self, call: Call, secret: Secret = masked) -> tuple[Mismatch, ...]:
        """Why the call is refused, a mismatch for each condition that refuses it; empty when it is accepted."""
        return tuple(
            Mismatch(name, condition.wording(_shower(name, secret)), _shower(name, secret)(getattr(call, name)))
            for name, condition in self.refusals(call)
        )

    def wordings(self, secret: Secret = masked) -> dict[str, str]:
        """What is wanted, in words, by field; empty when every call is accepted."""
        conditions: dict[str, Condition | None] = {name: getattr(self, name) for name in FIELDS}
        return {name: wanted.wording(_shower(name, secret)) for name, wanted in conditions.items() if wanted}

    def text(self, secret: Secret = masked) -> str:
        """What is wanted, in a line."""
        return ", ".join(f"{name} {wording}" for name, wording in self.wordings(secret).items()) or "any values"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<when {self.text()}>"


def _shower(name: str, secret: Secret) -> Show:
    return partial(_secretly, secret) if name == "auth_code" else _plain


def _secretly(secret: Secret, value: Value) -> str:
    return secret(None if value is None else str(value))


def _plain(value: Value) -> str:
    return str.__str__(value) if isinstance(value, str) else str(value)
