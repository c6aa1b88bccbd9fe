"""How SIGTERM and Ctrl-C end a process that serves: the first in good order, a second at once, neither later than that.

SIGHUP is left as it is: a server goes with its terminal, unless it was told not to, as by nohup.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any, Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_AT_THE_LATEST: Final = 0.9  # seconds after the first signal: what is not in good order by then is left


@contextmanager
def ended_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Calls ``stop`` at the first signal; at a second, and when the first is not obeyed, the process ends with 0."""
    limits: list[Timer] = []

    def handle(*_: Any) -> None:
        limits.append(Timer(_AT_THE_LATEST, os._exit, (0,)))
        limits[-1].daemon = True
        limits[-1].start()
        stop()
        for each in _ENDING:
            signal.signal(each, _end)

    before = [signal.signal(each, handle) for each in _ENDING]
    try:
        yield
    finally:
        for each, handler in zip(_ENDING, before, strict=True):
            signal.signal(each, handler)
        for limit in limits:
            limit.cancel()


@contextmanager
def ended_at_once_by_signals() -> Iterator[None]:
    """A signal ends the process at once with 0, for as long as it has nothing to put in order; afterwards none does."""
    before = [signal.signal(each, _end) for each in _ENDING]
    try:
        yield
    except BaseException:
        for each, handler in zip(_ENDING, before, strict=True):
            signal.signal(each, handler)
        raise
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)


def _end(*_: Any) -> None:
    os._exit(0)
