"""Measures the product: rates with few and many rules in one run, what loading them takes, and how quick a fixture is.

Run by hand: ``make bench``. Absolute figures are this machine's; the ratios are what counts. Each figure is the median
of five rounds, the rounds of the compared things taking turns, with the spread from the least to the most.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable
from random import Random
from statistics import median

import yaml
from rich.console import Console
from rich.table import Table

from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.scenario import loads
from emulator.web.app import Application
from emulator.web.carrying import FATE, Fate
from tests.bench.application import application, environ_of, ignored
from tests.bench.application import ratios as application_ratios
from tests.bench.console import console, cost
from tests.bench.fixture import fixture, left_behind
from tests.bench.measuring import ROUNDS, scenario, seconds
from tests.bench.server import memory as server_memory
from tests.bench.server import ratios as server_ratios
from tests.bench.server import server, starting

CALLS = 20_000
SIZES = (10, 10_000, 100_000)


def answering(size: int) -> Callable[[], object]:
    """Many SOAP 1.1 requests to the application, without a socket; some rule accepts each."""
    service = Application(Engine(loads(scenario(size))))
    chance = Random(1)
    numbers = [chance.randrange(size) for _ in range(CALLS)]
    environs = [environ_of(Call(number, 2, f"demo-{number}", Binding.SOAP11)) for number in numbers]

    def work() -> None:
        for environ in environs:
            service(environ | {FATE: Fate()}, ignored)

    return work


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
    measured = application() | server() | starting() | rates() | loading() | fixture() | console()
    middle = {name: median(values) for name, values in measured.items()}
    ratio = {
        **application_ratios(middle),
        **server_ratios(middle),
        "10000 rules / 10 rules, rate": middle["10000 rules, calls/s"] / middle["10 rules, calls/s"],
        "100000 rules / 10 rules, rate": middle["100000 rules, calls/s"] / middle["10 rules, calls/s"],
        "load / yaml.compose": middle["load 10000 rules, s"] / middle["yaml.compose alone, s"],
        "bytes kept a rule": memory(),
        **left_behind(),
        **cost(measured),
        **server_memory(),
    }
    if "--json" in sys.argv:
        print(json.dumps({"measured": measured, "ratios": ratio}, indent=2))
        return
    table = Table("what", "median", "least", "most")
    for name, values in measured.items():
        table.add_row(name, *(f"{value:,.3f}" for value in (middle[name], min(values), max(values))))
    for name, value in ratio.items():
        table.add_row(name, f"{value:,.3f}", "", "")
    Console().print(table)


if __name__ == "__main__":
    main()
