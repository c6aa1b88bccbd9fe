"""How SIGTERM and Ctrl-C end a process that serves: the first in good order, a second at once, neither later than that.

SIGHUP is left as it is: a server goes with its terminal, unless it was told not to, as by nohup.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any, Final

import click

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


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Nothing is looked for inside the ``with`` statement, unless nothing was before it either."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def keep_all() -> None:
    """What there is now stays for the life of the process, so that later searches look among what comes after it."""
    gc.freeze()


_STANDARD: Final = (0, 1, 2)

_logger = logging.getLogger(__name__)


def take_the_place_of_closed_streams() -> None:
    """Leads closed standard streams nowhere: else the next connection would get their number, and what is written."""
    while (number := os.open(os.devnull, os.O_RDWR)) in _STANDARD:
        pass
    os.close(number)


def say(line: str) -> None:
    """Prints a line at once; where it cannot be written, as on a full disk, it goes into the log with the reason."""
    try:
        click.echo(line)
    except OSError as error:
        _logger.warning("standard output takes nothing, %s: %s", error.strerror, line)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what is still to be written would fail again when the process ends
        os.close(nowhere)
