"""The server under the soak: a process that watches its scenario file, whose log and resources are observed."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final, NamedTuple

from tests.helpers.calling import ready, serve
from tests.soak.probes import MAX_DELAY, SECRET

TIMEOUT: Final = 20.0
"""Seconds for everything that is waited for."""

_MAX_LINES: Final = 10
_WRONG: Final = re.compile(
    rb"Traceback| ERROR (?!.*soak\.yaml)| CRITICAL |Exception|\w" + SECRET.encode()  # invalid edits are errors
)


class Usage(NamedTuple):
    """The resources of a process: bytes of memory, threads, descriptors."""

    memory: int
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.memory / 1e6:.1f} MB, {self.threads} threads, {self.descriptors} descriptors"


class Log(Thread):
    """Reads a log while it is written, and keeps the first lines that should not be there."""

    def __init__(self, stream: IO[Any]) -> None:
        super().__init__(name="log")
        self.wrong: list[str] = []
        self._stream = stream
        self.start()

    def run(self) -> None:
        rest = b""
        while piece := os.read(self._stream.fileno(), 1 << 20):
            whole, _, rest = (rest + piece).rpartition(b"\n")
            if _WRONG.search(whole) and len(self.wrong) < _MAX_LINES:
                self.wrong += [line.decode(errors="replace") for line in whole.split(b"\n") if _WRONG.search(line)]


class Server(NamedTuple):
    """A running server."""

    port: int
    process: subprocess.Popen[str]
    log: Log

    def usage(self) -> Usage:
        folder = Path(f"/proc/{self.process.pid}")
        pages = int((folder / "statm").read_text().split()[1])
        threads, descriptors = (len(os.listdir(folder / name)) for name in ("task", "fd"))
        return Usage(pages * os.sysconf("SC_PAGE_SIZE"), threads, descriptors)

    def stop(self) -> int:
        """Terminate it, kill it after a timeout; return its exit status once its log is read."""
        self.process.terminate()
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.join()


@contextmanager
def served(file: Path) -> Iterator[Server]:
    """Serve and watch a scenario file."""
    with serve(f"'{file}' --watch --max-delay {MAX_DELAY}") as process:
        _, port = ready(process)
        assert process.stderr is not None
        server = Server(port, process, Log(process.stderr))
        try:
            yield server
        finally:
            server.stop()


def settled(measure: Callable[[], Usage], descriptors: int | None = None) -> Usage:
    """Return the usage once at most so many descriptors are open; by default, once their number stays the same.

    After a timeout, return it as it is.
    """
    deadline = time.monotonic() + TIMEOUT
    previous, usage = None, measure()
    while time.monotonic() < deadline and (
        usage.descriptors != previous if descriptors is None else usage.descriptors > descriptors
    ):
        time.sleep(1.5 * MAX_DELAY if descriptors is None else 0.1)  # an abandoned stall ends after MAX_DELAY
        previous, usage = usage.descriptors, measure()
    return usage
