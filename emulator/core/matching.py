"""Conditions on the arguments of a call, and the reasons why a call does not meet them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from dataclasses import field as dataclass_field
from typing import Final

from emulator.core.contract import Binding, Call, format_auth_code
from emulator.core.known_codes import describe_difference, differs_at, known_codes

FIELDS: Final = ("session", "node", "auth_code", "binding")

Value = int | str | None

_MAX_LISTED: Final = 4


@dataclass(frozen=True, slots=True)
class OneOf:
    values: frozenset[int | str] = dataclass_field(repr=False)

    def accepts(self, value: Value) -> bool:
        return value in self.values

    def wording(self) -> str:
        """Return the values as text; of more than four, the first three and the number of the others."""
        *texts, last = (_format(value) for value in sorted(self.values, key=str))
        if len(texts) >= _MAX_LISTED:
            texts, last = texts[: _MAX_LISTED - 1], f"{len(self.values) - _MAX_LISTED + 1} others"
        return f"{', '.join(texts)} or {last}" if texts else last


@dataclass(frozen=True, slots=True)
class Range:
    """Accepts numbers from ``low`` to ``high``, both included; None leaves an end open."""

    low: int | None = None
    high: int | None = None

    def accepts(self, value: Value) -> bool:
        low, high = self.low, self.high
        return isinstance(value, int) and (low is None or low <= value) and (high is None or value <= high)

    def wording(self) -> str:
        if self.low is None:
            return f"{self.high} or less"
        return f"{self.low} or more" if self.high is None else f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class Matches:
    """Accepts texts that the pattern matches as a whole; a number is matched as decimal text."""

    pattern: re.Pattern[str] = dataclass_field(repr=False)

    def accepts(self, value: Value) -> bool:
        if isinstance(value, int):
            value = str(value)
        return value is not None and self.pattern.fullmatch(value) is not None

    def wording(self) -> str:
        return f"a text that matches {_format(self.pattern.pattern)}"


@dataclass(frozen=True, slots=True)
class Absent:
    """Accepts an auth code that is empty or was not sent; with ``absent`` False, one that was sent."""

    absent: bool = True

    def accepts(self, value: Value) -> bool:
        return (value is None or value == "") is self.absent

    def wording(self) -> str:
        return "none" if self.absent else "any that was sent"


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition

    def accepts(self, value: Value) -> bool:
        return not self.condition.accepts(value)

    def wording(self) -> str:
        return f"anything but {self.condition.wording()}"


Condition = OneOf | Range | Matches | Absent | Not


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why one condition rejected a call: what it expected and what the call had, as text.

    ``differs_at`` is the 1-based position of the first character at which the call's auth code differs from the code
    that the condition names (of several, the most similar one), and ``difference`` says so as text, with what cannot
    be seen; None if there is nothing to compare.
    """

    field: str
    expected: str = dataclass_field(repr=False)
    actual: str = dataclass_field(repr=False)
    differs_at: int | None = None
    difference: str | None = None

    def text(self, subject: str = "the rule wants") -> str:
        """Return the mismatch as a sentence; ``subject`` stands before what was expected."""
        difference = f" ({self.difference})" if self.difference else ""
        return f"{self.field} is {self.actual}, {subject} {self.expected}{difference}"

    def as_data(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule, all of which must hold; None accepts any value."""

    session: Condition | None = None
    node: Condition | None = None
    auth_code: Condition | None = None
    binding: Condition | None = None

    def rejecting(self, call: Call) -> Iterator[tuple[str, Condition]]:
        """Yield each condition that rejects the call, with its field; deciding and explaining both depend on this."""
        for name in FIELDS:
            condition: Condition | None = getattr(self, name)
            if condition is not None and not condition.accepts(getattr(call, name)):
                yield name, condition

    def accepts(self, call: Call) -> bool:
        return next(self.rejecting(call), None) is None

    def mismatches(self, call: Call) -> tuple[Mismatch, ...]:
        return tuple(_mismatch(name, condition, getattr(call, name)) for name, condition in self.rejecting(call))

    def wordings(self) -> dict[str, str]:
        """Return what each condition accepts, as text by field; empty if every call is accepted."""
        return {name: condition.wording() for name in FIELDS if (condition := getattr(self, name)) is not None}

    def text(self) -> str:
        return ", ".join(f"{name} {wording}" for name, wording in self.wordings().items()) or "any values"

    def literal_codes(self) -> frozenset[str]:
        """Return the auth codes that the conditions name literally, negated ones included."""
        condition = self.auth_code
        while isinstance(condition, Not):
            condition = condition.condition
        return frozenset(map(str, condition.values)) if isinstance(condition, OneOf) else frozenset()


def _format(value: Value) -> str:
    if isinstance(value, Binding):
        return value.value
    return str(value) if isinstance(value, int) else format_auth_code(value)


def _mismatch(name: str, condition: Condition, value: Value) -> Mismatch:
    mismatch = Mismatch(name, condition.wording(), _format(value))
    if name != "auth_code" or not isinstance(value, str) or not value or not isinstance(condition, OneOf):
        return mismatch
    named = known_codes(condition.values).nearest(value)
    if named is None:
        return mismatch
    subject = "they differ" if len(condition.values) == 1 else f"it differs from {named}"
    difference = f"{subject} {describe_difference(value, named)}"
    return replace(mismatch, differs_at=differs_at(value, named), difference=difference)
