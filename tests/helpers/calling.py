"""The emulator on a port for the length of a test, and calls of it over a bare socket in each binding."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from random import Random
from threading import Condition
from typing import Any, Final
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import pytest
import uvloop

from emulator.core.call import Call
from emulator.core.contract import AUTH_CODE, NAMESPACE, NODE, OPERATION, SERVICE_PATH, SESSION, SOAP_ACTION, Binding
from emulator.core.engine import Engine
from emulator.core.journal import Exchange, RawExchange
from emulator.scenario import loads
from emulator.server.limits import HttpLimits
from emulator.server.server import Serving
from emulator.web.app import Application
from tests.helpers.raw_http import Answer, Request, exchange

Address = tuple[str, int]

ALL_BINDINGS: Final = pytest.mark.parametrize("binding", Binding, ids=lambda binding: binding.value)
ENVELOPES: Final = {
    Binding.SOAP11: "http://schemas.xmlsoap.org/soap/envelope/",
    Binding.SOAP12: "http://www.w3.org/2003/05/soap-envelope",
}
LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.SelectorEventLoop,
}
PATIENCE: Final = 20.0  # seconds after which a test that waits in vain has failed


def a_request(
    binding: Binding = Binding.GET,
    *,
    session: int | str = 1001,
    node: int | str = 337366,
    auth_code: str | None = "demo-ann",
    padding: int = 0,
) -> Request:
    """A right request over a binding; over GET and POST no auth code is sent as an empty one.

    ``padding`` is a number of bytes of white space that make its body long.
    """
    values = {SESSION: session, NODE: node, AUTH_CODE: auth_code or ""}
    match binding:
        case Binding.GET:
            return Request("GET", f"{SERVICE_PATH}/{OPERATION}?{urlencode(values, quote_via=quote)}")
        case Binding.POST:
            form = [("Content-Type", "application/x-www-form-urlencoded")]
            body = urlencode(values, quote_via=quote) + "&padding=" * bool(padding) + " " * padding
            return Request("POST", f"{SERVICE_PATH}/{OPERATION}", form, body)
        case Binding.SOAP11:
            headers = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{SOAP_ACTION}"')]
        case Binding.SOAP12:
            headers = [("Content-Type", "application/soap+xml; charset=utf-8")]
    if auth_code is None:
        del values[AUTH_CODE]
    arguments = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
    call = f'<{OPERATION} xmlns="{NAMESPACE}">{" " * padding}{arguments}</{OPERATION}>'
    envelope = f'<e:Envelope xmlns:e="{ENVELOPES[binding]}"><e:Body>{call}</e:Body></e:Envelope>'
    return Request("POST", SERVICE_PATH, headers, envelope)


def result(answer: Answer) -> str:
    """The result in an answer, without what all results begin with; else its status."""
    found = re.search(rb"startSessionRet_(\w+)<", answer.body)
    return found[1].decode() if found else str(answer.status)


class AttentiveEngine(Engine):
    """An engine that can be waited for: until it has answered a number of calls."""

    def __init__(self, text: str, *, seed: int = 1) -> None:
        super().__init__(loads(text), random=Random(seed))
        self._answered = 0
        self._changed = Condition()

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        with self._changed:
            self._answered += 1
            self._changed.notify_all()
        return super().answer(call, raw)

    def wait_for(self, calls: int) -> None:
        """Wait until so many calls have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered >= calls, PATIENCE), "the calls did not come"


@contextmanager
def serving(
    scenario: str | Engine,
    *,
    max_delay: float = 60.0,
    host: str = "127.0.0.1",
    loop: str = "uvloop",
    limits: HttpLimits | None = None,
    **tls: Any,
) -> Iterator[Address]:
    """A scenario, as YAML or in an engine, on a port of its own; ``loop`` is one of ``LOOPS``.

    ``tls`` is what ``Serving`` takes for that.
    """
    engine = scenario if isinstance(scenario, Engine) else Engine(loads(scenario))
    server = Serving(Application(engine), host=host, port=0, max_delay=max_delay, limits=limits, **tls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emulator.server.server.new_event_loop", LOOPS[loop])
        server.start()
    try:
        yield host, int(server.origin.rpartition(":")[2])
    finally:
        server.stop()


def call(address: Address, request: Request) -> Answer:
    """The answer to one request on a connection of its own."""
    (answer,) = exchange(request, address, timeout=PATIENCE)
    return answer


@contextmanager
def sent(address: Address, *requests: Request) -> Iterator[socket.socket]:
    """A connection on which requests were sent, one behind the other."""
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(b"".join(request.head + request.content for request in requests))
        yield connection


def everything(connection: socket.socket) -> bytes:
    """All that comes until the end of the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def next_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer on a connection that has more to come."""
    response = HTTPResponse(connection)
    response.begin()
    return response.status, response.read()
