"""The server as a whole: binding its port, starting, stopping, and leaving nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import StartError
from emulator.server.server import HttpServer
from tests.helpers.calling import LOOPS, Address, call, everything, next_answer, sent, serving_application
from tests.server.application import SmallApplication, get


def server(*, host: str | Sequence[str] = "127.0.0.1", port: int | Sequence[int] = 0) -> HttpServer:
    return HttpServer(SmallApplication(), host=host, port=port, max_delay=1.0)


def address_of(server: HttpServer) -> Address:
    host, _, port = server.origin.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        pytest.param("a host with spaces", 0, "cannot listen on a host with spaces:0: ", id="an unknown host"),
        pytest.param("a" * 64, 0, "cannot listen on a", id="a host with too long a name"),
        pytest.param("127.0.0.1", 65536, "cannot listen on 127.0.0.1:65536: ", id="no port"),
        pytest.param("203.0.113.1", 0, "cannot listen on 203.0.113.1:0: ", id="an address of another machine"),
        pytest.param("2001:db8::1", 0, "cannot listen on [2001:db8::1]:0: ", id="an IPv6 address of another machine"),
    ],
)
def test_an_address_that_cannot_be_bound_is_an_error_of_one_line(host: str, port: int, message: str) -> None:
    with pytest.raises(StartError) as error:
        server(host=host, port=port)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_server_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_loop() -> asyncio.AbstractEventLoop:
        raise OSError("Too many open files")

    monkeypatch.setattr("emulator.server.server.new_event_loop", no_loop)
    with pytest.raises(StartError, match="cannot start to serve: Too many open files"):
        server().start()


def test_stopping_frees_the_port_closes_idle_connections_and_can_be_repeated() -> None:
    first = server()
    first.start()
    address = address_of(first)
    with sent(address, get()) as idle:
        assert next_answer(idle)[0] == 200
        first.stop()
        first.stop()
        assert everything(idle) == b""
    second = server(port=address[1])
    second.start()
    assert call(address, get()).status == 200
    second.stop()


@pytest.mark.parametrize("loop", LOOPS)
def test_clients_that_connect_while_the_server_stops_leave_no_error(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        with contextlib.ExitStack() as stack, serving_application(SmallApplication(), loop=loop) as address:
            for _ in range(8):
                client = stack.enter_context(sent(address))
                with contextlib.suppress(ConnectionError):
                    client.sendall(get().head * 200)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_nothing_waits_without_a_limit_for_an_event_loop_that_is_stuck(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("emulator.server.server._STOP_TIMEOUT", 0.1)
    monkeypatch.setattr("emulator.server.server._CATCH_UP_TIMEOUT", 0.1)
    called, released = threading.Event(), threading.Event()

    def stuck(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        called.set()
        released.wait()
        return []

    stopped = HttpServer(stuck, host="127.0.0.1", port=0, max_delay=1.0)
    stopped.start()
    with sent(address_of(stopped), get()):
        called.wait()
        stopped.catch_up()
        stopped.stop()
        assert [record.getMessage() for record in caplog.records] == [
            "the server's thread did not end within 0.1 s; its port may stay in use"
        ]
        released.set()
    monkeypatch.undo()
    stopped.stop()


def test_a_thread_that_does_not_begin_to_serve_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def slow_loop() -> asyncio.AbstractEventLoop:
        released.wait()
        return asyncio.SelectorEventLoop()

    monkeypatch.setattr("emulator.server.server._START_TIMEOUT", 0.1)
    monkeypatch.setattr("emulator.server.server.new_event_loop", slow_loop)
    started = server()
    with pytest.raises(StartError, match=r"the server's thread did not begin to serve within 0\.1 s"):
        started.start()
    released.set()
    started.stop()


def test_a_server_that_never_started_can_be_stopped() -> None:
    first = server()
    first.stop()
    server(port=address_of(first)[1]).stop()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors as Linux shows them")
@pytest.mark.parametrize("loop", LOOPS)
def test_starting_and_stopping_leaves_no_thread_and_no_descriptor(loop: str) -> None:
    def once() -> None:
        with contextlib.ExitStack() as stack, serving_application(SmallApplication(), loop=loop) as address:
            for _ in range(3):
                next_answer(stack.enter_context(sent(address, get())))

    def left() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    once()
    before = left()
    for _ in range(20):
        once()
    assert left() == before


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@needs_ipv6
def test_an_ipv6_host_is_in_brackets_in_the_origin() -> None:
    running = server(host="::1")
    running.start()
    assert running.origin.startswith("http://[::1]:")
    assert call(address_of(running), get()).status == 200
    running.stop()


# Several hosts and ports


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost", "127.0.0.1"),
        (["::1", "127.0.0.1"], "[::1]"),
        (["127.0.0.1", "localhost", "::1"], "127.0.0.1"),
        ("*", "127.0.0.1"),
        (["::", "0.0.0.0"], "[::1]"),
        (["0.0.0.0", "localhost"], "127.0.0.1"),
        ("::", "[::1]"),
    ],
    ids=str,
)
def test_all_hosts_share_one_port_and_the_first_is_in_the_origin(host: str | Sequence[str], origin: str) -> None:
    running = server(host=host)
    running.start()
    port = address_of(running)[1]
    assert running.origin == f"http://{origin}:{port}"
    assert [call((address, port), get()).status for address in ("127.0.0.1", "::1")] == [200, 200]
    running.stop()


def test_the_first_port_is_taken_that_is_free_on_all_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        running = server(host=["127.0.0.2", "127.0.0.1"], port=range(first, first + 50))
        assert first < address_of(running)[1] < first + 50
        with pytest.raises(StartError, match=rf"^cannot listen on 127\.0\.0\.1:{first} to {first}: Address already in"):
            server(port=[first, first])
        running.stop()


@pytest.mark.parametrize("error", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL], ids=errno.errorcode.get)
def test_a_family_that_the_machine_lacks_is_skipped_and_logged(
    error: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class WithoutIPv6(socket.socket):
        def bind(self, address: Any) -> None:
            if self.family is socket.AF_INET6:
                raise OSError(error, os.strerror(error))
            super().bind(address)

    caplog.set_level(logging.INFO, "emulator")
    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    running = server(host=["::1", "127.0.0.1"])
    running.start()
    assert running.origin.startswith("http://127.0.0.1:")
    assert caplog.messages == ["not listening on ::1: this machine has no such addresses"]
    running.stop()
    with pytest.raises(StartError, match=rf"^cannot listen on \[::1\]:0: {os.strerror(error)}$"):
        server(host="::1")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("loop", LOOPS)
def test_a_fork_that_outlives_the_server_holds_neither_its_port_nor_its_clients(loop: str) -> None:
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        with serving_application(SmallApplication(), loop=loop) as address:
            client = stack.enter_context(sent(address, get()))
            assert next_answer(client)[0] == 200
            if (child := os.fork()) == 0:
                os.close(writing)
                os.read(reading, 1)  # until the parent has done its part
                os._exit(0)
            stack.callback(os.waitpid, child, 0)
            stack.callback(os.close, writing)
            stack.callback(os.close, reading)
            assert call(address, get()).status == 200
        assert everything(client) == b""
        server(port=address[1]).stop()
