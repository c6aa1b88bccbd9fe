"""Which conditions accept all that others accept, and so which rules can never be reached; nothing unsure is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.core.matching import Absent, Condition, Not, OneOf, Range, Value, When
from emulator.core.rule_index import Index
from emulator.core.rules import Rule

MOST_COMPARED: Final = 5_000_000
"""How many pairs of rules are compared, about. Exact values are looked up; only some thousand rules with ranges,
patterns and the like make more pairs, and then the last of them are compared with the first of them only."""

Intervals = tuple[tuple[int, int], ...]

_EVERY_NUMBER: Final[Intervals] = ((INT32_MIN, INT32_MAX),)
_NO_EXAMPLE: Final = object()


def unreachable(rules: Mapping[int, Rule]) -> Iterator[tuple[int, int | None]]:
    """Each rule that no call can reach, by its number, with that of an earlier rule that accepts all that it accepts.

    In place of the earlier one stands None when the rule's own conditions accept no call. The rules come in order. One
    with ``times`` stands aside some day, and so hides nobody.
    """
    earlier: Index[_Placed] = Index()
    limit = max(100, MOST_COMPARED // max(1, len(rules)))
    for number, rule in rules.items():
        if accepts_nothing(rule.when):
            yield number, None
            continue
        placed = _Placed(number, rule.when, _ends(rule.when.session), _ends(rule.when.node))
        candidates = islice(earlier.candidates(_example(rule.when)), limit)
        hider = next((candidate for candidate in candidates if candidate.hides(placed)), None)
        if hider is not None:
            yield number, hider.position
        elif rule.times is None:
            earlier.add(placed, rule.when)


def covers(wide: When, narrow: When) -> bool:
    """Whether ``wide`` certainly accepts every call that ``narrow`` accepts."""
    return (
        _numbers_cover(wide.session, narrow.session)
        and _numbers_cover(wide.node, narrow.node)
        and _texts_cover(wide.auth_code, narrow.auth_code)
        and (wide.binding is None or _bindings(wide.binding) >= _bindings(narrow.binding))
    )


def accepts_nothing(when: When) -> bool:
    """Whether no call can meet the conditions, for certain."""
    return any(isinstance(each, Not) and _intervals(each) == () for each in (when.session, when.node)) or (
        when.binding is not None and not _bindings(when.binding)
    )


class _Placed(NamedTuple):
    """Conditions at a position, with the lowest and highest numbers that they accept."""

    position: int
    when: When
    session: tuple[int, int]
    node: tuple[int, int]

    def hides(self, later: _Placed) -> bool:
        """Whether nothing is left for the later one; the ends tell most pairs apart, and quickly."""
        return (
            self.session[0] <= later.session[0]
            and self.session[1] >= later.session[1]
            and self.node[0] <= later.node[0]
            and self.node[1] >= later.node[1]
            and covers(self.when, later.when)
        )


class _Example(NamedTuple):
    """Values that conditions accept, where one can be told: whoever accepts all that they accept, accepts these."""

    session: object
    node: object
    auth_code: object


def _example(when: When) -> _Example:
    return _Example(_accepted_by(when.session), _accepted_by(when.node), _accepted_by(when.auth_code))


def _accepted_by(condition: Condition | None) -> object:
    """One value that a condition accepts, of those that can be listed under: single ones and ends of ranges."""
    if isinstance(condition, OneOf):
        return next(iter(condition.values))
    intervals = _intervals(condition)
    return intervals[0][0] if intervals else _NO_EXAMPLE


def _ends(condition: Condition | None) -> tuple[int, int]:
    intervals = _intervals(condition) or _EVERY_NUMBER
    return intervals[0][0], intervals[-1][1]


def _numbers_cover(wide: Condition | None, narrow: Condition | None) -> bool:
    if wide is None or wide == narrow:
        return True
    if isinstance(narrow, OneOf):
        return all(wide.accepts(value) for value in narrow.values)
    outer, inner = _intervals(wide), _intervals(narrow) or _EVERY_NUMBER
    if outer is None:
        return False
    return all(any(low <= first and last <= high for low, high in outer) for first, last in inner)


def _texts_cover(wide: Condition | None, narrow: Condition | None) -> bool:
    """Texts have no end: what accepts all of another's either is tried on each of a few, or refuses only a few."""
    if wide is None or wide == narrow:
        return True
    accepted = None if narrow is None else _few(narrow, accepted=True)
    if accepted is not None:
        return all(wide.accepts(value) for value in accepted)
    refused = _few(wide, accepted=False)
    return refused is not None and narrow is not None and not any(narrow.accepts(value) for value in refused)


def _few(condition: Condition, *, accepted: bool) -> frozenset[Value] | None:
    """The texts that a condition accepts, or those that it refuses; None when they are endless or not known."""
    match condition:
        case OneOf(values) if accepted:
            return values
        case Absent(absent) if absent is accepted:
            return frozenset((None, ""))
        case Not(inner):
            return _few(inner, accepted=not accepted)
        case _:
            return None


def _bindings(condition: Condition | None) -> frozenset[Binding]:
    return frozenset(binding for binding in Binding if condition is None or condition.accepts(binding))


def _intervals(condition: Condition | None) -> Intervals | None:
    """The numbers that a condition accepts, as intervals in order that do not touch; None when only trying tells."""
    match condition:
        case None:
            return _EVERY_NUMBER
        case Range(low, high):
            return ((INT32_MIN if low is None else low, INT32_MAX if high is None else high),)
        case OneOf(values):
            return _joined(sorted(value for value in values if isinstance(value, int)))
        case Not(inner):
            intervals = _intervals(inner)
            return None if intervals is None else _between(intervals)
        case _:
            return None


def _joined(numbers: list[int]) -> Intervals:
    intervals: list[tuple[int, int]] = []
    for number in numbers:
        joins = bool(intervals) and intervals[-1][1] + 1 == number
        first = intervals.pop()[0] if joins else number
        intervals.append((first, number))
    return tuple(intervals)


def _between(intervals: Intervals) -> Intervals:
    """What int32 has beside the intervals."""
    edges = [INT32_MIN - 1, *(edge for interval in intervals for edge in interval), INT32_MAX + 1]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((before + 1, after - 1) for before, after in gaps if before + 1 < after)
