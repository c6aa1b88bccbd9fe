"""Measures the product: rates with few and many rules in one run, what loading them takes, and how quick a fixture is.

Run by hand: ``make bench``. Absolute figures are this machine's; the ratios are what counts. Each figure is the median
of five rounds, the rounds of the compared things taking turns, with the spread from the least to the most.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from random import Random
from statistics import median
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from emulator.core.contract import NAMESPACE, OPERATION, SERVICE_PATH, SOAP_ACTION
from emulator.core.engine import Engine
from emulator.scenario import loads
from emulator.web.app import Application
from emulator.web.carrying import FATE, Fate
from emulator.web.visit import BODY, HEADERS, TARGET
from tests.bench.console import console, cost
from tests.bench.fixture import fixture, left_behind
from tests.bench.measuring import ROUNDS, seconds

CALLS = 20_000
SIZES = (10, 10_000, 100_000)
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    f'<soap:Body><{OPERATION} xmlns="{NAMESPACE}"><iSession>{{number}}</iSession><iNode>2</iNode>'
    f"<sAuthCode>demo-{{number}}</sAuthCode></{OPERATION}></soap:Body></soap:Envelope>"
)
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "POST",
    "PATH_INFO": SERVICE_PATH,
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "127.0.0.1",
    "CONTENT_TYPE": "text/xml; charset=utf-8",
    "HTTP_SOAPACTION": f'"{SOAP_ACTION}"',
    "wsgi.url_scheme": "http",
    TARGET: SERVICE_PATH,
    HEADERS: [(b"host", b"127.0.0.1"), (b"content-type", b"text/xml; charset=utf-8"), (b"content-length", b"400")],
}


def scenario(size: int) -> str:
    """A scenario of exact rules, no two alike."""
    rules = "".join(
        f"  - name: rule number {number}\n    when: {{session: {number}, auth_code: demo-{number}}}\n"
        "    return: startSessionRet_OK\n"
        for number in range(size)
    )
    return f"version: 1\nname: bench\nrules:\n{rules}"


def answering(size: int) -> Callable[[], object]:
    """Many SOAP 1.1 requests to the application, without a socket; some rule accepts each."""
    application = Application(Engine(loads(scenario(size))))
    chance = Random(1)
    numbers = [chance.randrange(size) for _ in range(CALLS)]
    bodies = [ENVELOPE.format(number=number).encode() for number in numbers]

    def work() -> None:
        for body in bodies:
            headers = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body), BODY: body, FATE: Fate()}
            application(ENVIRON | headers, ignored)

    return work


def ignored(_status: str, _headers: object, _error: object = None, /) -> Callable[[bytes], object]:
    """A ``start_response`` that goes nowhere."""
    return BytesIO().write


def rates() -> dict[str, list[float]]:
    """Calls a second with each number of rules."""
    works = {size: answering(size) for size in SIZES}
    measured: dict[str, list[float]] = {f"{size} rules, calls/s": [] for size in SIZES}
    for _ in range(ROUNDS):
        for size, work in works.items():
            measured[f"{size} rules, calls/s"].append(CALLS / seconds(work))
    return measured


def loading() -> dict[str, list[float]]:
    """Seconds that 10,000 rules take, beside those of ``yaml.compose`` alone."""
    text = scenario(10_000)
    measured: dict[str, list[float]] = {"load 10000 rules, s": [], "yaml.compose alone, s": []}
    for _ in range(ROUNDS):
        measured["load 10000 rules, s"].append(seconds(lambda: loads(text)))
        measured["yaml.compose alone, s"].append(seconds(lambda: yaml.compose(text, yaml.CSafeLoader)))
    return measured


def memory() -> float:
    """Bytes that one of 10,000 rules keeps, once it is in force."""
    text = scenario(10_000)
    tracemalloc.start()
    engine = Engine(loads(text))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(engine.scenario.rules)


def main() -> None:
    """Prints the table, or JSON with ``--json``."""
    measured = rates() | loading() | fixture() | console()
    middle = {name: median(values) for name, values in measured.items()}
    ratios = {
        "10000 rules / 10 rules, rate": middle["10000 rules, calls/s"] / middle["10 rules, calls/s"],
        "100000 rules / 10 rules, rate": middle["100000 rules, calls/s"] / middle["10 rules, calls/s"],
        "load / yaml.compose": middle["load 10000 rules, s"] / middle["yaml.compose alone, s"],
        "bytes kept a rule": memory(),
        **left_behind(),
        **cost(measured),
    }
    if "--json" in sys.argv:
        print(json.dumps({"measured": measured, "ratios": ratios}, indent=2))
        return
    table = Table("what", "median", "least", "most")
    for name, values in measured.items():
        table.add_row(name, *(f"{value:,.3f}" for value in (middle[name], min(values), max(values))))
    for name, value in ratios.items():
        table.add_row(name, f"{value:,.3f}", "", "")
    Console().print(table)


if __name__ == "__main__":
    main()
