"""Spaces: isolated emulators by name inside one server. Each ends when it is deleted or idle for too long."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final, NamedTuple

from emulator.core.contract import SERVICE_PATH
from emulator.core.engine import Engine
from emulator.core.journal import JournalLimits
from emulator.core.rules import Scenario
from emulator.scenario.files import ScenarioFolder
from emulator.web.call_log import CallLog
from emulator.web.redaction import Redactor

PREFIX: Final = "/__admin"
"""The path of the control API, after the root of a space."""

SPACE_NAME: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The names that spaces can have, as a regular expression."""

SPACE_IDLE: Final = 1800.0
"""Seconds after its last request after which a space ends, by default."""

MAX_SPACES: Final = 1000

_ROOT: Final = "/spaces"
_SPACE_IN_PATH: Final = re.compile(rf"{_ROOT}/({SPACE_NAME})(?=/)")
_FULL_JOURNALS: Final = 16  # the size in full journals that the journals of all spaces share


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chooses.

    ``public_url`` is the address that clients use, when it is not the server's own. ``exposed`` is True when other
    machines can reach the server: the control API then requires ``control_token``. Without ``control`` there is no
    control API, and no ``X-Emulator`` headers. ``space_idle`` is in seconds.
    """

    public_url: str | None = None
    control: bool = True
    control_token: str | None = field(default=None, repr=False)
    exposed: bool = False
    show_auth_codes: bool = False
    journal: JournalLimits = field(default_factory=JournalLimits)
    space_idle: float = SPACE_IDLE


class Space:
    """One isolated emulator and what its addresses need; the server itself is the one without a ``root``.

    ``spaces`` are those beside it, None inside a space. ``files`` is None where no file is served. ``health_problem``
    returns why the emulator is not healthy, None if it is. ``started`` is in seconds of the monotonic clock.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        root: str = "",
        spaces: Spaces | None = None,
        files: ScenarioFolder | None = None,
        health_problem: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.root = root
        self.spaces = spaces
        self.files = files
        self.health_problem = health_problem
        self.started = time.monotonic()
        self.redactor = Redactor(engine, settings.show_auth_codes)
        self.call_log = CallLog(engine, self.redactor, adds_headers=settings.control)


class TooManySpaces(Exception):
    """MAX_SPACES spaces are open."""


class SpaceStatus(NamedTuple):
    """An open space: its name, its engine, and the seconds since its last request."""

    name: str
    engine: Engine
    idle: float


@dataclass(slots=True)
class _Entry:
    space: Space
    used_at: float


class Spaces:
    """Open, find and end spaces; thread-safe. ``clock`` returns monotonic seconds.

    The journals share a limit in bytes, so that many spaces keep less each.
    """

    max: Final = MAX_SPACES

    def __init__(self, main: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = Lock()
        self._main = main
        self._settings = settings
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the most recently used last

    @property
    def idle(self) -> float:
        """Seconds after its last request after which a space ends."""
        return self._settings.space_idle

    def address(self, name: str, server_url: str) -> str:
        """Return where clients reach a space; ``server_url`` is how the client that asks reaches the server."""
        return f"{(self._settings.public_url or server_url).removesuffix(SERVICE_PATH)}{_ROOT}/{name}"

    @staticmethod
    def name_in(path: str) -> str | None:
        """Return the name of the space that a path leads to; None for a path of the server itself."""
        match = _SPACE_IN_PATH.match(path) if path.startswith(_ROOT) else None
        return match and match[1]

    def get(self, name: str) -> Space | None:
        """Return an open space and mark it as used."""
        with self._lock:
            entry = self._used(name)
            return None if entry is None else entry.space

    def put(self, name: str, scenario: Scenario | None) -> bool:
        """Open a space with a scenario, by default the server's; replace the scenario of one that is open already.

        Return True if it was opened. Raise TooManySpaces when no more can be.
        """
        with self._lock:
            entry = self._used(name)
            self._check_room(entry)
        if entry is None:
            engine = Engine(scenario or self._main.scenario, limits=self._settings.journal)
            space = Space(engine, self._settings, root=f"{_ROOT}/{name}")
            with self._lock:
                self._check_room(self._entries.get(name))
                entry = self._entries.setdefault(name, _Entry(space, self._clock()))
                self._share_journal_bytes()
            if entry.space is space:
                return True
        if scenario is not None:
            entry.space.engine.replace(scenario)
        return False

    def drop(self, name: str) -> bool:
        """End a space; return False if there is none of this name."""
        with self._lock:
            self._end_idle()
            dropped = self._entries.pop(name, None) is not None
            self._share_journal_bytes()
            return dropped

    def list(self) -> list[SpaceStatus]:
        """Return the open spaces, the least recently used first."""
        with self._lock:
            self._end_idle()
            now = self._clock()
            return [SpaceStatus(name, each.space.engine, now - each.used_at) for name, each in self._entries.items()]

    def _used(self, name: str) -> _Entry | None:
        self._end_idle()
        entry = self._entries.get(name)
        if entry is not None:
            entry.used_at = self._clock()
            self._entries.move_to_end(name)
        return entry

    def _check_room(self, entry: _Entry | None) -> None:
        if entry is None and len(self._entries) >= self.max:
            raise TooManySpaces

    def _end_idle(self) -> None:
        deadline = self._clock() - self._settings.space_idle
        count = len(self._entries)
        while self._entries and next(iter(self._entries.values())).used_at < deadline:
            self._entries.popitem(last=False)
        if len(self._entries) < count:
            self._share_journal_bytes()

    def _share_journal_bytes(self) -> None:
        limits = self._settings.journal
        share = replace(limits, size=min(limits.size, limits.size * _FULL_JOURNALS // max(1, len(self._entries))))
        for entry in self._entries.values():
            entry.space.engine.limit_journal(share)
