"""What the bridge makes of a request and of an answer that waits, and what another WSGI server can do instead."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.test import Client

from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.delivery import ConnectionFault
from emulator.scenario import loads
from emulator.server.acceptor import Clients, over_plain_http
from emulator.server.limits import HttpLimits
from emulator.server.protocol import Connection
from emulator.server.server import bound
from emulator.server.wsgi import Bridge
from emulator.web.app import Application
from tests.helpers.calling import ALL_BINDINGS, LOOPS, PATIENCE, a_request
from tests.helpers.raw_http import Request

WAITS = ["slow", "stall", "dribble", "late"]
SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - {when: {auth_code: slow}, delay: 3600s, return: startSessionRet_OK}
  - {when: {auth_code: stall}, fail: {connection: stall}}
  - {when: {auth_code: dribble}, fail: {connection: trickle, over: 3600s}}
  - {when: {auth_code: late}, fail: {connection: close}, delay: 3600s}
  - {when: {auth_code: soon}, delay: 20ms, return: startSessionRet_OK}
  - {when: {auth_code: truncate}, fail: {connection: truncate}}
"""
RESET = struct.pack("ii", 1, 0)

Application_ = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Listening:
    """A bridge on a port of the loop that the test itself runs in."""

    port: int
    connections: list[Connection]
    environs: asyncio.Queue[dict[str, Any]]

    async def open(self, *requests: Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which requests were sent, one behind the other."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"".join(request.head + request.content for request in requests))
        await writer.drain()
        return reader, writer

    async def nothing_left(self) -> None:
        """Wait until every connection is lost and every task but the test's own is at its end."""
        for connection in self.connections:
            await asyncio.wait((connection.presence.lost,))
        if tasks := [task for task in asyncio.all_tasks() if "Connection" in repr(task.get_coro())]:
            await asyncio.wait(tasks)


@asynccontextmanager
async def listening(application: Application_, max_delay: float = 3600.0) -> AsyncIterator[Listening]:
    environs: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    connections: list[Connection] = []

    def watched(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environs.put_nowait(environ)
        return application(environ, start_response)

    bridge = Bridge(watched, limits=HttpLimits(), max_delay=max_delay)

    def connection(clients: Clients) -> Connection:
        connections.append(Connection(bridge, clients, asyncio.get_running_loop()))
        return connections[-1]

    socket = bound("127.0.0.1", 0)
    port = socket.getsockname()[1]
    clients = Clients(socket, HttpLimits(), over_plain_http, connection)
    clients.begin()
    try:
        yield Listening(port, connections, environs)
    finally:
        await clients.end()


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Awaitable[object]], None]]:
    """Runs a coroutine in a loop of each kind."""
    loop = LOOPS[request.param]()

    def run(awaitable: Awaitable[object]) -> None:
        try:
            loop.run_until_complete(asyncio.wait_for(awaitable, PATIENCE))
        finally:
            for left in asyncio.all_tasks(loop):
                left.cancel()
                loop.run_until_complete(asyncio.wait((left,), timeout=PATIENCE))

    yield run
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(autouse=True)
def nothing_is_worth_a_warning_to_the_server(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = caplog.get_records("call")
    assert [each for each in records if each.levelno >= logging.WARNING and "emulator" not in each.name] == []


@pytest.fixture
def any_end_is_a_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.server.protocol.HALF_CLOSED_WITHIN", -1.0)


@pytest.fixture
def no_end_is_a_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.server.protocol.HALF_CLOSED_WITHIN", PATIENCE)


def the_service() -> Application:
    return Application(Engine(loads(SCENARIO)))


def leave_in_order(writer: asyncio.StreamWriter) -> None:
    writer.close()


def leave_with_a_reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@pytest.mark.usefixtures("any_end_is_a_leave")
@pytest.mark.parametrize("leave", [leave_in_order, leave_with_a_reset])
@pytest.mark.parametrize("padding", [0, 300_000], ids=["short", "long"])
@pytest.mark.parametrize("behind", [0, 1, 10], ids=lambda behind: f"{behind} behind")
@pytest.mark.parametrize("how", WAITS)
def test_a_client_that_leaves_while_it_waits_leaves_nothing_behind(
    how: str, behind: int, padding: int, leave: Callable[[asyncio.StreamWriter], None], run: Callable[..., None]
) -> None:
    async def scene() -> None:
        async with listening(the_service()) as server:
            first = a_request(Binding.SOAP11, auth_code=how, padding=padding)
            _, writer = await server.open(first, *[a_request()] * behind)
            await server.environs.get()
            for _ in range(behind):
                writer.write(a_request().head)
            await writer.drain()
            leave(writer)
            await server.nothing_left()
            assert server.environs.empty()

    run(scene())


@pytest.mark.usefixtures("no_end_is_a_leave")
def test_a_client_that_has_sent_all_and_says_so_is_not_waited_for_in_a_stall(run: Callable[..., None]) -> None:
    async def scene() -> None:
        async with listening(the_service()) as server:
            reader, writer = await server.open(a_request(auth_code="stall"))
            await server.environs.get()
            writer.write_eof()
            assert await reader.read() == b""
            await server.nothing_left()
            writer.close()

    run(scene())


@pytest.mark.usefixtures("no_end_is_a_leave")
@pytest.mark.parametrize("how", ["none", "soon"])
@ALL_BINDINGS
def test_a_client_that_only_ends_its_sending_gets_all_its_answers(
    how: str, binding: Binding, run: Callable[..., None]
) -> None:
    async def scene() -> None:
        async with listening(the_service()) as server:
            reader, writer = await server.open(*[a_request(binding, auth_code=how)] * 3)
            writer.write_eof()
            assert (await reader.read()).count(b"startSessionRet_OK") == 3
            await server.nothing_left()
            writer.close()

    run(scene())


def test_a_client_that_does_not_read_is_cut_off_in_the_end(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.connection_faults._FLUSHED_WITHIN", 0.01)

    def endless(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        [*the_service()(environ, start_response)]
        return [bytes(50_000_000)]

    async def scene() -> None:
        async with listening(endless) as server:
            _, writer = await server.open(a_request(auth_code="truncate"))
            await server.nothing_left()
            writer.close()

    run(scene())


def test_a_request_becomes_the_environment_of_wsgi(run: Callable[..., None]) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "0")])
        return [environ["wsgi.input"].read()[:0]]

    headers = [("Content-Type", "text/xml"), ("X-Two-Words", "a"), ("X-Two-Words", "b")]
    wanted = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa9",
        "QUERY_STRING": "c=%20d",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/xml",
        "CONTENT_LENGTH": "4",
        "HTTP_HOST": "secure.logmeinrescue.com",
        "HTTP_X_TWO_WORDS": "a,b",
        "wsgi.url_scheme": "http",
    }

    async def scene() -> None:
        async with listening(application) as server:
            for chunked in (False, True):
                request = Request("POST", "/a%20b/%C3%A9?c=%20d", headers, "body", chunked=chunked)
                _, writer = await server.open(request)
                environ = await server.environs.get()
                assert {name: environ.get(name) for name in wanted} == wanted
                assert environ["SERVER_PORT"] == str(server.port)
                assert "HTTP_TRANSFER_ENCODING" not in environ
                writer.close()
                await server.nothing_left()

    run(scene())


def a_visit(request: Request) -> dict[str, Any]:
    """A request as werkzeug's test client takes it."""
    headers = [(name, value) for name, value in request.headers]
    return {"method": request.method, "headers": headers, "data": request.content}


@pytest.mark.parametrize("fault", ConnectionFault, ids=lambda fault: fault.value)
@ALL_BINDINGS
def test_another_wsgi_server_says_that_it_cannot_fail_a_connection(
    fault: ConnectionFault, binding: Binding, caplog: pytest.LogCaptureFixture
) -> None:
    over = ", over: 1s" if fault is ConnectionFault.TRICKLE else ""
    client = Client(Application(Engine(loads(f"otherwise: {{fail: {{connection: {fault.value}{over}}}}}"))))
    request = a_request(binding)
    answer = client.open(request.path, **a_visit(request))
    assert (answer.status_code, answer.content_type) == (502, "text/plain; charset=utf-8")
    assert answer.text.startswith(f"The scenario asks for connection {fault.value}")
    assert "only rescue-emulator's own" in answer.text
    assert (answer.headers["X-Emulator-Rule"], answer.headers["X-Emulator-Call"]) == ("otherwise", "1")
    assert [record.levelname for record in caplog.records if record.levelno > logging.WARNING] == ["ERROR"]


def test_another_wsgi_server_waits_out_a_delay() -> None:
    client = Client(Application(Engine(loads(SCENARIO))))
    request = a_request(auth_code="soon")
    began = time.monotonic()
    answer = client.open(request.path, **a_visit(request))
    assert time.monotonic() - began >= 0.02
    assert "startSessionRet_OK" in answer.text


@ALL_BINDINGS
def test_another_wsgi_server_sends_an_http_failure(binding: Binding) -> None:
    scenario = "otherwise: {fail: {status: 503, headers: {Retry-After: '5'}, body: later, content_type: text/plain}}"
    request = a_request(binding)
    answer = Client(Application(Engine(loads(scenario)))).open(request.path, **a_visit(request))
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "later", "5")
