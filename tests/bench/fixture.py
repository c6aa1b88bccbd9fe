"""The times of a fixture: to its first answer, for a reset, for its stop, and to import the plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from statistics import mean
from threading import Thread
from time import perf_counter, sleep
from urllib.parse import urlsplit

from emulator import Emulator
from tests.bench.measuring import Effort, Figures

CALL = "/API/API.asmx/startSession?iSession=1000&iNode=2&sAuthCode=demo-ok"
PLUGIN = "plugin imported, ms"
IMPORTING = (
    "import time, pytest; t = time.perf_counter(); import emulator.pytest_plugin; print(time.perf_counter() - t)"
)
WOKEN = "call to the end of verify within, ms"
BOUNDS = {"start to first answer, ms": "<= 15", "reset, ms": "<= 0.3", "stop, ms": "<= 10"}


def fixture(effort: Effort) -> Figures:
    """Measure milliseconds, each the mean of some runs with the default scenario and a keep-alive connection."""
    figures = Figures()
    use_one()
    import_plugin()
    for _ in range(effort.rounds):
        runs = [use_one() for _ in range(effort.number(20))]
        for times, (name, bound) in zip(zip(*runs, strict=True), BOUNDS.items(), strict=True):
            figures.add(name, mean(times) * 1000, bound)
        figures.add(PLUGIN, import_plugin() * 1000, "<= 10")
        figures.add(WOKEN, mean(wake(effort.number(20))) * 1000, "<= 20")
    return figures


def import_plugin() -> float:
    """Return the seconds that importing the plugin adds to a run of pytest, from bytecode as in any but the first."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", IMPORTING]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def wake(number: int) -> Iterator[float]:
    """Yield the seconds from the begin of a call to the end of a verification that waits for it in another thread."""
    with Emulator.start() as emulator, closing(HTTPConnection(urlsplit(emulator.url).netloc)) as connection:
        for count in range(1, number + 1):
            waiting = Thread(target=emulator.verify, kwargs={"times": count, "within": "60s"})
            waiting.start()
            sleep(0.005)  # by then it waits
            called = perf_counter()
            connection.request("GET", CALL)
            waiting.join()
            yield perf_counter() - called
            connection.getresponse().read()


def use_one() -> tuple[float, float, float]:
    """Return the seconds until the first answer, for a reset after some rules and calls, and for the stop."""
    began = perf_counter()
    emulator = Emulator.start()
    with closing(HTTPConnection(urlsplit(emulator.url).netloc)) as connection:

        def get(path: str) -> None:
            connection.request("GET", path)
            connection.getresponse().read()

        get(CALL)
        answered = perf_counter()
        for session in range(10):
            emulator.when(session=session).returns("startSessionRet_OK")
            get(CALL)
        get("/__admin/calls")
        before_reset = perf_counter()
        emulator.reset()
        after_reset = perf_counter()
        emulator.stop()
        return answered - began, after_reset - before_reset, perf_counter() - after_reset
