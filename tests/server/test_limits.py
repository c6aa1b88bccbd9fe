"""The limits of requests, of their time and of connections, each at its bound and beyond."""

from __future__ import annotations

import contextlib
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import pytest

from emulator import MadeCertificate
from emulator.server import HttpLimits
from tests.helpers.calling import (
    PATIENCE,
    Address,
    call,
    everything,
    next_answer,
    ready,
    run,
    sent,
    serve,
    serving_application,
)
from tests.helpers.raw_http import Request, exchange
from tests.server.application import CLOSE, HOUR, LOOPS, SmallApplication, get, post

SOON: Final = 0.2  # seconds
HEAD: Final = b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "

Limited = Callable[..., Address]


@pytest.fixture
def application() -> SmallApplication:
    return SmallApplication()


@pytest.fixture(params=LOOPS)
def limited(request: pytest.FixtureRequest, application: SmallApplication) -> Iterator[Limited]:
    """Serves the small application with some limits."""
    with contextlib.ExitStack() as stack:

        def limited(**limits: Any) -> Address:
            serving = serving_application(application, loop=request.param, limits=HttpLimits(**limits))
            return stack.enter_context(serving)

        yield limited


def answer_to(data: bytes, address: Address) -> bytes:
    """Return all that comes back, however much of the data is read."""
    with sent(address) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return everything(connection)


def trickled(data: bytes, address: Address) -> bytes:
    """Return all that comes back when zeros are sent behind the data, one at a time, until there is an answer."""
    with sent(address) as connection:
        connection.sendall(data)
        until = time.monotonic() + PATIENCE
        while not select.select([connection], [], [], 0.01)[0]:
            assert time.monotonic() < until, "no answer"
            connection.sendall(b"0")
        return everything(connection)


def check_refused(answer: bytes, status: int, *texts: str) -> None:
    """Check that an answer is the only one, says why, and closes its connection."""
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"%d" % status]
    assert b"\r\nConnection: close\r\n" in answer
    assert [text for text in texts if text.encode() not in answer] == []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("sending", [answer_to, trickled], ids=["nothing more comes", "a byte at a time"])
def test_a_head_has_its_time_and_no_more(
    sending: Callable[[bytes, Address], bytes], limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    answer = sending(get().head + HEAD, limited(head_within=SOON))
    assert time.monotonic() - began >= SOON
    text = "the rest of a head did not come within 0.2 s; serve takes --head-timeout"
    check_refused(answer[answer.rindex(b"HTTP/1.1 ") :], 408, text)
    assert [warning.endswith(text) for warning in warnings(caplog)] == [True]


@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_has_its_time_and_no_more(framing: str, limited: Limited) -> None:
    head = f"POST / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    text = "the rest of a body did not come within 0.2 s; serve takes --body-timeout"
    check_refused(trickled(head, limited(head_within=60, body_within=SOON)), 408, text)


@pytest.mark.parametrize(
    "data",
    [b"Content-Length: 1000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3E8\r\n" + b"x" * 101],
    ids=["with its length", "chunked"],
)
def test_a_body_that_is_too_long_is_answered_before_it_has_come(data: bytes, limited: Limited) -> None:
    with sent(limited(body=100)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + data)
        assert next_answer(connection)[0] == 413
        connection.sendall(b"x" * 899)
        assert everything(connection) == b""


def test_a_body_after_100_continue_has_its_time_and_no_more(limited: Limited) -> None:
    asking = post("body", ("Expect", "100-continue"))
    interim, _, answer = answer_to(asking.head, limited(body_within=SOON)).partition(b"\r\n\r\n")
    assert interim == b"HTTP/1.1 100 Continue"
    check_refused(answer, 408)


@pytest.mark.parametrize("data", [b"", b"\r\n", get().head], ids=["fresh", "an empty line", "after an answer"])
def test_an_idle_connection_is_closed_without_an_answer(
    data: bytes, limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    assert answer_to(data, limited(idle=SOON)).count(b"HTTP/1.1 ") == (len(data) > 2)
    assert SOON <= time.monotonic() - began < HttpLimits().idle / 2
    assert warnings(caplog) == []


def test_a_response_that_waits_is_not_cut(limited: Limited) -> None:
    address = limited(head_within=SOON / 2, body_within=SOON / 2, idle=SOON / 2)
    assert call(address, get(delay=2 * SOON)).status == 200


def test_a_client_beyond_the_limit_of_connections_waits_until_one_closes(
    limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    address = limited(connections=2)
    with sent(address, get()) as one, sent(address, get()) as other:
        assert (next_answer(one)[0], next_answer(other)[0]) == (200, 200)
        with sent(address, get("/3")) as third, sent(address, get("/4", CLOSE)) as fourth:
            assert select.select([third, fourth], [], [], SOON)[0] == []
            one.sendall(get().head)
            assert b"\r\nConnection: close\r\n" in everything(one)
            assert everything(third).endswith(b"/3")
            other.sendall(get("/", CLOSE).head)
            assert everything(other).endswith(b"/")
            assert everything(fourth).endswith(b"/4")
    assert warnings(caplog)[0] == "2 connections are open, the maximum: the next client waits"
    assert len(warnings(caplog)) <= 2  # the fourth waited, too, once the third was accepted


def test_a_client_that_waits_is_served_once_an_idle_connection_is_closed(limited: Limited) -> None:
    address = limited(connections=2, idle=SOON)
    with sent(address), sent(address), sent(address, get("/3", CLOSE)) as third:
        assert everything(third).endswith(b"/3")


def wait_for_warning(words: str, caplog: pytest.LogCaptureFixture) -> None:
    until = time.monotonic() + PATIENCE
    while not any(words in warning for warning in warnings(caplog)):
        assert time.monotonic() < until, f"{words!r} was not logged"
        time.sleep(0.001)


def test_a_client_that_is_sending_gets_the_last_answer_before_another_has_its_place(
    limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    address = limited(connections=1)
    with sent(address) as sending, sent(address, get("/2", CLOSE)) as waiting:
        wait_for_warning("the next client waits", caplog)
        following = post("x" * 3_000_000)
        sending.sendall(get().head + following.head + following.content)
        answer = everything(sending)
        assert (answer.count(b"HTTP/1.1 200"), b"\r\nConnection: close\r\n" in answer) == (1, True)
        assert everything(waiting).endswith(b"/2")


def test_a_client_that_always_has_a_next_request_gives_way(limited: Limited, caplog: pytest.LogCaptureFixture) -> None:
    address = limited(connections=1)
    with sent(address) as busy, sent(address, get("/2", CLOSE)) as waiting:
        wait_for_warning("the next client waits", caplog)
        busy.sendall(get(delay=0.01).head * 3)
        count = 0
        while busy.recv(65536):
            count += 1
            assert count <= 3
            busy.sendall(get(delay=0.01).head)
        assert everything(waiting).endswith(b"/2")


@pytest.mark.parametrize("data", [b"", get().head, b"\x16\x03\x01\x00\x05rubbish"], ids=["nothing", "HTTP", "no TLS"])
def test_a_handshake_that_fails_frees_its_connection(data: bytes, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    limits = HttpLimits(connections=1)
    with serving_application(SmallApplication(), limits=limits, certificate=MadeCertificate(ca=ca)) as address:
        for _ in range(5):
            with contextlib.suppress(ConnectionError), sent(address) as failing:
                failing.sendall(data)
                failing.shutdown(socket.SHUT_WR)
                everything(failing)
        context = ssl.create_default_context(cafile=ca)
        for _ in range(5):
            with sent(address) as connection, context.wrap_socket(connection, server_hostname="localhost") as secured:
                secured.sendall(get("/", CLOSE).head)
                assert next_answer(secured)[0] == 200


def test_busy_clients_are_served_among_many_slow_ones(limited: Limited) -> None:
    address = limited(head_within=1.0)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(sent(address)) for _ in range(200)]
        for connection in slow:
            connection.sendall(HEAD)
        with ThreadPoolExecutor(8) as pool:
            counts = [
                *pool.map(lambda _: len(exchange(replace(get(), repeat=50), address, timeout=PATIENCE)), range(8))
            ]
        assert counts == [50] * 8
        for connection in slow:
            check_refused(everything(connection), 408)


def test_a_client_that_never_reads_is_reset(limited: Limited, caplog: pytest.LogCaptureFixture) -> None:
    address = limited(body_within=SOON)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(PATIENCE)
        deaf.connect(address)
        with contextlib.suppress(ConnectionError):
            deaf.sendall(get(times=10_000).head * 2000)
        end = select.poll()
        end.register(deaf, 0)
        assert end.poll(PATIENCE * 1000) != []
    assert call(address, get()).status == 200
    assert warnings(caplog) == ["127.0.0.1 did not read its response within 0.2 s"]


def test_a_slow_but_steady_reader_gets_all_of_its_response(limited: Limited) -> None:
    address = limited(body_within=SOON)
    with sent(address, get("/", CLOSE, times=5_000_000)) as slow:
        began, length = time.monotonic(), 0
        while part := slow.recv(50_000):
            length += len(part)
            select.select([], [], [], SOON / 20)
        assert time.monotonic() - began > 2 * SOON
    assert length > 5_000_000


def unsent_of(data: bytes, connection: socket.socket) -> int:
    """Send data until the other side does not read any more of it; return the number of bytes left."""
    connection.setblocking(False)
    rest = memoryview(data)
    while rest and select.select([], [connection], [], 2 * SOON)[1]:
        rest = rest[connection.send(rest) :]
    return len(rest)


BUFFERS: Final = 24 * 1024**2  # bytes that the system may hold between a client and the server


@pytest.mark.parametrize("size", [500_000, BUFFERS], ids=["after some requests", "within a body"])
def test_what_is_read_behind_a_delayed_response_is_limited(size: int, limited: Limited) -> None:
    address = limited(read_ahead=1_000_000, body=BUFFERS)
    ahead = post("x" * size)
    with sent(address, get(delay=HOUR)) as connection:
        assert unsent_of((ahead.head + ahead.content) * (BUFFERS // size), connection) > 0


def test_a_client_that_leaves_while_it_is_not_read_is_noticed(
    limited: Limited, application: SmallApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.protocol._MAX_HELD_BACK", SOON)
    address = limited(read_ahead=1000, body=BUFFERS, connections=1)
    with sent(address, get(delay=HOUR)) as leaving:
        application.wait_for(1)
        unsent_of(post("x" * BUFFERS).head + b"x" * BUFFERS, leaving)
    assert call(address, get("/", CLOSE)).status == 200


def test_clients_that_do_not_read_hold_up_no_stop(application: SmallApplication) -> None:
    with contextlib.ExitStack() as stack:
        with serving_application(application) as address:
            for _ in range(20):
                stack.enter_context(sent(address, *[get(times=1000)] * 500))
            application.wait_for(100)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE / 2


@pytest.mark.parametrize("failing", ["protocol.HttpProtocol.on_timeout", "acceptor.formatdate"])
def test_an_error_in_one_time_limit_does_not_stop_the_others(
    failing: str, limited: Limited, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise LookupError("a mistake")

    address = limited(idle=SOON, head_within=SOON)
    monkeypatch.setattr(f"emulator.server.{failing}", fail)
    assert answer_to(b"", address) == b""
    check_refused(answer_to(HEAD, address), 408)
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]


def test_a_process_keeps_the_limits_that_it_is_given() -> None:
    options = "--max-headers 5 --max-body 100 --head-timeout 0.2 --idle-timeout 0.3 --max-request-line 90"
    with serve(options) as process:
        address = ready(process)
        check_refused(answer_to(get("/" + "x" * 90).head, address), 414, "at most 90 bytes")
        check_refused(answer_to(Request("GET", "/", [("X-A", "1")] * 5).head, address), 400, "at most 5 headers")
        check_refused(answer_to(HEAD, address), 408, "within 0.2 s")
        assert answer_to(b"", address) == b""


OPTIONS: Final = {
    "--max-request-line": "request_line",
    "--max-headers": "headers",
    "--max-header-bytes": "header_bytes",
    "--max-body": "body",
    "--max-read-ahead": "read_ahead",
    "--head-timeout": "head_within",
    "--body-timeout": "body_within",
    "--idle-timeout": "idle",
    "--max-connections": "connections",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_serve_states_its_default_and_refuses_what_is_no_limit(option: str) -> None:
    text = re.sub(r"\s+", " ", run("serve", "--help").output)
    default = re.escape(str(getattr(HttpLimits(), OPTIONS[option]) or "as --max-body"))
    assert re.search(rf"{option} (BYTES|COUNT|SECONDS) [^\[]*\[default: {default}[;\]]", text)
    for value in ("0", "-1", "x", ""):
        result = run("serve", f"{option}={value}")
        assert (result.exit_code, f"Invalid value for '{option}': " in result.output) == (2, True)


@pytest.mark.parametrize("name", [field.name for field in fields(HttpLimits)])
def test_a_limit_that_lets_nothing_through_is_an_error(name: str) -> None:
    for value in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=f"^{name}={value!r} lets nothing through: it has to be more than 0$"):
            HttpLimits(**{name: value})  # type: ignore[arg-type]
