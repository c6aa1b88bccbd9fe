"""The server under the soak: a process that watches its scenario file, whose log is read and whose use is measured."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Final, NamedTuple

from emulator.core.contract import SERVICE_PATH
from tests.soak.deeds import HIDDEN, LONGEST_DELAY

PATIENCE: Final = 20.0
"""Seconds after which what was waited for counts as not to come."""

_SHOWN: Final = 10
_UNASKED: Final = re.compile(rb"Traceback| ERROR (?!\S+ is refused, and the rules in force stay:)| CRITICAL |Exception")
_CODE: Final = re.compile(rb"\w" + HIDDEN.encode())


class Use(NamedTuple):
    """What a process holds: bytes of memory, threads, descriptors."""

    memory: int
    threads: int
    descriptors: int


class Log:
    """Reads the log while it is written, in a thread of its own; keeps of it only what should not be there."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines = 0
        self.wrong: list[str] = []
        self._stream = stream
        self._thread = Thread(target=self._read, name="log")
        self._thread.start()

    def _read(self) -> None:
        rest = b""
        while piece := os.read(self._stream.fileno(), 1 << 20):
            whole, _, rest = (rest + piece).rpartition(b"\n")
            self.lines += whole.count(b"\n") + 1
            if (_UNASKED.search(whole) or _CODE.search(whole)) and len(self.wrong) < _SHOWN:
                self.wrong += [
                    line.decode(errors="replace")
                    for line in whole.split(b"\n")
                    if _UNASKED.search(line) or _CODE.search(line)
                ]

    def end(self) -> None:
        """Returns once all of it is read, after the end of the process."""
        self._thread.join()


class Server(NamedTuple):
    """A running server: its port, its process, and its log."""

    port: int
    process: subprocess.Popen[bytes]
    log: Log

    def use(self) -> Use:
        """What it holds now."""
        about = Path(f"/proc/{self.process.pid}")
        pages = int((about / "statm").read_text().split()[1])
        threads, descriptors = (len(os.listdir(about / name)) for name in ("task", "fd"))
        return Use(pages * os.sysconf("SC_PAGE_SIZE"), threads, descriptors)

    def seconds(self) -> float:
        """How long it has used a processor."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """Ends it, in good order if it can; returns its status once all of its log is read."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.end()


@contextmanager
def served(file: Path) -> Iterator[Server]:
    """A scenario file served and watched."""
    command = [sys.executable, "-m", "emulator", "serve", str(file), "--watch", "--port", "0"]
    command += ["--max-delay", str(LONGEST_DELAY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline().decode()
        assert said.startswith("ready "), "the server did not begin to serve"
        port = said.split()[1].removesuffix(SERVICE_PATH).rpartition(":")[2]
        server = Server(int(port), process, Log(process.stderr))
        try:
            yield server
        finally:
            server.stop()


def settled(measure: Callable[[], Use], most: int | None = None) -> Use:
    """The use once no more than ``most`` descriptors are open, or, where none is told, once it is twice the same.

    After some patience, the use as it is.
    """
    deadline = time.monotonic() + PATIENCE
    before, now = None, measure()
    while (now.descriptors != before if most is None else now.descriptors > most) and time.monotonic() < deadline:
        time.sleep(1.5 * LONGEST_DELAY if most is None else 0.1)  # a stall that was given up may go on for so long
        before, now = now.descriptors, measure()
    return now
