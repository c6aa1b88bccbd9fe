"""The server as a process: how soon it answers, how many calls, how evenly, and what it remembers of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from urllib.request import urlopen

from emulator.core.contract import Binding
from tests.bench.measuring import ROUNDS, seconds
from tests.bench.wrk import a_call, load, served, wrk_is_there

CONNECTIONS = (1, 8, 32)
BINDINGS = {"SOAP 1.1": Binding.SOAP11, "GET": Binding.GET}
STOCK = "import emulator.wire.spyne_compat, lxml.etree, werkzeug, uvicorn"
CALL = "/API/API.asmx/startSession?iSession=1000&iNode=2&sAuthCode=x"
FEW, MANY = 20_000, 200_000


def server() -> dict[str, list[float]]:
    """Rates and latencies of the server over so many connections; nothing where wrk is missing."""
    if not wrk_is_there():
        return {}
    measured: dict[str, list[float]] = {}
    with served() as (origin, _):
        load(origin, a_call(), seconds=1)
        for _ in range(ROUNDS):
            for name, binding in BINDINGS.items():
                for connections in CONNECTIONS:
                    found = load(origin, a_call(binding), connections=connections)
                    where = f"{name}, {connections} connections"
                    for what, value in (("calls/s", found.rate), ("p50 ms", found.p50), ("p99 ms", found.p99)):
                        measured.setdefault(f"{where}, {what}", []).append(value)
                    assert found.errors == 0, f"{found.errors} errors at {where}"
    return measured


def starting() -> dict[str, list[float]]:
    """Seconds from the start of the process to the first right answer, and for importing the libraries alone."""
    measured: dict[str, list[float]] = {"first answer, s": [], "imports alone, s": []}
    for _ in range(ROUNDS):
        measured["first answer, s"].append(first_answer())
        imports = [sys.executable, "-c", STOCK]
        measured["imports alone, s"].append(seconds(lambda: subprocess.run(imports, check=True)))  # noqa: B023
    return measured


def first_answer() -> float:
    """Seconds from the start of a process to its first right answer."""
    began = perf_counter()
    with served() as (origin, _), urlopen(f"{origin}{CALL}") as found:
        assert b"startSessionRet_OK" in found.read()
        return perf_counter() - began


def memory() -> dict[str, float]:
    """Megabytes that the process holds after so many calls, its journal full."""
    if not wrk_is_there():
        return {}
    held = {}
    with served() as (origin, process):
        answered = 0
        for wanted in (FEW, MANY):
            while answered < wanted:
                answered += int(load(origin, a_call(Binding.SOAP11), seconds=2).rate * 2)
            held[f"MB after {wanted:,} calls"] = resident(process)
    return held


def resident(process: int) -> float:
    """Megabytes of a process in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def ratios(middle: dict[str, float]) -> dict[str, float]:
    """The first answer against the imports alone, and the tail against the middle of the latencies."""
    found = {"first answer / imports alone": middle["first answer, s"] / middle["imports alone, s"]}
    for connections in (1, 8):
        where = f"SOAP 1.1, {connections} connections"
        if f"{where}, p50 ms" in middle:
            found[f"{where}, p99 / p50"] = middle[f"{where}, p99 ms"] / middle[f"{where}, p50 ms"]
    return found


if __name__ == "__main__":
    for name, values in (server() | starting()).items():
        print(f"{name}: {median(values):,.3f}")
