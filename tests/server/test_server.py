"""The server as a whole: binding its port, starting, stopping, and leaving nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest

from emulator.errors import StartError
from emulator.server.server import HttpServer
from tests.helpers.calling import LOOPS, Address, call, everything, next_answer, sent, serving_application
from tests.server.application import SmallApplication, get


def server(*, host: str = "127.0.0.1", port: int = 0) -> HttpServer:
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


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_host_is_in_brackets_in_the_origin() -> None:
    running = server(host="::1")
    running.start()
    assert running.origin.startswith("http://[::1]:")
    assert call(address_of(running), get()).status == 200
    running.stop()
