"""What a process does to itself: signals, garbage collection, standard streams, sockets in forks, limit of files."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from stat import S_ISCHR
from threading import Thread
from typing import Any, Final
from weakref import WeakSet

_STOP_TIMEOUT: Final = 0.9  # seconds after the first signal, then the process exits whatever is still open

_COOPERATIVE: Final = ("threading", "thread", "socket", "select", "queue")  # modules as gevent and eventlet name them

_logger = logging.getLogger(__name__)


@contextmanager
def stop_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` on the first signal to stop; exit with 0 on a second one, or if the process takes too long to end.

    That limit also holds after the block, since the exit of Python waits for threads.
    """
    numbers = _stop_signals()

    def handle(*_: Any) -> None:
        _exit_later()
        stop()  # before the next line: it removes files, which an exit does not
        for number in numbers:
            signal.signal(number, _exit)

    previous = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        _restore(numbers, previous)


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Exit with 0 on a signal to stop inside the block; ignore them after it, since the process ends anyway.

    An exception that leaves the block restores the previous handlers.
    """
    numbers = _stop_signals()
    is_exiting = False

    def handle(*_: Any) -> None:
        nonlocal is_exiting
        is_exiting = True
        ignore()
        _exit_later()
        raise SystemExit(0)  # not os._exit: temporary files are to be removed

    def ignore() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    previous = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    except BaseException:
        if not is_exiting:
            _restore(numbers, previous)
        raise
    ignore()


def _stop_signals() -> list[signal.Signals]:
    """Return the signals that stop a server; SIGHUP is one unless it is ignored, as nohup does."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return signals


def _exit_later() -> None:
    """Exit with 0 after ``_STOP_TIMEOUT``, by a signal: a thread would not run while ``re`` keeps the main one busy."""
    if hasattr(signal, "setitimer"):  # Windows has none
        signal.signal(signal.SIGALRM, _exit)
        signal.setitimer(signal.ITIMER_REAL, _STOP_TIMEOUT)
        # After the exit functions nothing waits, and Python no longer calls _exit: SIGALRM would end the process.
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)


def _restore(numbers: list[signal.Signals], handlers: list[Any]) -> None:
    for number, handler in zip(numbers, handlers, strict=True):
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


def has_stdin() -> bool:
    """Return False if standard input is closed or /dev/null."""
    try:
        used, null = os.fstat(0), os.stat(os.devnull)
    except OSError:
        return False
    return not (S_ISCHR(used.st_mode) and used.st_rdev == null.st_rdev)


def stop_with_stdin() -> None:
    """Send this process SIGTERM when its standard input ends."""

    def read() -> None:
        with suppress(OSError):  # a terminal that was closed
            while os.read(0, 65536):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=read, name="stdin", daemon=True).start()


def escape_output() -> None:
    """Let standard output and error escape the characters that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_line(line: str) -> None:
    """Print a line to standard output and flush it; if that fails, as on a full disk, log the line and the error."""
    if sys.stdout is None:  # it was closed when the process started
        return
    try:
        print(line, flush=True)
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


def monkey_patched() -> str | None:
    """Return which library has made threads or sockets of this process cooperative; None if none has."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and any(map(gevent.is_module_patched, _COOPERATIVE)):
        return "gevent"
    if eventlet is not None and any(map(eventlet.is_monkey_patched, _COOPERATIVE)):
        return "eventlet"
    return None


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard limit: each response that waits holds a connection."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
