"""The spaces of one server: isolated emulators by name, which end when they are deleted or idle for long."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from emulator.core.contract import SERVICE_PATH
from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.web.control.controlled import NAME, Controlled, SpaceNews, TooManySpaces
from emulator.web.settings import Settings
from emulator.web.space import Space

MOST_SPACES: Final = 1000

_ROOT: Final = "/spaces"
_PATH: Final = re.compile(rf"{_ROOT}/({NAME})/")
_JOURNALS: Final = 16  # how many full journals all spaces may fill together, in bytes


@dataclass(slots=True)
class _Open:
    space: Space
    used_at: float


class Spaces:
    """Opens, finds and ends spaces. Safe for threads. ``clock`` tells seconds that only grow.

    Their journals share a bound of bytes, so that many spaces keep less each.
    """

    def __init__(self, main: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = Lock()
        self._main = main
        self._settings = settings
        self._clock = clock
        self._open: OrderedDict[str, _Open] = OrderedDict()  # the one used last stands last

    most = MOST_SPACES

    @property
    def idle(self) -> float:
        """Seconds after its last request that a space ends."""
        return self._settings.space_idle

    @staticmethod
    def root(name: str) -> str:
        """What the paths of a space begin with."""
        return f"{_ROOT}/{name}"

    def address(self, name: str, origin: str) -> str:
        """Where clients reach a space; ``origin`` is how one of them reaches the server."""
        return (self._settings.public_url or origin).removesuffix(SERVICE_PATH) + self.root(name)

    @staticmethod
    def named_in(path: str) -> str | None:
        """The name of the space that a path leads to, None for none."""
        found = _PATH.match(path) if path.startswith(_ROOT) else None
        return found and found[1]

    def get(self, name: str) -> Space | None:
        """A space that is open, and now in use."""
        with self._lock:
            found = self._used(name)
            return None if found is None else found.space

    def put(self, name: str, scenario: Scenario | None) -> bool:
        """Opens a space, with the main scenario when none is given; in one that is open, a given one comes into force.

        True when it was opened just now; TooManySpaces when no more can be.
        """
        with self._lock:
            found = self._used(name)
            self._check_room(found)
        if found is None:
            space = self._made(scenario or self._main.scenario)
            with self._lock:
                self._check_room(self._open.get(name))
                found = self._open.setdefault(name, _Open(space, self._clock()))
                self._share()
            if found.space is space:
                return True
        if scenario is not None:
            found.space.engine.replace(scenario)
        return False

    def drop(self, name: str) -> bool:
        """Ends a space; False when there is none."""
        with self._lock:
            self._end_idle()
            found = self._open.pop(name, None) is not None
            self._share()
            return found

    def news(self) -> list[SpaceNews]:
        """The spaces that are open, the longest unused first."""
        with self._lock:
            self._end_idle()
            now = self._clock()
            return [SpaceNews(name, each.space.engine, now - each.used_at) for name, each in self._open.items()]

    def _used(self, name: str) -> _Open | None:
        self._end_idle()
        found = self._open.get(name)
        if found is not None:
            found.used_at = self._clock()
            self._open.move_to_end(name)
        return found

    def _check_room(self, found: _Open | None) -> None:
        if found is None and len(self._open) >= self.most:
            raise TooManySpaces

    def _made(self, scenario: Scenario) -> Space:
        engine = Engine(scenario, limits=self._settings.journal)
        return Space(Controlled(engine), self._settings)

    def _end_idle(self) -> None:
        before = self._clock() - self._settings.space_idle
        ended = False
        while self._open and next(iter(self._open.values())).used_at < before:
            self._open.popitem(last=False)
            ended = True
        if ended:
            self._share()

    def _share(self) -> None:
        whole = self._settings.journal
        share = replace(whole, size=min(whole.size, whole.size * _JOURNALS // max(1, len(self._open))))
        for each in self._open.values():
            each.space.engine.limit(share)
