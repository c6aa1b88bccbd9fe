"""Serves the emulator, or any WSGI application, for a test; calls it over a bare socket; runs the program."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from threading import Condition
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

import pytest
import uvloop
from click.testing import CliRunner, Result

from emulator.cli import main
from emulator.core.contract import (
    AUTH_CODE,
    NAMESPACE,
    NODE,
    OPERATION,
    SERVICE_PATH,
    SESSION,
    SOAP_ACTION,
    Binding,
    Call,
)
from emulator.core.engine import Engine
from emulator.core.journal import Exchange, RawExchange
from emulator.delivery import WSGIApplication
from emulator.scenario.loading import loads
from emulator.server import HttpLimits
from emulator.server.server import HttpServer
from emulator.web.app import Application
from tests.helpers.paths import ROOT
from tests.helpers.raw_http import HOST, Answer, Request, exchange, read_answer

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
PATIENCE: Final = 20.0  # seconds until a test that waits fails


def a_request(
    binding: Binding = Binding.GET,
    *,
    session: int | str = 1001,
    node: int | str = 337366,
    auth_code: str | None = "demo-ann",
    padding: int = 0,
) -> Request:
    """Return a valid request; over GET and POST no auth code is sent as an empty one.

    ``padding`` is the number of bytes of white space that make the body longer.
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
    """Return the result in an answer, without the prefix of all results; else the status."""
    found = re.search(rb"startSessionRet_(\w+)<", answer.body)
    return found[1].decode() if found else str(answer.status)


class AttentiveEngine(Engine):
    """An engine that a test can wait for."""

    def __init__(self, text: str, *, seed: int = 1) -> None:
        super().__init__(loads(text), seed=seed)
        self._answered = 0
        self._changed = Condition()

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        with self._changed:
            self._answered += 1
            self._changed.notify_all()
        return super().answer(call, raw)

    def wait_for(self, calls: int) -> None:
        """Wait until this number of calls has come."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered >= calls, PATIENCE), "the calls did not come"


@contextmanager
def serving(scenario: str | Engine, **options: Any) -> Iterator[Address]:
    """Serve a scenario, as YAML or in an engine; the options are those of ``serving_application``."""
    engine = scenario if isinstance(scenario, Engine) else Engine(loads(scenario))
    application = Application(engine)
    hooks: dict[str, Any] = {"on_malformed": application.record_malformed, "on_begin": application.begin}
    with serving_application(application, **hooks, **options) as address:
        yield address


@contextmanager
def serving_application(
    application: WSGIApplication,
    *,
    max_delay: float = 60.0,
    host: str = "127.0.0.1",
    loop: str = "uvloop",
    limits: HttpLimits | None = None,
    **more: Any,
) -> Iterator[Address]:
    """Serve a WSGI application on a free port; ``loop`` is a key of ``LOOPS``; ``more`` are options of HttpServer."""
    names = ("localhost", HOST)
    server = HttpServer(
        application, host=host, port=0, max_delay=max_delay, limits=limits, certificate_names=names, **more
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emulator.server.server.new_event_loop", LOOPS[loop])
        server.start()
    try:
        yield host, int(server.origin.rpartition(":")[2])
    finally:
        server.stop()


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Run the program in this process; ``output`` is what it prints on both outputs."""
    return CliRunner().invoke(main, arguments, env=env)


def free_port() -> int:
    """Return a port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def serve(arguments: str, *, before: str = "", **popen: Any) -> Iterator[subprocess.Popen[str]]:
    """Run ``serve`` in a process of its own on a free port; arguments and ``before`` are for the shell."""
    command = f"{before} exec '{sys.executable}' -m emulator serve --port 0 {arguments}"
    popen = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **popen}
    with subprocess.Popen(["/bin/sh", "-c", command], **popen) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[str]) -> Address:
    """Return the address in the line that ``serve`` prints once it answers."""
    assert process.stdout is not None
    word, url, *_ = process.stdout.readline().split()
    assert (word, urlsplit(url).path) == ("ready", SERVICE_PATH)
    return urlsplit(url).hostname or "", urlsplit(url).port or 0


def call(address: Address, request: Request) -> Answer:
    """Send one request on a connection of its own and return the answer."""
    (answer,) = exchange(request, address, timeout=PATIENCE)
    return answer


@contextmanager
def sent(address: Address, *requests: Request) -> Iterator[socket.socket]:
    """Open a connection and send requests on it, pipelined."""
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(b"".join(request.head + request.content for request in requests))
        yield connection


def everything(connection: socket.socket) -> bytes:
    """Return all bytes until EOF."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def next_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer from a connection that stays open; return status and body."""
    response = HTTPResponse(connection)
    response.begin()
    return response.status, response.read()


def next_answers(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """Read the answers to pipelined requests, the last ones on the connection; return status and body of each."""
    with connection.makefile("rb") as stream:
        return [(answer.status, answer.body) for answer in (read_answer(stream) for _ in range(count))]
