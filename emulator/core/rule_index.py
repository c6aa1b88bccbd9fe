"""An index of rules by the exact values in their conditions, so that a call is compared with few of them."""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain, product
from operator import attrgetter
from typing import Final, Generic, TypeVar

from emulator.core.matching import OneOf, When

INDEXED: Final = ("session", "node", "auth_code")
_MAX_SORTED: Final = 16  # up to here, sorting the candidates is faster than merging them lazily

T = TypeVar("T")

_position = attrgetter("position")


class Index(Generic[T]):
    """Items in the order of their ``position``, found by the exact values that their conditions name.

    An item is stored under its single values and under each value of at most one list, so that the memory used grows
    linearly with the rules as written. Items whose conditions name the same fields share a table.
    """

    def __init__(self) -> None:
        self._tables: dict[tuple[str, ...], tuple[Callable[[object], Hashable], dict[Hashable, list[T]]]] = {}
        self._unindexed: list[T] = []

    def add(self, item: T, when: When) -> None:
        for bucket in self._buckets(when):
            insort(bucket, item, key=_position)

    def remove(self, item: T, when: When) -> None:
        for bucket in self._buckets(when):
            bucket.remove(item)

    def candidates(self, call: object) -> Iterable[T]:
        """Return, in order, the items that could accept the call: those whose indexed values are the call's."""
        buckets = [self._unindexed] if self._unindexed else []
        for key, table in self._tables.values():
            bucket = table.get(key(call))
            if bucket:
                buckets.append(bucket)
        if len(buckets) <= 1:
            return buckets[0] if buckets else ()
        if sum(map(len, buckets)) <= _MAX_SORTED:
            return sorted(chain.from_iterable(buckets), key=_position)
        return heapq.merge(*buckets, key=_position)

    def _buckets(self, when: When) -> Iterator[list[T]]:
        fields = indexed_fields(when)
        if not fields:
            yield self._unindexed
            return
        _, table = self._tables.setdefault(fields, (attrgetter(*fields), {}))
        for values in product(*(getattr(when, name).values for name in fields)):
            yield table.setdefault(values[0] if len(values) == 1 else values, [])


def indexed_fields(when: When) -> tuple[str, ...]:
    """Return the fields by which an item is stored: those with a single value, and the one with the shortest list."""
    sizes = {name: len(c.values) for name in INDEXED if isinstance(c := getattr(when, name), OneOf)}
    lists = sorted((size, name) for name, size in sizes.items() if size > 1)
    return tuple(name for name, size in sizes.items() if size == 1 or (size, name) == lists[0])
