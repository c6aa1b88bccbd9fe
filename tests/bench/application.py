"""What one request costs the application without a socket, over each binding, against a floor in the same process.

The floor is what nobody can do without: lxml parses the envelope, the three values are looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from emulator.client.soap import written
from emulator.core.call import Call
from emulator.core.contract import AUTH_CODE, NAMESPACE, NODE, SERVICE_PATH, SESSION, Binding
from emulator.core.engine import Engine
from emulator.scenario import loads
from emulator.server.wsgi import Answer
from emulator.web.app import Application
from emulator.web.carrying import FATE
from emulator.web.request import BODY, HEADERS, TARGET
from tests.bench.measuring import Effort, Figures, scenario, seconds

CALLS = 5_000
RULES = 10
RIGHT = Call(3, 2, "demo-3", Binding.SOAP11)
KINDS = {
    "SOAP 1.1": RIGHT,
    "SOAP 1.2": Call(3, 2, "demo-3", Binding.SOAP12),
    "GET": Call(3, 2, "demo-3", Binding.GET),
    "POST": Call(3, 2, "demo-3", Binding.POST),
    f"unmatched, {RULES} rules": Call(99, 2, "demo-3", Binding.SOAP11),
}
UNIT = "µs"


def application(effort: Effort) -> Figures:
    """Microseconds for a request of each kind, and for the floor."""
    figures = Figures()
    calls = effort.some(CALLS)
    service = Application(Engine(loads(scenario(RULES))))
    works = {name: asking(service, environ_of(call), calls) for name, call in KINDS.items()}
    works["a refusal"] = asking(service, environ_of(RIGHT, b"<iSession>x<"), calls)
    works["the floor"] = floor(environ_of(RIGHT)[BODY], calls)
    for _ in range(effort.rounds):
        for name, work in works.items():
            figures.add(f"{name}, {UNIT}", seconds(work) / calls * 1e6)
    figures.ratio("SOAP 1.1 / the floor", f"SOAP 1.1, {UNIT}", f"the floor, {UNIT}")
    figures.ratio("GET / SOAP 1.1", f"GET, {UNIT}", f"SOAP 1.1, {UNIT}")
    return figures


def environ_of(call: Call, number: bytes | None = None) -> dict[str, Any]:
    """The WSGI environment of a call as the bridge makes it; ``number`` stands in place of the session's."""
    request = written(call)
    path, _, query = (SERVICE_PATH + request.path).partition("?")
    body = request.body or b""
    if number is not None:
        body = body.replace(b"<iSession>3<", number)
    headers = {"host": "127.0.0.1:8085", "user-agent": "bench", **{k.lower(): v for k, v in request.headers.items()}}
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        TARGET: SERVICE_PATH + request.path,
        HEADERS: [(name.encode(), value.encode()) for name, value in headers.items()],
        BODY: body,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


def asking(service: Application, environ: dict[str, Any], calls: int) -> Callable[[], None]:
    """Many requests of one kind."""

    def work() -> None:
        for _ in range(calls):
            service(environ | {FATE: Answer()}, ignored)

    return work


def floor(body: bytes, calls: int) -> Callable[[], None]:
    """Many parses of an envelope with three look-ups."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, collect_ids=False)
    paths = [etree.XPath(f"//n:{name}/text()", namespaces={"n": NAMESPACE}) for name in (SESSION, NODE, AUTH_CODE)]

    def work() -> None:
        for _ in range(calls):
            root = etree.fromstring(body, parser)
            for path in paths:
                path(root)

    return work


def ignored(_status: str, _headers: object, _error: object = None, /) -> Callable[[bytes], object]:
    """A ``start_response`` that goes nowhere."""
    return lambda data: data
