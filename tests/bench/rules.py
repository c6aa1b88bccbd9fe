"""What many rules cost: the rate with few and with many in one run, what loading them takes, and what they keep."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from random import Random

import yaml

from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.scenario import loads
from emulator.server.wsgi import Answer
from emulator.web.app import Application
from emulator.web.carrying import FATE
from tests.bench.application import environ_of, ignored
from tests.bench.measuring import Effort, Figures, scenario, seconds

CALLS = 20_000
SIZES = (10, 10_000, 100_000)
MANY = 10_000


def rules(effort: Effort) -> Figures:
    """Calls a second with each number of rules; seconds that many take to load, beside those of PyYAML alone."""
    figures = Figures()
    calls = effort.some(CALLS)
    works = {size: answering(size, calls) for size in effort.few(SIZES)}
    text = scenario(effort.some(MANY))
    for _ in range(effort.rounds):
        for size, work in works.items():
            figures.add(f"{size} rules, calls/s", calls / seconds(work))
        figures.add(f"load {MANY} rules, s", seconds(lambda: loads(text)))
        figures.add("yaml.compose alone, s", seconds(lambda: yaml.compose(text, yaml.CSafeLoader)))
    for size in SIZES[1:]:
        figures.ratio(f"{size} rules / {SIZES[0]} rules, rate", f"{size} rules, calls/s", f"{SIZES[0]} rules, calls/s")
    figures.ratio("load / yaml.compose", f"load {MANY} rules, s", "yaml.compose alone, s")
    figures.ratios["bytes kept a rule"] = kept(text)
    return figures


def answering(size: int, calls: int) -> Callable[[], object]:
    """Many SOAP 1.1 requests to the application, without a socket; some rule accepts each."""
    service = Application(Engine(loads(scenario(size))))
    chance = Random(1)
    numbers = [chance.randrange(size) for _ in range(calls)]
    environs = [environ_of(Call(number, 2, f"demo-{number}", Binding.SOAP11)) for number in numbers]

    def work() -> None:
        for environ in environs:
            service(environ | {FATE: Answer()}, ignored)

    return work


def kept(text: str) -> float:
    """Bytes that one of the rules in a text keeps, once it is in force."""
    tracemalloc.start()
    engine = Engine(loads(text))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(engine.scenario.rules)
