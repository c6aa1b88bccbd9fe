"""Finds the few among many conditions that could accept a call: exact values are looked up, only the rest is walked."""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, product
from operator import attrgetter
from typing import Final, Generic, Protocol, TypeVar

from emulator.core.matching import OneOf, When

_LOOKED_UP: Final = ("session", "node", "auth_code")
_EVERY_CALL: Final = When()
_FEW: Final = 16  # candidates are sorted sooner than merged one by one


class Placed(Protocol):
    """Something that stands at a position among its like."""

    @property
    def position(self) -> int:
        """Smaller comes first."""
        ...


P = TypeVar("P", bound=Placed)

_position = attrgetter("position")


class Index(Generic[P]):
    """Items in the order of their positions, each found by the exact values that its conditions name.

    An item is kept under its single values, and under each of at most one list of values, so that what is kept grows
    with what was written. Items with the same named fields share a table.
    """

    def __init__(self) -> None:
        self._tables: dict[tuple[str, ...], tuple[Callable[[object], Hashable], dict[Hashable, list[P]]]] = {}
        self._walked: list[P] = []

    def add(self, item: P, when: When) -> None:
        """Take an item in, at its position."""
        for place in self._places(when):
            insort(place, item, key=_position)

    def remove(self, item: P, when: When) -> None:
        """Take an item out that was added with the same conditions."""
        for place in self._places(when):
            place.remove(item)

    def candidates(self, call: object) -> Iterable[P]:
        """In order, every item that could accept the call: each one whose looked up values are the call's."""
        found = [self._walked] if self._walked else []
        for key, table in self._tables.values():
            place = table.get(key(call))
            if place:
                found.append(place)
        if len(found) <= 1:
            return found[0] if found else ()
        if sum(map(len, found)) <= _FEW:
            return sorted(chain.from_iterable(found), key=_position)
        return heapq.merge(*found, key=_position)

    def _places(self, when: When) -> Iterator[list[P]]:
        fields = looked_up(when)
        if not fields and when != _EVERY_CALL:
            yield self._walked
            return
        if fields not in self._tables:
            self._tables[fields] = (attrgetter(*fields) if fields else _no_key, {})
        table = self._tables[fields][1]
        for values in product(*(getattr(when, name).values for name in fields)):
            yield table.setdefault(values[0] if len(values) == 1 else values, [])


def _no_key(call: object) -> Hashable:  # noqa: ARG001 - every call has the same
    return ()


def looked_up(when: When) -> tuple[str, ...]:
    """The fields by which an item is kept: all that name one value, and the one with the shortest list of values."""
    sizes = {name: len(c.values) for name in _LOOKED_UP if isinstance(c := getattr(when, name), OneOf)}
    lists = sorted((size, name) for name, size in sizes.items() if size > 1)
    return tuple(name for name, size in sizes.items() if size == 1 or (size, name) == lists[0])


def remaining(when: When) -> When | None:
    """What is still to be checked of a candidate; None when being found was enough."""
    rest = replace(when, **dict.fromkeys(looked_up(when)))
    return None if rest == _EVERY_CALL else rest
