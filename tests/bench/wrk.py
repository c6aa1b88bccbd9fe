"""A server in a process of its own, and a load on it by wrk."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from emulator.client.soap import written
from emulator.core.call import Call
from emulator.core.contract import SERVICE_PATH, Binding

SECONDS = 3
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class Load(NamedTuple):
    """Calls a second, and the milliseconds within which half and 99 of a hundred were answered; how many failed."""

    rate: float
    p50: float
    p99: float
    errors: int


NO_WRK = "the load needs the program wrk; on Debian and Ubuntu: apt-get install wrk"


def wrk_is_there() -> bool:
    """Whether there is a program to make the load."""
    return shutil.which("wrk") is not None


@contextmanager
def served(*options: str) -> Iterator[tuple[str, int]]:
    """A scenario, the default one when none is among the options, served by a process: its origin, and its id."""
    with started([sys.executable, "-m", "emulator", "serve", "--port", "0", *options]) as server:
        yield server


@contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Any server that says ``ready`` with the service's address: its origin, and the process's id."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        try:
            assert said.startswith("ready "), f"{command} did not begin to serve"
            yield said.split()[1].removesuffix(SERVICE_PATH), server.pid
        finally:
            server.terminate()


@contextmanager
def beside(module: str, *arguments: str) -> Iterator[None]:
    """A module in a process of its own, from the first line that it prints on."""
    with subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline(), f"{module} did not begin"
            yield
        finally:
            running.terminate()


def load(origin: str, call: Call, *, connections: int = 8, seconds: float = SECONDS) -> Load:
    """One kind of call, over connections that stay open, as often as they are answered."""
    request = written(call)
    with TemporaryDirectory() as folder:
        script = Path(folder, "call.lua")
        script.write_text(_script(request.method, request.headers, request.body))
        url = origin + SERVICE_PATH + request.path
        command = ["wrk", "-t1", f"-c{connections}", f"-d{ceil(seconds) + 10}", "--latency", "-s", str(script), url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
            time.sleep(seconds)
            wrk.send_signal(signal.SIGINT)  # its own clock knows whole seconds only
            told, _ = wrk.communicate()
    failed = re.findall(r"(?:Non-2xx or 3xx responses: |connect |read |write |timeout )(\d+)", told)
    return Load(
        float(_found(r"Requests/sec:\s*([0-9.]+)", told)),
        _milliseconds(_found(r"\n\s+50%\s+(\S+)", told)),
        _milliseconds(_found(r"\n\s+99%\s+(\S+)", told)),
        sum(map(int, failed)),
    )


def a_call(binding: Binding = Binding.GET) -> Call:
    """A call that the default scenario answers with OK."""
    return Call(1000, 2, "demo-ok", binding)


def _script(method: str, headers: dict[str, str], body: bytes | None) -> str:
    lines = [f"wrk.method = '{method}'", *(f"wrk.headers['{name}'] = '{value}'" for name, value in headers.items())]
    return "\n".join([*lines, f"wrk.body = [==[{(body or b'').decode()}]==]" if body else ""])


def _found(pattern: str, told: str) -> str:
    found = re.search(pattern, told)
    assert found is not None, told
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
