"""A call: the arguments of one request, freed of the binding's syntax, and how a secret among them is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.core.contract import Binding


@dataclass(frozen=True, slots=True)
class Call:
    """What the operation received. ``auth_code`` is None when it was not sent, and "" when it was sent empty."""

    session: int
    node: int
    auth_code: str | None = field(repr=False)
    binding: Binding


class Masked(str):
    """An auth code of which no more is known than what anybody may see."""

    __slots__ = ()


def masked(auth_code: str | None) -> str:
    """The auth code as it may be shown to anybody: its first four characters at most, and never most of it.

    >>> masked("demo-ann"), masked("abc"), masked(""), masked(None)
    ('de***', '***', '(empty)', '(none)')
    """
    if auth_code is None:
        return "(none)"
    if auth_code == "":
        return "(empty)"
    if isinstance(auth_code, Masked):
        return auth_code
    shown = auth_code[: min(4, len(auth_code) // 4)]
    return f"{shown}***"


def in_full(auth_code: str | None) -> str:
    """The auth code itself, for those who asked to see it."""
    return auth_code or masked(auth_code)


Secret = Callable[[str | None], str]
"""How an auth code is shown: ``masked`` or ``in_full``."""
