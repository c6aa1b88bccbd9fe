"""The server as a process: time to the first answer, rate, latencies, and memory."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from emulator.client.soap import build_request
from emulator.core.contract import SERVICE_PATH, Binding, Call, Result
from tests.bench.measuring import Effort, Figures, seconds
from tests.bench.wrk import default_call, load, measure_load, rate, served

BINDINGS = {"SOAP 1.1": Binding.SOAP11, "GET": Binding.GET}
IMPORTS = "import emulator.wire.spyne_compat, lxml.etree, werkzeug.routing, werkzeug.wrappers, httptools, uvloop"
FEW, MANY = 20_000, 200_000
ABANDONED = 1000  # uploads
OPEN = 20  # of them at a time
HALF_BODY = b"a" * 2_000_000
MAX_FIRST_ANSWER = "<= 0.4"
MAX_MEGABYTES = "<= 75"

Serve = Callable[[], AbstractContextManager[tuple[str, int]]]
"""Starts a server; yields its origin and process id."""


def server(effort: Effort) -> Figures:
    """Measure rates and latencies over so many connections, and memory in megabytes."""
    figures = Figures()
    variants = [(name, connections) for name in BINDINGS for connections in (1, 8, 32)]
    with served() as (origin, _):
        for _ in range(effort.rounds):
            for name, connections in effort.variants(variants):
                call = default_call(BINDINGS[name])
                title = f"{name}, {connections} connections"
                measure_load(figures, title, effort, origin, call, connections=connections)
    for connections in (1, 8):
        title = f"SOAP 1.1, {connections} connections"
        figures.add_ratio(f"{title}, p99 / p50", f"{title}, p99 ms", f"{title}, p50 ms")
    with served() as (origin, process):
        few, many = (
            megabytes_after(effort.number(calls), origin, process, default_call(Binding.SOAP11))
            for calls in (FEW, MANY)
        )
        before = megabytes(process)
        abandon_uploads(effort.number(ABANDONED), origin)
        after = megabytes(process)
    figures.add(f"MB after {FEW:,} calls", few, MAX_MEGABYTES)
    figures.add(f"MB more after {MANY:,} calls", many - few, "<= 3")
    figures.add(f"MB more after {ABANDONED:,} abandoned uploads", after - before, "<= 40")
    return figures


def starting(effort: Effort) -> Figures:
    """Measure seconds from the start of the process to the first answer, and for importing the libraries alone."""
    figures = Figures(bounds={"first answer, s": MAX_FIRST_ANSWER})
    libraries = [sys.executable, "-c", IMPORTS]
    works: dict[str, Callable[[], float]] = {
        "first answer, s": partial(first_answer, served, default_call()),
        "imports alone, s": partial(seconds, partial(subprocess.run, libraries, check=True)),
    }
    figures.measure(effort, works)
    figures.add_ratio("first answer / imports alone", *works)
    return figures


def first_answer(serve: Serve, call: Call) -> float:
    """Return the seconds from the start of a server's process to its first answer, which must be OK."""
    request = build_request(call)
    began = perf_counter()
    with serve() as (origin, _):
        url = origin + SERVICE_PATH + request.path
        with urlopen(Request(url, request.body, request.headers, method=request.method)) as response:
            body = response.read()
            took = perf_counter() - began
        assert Result.OK.value.encode() in body
        return took


def megabytes_after(calls: int, origin: str, process: int, call: Call) -> float:
    """Return the resident megabytes of a process after at least so many more calls."""
    answered = 0
    while answered < calls:
        answered += round(rate(load(origin, call, seconds=0.5)) * 0.5)
    return megabytes(process)


def abandon_uploads(number: int, origin: str) -> None:
    """Send half a body of 4 MB from each of so many clients, and leave; a call afterwards is answered."""
    address = urlsplit(origin)
    head = f"POST {SERVICE_PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {2 * len(HALF_BODY)}\r\n\r\n".encode()
    clients: deque[socket.socket] = deque()
    for _ in range(number):
        if len(clients) == OPEN:
            clients.popleft().close()
        client = socket.create_connection((address.hostname, address.port or 80))
        client.sendall(head + HALF_BODY)
        clients.append(client)
    for client in clients:
        client.close()
    urlopen(origin + SERVICE_PATH + build_request(default_call()).path).close()


def megabytes(process: int) -> float:
    """Return the resident megabytes of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6
