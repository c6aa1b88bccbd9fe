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

from tests.bench.measuring import Effort, Figures
from tests.bench.wrk import NO_WRK, SECONDS, a_call, load, served, wrk_is_there

TABS = 5


def console(effort: Effort) -> Figures:
    """Calls a second with and without consoles, in turn, and the part of the rate that is left, pair by pair."""
    if not wrk_is_there():
        return Figures(left_out={"all": NO_WRK})
    figures = Figures()
    left = []
    seconds = effort.time(SECONDS)
    with served() as (origin, _):
        for _ in range(effort.rounds):
            without = load(origin, a_call(), seconds=seconds).rate
            with watched(origin):
                with_them = load(origin, a_call(), seconds=seconds).rate
            figures.add("no console, calls/s", without)
            figures.add(f"{TABS} consoles, calls/s", with_them)
            left.append(with_them / without)
    figures.ratios[f"{TABS} consoles / none, rate"] = median(left)
    return figures


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
