"""The auth codes that a rule or the desk names: which of them a wrong code was meant to be, and where they differ."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import takewhile
from operator import eq
from typing import Final
from unicodedata import category

_INVISIBLE: Final = "CMZ"  # the Unicode categories of controls, of marks and of separators


class KnownCodes:
    """Some auth codes, searched by how they begin and end; letter case and blanks around a code do not count."""

    def __init__(self, codes: Iterable[str]) -> None:
        keyed = sorted((_key(code), code) for code in codes if code)
        self._by_start = keyed
        self._by_end = sorted((key[::-1], code) for key, code in keyed)

    def nearest(self, code: str) -> str | None:
        """Return the code that has most in common with this one; None if there is no code."""
        key = _key(code)
        near = [*_neighbours(self._by_start, key), *_neighbours(self._by_end, key[::-1])]
        return max(near, key=lambda named: _shared(key, _key(named)), default=None)


@lru_cache(maxsize=16)  # sorting ten thousand codes takes 10 ms, and a list has a near miss again and again
def known_codes(codes: frozenset[int | str]) -> KnownCodes:
    return KnownCodes(map(str, codes))


def differs_at(code: str, named: str) -> int:
    """Return the 1-based position of the first character at which two different codes differ."""
    return _prefix(code, named) + 1


def describe_difference(code: str, named: str) -> str:
    """Return where a call's code differs from a named one, and how, without showing more of the call's code.

    >>> describe_difference("demo-anm", "demo-ann"), describe_difference("demo-ann ", "demo-ann")
    ('at character 8', "at character 9, where the call's has a blank at its end")
    """
    position = differs_at(code, named)
    found, wanted = code[position - 1 : position], named[position - 1 : position]
    if not found:
        detail = ", where the call's ends"
    elif not wanted:
        detail = ", where the call's " + ("has a blank at its end" if code[position - 1 :].isspace() else "goes on")
    elif found.casefold() == wanted.casefold():
        detail = ", in letter case"
    elif _is_invisible(found):
        detail = f", where the call's has {_name(found)}"
    else:
        detail = f", where {_name(wanted)} is wanted" if _is_invisible(wanted) else ""
    return f"at character {position}{detail}"


def is_close(code: str, named: str) -> bool:
    """Return True if one code is probably a misspelling of the other: at most a quarter of it differs."""
    longest = max(len(code), len(named))
    different = longest - _shared(_key(code), _key(named))
    return different < longest and different <= max(1, longest // 4)


def _key(code: str) -> str:
    return code.strip().casefold()


def _neighbours(codes: list[tuple[str, str]], key: str) -> Iterator[str]:
    """Yield the codes next to a key in sorted order: one of them has the longest common prefix."""
    place = bisect(codes, (key,))
    return (code for _, code in codes[max(0, place - 1) : place + 1])


def _shared(first: str, second: str) -> int:
    """Return how many characters two texts have in common at their beginning and their end."""
    return min(_prefix(first, second) + _prefix(first[::-1], second[::-1]), len(first), len(second))


def _prefix(first: str, second: str) -> int:
    return sum(takewhile(bool, map(eq, first, second)))


def _is_invisible(char: str) -> bool:
    return category(char)[0] in _INVISIBLE


def _name(char: str) -> str:
    return "a blank" if char == " " else f"U+{ord(char):04X}"
