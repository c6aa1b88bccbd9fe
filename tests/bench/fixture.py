"""How long a fixture takes: to its first answer, for a reset, for its stop; and what a hundred of them leave."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from http.client import HTTPConnection
from time import perf_counter
from urllib.parse import urlsplit

from emulator import Emulator
from tests.bench.measuring import Effort, Figures

STARTS = 20
MANY = 100
CALL = "/API/API.asmx/startSession?iSession=1000&iNode=2&sAuthCode=demo-ok"
RULES = 10


def fixture(effort: Effort) -> Figures:
    """Milliseconds, each the mean of some runs with the shipped default scenario and a connection that stays open."""
    figures = Figures()
    once()
    for _ in range(effort.rounds):
        runs = [once() for _ in range(effort.some(STARTS))]
        for number, name in enumerate(("start to first answer, ms", "reset, ms", "stop, ms")):
            figures.add(name, sum(run[number] for run in runs) / len(runs) * 1000)
    figures.ratios |= left_behind(effort.some(MANY))
    return figures


def once() -> tuple[float, float, float]:
    """Seconds until the first answer, for a reset with some rules and calls behind it, and for the stop."""
    began = perf_counter()
    emulator = Emulator.start()
    connection = HTTPConnection(urlsplit(emulator.url).netloc)
    try:
        ask(connection, CALL)
        answered = perf_counter()
        for session in range(RULES):
            emulator.when(session=session).returns("startSessionRet_OK")
            ask(connection, CALL)
        ask(connection, "/__admin/calls")
        ready = perf_counter()
        emulator.reset()
        reset = perf_counter()
        emulator.stop()
        return answered - began, reset - ready, perf_counter() - reset
    finally:
        connection.close()


def ask(connection: HTTPConnection, path: str) -> None:
    """One request, and its whole answer."""
    connection.request("GET", path)
    connection.getresponse().read()


def left_behind(many: int) -> dict[str, float]:
    """Threads, descriptors and megabytes that so many emulators, started and stopped, leave in the process."""
    for _ in range(5):
        once()
    tracemalloc.start()
    before = held()
    for _ in range(many):
        once()
    after = held()
    tracemalloc.stop()
    names = ("threads", "descriptors", "MB")
    return {f"left by {many} emulators, {name}": b - a for name, a, b in zip(names, before, after, strict=True)}


def held() -> tuple[float, float, float]:
    """Threads, descriptors and megabytes of this process now."""
    gc.collect()
    return threading.active_count(), len(os.listdir("/proc/self/fd")), tracemalloc.get_traced_memory()[0] / 1e6
