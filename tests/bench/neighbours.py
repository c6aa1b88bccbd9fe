"""What slow clients and open consoles cost the other clients: the rate beside them, against the rate without."""

from __future__ import annotations

import json
import multiprocessing
import resource
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

from tests.bench.measuring import Effort, Figures
from tests.bench.wrk import default_call, measure_load, served

SLOW = 1000
STEPS = 100  # a second, in each of which some of the slow clients send their byte
TABS = 5


def slow_clients(effort: Effort) -> Figures:
    """Measure calls a second without and with a thousand clients whose heads never end."""
    options = ("--max-connections", str(2 * SLOW), "--head-timeout", "60")  # longer than a round
    return _compare(effort, f"{SLOW:,} slow clients", crawl, effort.number(SLOW), *options, bound=">= 0.8")


def console(effort: Effort) -> Figures:
    """Measure calls a second without and with open consoles."""
    return _compare(effort, f"{TABS} consoles", poll, TABS, bound=">= 0.9")


def _compare(
    effort: Effort, name: str, neighbour: Callable[[str, int, Event], None], number: int, *options: str, bound: str
) -> Figures:
    figures = Figures()
    context = multiprocessing.get_context("spawn")
    with served(*options) as (origin, _):
        for _ in range(effort.rounds):
            alone = measure_load(figures, "alone", effort, origin, default_call())
            ready = context.Event()
            process = context.Process(target=neighbour, args=(urlsplit(origin).netloc, number, ready), daemon=True)
            process.start()
            assert ready.wait(30), f"the {name} did not begin"
            beside = measure_load(figures, f"beside {name}", effort, origin, default_call())
            assert process.is_alive(), f"the {name} ended"
            process.terminate()
            process.join()
            figures.add(f"beside {name} / alone", beside / alone, bound)
    return figures


def crawl(address: str, clients: int, ready: Event) -> None:
    """Send a head that never ends from each of so many clients, a byte a second, evenly spread."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    host, _, port = address.partition(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(clients)]
    for client in slow:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    ready.set()
    began, step = time.monotonic(), 0
    while True:
        for client in slow[step % STEPS :: STEPS]:
            client.sendall(b"a")
        step += 1
        time.sleep(max(0.0, began + step / STEPS - time.monotonic()))


def poll(address: str, tabs: int, ready: Event) -> None:
    """Poll as the console does in a flood of calls: the newest each second, the rest every fourth time.

    The newest entry still waits for its answer as a rule, so that it is asked for again.
    """
    connection = HTTPConnection(address)
    ready.set()
    polls = 0
    while True:
        began = time.monotonic()
        rest = ["rules?limit=200", "desk", "scenarios", "health", "spaces"] if polls % 4 == 0 else []
        for _ in range(tabs):
            last = json.loads(_get(connection, "calls?limit=100"))["last"]
            for path in (f"calls?limit=100&ids={last}", *rest):
                _get(connection, path)
        polls += 1
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))


def _get(connection: HTTPConnection, path: str) -> bytes:
    connection.request("GET", f"/__admin/{path}")
    return connection.getresponse().read()
