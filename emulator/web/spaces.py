"""Spaces: isolated emulators by name inside one server. Each ends when it is deleted or idle for too long."""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from emulator.core.engine import Engine
from emulator.core.journal import JournalLimits
from emulator.core.rules import Scenario
from emulator.scenario.fields import SPACE_NAME
from emulator.scenario.files import ScenarioFolder
from emulator.web.call_log import CallLog
from emulator.web.redaction import Redactor

PREFIX: Final = "/__admin"
"""The path of the control API, after the root of a space."""

SPACE_IDLE: Final = 1800.0
"""Seconds after its last request after which a space ends, by default."""

_ROOT: Final = "/spaces"
_SPACE_IN_PATH: Final = re.compile(rf"{_ROOT}/({SPACE_NAME})(?=/)")
_FULL_JOURNALS: Final = 16  # the size in full journals that the journals of all spaces share


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chooses.

    ``public_url`` is the address that clients use, when it is not the server's own. ``exposed`` is True when other
    machines can reach the server: the control API then requires ``control_token``. Without ``control`` there is no
    control API, and no ``X-Emulator`` headers. ``max_delay``, of an answer, and ``space_idle`` are in seconds.
    """

    public_url: str | None = None
    control: bool = True
    control_token: str | None = field(default=None, repr=False)
    exposed: bool = False
    show_auth_codes: bool = False
    max_delay: float = math.inf
    journal: JournalLimits = field(default_factory=JournalLimits)
    space_idle: float = SPACE_IDLE


@dataclass(eq=False)
class Space:
    """One isolated emulator and what its addresses need; the server itself is the one without a ``name`` and ``root``.

    ``spaces`` are those of the server. ``files`` is None where no file is served. ``health_problem`` returns why the
    emulator is not healthy, None if it is. ``started`` and ``used_at``, the last request, are in monotonic seconds,
    ``started_at`` is in those since 1970.
    """

    engine: Engine
    settings: Settings
    spaces: Spaces
    name: str = ""
    files: ScenarioFolder | None = None
    health_problem: Callable[[], str | None] = lambda: None

    def __post_init__(self) -> None:
        self.root = f"{_ROOT}/{self.name}" if self.name else ""
        self.started = self.used_at = self.spaces.clock()
        self.started_at = round(time.time(), 6)
        self.redactor = Redactor(self.engine, self.settings.show_auth_codes)
        self.call_log = CallLog(self.engine, self.redactor, adds_headers=self.settings.control)


class TooManySpaces(Exception):
    """As many spaces are open as can be."""


class Spaces:
    """Open, find and end spaces; thread-safe. ``clock`` returns monotonic seconds.

    The journals share a limit in bytes, so that many spaces keep less each.
    """

    max: Final = 1000

    def __init__(self, main: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = Lock()
        self._main = main
        self._settings = settings
        self.clock = clock
        self._spaces: OrderedDict[str, Space] = OrderedDict()  # the most recently used last

    @staticmethod
    def name_in(path: str) -> str | None:
        """Return the name of the space that a path leads to; None for a path of the server itself."""
        match = _SPACE_IN_PATH.match(path) if path.startswith(_ROOT) else None
        return match and match[1]

    def get(self, name: str) -> Space | None:
        """Return an open space and mark it as used."""
        with self._lock:
            self._end_idle()
            space = self._spaces.get(name)
            if space is not None:
                space.used_at = self.clock()
                self._spaces.move_to_end(name)
            return space

    def put(self, name: str, scenario: Scenario | None) -> tuple[Space, bool]:
        """Open a space with a scenario, by default the server's; replace the scenario of one that is open already.

        Return the space, and True if it was opened. Raise TooManySpaces when no more can be.
        """
        space = self.get(name)
        if space is None:
            settings = self._settings
            engine = Engine(scenario or self._main.scenario, limits=settings.journal, max_delay=settings.max_delay)
            opened = Space(engine, self._settings, self, name)
            with self._lock:
                if name not in self._spaces and len(self._spaces) >= self.max:
                    raise TooManySpaces
                space = self._spaces.setdefault(name, opened)
                self._share_journal_bytes()
            if space is opened:
                return space, True
        if scenario is not None:
            space.engine.replace(scenario)
        return space, False

    def drop(self, name: str) -> bool:
        """End a space; return False if there is none of this name."""
        with self._lock:
            self._end_idle()
            dropped = self._spaces.pop(name, None) is not None
            self._share_journal_bytes()
            return dropped

    def list(self) -> list[Space]:
        """Return the open spaces, the least recently used first."""
        with self._lock:
            self._end_idle()
            return [*self._spaces.values()]

    def _end_idle(self) -> None:
        deadline = self.clock() - self._settings.space_idle
        count = len(self._spaces)
        while self._spaces and next(iter(self._spaces.values())).used_at < deadline:
            self._spaces.popitem(last=False)
        if len(self._spaces) < count:
            self._share_journal_bytes()

    def _share_journal_bytes(self) -> None:
        limits = self._settings.journal
        share = replace(limits, size=min(limits.size, limits.size * _FULL_JOURNALS // max(1, len(self._spaces))))
        for space in self._spaces.values():
            space.engine.limit_journal(share)
