"""What a serving process does to itself: signals, garbage collection, standard streams and the limit of open files.

SIGHUP keeps its default action: a server ends with its terminal unless it was started with nohup.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any, Final
from weakref import WeakSet

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_STOP_TIMEOUT: Final = 0.9  # seconds after the first signal, then the process exits whatever is still open

_logger = logging.getLogger(__name__)


@contextmanager
def stop_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` on the first SIGINT or SIGTERM; exit with 0 on a second one, or if stopping takes too long."""
    timers: list[Timer] = []

    def handle(*_: Any) -> None:
        timers.append(Timer(_STOP_TIMEOUT, os._exit, (0,)))
        timers[-1].daemon = True
        timers[-1].start()
        stop()  # before the next line: it removes files, which an exit does not
        for number in _STOP_SIGNALS:
            signal.signal(number, _exit)

    previous = [signal.signal(number, handle) for number in _STOP_SIGNALS]
    try:
        yield
    finally:
        _restore(previous)
        for timer in timers:
            timer.cancel()


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Exit with 0 at once on SIGINT or SIGTERM inside the block; ignore both after it, since the process ends anyway.

    An exception that leaves the block restores the previous handlers.
    """
    previous = [signal.signal(number, _exit) for number in _STOP_SIGNALS]
    try:
        yield
    except BaseException:
        _restore(previous)
        raise
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _restore(handlers: list[Any]) -> None:
    for number, handler in zip(_STOP_SIGNALS, handlers, strict=True):
        signal.signal(number, handler)


def _exit(*_: Any) -> None:
    os._exit(0)


@contextmanager
def gc_paused() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def reopen_closed_streams() -> None:
    """Reopen closed file descriptors 0 to 2 on /dev/null, so that no socket gets them and what is written to them."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def print_line(line: str) -> None:
    """Print a line to standard output and flush it; if that fails, as on a full disk, log the line and the error."""
    if sys.stdout is None:  # it was closed when the process started
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        _logger.warning("cannot write to standard output, %s: %s", error.strerror, line)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())  # else Python tries to flush the same line again at exit, and fails
        os.close(null)


_closed_in_forks: Final = WeakSet[socket.socket]()


def close_in_forks(used: socket.socket) -> None:
    """Close the socket in each child that is forked, so that a child that outlives this process does not hold it."""
    _closed_in_forks.add(used)


def _close_in_fork() -> None:
    """Replace the sockets by /dev/null: whoever closes their descriptors again then closes nothing else."""
    null = os.open(os.devnull, os.O_RDWR)
    for used in _closed_in_forks:
        if used.fileno() >= 0:
            os.dup2(null, used.fileno(), inheritable=False)
    os.close(null)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_fork)


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard limit: each response that waits holds a connection."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
