"""The server as a process: how soon it answers, how many calls, how evenly, and what it remembers of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter
from urllib.request import Request, urlopen

from emulator.client.soap import written
from emulator.core.call import Call
from emulator.core.contract import SERVICE_PATH, Binding
from tests.bench.measuring import Effort, Figures, seconds
from tests.bench.wrk import NO_WRK, SECONDS, a_call, load, served, wrk_is_there

CONNECTIONS = (1, 8, 32)
BINDINGS = {"SOAP 1.1": Binding.SOAP11, "GET": Binding.GET}
LIBRARIES = "import emulator.wire.spyne_compat, lxml.etree, werkzeug, uvicorn"
FEW, MANY = 20_000, 200_000


def server(effort: Effort) -> Figures:
    """Rates and latencies of the server over so many connections, and the megabytes that it holds afterwards."""
    if not wrk_is_there():
        return Figures(left_out={"all": NO_WRK})
    figures = Figures()
    with served() as (origin, _):
        for _ in range(effort.rounds):
            for name, binding in effort.few([*BINDINGS.items()]):
                for connections in effort.few(CONNECTIONS):
                    found = load(origin, a_call(binding), connections=connections, seconds=effort.time(SECONDS))
                    where = f"{name}, {connections} connections"
                    for what, value in (("calls/s", found.rate), ("p50 ms", found.p50), ("p99 ms", found.p99)):
                        figures.add(f"{where}, {what}", value)
                    assert found.errors == 0, f"{found.errors} errors at {where}"
    for connections in (1, 8):
        where = f"SOAP 1.1, {connections} connections"
        figures.ratio(f"{where}, p99 / p50", f"{where}, p99 ms", f"{where}, p50 ms")
    with served() as (origin, process):
        for calls in effort.few((FEW, MANY)):
            held = megabytes_after(effort.some(calls), origin, process, a_call(Binding.SOAP11))
            figures.ratios[f"MB after {calls:,} calls"] = held
    return figures


def starting(effort: Effort) -> Figures:
    """Seconds from the start of the process to the first right answer, and for importing the libraries alone."""
    figures = Figures()
    libraries = [sys.executable, "-c", LIBRARIES]
    for _ in range(effort.rounds):
        figures.add("first answer, s", first_answer(served, a_call()))
        figures.add("imports alone, s", seconds(lambda: subprocess.run(libraries, check=True)))
    figures.ratio("first answer / imports alone", "first answer, s", "imports alone, s")
    return figures


def first_answer(serving: Callable[[], AbstractContextManager[tuple[str, int]]], call: Call) -> float:
    """Seconds from the start of a process to its first right answer."""
    asked = written(call)
    began = perf_counter()
    with serving() as (origin, _):
        request = Request(origin + SERVICE_PATH + asked.path, asked.body, asked.headers, method=asked.method)
        with urlopen(request) as found:
            body = found.read()
            took = perf_counter() - began
        assert b"startSessionRet_OK" in body
        return took


def megabytes_after(calls: int, origin: str, process: int, call: Call) -> float:
    """Megabytes that a process has in memory after so many more calls, or a few more than those."""
    answered = 0
    while answered < calls:
        answered += round(load(origin, call, seconds=0.5).rate * 0.5)
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6
