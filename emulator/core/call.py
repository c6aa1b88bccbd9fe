"""A call: the arguments of one request, independent of the binding."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.core.contract import Binding


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of the operation. ``auth_code`` is None if it was not sent, and "" if it was sent empty."""

    session: int
    node: int
    auth_code: str | None = field(repr=False)
    binding: Binding


def format_auth_code(auth_code: str | None) -> str:
    """Return the auth code as text, with a placeholder for a missing or empty one."""
    return auth_code or ("(none)" if auth_code is None else "(empty)")
