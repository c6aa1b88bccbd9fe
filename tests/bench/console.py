"""What the consoles that people keep open cost a server under load: its rate with five of them, against none."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from json import loads
from statistics import median
from urllib.parse import urlsplit

from tests.bench.measuring import ROUNDS
from tests.bench.wrk import a_call, load, served, wrk_is_there

TABS = 5


def console() -> dict[str, list[float]]:
    """Calls a second with and without consoles, in turn; nothing where wrk is missing."""
    if not wrk_is_there():
        return {}
    measured: dict[str, list[float]] = {"no console, calls/s": [], f"{TABS} consoles, calls/s": []}
    with served() as (origin, _):
        load(origin, a_call())
        for _ in range(ROUNDS):
            measured["no console, calls/s"].append(load(origin, a_call()).rate)
            with watched(origin):
                measured[f"{TABS} consoles, calls/s"].append(load(origin, a_call()).rate)
    return measured


def cost(measured: dict[str, list[float]]) -> dict[str, float]:
    """The part of the rate that is left with consoles, pair by pair."""
    pairs = zip(measured.get(f"{TABS} consoles, calls/s", ()), measured.get("no console, calls/s", ()), strict=True)
    ratios = [with_them / without for with_them, without in pairs]
    return {f"{TABS} consoles / none, rate": median(ratios)} if ratios else {}


@contextmanager
def watched(origin: str) -> Iterator[None]:
    """Consoles that look at a server as the page does, in a process of their own, once they have begun to look."""
    command = [sys.executable, "-m", "tests.bench.console", origin]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        try:
            yield
        finally:
            watching.terminate()


def watch(origin: str) -> None:
    """Look as the console does in a flood of calls: at the newest every 0.9 seconds, at the rest every fourth time."""
    connection = HTTPConnection(urlsplit(origin).netloc)
    looks = 0
    while True:
        began = time.monotonic()
        for _ in range(TABS):
            rest = ["rules?limit=200", "desk", "scenarios", "health"] if looks % 4 == 0 else []
            for path in ("calls?limit=40", *rest):
                connection.request("GET", f"/__admin/{path}")
                loads(connection.getresponse().read())
        looks += 1
        if looks == 1:
            print("looking", flush=True)
        time.sleep(max(0.0, 0.9 - (time.monotonic() - began)))


if __name__ == "__main__":
    watch(sys.argv[1])
