"""The server on a real port: HTTP as clients use it, errors of our own, and starting and stopping."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emulator.core.call import Call
from emulator.core.contract import SERVICE_PATH, Binding
from emulator.core.engine import Engine
from emulator.core.journal import Exchange, RawExchange
from emulator.emulator import Emulator, Options
from emulator.errors import StartError
from emulator.scenario import loads
from emulator.server.server import Serving
from emulator.web.app import Application
from emulator.wire.service import OUR_FAULT
from tests.helpers.calling import (
    ALL_BINDINGS,
    PATIENCE,
    Address,
    AttentiveEngine,
    a_request,
    call,
    everything,
    next_answer,
    result,
    sent,
    serving,
)
from tests.helpers.paths import ROOT
from tests.helpers.raw_http import Request, exchange

SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - {when: {session: 1}, return: startSessionRet_Error}
  - {when: {session: 2}, return: startSessionRet_ActionFailed}
  - {when: {session: 3}, delay: 3600s, return: startSessionRet_OK}
"""
MAX_BODY = 4 * 1024 * 1024


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    with serving(SCENARIO, loop=request.param) as found:
        yield found


@ALL_BINDINGS
def test_a_connection_carries_one_call_after_another(binding: Binding, address: Address) -> None:
    first, second = a_request(binding, session=1), a_request(binding, session=2)
    with sent(address, first) as connection:
        assert b"startSessionRet_Error" in next_answer(connection)[1]
        connection.sendall(second.head + second.content)
        assert b"startSessionRet_ActionFailed" in next_answer(connection)[1]


def test_pipelined_calls_are_answered_in_order(address: Address) -> None:
    wanted = [1, 2, 9, 2, 1] * 40
    last = replace(a_request(session=8), headers=[("Connection", "close")])
    with sent(address, *(a_request(session=session) for session in wanted), last) as connection:
        received = everything(connection)
    names = {1: "Error", 2: "ActionFailed", 9: "OK"}
    found = [part.partition(b"<")[0].decode() for part in received.split(b">startSessionRet_")[1:]]
    assert found == [*(names[session] for session in wanted), "OK"]


def test_a_body_that_asks_first_is_told_to_go_on(address: Address) -> None:
    request = a_request(Binding.SOAP11)
    answer = call(address, replace(request, headers=[*request.headers, ("Expect", "100-continue")]))
    assert (answer.interim, result(answer)) == ((100,), "OK")


@pytest.mark.parametrize("binding", [Binding.SOAP11, Binding.SOAP12, Binding.POST], ids=lambda binding: binding.value)
def test_a_body_can_come_in_chunks(binding: Binding, address: Address) -> None:
    assert result(call(address, replace(a_request(binding, session=1), chunked=True))) == "Error"


@ALL_BINDINGS
def test_http_1_0_is_answered_and_the_connection_ends(binding: Binding, address: Address) -> None:
    with sent(address, replace(a_request(binding), version="HTTP/1.0")) as connection:
        received = everything(connection)
    assert b"startSessionRet_OK" in received


@pytest.mark.parametrize("binding", [Binding.SOAP11, Binding.SOAP12, Binding.POST], ids=lambda binding: binding.value)
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_past_4_mb_is_refused_as_aspnet_does(binding: Binding, chunked: bool, address: Address) -> None:
    with sent(address, a_request()) as neighbour:
        next_answer(neighbour)
        with sent(address, replace(a_request(binding, padding=3 * MAX_BODY), chunked=chunked)) as connection:
            received = everything(connection)
        assert received.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert b"Runtime Error" in received
        neighbour.sendall(a_request().head)
        assert next_answer(neighbour)[0] == 200


def test_a_body_past_4_mb_that_asks_first_is_refused_without_being_sent(address: Address) -> None:
    request = a_request(Binding.SOAP11, padding=MAX_BODY)
    asking = replace(request, headers=[*request.headers, ("Expect", "100-continue")])
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(asking.head)
        assert everything(connection).startswith(b"HTTP/1.1 500 ")


def test_a_body_of_nearly_4_mb_is_read(address: Address) -> None:
    assert result(call(address, a_request(Binding.SOAP11, padding=MAX_BODY - 2000))) == "OK"


def test_what_is_no_http_ends_its_own_connection_alone(address: Address) -> None:
    with sent(address, a_request()) as neighbour, socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 400 ")
        assert next_answer(neighbour)[0] == 200


class FailingEngine(Engine):
    """An engine with a mistake in it, for one session."""

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        if call.session == 13:
            raise LookupError("a mistake of ours")
        return super().answer(call, raw)


@ALL_BINDINGS
def test_an_error_of_ours_is_the_services_fault_in_each_binding(
    binding: Binding, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = a_request(binding, session=13, auth_code="demo-secret-of-ann")
    right = a_request(binding)
    with serving(FailingEngine(loads(SCENARIO))) as address, sent(address, right) as neighbour:
        assert next_answer(neighbour)[0] == 200
        with sent(address, wrong) as connection:
            status, body = next_answer(connection)
            assert (status, OUR_FAULT in body.decode()) == (500, True)
            for each in (connection, neighbour):
                each.sendall(right.head + right.content)
                assert next_answer(each)[0] == 200
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "a mistake of ours"
    assert "demo-secret-of-ann" not in caplog.text


def test_a_taken_port_is_an_error_with_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as error:
            Emulator(loads(SCENARIO), Options(port=port))
        assert str(error.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize(
    ("host", "port", "complaint"),
    [
        pytest.param("a host with spaces", 0, "cannot listen on a host with spaces:0: ", id="an unknown host"),
        pytest.param("a" * 64, 0, "cannot listen on a", id="a host with too long a name"),
        pytest.param("127.0.0.1", 65536, "cannot listen on 127.0.0.1:65536: ", id="no port"),
        pytest.param("203.0.113.1", 0, "cannot listen on 203.0.113.1:0: ", id="an address of another machine"),
        pytest.param("2001:db8::1", 0, "cannot listen on [2001:db8::1]:0: ", id="an IPv6 address of another machine"),
    ],
)
def test_where_nobody_can_listen_is_an_error_with_one_clear_line(host: str, port: int, complaint: str) -> None:
    with pytest.raises(StartError) as error:
        Emulator(loads(SCENARIO), Options(host=host, port=port))
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)


def test_a_server_that_cannot_begin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    serving = Serving(Application(Engine(loads(SCENARIO))), host="127.0.0.1", port=0, max_delay=1.0)

    def no_loop() -> asyncio.AbstractEventLoop:
        raise OSError("Too many open files")

    monkeypatch.setattr("emulator.server.server.new_event_loop", no_loop)
    with pytest.raises(StartError, match="cannot begin to serve: Too many open files"):
        serving.start()


def test_stopping_frees_the_port() -> None:
    with Emulator(loads(SCENARIO)) as emulator:
        port = urlsplit(emulator.url).port
        assert port
    with Emulator(loads(SCENARIO), Options(port=port)):
        assert result(call(("127.0.0.1", port), a_request())) == "OK"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_stopping_cuts_a_delay_short(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = AttentiveEngine(SCENARIO)
    with contextlib.ExitStack() as stack:
        with serving(engine, loop=loop) as address:
            delayed = stack.enter_context(sent(address, a_request(session=3)))
            engine.wait_for(1)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE  # a delay of an hour was not waited for
        assert b"\r\nConnection: close\r\n" in (answer := everything(delayed))
        assert b"startSessionRet_OK" in answer
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("failure", "comes"),
    [
        pytest.param("stall", b"", id="a stall, which ends"),
        pytest.param("trickle, over: 3600s", b">startSessionRet_OK<", id="a trickle, whose rest comes at once"),
    ],
)
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_stopping_cuts_a_failure_short(failure: str, comes: bytes, loop: str) -> None:
    engine = AttentiveEngine(f"otherwise: {{fail: {{connection: {failure}}}}}")
    with contextlib.ExitStack() as stack:
        with serving(engine, loop=loop) as address:
            failing = stack.enter_context(sent(address, a_request()))
            engine.wait_for(1)
        received = everything(failing)
    assert comes in received
    assert bool(comes) == bool(received)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_what_came_before_the_server_stops_is_answered(loop: str) -> None:
    engine = AttentiveEngine(SCENARIO)
    with contextlib.ExitStack() as stack:
        with serving(engine, loop=loop) as address:
            several = stack.enter_context(sent(address, *(a_request(session=session) for session in (3, 1, 3, 2))))
            engine.wait_for(1)
        received = everything(several)
    assert re.findall(rb">startSessionRet_(\w+)<", received) == [b"OK", b"Error", b"OK", b"ActionFailed"]


def test_stopping_ends_idle_connections_and_can_be_repeated() -> None:
    server = Serving(Application(Engine(loads(SCENARIO))), host="127.0.0.1", port=0, max_delay=1.0)
    server.start()
    with sent(("127.0.0.1", int(server.origin.rpartition(":")[2])), a_request()) as idle:
        next_answer(idle)
        server.stop()
        server.stop()
        assert everything(idle) == b""


def test_a_server_that_never_began_can_be_stopped() -> None:
    server = Serving(Application(Engine(loads(SCENARIO))), host="127.0.0.1", port=0, max_delay=1.0)
    server.stop()
    port = int(server.origin.rpartition(":")[2])
    Serving(Application(Engine(loads(SCENARIO))), host="127.0.0.1", port=port, max_delay=1.0).stop()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors as Linux shows them")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_starting_and_stopping_leaves_no_thread_and_no_descriptor(loop: str) -> None:
    engine = Engine(loads(SCENARIO))

    def once() -> None:
        with contextlib.ExitStack() as stack, serving(engine, loop=loop) as address:
            for _ in range(3):
                next_answer(stack.enter_context(sent(address, a_request())))

    once()
    threads, files = threading.active_count(), open_files()
    for _ in range(20):
        once()
    assert (threading.active_count(), open_files()) == (threads, files)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``serve`` in a process of its own, with the scenario of this module."""
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO)
    command = [sys.executable, "-m", "emulator", "serve", str(file), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def ready(process: subprocess.Popen[str]) -> Address:
    """The address in the line that the program prints once it answers."""
    assert process.stdout is not None
    word, url, *_ = process.stdout.readline().split()
    assert word == "ready"
    assert urlsplit(url).path == SERVICE_PATH
    return urlsplit(url).hostname or "", urlsplit(url).port or 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_the_foreground_in_good_order(number: signal.Signals, process: subprocess.Popen[str]) -> None:
    address = ready(process)
    assert result(call(address, a_request())) == "OK"
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PATIENCE)


def test_a_signal_ends_the_foreground_with_a_delayed_call_under_way(process: subprocess.Popen[str]) -> None:
    with sent(ready(process), a_request(session=1), a_request(session=3)) as connection:
        assert next_answer(connection)[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert b"startSessionRet_OK" in everything(connection)
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_a_second_signal_ends_the_process_at_once(process: subprocess.Popen[str]) -> None:
    with sent(ready(process), a_request(session=1), a_request(session=3)) as connection:
        assert next_answer(connection)[0] == 200
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_second_signal_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Serving(Application(Engine(loads(SCENARIO))), host="127.0.0.1", port=0, max_delay=1.0)
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    exits: list[int] = []
    monkeypatch.setattr(os, "_exit", exits.append)

    def signalled() -> None:
        signal.raise_signal(signal.SIGTERM)
        assert exits == []
        signal.raise_signal(signal.SIGINT)

    server.run(signalled)
    assert exits == [0]
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="asks for the limits of another process as Linux can")
def test_the_foreground_may_hold_as_many_connections_as_the_system_allows() -> None:
    command = f"ulimit -Sn 64; exec '{sys.executable}' -m emulator serve --port 0"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        ready(running)
        soft, hard = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
        running.kill()
    assert soft == hard


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_host_stands_in_brackets_in_the_address() -> None:
    with Emulator(loads(SCENARIO), Options(host="::1")) as emulator:
        assert emulator.url.startswith("http://[::1]:")
        assert result(call(("::1", urlsplit(emulator.url).port or 0), a_request())) == "OK"


@ALL_BINDINGS
def test_a_client_that_offers_another_protocol_is_answered_in_this_one(
    binding: Binding, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    offers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAEAAEAA")]
    request = a_request(binding, session=1)
    offering = replace(request, headers=[*request.headers, *offers])
    last = replace(request, headers=[*request.headers, ("Connection", "close")])
    with sent(address, request, offering, request) as connection:
        for sending in (offering.head, offering.content, last.head + last.content):
            connection.sendall(sending)
        assert everything(connection).count(b"startSessionRet_Error") == 5
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_client_that_takes_this_for_a_proxy_is_refused(address: Address) -> None:
    with sent(address, Request("CONNECT", "example.com:443")) as connection:
        assert everything(connection).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("half", ["GET / HT", "POST /API/API.asmx HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n<"])
def test_a_client_that_leaves_in_the_middle_of_a_request_gets_no_answer(half: str, address: Address) -> None:
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(half.encode())
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection) == b""


def test_repeated_headers_are_read_as_one(address: Address) -> None:
    request = Request("GET", a_request().path, [("X-A", "1"), ("X-A", "2")])
    (answer,) = exchange(request, address)
    assert result(answer) == "OK"
