"""Delays and connection faults as the client's socket sees them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.server import HttpLimits
from tests.helpers.calling import (
    PATIENCE,
    Address,
    call,
    everything,
    next_answer,
    next_answers,
    sent,
    serving_application,
)
from tests.server.application import HOUR, LOOPS, SmallApplication, get

EARLY = 0.002  # seconds: uvloop's clock counts whole milliseconds
MANY = 1000
BODY = b"/" * 1000


@pytest.fixture(scope="module", params=LOOPS)
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    with serving_application(SmallApplication(), loop=request.param) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_is_an_error_to_the_server(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []


def received(address: Address, **query: Any) -> bytes:
    with sent(address, get(times=1000, **query)) as connection:
        return everything(connection)


@pytest.mark.parametrize("delay", [0, 0.02], ids=["at once", "delayed"])
def test_a_reset_is_a_tcp_reset_before_any_byte(delay: float, address: Address) -> None:
    with sent(address, get(fault="reset", delay=delay)) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_reset_that_the_system_refuses_ends_the_connection(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.server.transport._LINGER_RESET", b"")  # EINVAL
    assert received(address, fault="reset") == b""


def test_close_is_an_orderly_end_before_any_byte(address: Address) -> None:
    assert received(address, fault="close") == b""


def test_truncate_sends_a_right_head_and_half_of_the_body(address: Address) -> None:
    head, _, body = received(address, fault="truncate").partition(b"\r\n\r\n")
    assert body == BODY[:500]
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n")


def test_garbage_is_no_http_and_differs_each_time(address: Address) -> None:
    first, second = received(address, fault="garbage"), received(address, fault="garbage")
    assert (len(first), len(second)) == (512, 512)
    assert not first.startswith(b"HTTP")
    assert first != second


def test_a_stall_sends_nothing_while_others_are_answered(address: Address) -> None:
    with sent(address, get(fault="stall")) as stalled:
        for _ in range(20):
            call(address, get())
        stalled.setblocking(False)
        with pytest.raises(BlockingIOError):
            stalled.recv(1)


def test_a_trickle_is_the_whole_response_over_its_duration(address: Address) -> None:
    began = time.monotonic()
    trickled = call(address, get(times=1000, fault="trickle", over=0.1))
    assert time.monotonic() - began > 0.1 - 20 * EARLY
    assert (trickled.status, trickled.body, trickled.headers["connection"]) == (200, BODY, "close")


def test_a_trickle_comes_a_few_bytes_at_a_time(address: Address) -> None:
    with sent(address, get(fault="trickle", over=HOUR)) as connection:
        assert 0 < len(connection.recv(65536)) < 10


def test_a_delay_is_waited(address: Address) -> None:
    began = time.monotonic()
    assert call(address, get(delay=0.02)).body == b"/"
    assert time.monotonic() - began > 0.02 - EARLY


@pytest.mark.parametrize(
    ("query", "status"),
    [({"delay": HOUR, "close": 1}, b"200"), ({"fault": "stall"}, b""), ({"fault": "trickle"}, b"200")],
    ids=["delay", "stall", "trickle"],
)
def test_no_wait_is_longer_than_max_delay(query: dict[str, Any], status: bytes) -> None:
    with serving_application(SmallApplication(), max_delay=0.05) as address:
        began = time.monotonic()
        assert received(address, **query)[9:12] == status
        assert time.monotonic() - began > 0.05 / 2  # it began when the request was sent, a little before this


def test_a_response_can_be_longer_than_any_buffer(address: Address) -> None:
    assert call(address, get(times=5_000_000)).body == b"/" * 5_000_000


@pytest.mark.parametrize("fault", ["reset", "close", "truncate", "garbage", "trickle"])
def test_a_fault_ends_its_own_connection_alone(fault: str, address: Address) -> None:
    with sent(address, get()) as neighbour:
        assert next_answer(neighbour)[0] == 200
        with sent(address, get(fault=fault, over=0.01)) as connection, contextlib.suppress(ConnectionResetError):
            everything(connection)
        neighbour.sendall(get().head)
        assert next_answer(neighbour)[0] == 200


@pytest.mark.parametrize("fault", ["close", "truncate", "trickle"])
def test_requests_before_a_fault_are_answered_and_those_behind_it_are_not(fault: str, address: Address) -> None:
    with sent(address, get(), get(fault=fault, over=0.01), get()) as connection:
        answers = everything(connection)
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == (1 if fault == "close" else 2)


@pytest.fixture
def many_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * MANY:
        pytest.skip(f"the system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * MANY), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_open_files")
def test_a_thousand_that_wait_hold_up_nobody() -> None:
    application = SmallApplication()
    with serving_application(application, limits=HttpLimits(connections=2 * MANY)) as address:
        asyncio.run(asyncio.wait_for(_while_many_wait(application, address), PATIENCE))


async def _while_many_wait(application: SmallApplication, address: Address) -> None:
    requests = [get(delay=HOUR), get(fault="stall"), get(fault="trickle", over=HOUR)]
    waiting = []
    for number in range(MANY):
        _, writer = await asyncio.open_connection(*address)
        writer.write(requests[number % 3].head)
        waiting.append(writer)
    await asyncio.to_thread(application.wait_for, MANY)
    assert (await asyncio.to_thread(call, address, get())).status == 200
    for writer in waiting:
        writer.transport.abort()


@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_cuts_delays_and_faults_short_and_answers_what_came_before(loop: str) -> None:
    application = SmallApplication()
    with contextlib.ExitStack() as stack:
        with serving_application(application, loop=loop) as address:
            row = stack.enter_context(sent(address, get("/1", delay=HOUR), get("/2"), get("/3", delay=HOUR), get("/4")))
            stalled = stack.enter_context(sent(address, get(fault="stall")))
            trickled = stack.enter_context(sent(address, get("/5", fault="trickle", over=HOUR)))
            application.wait_for(3)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE
        assert [body for _, body in next_answers(row, 4)] == [b"/1", b"/2", b"/3", b"/4"]
        assert everything(row) == b""
        assert everything(stalled) == b""
        assert everything(trickled).endswith(b"/5")
