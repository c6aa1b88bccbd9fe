"""What one connection does: requests in order, keep-alive, half-close, refusals, and clients that leave."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from emulator.delivery import RECEIVED, MalformedRequest, Received
from emulator.process import gc_paused
from emulator.server import HttpLimits
from emulator.server.acceptor import Acceptor
from emulator.server.listeners import listen
from emulator.server.parser import ParsedRequest, RequestParser
from emulator.server.protocol import HttpProtocol, ServerState
from emulator.server.transport import Outbox
from tests.helpers.calling import (
    LOOPS,
    PATIENCE,
    Address,
    call,
    everything,
    next_answer,
    next_answers,
    sent,
    serving_application,
)
from tests.helpers.raw_http import HOST, Request, read_answer
from tests.server.application import CLOSE, HOUR, SmallApplication, get, post

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER


@pytest.fixture(scope="module")
def application() -> SmallApplication:
    return SmallApplication()


@pytest.fixture(scope="module")
def address(application: SmallApplication) -> Iterator[Address]:
    with serving_application(application) as found:
        yield found


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received) if status != b"100"]


def answers_to(data: bytes, address: Address) -> bytes:
    """Return all that comes back, however much of the data is read."""
    with sent(address) as connection:
        with suppress(ConnectionError):
            connection.sendall(data)
        return everything(connection)


# Requests and responses


def test_a_connection_carries_one_request_after_another(address: Address) -> None:
    with sent(address, get("/1")) as connection:
        assert next_answer(connection) == (200, b"/1")
        connection.sendall(get("/2").head)
        assert next_answer(connection) == (200, b"/2")


@pytest.mark.parametrize("loop", LOOPS)
def test_pipelined_requests_are_answered_in_order(loop: str) -> None:
    requests = [get(f"/{number}", **{"delay": 0.001} if number % 50 == 9 else {}) for number in range(200)]
    with serving_application(SmallApplication(), loop=loop) as address, sent(address, *requests) as connection:
        assert next_answers(connection, 200) == [(200, b"/%d" % number) for number in range(200)]


@pytest.mark.parametrize(
    ("request_", "connection", "stays"),
    [
        pytest.param(get(), None, True, id="HTTP/1.1"),
        pytest.param(get("/", CLOSE), "close", False, id="HTTP/1.1 with close"),
        pytest.param(get(close=1), "close", False, id="an application that closes"),
        pytest.param(replace(get(), version="HTTP/1.0"), "close", False, id="HTTP/1.0"),
        pytest.param(
            replace(get("/", ("Connection", "keep-alive")), version="HTTP/1.0"), "keep-alive", True, id="HTTP/1.0 kept"
        ),
    ],
)
def test_a_connection_stays_open_as_both_sides_say(
    request_: Request, connection: str | None, stays: bool, address: Address
) -> None:
    answer = call(address, request_)
    assert (answer.status, answer.headers["connection"]) == (200, connection)
    if stays:
        with sent(address, request_, request_) as twice:
            assert next_answers(twice, 2) == [(200, b"/")] * 2
    else:
        assert statuses(answers_to(request_.head * 2, address)) == [200]


def test_a_response_to_head_has_no_body_and_each_has_one_date(address: Address) -> None:
    received = answers_to(replace(get("/abc", CLOSE), method="HEAD").head, address)
    assert b"\r\nContent-Length: 4\r\n" in received
    assert received.endswith(b"\r\n\r\n")
    assert len(re.findall(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", received)) == 1


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_request_becomes_the_environ_of_wsgi(chunked: bool, address: Address, application: SmallApplication) -> None:
    headers = [("Content-Type", "text/xml"), ("X-Two-Words", "a"), ("x-two-words", "b")]
    call(address, Request("POST", "/a%20b/%C3%A9?c=%20d", headers, "body", chunked=chunked))
    environ = application.environs.get()
    while application.environs.qsize():
        environ = application.environs.get()
    wanted = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa9",
        "QUERY_STRING": "c=%20d",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(address[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/xml",
        "CONTENT_LENGTH": "4",
        "HTTP_HOST": HOST,
        "HTTP_X_TWO_WORDS": "a,b",
        "wsgi.url_scheme": "http",
    }
    assert {name: environ.get(name) for name in wanted} == wanted
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["wsgi.input"].getvalue() == b"body"
    received: Received = environ[RECEIVED]
    assert (received.target, received.body_limit) == ("/a%20b/%C3%A9?c=%20d", None)
    assert list(received.headers[:4]) == [
        (b"Host", HOST.encode()), *((name.encode(), value.encode()) for name, value in headers)
    ]  # fmt: skip


def test_a_client_that_asks_first_is_told_to_continue_when_it_is_its_turn(address: Address) -> None:
    answer = call(address, post("body", ("Expect", "100-continue")))
    assert (answer.interim, answer.body) == ((100,), b"/body")
    asking = post("body", ("Expect", "100-continue"), CLOSE)
    with sent(address, get("/first", delay=0.01)) as connection:
        connection.sendall(asking.head)
        stream = connection.makefile("rb")
        assert read_answer(stream).body == b"/first"
        assert stream.read(len(CONTINUE)) == CONTINUE


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_that_is_too_long_is_left_to_the_application_and_ends_the_connection(chunked: bool) -> None:
    application = SmallApplication()
    with serving_application(application, limits=HttpLimits(body=100)) as address:
        for length in (101, 1600, 1_000_000):
            long = post("x" * length, chunked=chunked)
            received = answers_to(long.head + long.content, address)
            assert (statuses(received), b"\r\nConnection: close\r\n" in received) == ([413], True)
            environ = application.environs.get()
            assert (environ[RECEIVED].body_limit, environ["wsgi.input"].getvalue()) == (100, b"")
        assert call(address, post("x" * 100, chunked=chunked)).status == 200


def test_a_refusal_says_why_is_logged_and_ends_the_connection(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with sent(address, get()) as neighbour:
        received = answers_to(get("/first").head + b"rubbish\r\n\r\n" + get("/never").head, address)
        assert statuses(received) == [200, 400]
        head, _, body = received[received.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n")
        assert b"\r\nConnection: close" in head
        assert b"Content-Length: %d\r\n" % len(body) in head
        message = body.decode().removesuffix(".\n")
        assert [record.getMessage() for record in caplog.records] == [f"refused a request from 127.0.0.1: {message}"]
        assert next_answer(neighbour)[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HEAD / HTTP/1.1\r\nA : 1\r\n\r\n", id="malformed"),
        pytest.param(b"HEAD / HTTP/2.0\r\nHost: x\r\n\r\n", id="of another version"),
        pytest.param(b"HEAD /%b HTTP/1.1\r\n\r\n" % (b"x" * 20_000), id="too long"),
        pytest.param(b"HEAD / HTTP/1.1\r\nHost: x\r\nA", id="too late"),
    ],
)
def test_a_refusal_of_head_has_no_body(data: bytes) -> None:
    malformed: list[MalformedRequest] = []
    limits = HttpLimits(head_within=0.2)
    with serving_application(SmallApplication(), limits=limits, on_malformed=malformed.append) as address:
        head, _, body = answers_to(data, address).partition(b"\r\n\r\n")
    assert (body, malformed[0].sent.partition(b"\r\n\r\n")[2]) == (b"", b"")
    assert re.match(rb"HTTP/1.1 [45].*\r\nContent-Length: [1-9]", head, re.DOTALL)


@pytest.mark.parametrize(
    ("data", "start", "headers", "status"),
    [
        pytest.param(b"rubbish\r\n\r\n", "", [], 400, id="before a target"),
        pytest.param(b"GET /n\xc3\xa9 x HTTP/1.1\r\n\r\n", "GET /n\u00e9 HTTP/1.1", [], 400, id="behind a target"),
        pytest.param(
            b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC : 3", "GET / HTTP/1.1", [(b"A", b"1")], 400, id="in a header"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nA: 1\r\nB: ", "GET / HTTP/1.1", [(b"A", b"1")], 408, id="too late"),
    ],
)
def test_a_refused_request_is_handed_on_before_its_response_is_sent(
    data: bytes, start: str, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    malformed: list[MalformedRequest] = []
    limits = HttpLimits(head_within=0.2)
    with serving_application(SmallApplication(), limits=limits, on_malformed=malformed.append) as address:
        received = answers_to(get("/first").head + data, address)
        (request,) = malformed
    assert statuses(received) == [200, status]
    assert (request.start, request.headers, request.status) == (start, headers, status)
    assert request.sent == received[received.rindex(b"HTTP/1.1 ") :]
    assert request.sent.endswith(f"\r\n\r\n{request.reason}.\n".encode())


def test_nothing_behind_the_last_request_is_read(address: Address, caplog: pytest.LogCaptureFixture) -> None:
    assert statuses(answers_to(get().head + get("/", CLOSE).head + b"rubbish", address)) == [200, 200]
    assert caplog.records == []


def test_an_error_of_the_application_ends_its_own_connection_alone(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with sent(address, get()) as neighbour:
        assert answers_to(get(error=1).head, address) == b""
        assert next_answer(neighbour)[0] == 200
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "answering 127.0.0.1 failed")
    assert record.exc_info is not None


# Clients that end their sending, leave, or do not read


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param(get().head, [200], id="after a request"),
        pytest.param(post("body", chunked=True).head + post("body", chunked=True).content, [200], id="after chunks"),
        pytest.param(get().head * 500, [200] * 500, id="after many requests"),
        pytest.param(get(delay=0.01).head * 3, [200] * 3, id="after requests that wait"),
        pytest.param(get().head + get().head[:-1], [200], id="in a second head"),
        pytest.param(post("body").head, [], id="in a body"),
        pytest.param(post("body", ("Expect", "100-continue")).head, [], id="asked to continue"),
        pytest.param(b"rubbish", [400], id="after rubbish"),
        pytest.param(b"", [], id="at once"),
    ],
)
def test_a_client_that_ends_its_sending_gets_its_responses(
    data: bytes, wanted: list[int], address: Address, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("emulator.server.protocol.HALF_CLOSE_WINDOW", PATIENCE)
    with sent(address) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert statuses(everything(connection)) == wanted
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(get().head[:-1], id="in a head"),
        pytest.param(post("body").head, id="in a body"),
        pytest.param(get().head * 500, id="before many responses"),
        pytest.param(get(delay=HOUR).head + get().head[:-1], id="while a response waits"),
        pytest.param(b"rubbish", id="after rubbish"),
    ],
)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_resets_its_connection_harms_nobody(
    data: bytes, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = SmallApplication()
    with serving_application(application, loop=loop) as address:
        with sent(address) as connection:
            connection.sendall(data)
            if b"delay" in data:
                application.wait_for(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        assert call(address, get()).status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info] == []


@dataclass(frozen=True, slots=True)
class Listening:
    """A server in the event loop of the test itself."""

    port: int
    state: ServerState
    environs: asyncio.Queue[dict[str, Any]]

    async def open(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await writer.drain()
        return reader, writer

    async def nothing_left(self) -> None:
        """Wait until every connection is closed and its task at its end."""
        for connection in [*self.state.connections]:
            await connection.transport.closed
        if tasks := [task for task in asyncio.all_tasks() if HttpProtocol.__name__ in repr(task.get_coro())]:
            await asyncio.wait(tasks)
        assert self.state.connections == set()


@asynccontextmanager
async def listening(limits: HttpLimits | None = None) -> AsyncIterator[Listening]:
    environs: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    small = SmallApplication()

    def watched(environ: dict[str, Any], start_response: Any) -> Any:
        environs.put_nowait(environ)
        return small(environ, start_response)

    (listener,), _ = listen(["127.0.0.1"], [0])
    loop = asyncio.get_running_loop()
    state = ServerState(watched, limits or HttpLimits(), HOUR, loop, Outbox(loop))
    acceptor = Acceptor([listener], state)
    acceptor.start()
    try:
        yield Listening(listener.getsockname()[1], state, environs)
    finally:
        await acceptor.close()


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Awaitable[object]], object]]:
    """Runs a coroutine in a loop of each kind."""
    loop = LOOPS[request.param]()
    yield lambda awaitable: loop.run_until_complete(asyncio.wait_for(awaitable, PATIENCE))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def leave_in_order(writer: asyncio.StreamWriter) -> None:
    writer.close()


def leave_with_a_reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@pytest.mark.parametrize("leave", [leave_in_order, leave_with_a_reset])
@pytest.mark.parametrize(
    "query",
    [{"delay": HOUR}, {"fault": "stall"}, {"fault": "trickle", "over": HOUR}, {"fault": "close", "delay": HOUR}],
    ids=["slow", "stall", "trickle", "late fault"],
)
def test_a_client_that_leaves_while_it_waits_leaves_nothing_behind(
    query: dict[str, Any],
    leave: Callable[[asyncio.StreamWriter], None],
    run: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emulator.server.protocol.HALF_CLOSE_WINDOW", -1.0)

    async def scene(behind: int) -> None:
        async with listening() as server:
            _, writer = await server.open(get(**query).head + get().head * behind)
            await server.environs.get()
            writer.write(get().head * behind)
            await writer.drain()
            leave(writer)
            await server.nothing_left()
            assert server.environs.empty()

    for behind in (0, 10):
        run(scene(behind))


def test_a_client_that_ends_its_sending_is_not_waited_for_in_a_stall(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.protocol.HALF_CLOSE_WINDOW", PATIENCE)

    async def scene() -> None:
        async with listening() as server:
            reader, writer = await server.open(get(fault="stall").head)
            await server.environs.get()
            writer.write_eof()
            assert await reader.read() == b""
            await server.nothing_left()
            writer.close()

    run(scene())


def test_a_client_that_does_not_read_a_truncated_response_is_cut_off_in_the_end(
    run: Callable[..., None],
) -> None:
    async def scene() -> None:
        async with listening(HttpLimits(body_within=0.01)) as server:
            _, writer = await server.open(get(fault="truncate", times=50_000_000).head)
            await server.environs.get()
            await server.nothing_left()
            writer.close()

    run(scene())


HALF: Final = b"x" * 100_000


@pytest.mark.parametrize("leave", [leave_in_order, leave_with_a_reset])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"Content-Length: 200000\r\n\r\n" + HALF, id="half a body"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n30d40\r\n" + HALF, id="half a chunk"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + HALF + b"rubbish", id="a refused body"),
        pytest.param(b"X-A: " + HALF[:10_000], id="half a head"),
    ],
)
def test_an_upload_that_is_abandoned_is_released_without_the_garbage_collector(
    data: bytes, leave: Callable[[asyncio.StreamWriter], None], run: Callable[..., None]
) -> None:
    def alive() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, HttpProtocol | RequestParser | ParsedRequest)]

    def is_read(state: ServerState) -> bool:
        lengths = [each.length for each in alive() if isinstance(each, ParsedRequest)]
        is_refused = any(connection.transport.is_finished for connection in state.connections)
        return is_refused or len(HALF) in lengths or (b"X-A" in data and bool(state.connections))

    async def scene() -> None:
        async with listening() as server:
            _, writer = await server.open(b"POST / HTTP/1.1\r\nHost: x\r\n" + data)
            while not is_read(server.state):
                await asyncio.sleep(0)
            leave(writer)
            await server.nothing_left()

    gc.freeze()  # get_objects() leaves out what exists now
    try:
        with gc_paused():
            run(scene())
            assert alive() == []
    finally:
        gc.unfreeze()
