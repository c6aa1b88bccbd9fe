"""Servers in processes of their own, and a load on them by the program wrk."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.client.soap import build_request
from emulator.core.contract import SERVICE_PATH, Binding, Call
from tests.bench.measuring import Effort, Figures, Missing

NO_WRK = "it needs the program wrk; on Debian and Ubuntu: apt-get install wrk"

_WITHOUT_LOG = "import logging; from emulator.cli import main; logging.disable(); main()"
_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def served(*options: str, log: bool = True) -> AbstractContextManager[tuple[str, int]]:
    """Serve with these options, the default scenario if none is among them; yield the origin and the process id."""
    program = ["-m", "emulator"] if log else ["-c", _WITHOUT_LOG]
    return started([sys.executable, *program, "serve", "--port", "0", *options])


@contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Start any server that prints ``ready URL``; yield its origin and process id."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            assert line.startswith("ready "), f"{command} did not begin to serve"
            yield line.split()[1].removesuffix(SERVICE_PATH), server.pid
        finally:
            server.terminate()


def measure_load(
    figures: Figures, name: str, effort: Effort, origin: str, call: Call, *, connections: int = 8
) -> float:
    """Load a server, and add its rate and latencies; return the rate. A wrong answer is an AssertionError."""
    report = load(origin, call, connections=connections, seconds=effort.seconds(3))
    errors = re.findall(r"(?:Non-2xx or 3xx responses: |connect |read |write |timeout )(\d+)", report)
    assert not any(map(int, errors)), f"errors of {name}: {report}"
    figures.add(f"{name}, calls/s", rate(report))
    for percentile in (50, 99):
        ((number, unit),) = re.findall(rf"\n\s+{percentile}%\s+([0-9.]+)([a-z]+)", report)
        figures.add(f"{name}, p{percentile} ms", float(number) * _MILLISECONDS[unit])
    return rate(report)


def load(origin: str, call: Call, *, connections: int = 8, seconds: float) -> str:
    """Send one call over keep-alive connections as fast as it is answered; return wrk's report."""
    if shutil.which("wrk") is None:
        raise Missing(NO_WRK)
    request = build_request(call)
    lines = [f"wrk.method = '{request.method}'"]
    lines += [f"wrk.headers['{name}'] = '{value}'" for name, value in request.headers.items()]
    lines += [f"wrk.body = [==[{request.body.decode()}]==]"] if request.body else []
    with TemporaryDirectory() as folder:
        script = Path(folder, "call.lua")
        script.write_text("\n".join(lines))
        url = origin + SERVICE_PATH + request.path
        command = ["wrk", "-t1", f"-c{connections}", f"-d{ceil(seconds) + 10}", "--latency", "-s", str(script), url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
            time.sleep(seconds)
            wrk.send_signal(signal.SIGINT)  # its own clock knows whole seconds only
            return wrk.communicate()[0]


def rate(report: str) -> float:
    """Return the calls a second of a report of wrk."""
    (number,) = re.findall(r"Requests/sec:\s*([0-9.]+)", report)
    return float(number)


def default_call(binding: Binding = Binding.GET) -> Call:
    """Return a call that the default scenario answers with OK."""
    return Call(1000, 2, "demo-ok", binding)
