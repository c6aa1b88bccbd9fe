"""Finds rules that no call can reach; where that cannot be determined, a rule counts as reachable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import SimpleNamespace
from typing import Final, NamedTuple

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.core.matching import Absent, Condition, Not, OneOf, Range, Value, When
from emulator.core.rule_index import INDEXED, Index
from emulator.core.rules import Rule

MAX_COMPARISONS: Final = 5_000_000
"""Approximate limit of compared pairs. Only some thousand rules with ranges, patterns and the like, which the index
cannot look up, make more of them; then the last rules are compared with only the first ones."""

Intervals = tuple[tuple[int, int], ...]
"""Ranges of numbers in ascending order, with both ends included, that neither overlap nor touch."""

_ALL_NUMBERS: Final[Intervals] = ((INT32_MIN, INT32_MAX),)


def unreachable(rules: Mapping[int, Rule]) -> Iterator[tuple[int, int | None]]:
    """Yield, in order, each unreachable rule's number with that of an earlier rule that accepts all calls it accepts.

    The second number is None if the rule's own conditions accept no call. A rule with ``times`` or ``chance`` shadows
    no other rule.
    """
    earlier: Index[_Positioned] = Index()
    limit = max(100, MAX_COMPARISONS // max(1, len(rules)))
    for number, rule in rules.items():
        if () in (_intervals(rule.when.session), _intervals(rule.when.node)) or not _bindings(rule.when.binding):
            yield number, None
            continue
        positioned = _Positioned(number, rule.when, _bounds(rule.when.session), _bounds(rule.when.node))
        example = SimpleNamespace(**{name: _accepted_value(getattr(rule.when, name)) for name in INDEXED})
        candidates = islice(earlier.candidates(example), limit)
        shadowed_by = next((candidate for candidate in candidates if candidate.shadows(positioned)), None)
        if shadowed_by is not None:
            yield number, shadowed_by.position
        elif rule.times is None and rule.chance is None:
            earlier.add(positioned, rule.when)


def covers(wide: When, narrow: When) -> bool:
    """Return True if ``wide`` is known to accept every call that ``narrow`` accepts."""
    return (
        _numbers_cover(wide.session, narrow.session)
        and _numbers_cover(wide.node, narrow.node)
        and _texts_cover(wide.auth_code, narrow.auth_code)
        and _bindings(wide.binding) >= _bindings(narrow.binding)
    )


class _Positioned(NamedTuple):
    """Conditions at a position, with bounds of the numbers that they accept."""

    position: int
    when: When
    session: tuple[int, int]
    node: tuple[int, int]

    def shadows(self, later: _Positioned) -> bool:
        """Return True if the conditions cover the later ones; comparing the bounds first rules out most pairs."""
        return (
            self.session[0] <= later.session[0] <= later.session[1] <= self.session[1]
            and self.node[0] <= later.node[0] <= later.node[1] <= self.node[1]
            and covers(self.when, later.when)
        )


def _accepted_value(condition: Condition | None) -> Value:
    """Return a value that is accepted, also by all conditions that cover this one; None if unknown: equals no value."""
    if isinstance(condition, OneOf):
        return next(iter(condition.values))
    intervals = _intervals(condition)
    return intervals[0][0] if intervals else None


def _bounds(condition: Condition | None) -> tuple[int, int]:
    intervals = _intervals(condition) or _ALL_NUMBERS
    return intervals[0][0], intervals[-1][1]


def _numbers_cover(wide: Condition | None, narrow: Condition | None) -> bool:
    if wide is None or wide == narrow:
        return True
    if isinstance(narrow, OneOf):
        return all(map(wide.accepts, narrow.values))
    outer, inner = _intervals(wide), _intervals(narrow) or _ALL_NUMBERS
    return outer is not None and all(any(low <= first and last <= high for low, high in outer) for first, last in inner)


def _texts_cover(wide: Condition | None, narrow: Condition | None) -> bool:
    """Compare conditions on texts: decidable if ``narrow`` accepts, or ``wide`` rejects, finitely many known values."""
    if wide is None or wide == narrow:
        return True
    accepted = None if narrow is None else _finite_set(narrow, accepted=True)
    if accepted is not None:
        return all(map(wide.accepts, accepted))
    rejected = _finite_set(wide, accepted=False)
    return rejected is not None and narrow is not None and not any(map(narrow.accepts, rejected))


def _finite_set(condition: Condition, *, accepted: bool) -> frozenset[Value] | None:
    """Return the values that a condition accepts, or those that it rejects; None if they are infinite or unknown."""
    match condition:
        case OneOf(values) if accepted:
            return values
        case Absent(absent) if absent is accepted:
            return frozenset((None, ""))
        case Not(inner):
            return _finite_set(inner, accepted=not accepted)
        case _:
            return None


def _bindings(condition: Condition | None) -> frozenset[Binding]:
    return frozenset(binding for binding in Binding if condition is None or condition.accepts(binding))


def _intervals(condition: Condition | None) -> Intervals | None:
    """Return the numbers that a condition accepts; None if they are unknown."""
    match condition:
        case None:
            return _ALL_NUMBERS
        case Range(low, high):
            first, last = INT32_MIN if low is None else low, INT32_MAX if high is None else high
            return ((first, last),) if first <= last else ()
        case OneOf(values):
            numbers = sorted(value for value in values if isinstance(value, int))
            return _gaps(_gaps(tuple((number, number) for number in numbers)))  # twice: joins neighbours
        case Not(inner):
            intervals = _intervals(inner)
            return None if intervals is None else _gaps(intervals)
        case _:
            return None


def _gaps(intervals: Intervals) -> Intervals:
    """Return the int32 numbers outside the intervals."""
    edges = [INT32_MIN - 1, *(edge for interval in intervals for edge in interval), INT32_MAX + 1]
    return tuple((low + 1, high - 1) for low, high in zip(edges[::2], edges[1::2], strict=True) if low + 1 < high)
