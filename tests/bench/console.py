"""What the consoles that people keep open cost a server under load: its rate with five of them, against none."""

from __future__ import annotations

import sys
import time
from http.client import HTTPConnection
from json import loads
from statistics import median
from urllib.parse import urlsplit

from tests.bench.measuring import Effort, Figures
from tests.bench.wrk import NO_WRK, SECONDS, a_call, beside, load, served, wrk_is_there

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
            with beside("tests.bench.console", origin):
                with_them = load(origin, a_call(), seconds=seconds).rate
            figures.add("no console, calls/s", without)
            figures.add(f"{TABS} consoles, calls/s", with_them)
            left.append(with_them / without)
    figures.ratios[f"{TABS} consoles / none, rate"] = median(left)
    return figures


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
