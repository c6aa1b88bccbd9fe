"""Requests to the application without a socket: the time of each kind, and what many rules cost.

The floor is what no implementation can do without: lxml parses the envelope, and the three values are looked up.
"""

from __future__ import annotations

import tracemalloc
from asyncio import BaseTransport
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import yaml
from lxml import etree

from emulator.core.contract import NAMESPACE, PARAMETERS, Binding
from emulator.core.engine import Engine
from emulator.delivery import DELIVERY, WHOLE, Delivery
from emulator.scenario.loading import loads
from emulator.server import HttpLimits
from emulator.server.parser import RequestParser
from emulator.server.wsgi import connection_environ, request_environ
from emulator.web.app import Application
from tests.bench.measuring import Effort, Figures, scenario, seconds
from tests.helpers.calling import a_request
from tests.helpers.raw_http import Request

RULES = 10
FLOOR = "the floor, µs"
PATHS = [etree.XPath(f"//n:{name}/text()", namespaces={"n": NAMESPACE}) for name in PARAMETERS]
REQUEST = partial(a_request, session=3, node=2, auth_code="demo-3")
REQUESTS = {
    "SOAP 1.1, µs": REQUEST(Binding.SOAP11),
    "SOAP 1.2, µs": REQUEST(Binding.SOAP12),
    "GET, µs": REQUEST(Binding.GET),
    "POST, µs": REQUEST(Binding.POST),
    f"no match, {RULES} rules, µs": REQUEST(Binding.SOAP11, session=99),
    "a refusal, µs": REQUEST(Binding.SOAP11, session="x"),
}


def application(effort: Effort) -> Figures:
    """Measure the microseconds of each kind of request, and of the floor."""
    figures = Figures()
    calls = effort.number(5_000)
    service = serving(RULES)
    works: dict[str, Callable[[], object]] = {
        name: partial(send, service, environ(request)) for name, request in REQUESTS.items()
    }
    works[FLOOR] = partial(parse, REQUESTS["SOAP 1.1, µs"].content, etree.XMLParser(resolve_entities=False))

    def microseconds(work: Callable[[], object]) -> float:
        return seconds(lambda: [work() for _ in range(calls)]) / calls * 1e6

    figures.measure(effort, {name: partial(microseconds, work) for name, work in works.items()})
    figures.add_ratio("SOAP 1.1 / the floor", "SOAP 1.1, µs", FLOOR)
    figures.add_ratio("GET / SOAP 1.1", "GET, µs", "SOAP 1.1, µs")
    return figures


def rules(effort: Effort) -> Figures:
    """Measure calls a second with each number of rules, the seconds to load many, and the memory of a rule."""
    figures = Figures()
    calls = effort.number(20_000)
    few, *many = (f"{size} rules, calls/s" for size in (10, 10_000, 100_000))
    works = {
        name: partial(rate, *calls_to_rules(int(name.split()[0]), calls)) for name in effort.variants([few, *many])
    }
    text = scenario(effort.number(10_000))
    load, compose = "load 10000 rules, s", "yaml.compose alone, s"
    works[load] = partial(seconds, lambda: loads(text))
    works[compose] = partial(seconds, lambda: yaml.compose(text, yaml.CSafeLoader))
    figures.measure(effort, works)
    for name in many:
        figures.add_ratio(f"{name.partition(',')[0]} / 10 rules, rate", name, few)
    figures.add_ratio("load / yaml.compose", load, compose)
    figures.add("bytes a rule", memory_of_a_rule(text))
    return figures


def calls_to_rules(size: int, calls: int) -> tuple[Application, list[dict[str, Any]]]:
    """Return an application with so many rules, and SOAP 1.1 calls, each of which some rule accepts."""
    random = Random(1)
    numbers = [random.randrange(size) for _ in range(calls)]
    requests = (a_request(Binding.SOAP11, session=number, node=2, auth_code=f"demo-{number}") for number in numbers)
    return serving(size), [environ(request) for request in requests]


def rate(service: Application, environs: list[dict[str, Any]]) -> float:
    return len(environs) / seconds(lambda: [send(service, each) for each in environs])


def memory_of_a_rule(text: str) -> float:
    """Return the bytes that each rule of a scenario takes in an engine."""
    tracemalloc.start()
    engine = Engine(loads(text))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(engine.scenario.rules)


def serving(size: int) -> Application:
    return Application(Engine(loads(scenario(size))))


def environ(request: Request) -> dict[str, Any]:
    """Return the environ that the server makes of a request."""
    parser = RequestParser(HttpLimits())
    parser.feed(request.head + request.content)
    return request_environ(parser.requests[0], connection_environ(BaseTransport()))


def send(service: Application, prepared: dict[str, Any]) -> bytes:
    """Return the body of the response to a request, which may be sent again."""
    prepared["wsgi.input"].seek(0)
    delivery = Delivery()
    body = b"".join(service(prepared | {DELIVERY: delivery}, lambda *_: lambda data: data))
    delivery.report(body, WHOLE)
    return body


def parse(body: bytes, parser: etree.XMLParser) -> list[object]:
    root = etree.fromstring(body, parser)
    return [path(root) for path in PATHS]
