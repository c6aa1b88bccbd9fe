"""How the application is to behave towards those who use it: what it shows, to whom, and how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from emulator.core.call import Secret, in_full, masked
from emulator.core.journal import JournalLimits

SPACE_IDLE: Final = 1800.0
"""Seconds after its last request that a space ends, when nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person can choose.

    ``public_url`` is where clients reach the emulator, when that is not where they think. ``exposed`` tells that it
    listens beyond this machine: the control API is then for those alone who know ``control_token``. ``control`` False
    leaves that API, and the headers that tell of rules, out. ``space_idle`` is in seconds.
    """

    public_url: str | None = None
    control: bool = True
    control_token: str | None = field(default=None, repr=False)
    exposed: bool = False
    show_auth_codes: bool = False
    journal: JournalLimits = field(default_factory=JournalLimits)
    space_idle: float = SPACE_IDLE

    @property
    def secret(self) -> Secret:
        """How auth codes are shown."""
        return in_full if self.show_auth_codes else masked
