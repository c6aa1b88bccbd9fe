"""What the consoles that people keep open cost a server under load: its rate with five of them, against none."""

from __future__ import annotations

import re
import shutil
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

TABS = 5
SECONDS = 3
PATH = "/API/API.asmx/startSession?iSession=1000&iNode=2&sAuthCode=demo-ok"


def console() -> dict[str, list[float]]:
    """Calls a second with and without consoles, in turn; nothing where wrk is missing."""
    if shutil.which("wrk") is None:
        print("the load needs the program wrk; on Debian and Ubuntu: apt-get install wrk", file=sys.stderr)
        return {}
    measured: dict[str, list[float]] = {"no console, calls/s": [], f"{TABS} consoles, calls/s": []}
    with served() as origin:
        rate(origin)
        for _ in range(ROUNDS):
            measured["no console, calls/s"].append(rate(origin))
            with watched(origin):
                measured[f"{TABS} consoles, calls/s"].append(rate(origin))
    return measured


def cost(measured: dict[str, list[float]]) -> dict[str, float]:
    """The part of the rate that is left with consoles, pair by pair."""
    pairs = zip(measured.get(f"{TABS} consoles, calls/s", ()), measured.get("no console, calls/s", ()), strict=True)
    ratios = [with_them / without for with_them, without in pairs]
    return {f"{TABS} consoles / none, rate": median(ratios)} if ratios else {}


@contextmanager
def served() -> Iterator[str]:
    """The default scenario, served by a process of its own."""
    command = [sys.executable, "-m", "emulator", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[1]
        yield url.removesuffix("/API/API.asmx")
        server.terminate()


@contextmanager
def watched(origin: str) -> Iterator[None]:
    """Consoles that look at a server as the page does, in a process of their own."""
    with subprocess.Popen([sys.executable, "-m", "tests.bench.console", origin]) as watching:
        yield
        watching.terminate()


def rate(origin: str) -> float:
    """Calls a second over eight connections."""
    command = ["wrk", "-t", "1", "-c", "8", "-d", f"{SECONDS}s", f"{origin}{PATH}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s*([0-9.]+)", told)
    assert found is not None, told
    return float(found[1])


def watch(origin: str) -> None:
    """Look as the console does in a flood of calls: at the newest twice a second, at the rest every two seconds."""
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
        time.sleep(max(0.0, 0.5 - (time.monotonic() - began)))


if __name__ == "__main__":
    watch(sys.argv[1])
