"""Failures as the client's socket sees them, on both event loops and in each binding where they show."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from emulator.core.contract import Binding
from emulator.core.replies import LogNormal, Uniform
from emulator.server.limits import HttpLimits
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
from tests.helpers.paths import GOLDEN
from tests.helpers.raw_http import Request, exchange

LOOPS = ["uvloop", "asyncio"]
EARLY = 0.002  # seconds: uvloop's clock counts whole milliseconds
MANY = 1000

SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - {when: {auth_code: reset}, fail: {connection: reset}}
  - {when: {auth_code: close}, fail: {connection: close}}
  - {when: {auth_code: truncate}, fail: {connection: truncate}}
  - {when: {auth_code: garbage}, fail: {connection: garbage}}
  - {when: {auth_code: stall}, fail: {connection: stall}}
  - {when: {auth_code: trickle}, fail: {connection: trickle, over: 200ms}}
  - {when: {auth_code: dribble}, fail: {connection: trickle, over: 3600s}}
  - {when: {auth_code: late-reset}, fail: {connection: reset}, delay: 30ms}
  - {when: {auth_code: slow}, delay: 3600s, return: startSessionRet_OK}
  - {when: {auth_code: throw}, fail: {exception: oracle was asked to throw}}
  - when: {auth_code: busy}
    fail: {status: 503, headers: {Retry-After: "5", X-Why: a b}, body: "<p>später</p>", content_type: text/html}
  - {when: {auth_code: bare}, fail: {status: 418}}
  - {when: {auth_code: unknown}, fail: {status: 299, body: x}}
  - {when: {auth_code: unchanged}, fail: {status: 304}}
"""


@pytest.fixture(scope="module", params=LOOPS)
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    with serving(SCENARIO, loop=request.param) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_is_an_error_to_the_server(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = caplog.get_records("call")
    assert [record for record in records if record.name.partition(".")[0] in ("uvloop", "asyncio")] == []


def failing(how: str, binding: Binding = Binding.SOAP11) -> Request:
    return a_request(binding, auth_code=how)


def split(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@ALL_BINDINGS
def test_a_reset_is_a_tcp_reset_before_any_byte(binding: Binding, address: Address) -> None:
    with sent(address, failing("reset", binding)) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_delayed_reset_is_one_too(address: Address) -> None:
    with sent(address, failing("late-reset")) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


@ALL_BINDINGS
def test_close_is_an_orderly_end_before_any_byte(binding: Binding, address: Address) -> None:
    with sent(address, failing("close", binding)) as connection:
        assert everything(connection) == b""


@ALL_BINDINGS
def test_truncate_sends_a_right_head_and_half_of_a_right_body(binding: Binding, address: Address) -> None:
    right = call(address, failing("none", binding))
    with sent(address, failing("truncate", binding)) as connection:
        head, body = split(everything(connection))
    assert body == right.body[: len(right.body) // 2]
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(right.body)}".encode() in head.split(b"\r\n")
    assert f"Content-Type: {right.headers['content-type']}".encode() in head.split(b"\r\n")


@ALL_BINDINGS
def test_garbage_is_bytes_that_are_no_http(binding: Binding, address: Address) -> None:
    with sent(address, failing("garbage", binding)) as connection:
        received = everything(connection)
    assert received
    assert not received.startswith(b"HTTP")


def test_garbage_is_other_garbage_each_time(address: Address) -> None:
    with sent(address, failing("garbage")) as one, sent(address, failing("garbage")) as other:
        assert everything(one) != everything(other)


@ALL_BINDINGS
def test_a_stall_sends_nothing_while_others_are_answered(binding: Binding, address: Address) -> None:
    with sent(address, failing("stall", binding)) as stalled:
        for _ in range(20):
            call(address, failing("none", binding))
        stalled.setblocking(False)
        with pytest.raises(BlockingIOError):
            stalled.recv(1)


@pytest.mark.parametrize("loop", LOOPS)
@ALL_BINDINGS
def test_a_stall_is_bounded_by_the_longest_delay(binding: Binding, loop: str) -> None:
    with serving(SCENARIO, max_delay=0.05, loop=loop) as address, sent(address, failing("stall", binding)) as stalled:
        began = time.monotonic()
        assert everything(stalled) == b""
        assert time.monotonic() - began > 0.05 / 2  # it began when the call was sent, a little before this


@ALL_BINDINGS
def test_a_trickle_is_the_right_answer_whole(binding: Binding, address: Address) -> None:
    right = call(address, failing("none", binding))
    trickled = call(address, failing("trickle", binding))
    assert (trickled.status, trickled.body) == (right.status, right.body)
    assert trickled.headers["connection"] == "close"
    others = dict.fromkeys(("Date", "X-Emulator-Rule", "X-Emulator-Call"))
    assert dict(trickled.headers) | others == dict(right.headers) | others | {"Connection": "close"}


def test_a_trickle_takes_its_time(address: Address) -> None:
    began = time.monotonic()
    call(address, failing("trickle"))
    assert time.monotonic() - began > 0.2 - 20 * EARLY


@ALL_BINDINGS
def test_a_trickle_comes_a_few_bytes_at_a_time(binding: Binding, address: Address) -> None:
    with sent(address, failing("dribble", binding)) as connection:
        assert 0 < len(connection.recv(65536)) < 100


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        pytest.param("30ms", 0.03, id="fixed"),
        pytest.param("{from: 20ms, to: 40ms}", Uniform(0.02, 0.04).seconds(Random(1)), id="uniform"),
        pytest.param("{median: 20ms, p99: 40ms}", LogNormal(0.02, 0.04).seconds(Random(1)), id="log-normal"),
    ],
)
@pytest.mark.parametrize("loop", LOOPS)
@ALL_BINDINGS
def test_a_delay_is_waited(delay: str, seconds: float, loop: str, binding: Binding) -> None:
    engine = AttentiveEngine(f"otherwise: {{return: startSessionRet_OK, delay: {delay}}}", seed=1)
    with serving(engine, loop=loop) as address:
        began = time.monotonic()
        assert result(call(address, a_request(binding))) == "OK"
        assert time.monotonic() - began > seconds - EARLY


@ALL_BINDINGS
def test_a_delay_is_bounded_by_the_longest_one(binding: Binding) -> None:
    with serving(SCENARIO, max_delay=0.01) as address:
        assert result(call(address, failing("slow", binding))) == "OK"


@ALL_BINDINGS
def test_an_http_failure_is_the_same_answer_in_every_binding(binding: Binding, address: Address) -> None:
    answer = call(address, failing("busy", binding))
    assert (answer.status, answer.body.decode()) == (503, "<p>später</p>")
    told = {name: answer.headers[name] for name in ("content-type", "retry-after", "x-why", "content-length")}
    assert told == {"content-type": "text/html", "retry-after": "5", "x-why": "a b", "content-length": "14"}
    assert answer.headers["cache-control"] is None


@pytest.mark.parametrize(
    ("how", "status", "body"),
    [
        pytest.param("bare", 418, b"", id="nothing but a status"),
        pytest.param("unknown", 299, b"x", id="a status without a name"),
        pytest.param("unchanged", 304, b"", id="a status without a body"),
    ],
)
@ALL_BINDINGS
def test_an_http_failure_can_be_any_status(
    how: str, status: int, body: bytes, binding: Binding, address: Address
) -> None:
    answers = exchange(replace(failing(how, binding), repeat=2), address)
    assert [(answer.status, answer.body) for answer in answers] == [(status, body)] * 2
    assert answers[0].headers["content-type"] is None


@pytest.mark.parametrize("loop", LOOPS)
def test_an_http_failure_can_be_longer_than_any_buffer(loop: str) -> None:
    body = "0123456789" * 500_000
    with serving(f"otherwise: {{fail: {{status: 500, body: '{body}'}}}}", loop=loop) as address:
        assert call(address, a_request()).body == body.encode()


@pytest.mark.parametrize(
    ("binding", "content_type", "golden"),
    [
        pytest.param(Binding.SOAP11, "text/xml; charset=utf-8", "soap11-thrown.xml", id="soap11"),
        pytest.param(Binding.SOAP12, "application/soap+xml; charset=utf-8", "soap12-thrown.xml", id="soap12"),
        pytest.param(Binding.GET, "text/plain; charset=utf-8", "form-thrown.txt", id="get"),
        pytest.param(Binding.POST, "text/plain; charset=utf-8", "form-thrown.txt", id="post"),
    ],
)
def test_an_exception_is_the_services_own(binding: Binding, content_type: str, golden: str, address: Address) -> None:
    answer = call(address, failing("throw", binding))
    assert (answer.status, answer.body) == (500, (GOLDEN / "wire" / golden).read_bytes())
    assert answer.headers["content-type"] == content_type
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["connection"] is None


@pytest.mark.parametrize("how", ["reset", "close", "truncate", "garbage", "trickle"])
def test_a_failure_ends_its_own_connection_alone(how: str, address: Address) -> None:
    with sent(address, failing("none")) as neighbour:
        assert next_answer(neighbour)[0] == 200
        with sent(address, failing(how)) as connection, contextlib.suppress(ConnectionResetError):
            everything(connection)
        neighbour.sendall(failing("none").head + failing("none").content)
        assert next_answer(neighbour)[0] == 200


@pytest.mark.parametrize("how", ["close", "truncate", "garbage", "trickle"])
def test_requests_behind_a_failure_get_no_answer_and_those_before_it_do(how: str, address: Address) -> None:
    with sent(address, failing("none"), failing(how), failing("none")) as connection:
        received = everything(connection)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.count(b"HTTP/1.1 200 OK\r\n") == (2 if how in ("truncate", "trickle") else 1)


@pytest.fixture
def many_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * MANY:
        pytest.skip(f"the system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * MANY), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_open_files")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", ["slow", "stall", "dribble"])
def test_a_thousand_that_wait_hold_up_nobody(how: str, loop: str) -> None:
    engine = AttentiveEngine(SCENARIO)
    with serving(engine, loop=loop, limits=HttpLimits(connections=2 * MANY)) as address:
        asyncio.run(asyncio.wait_for(_while_many_wait(how, engine, address), PATIENCE))


async def _while_many_wait(how: str, engine: AttentiveEngine, address: Address) -> None:
    request = failing(how)
    waiting = []
    for _ in range(MANY):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request.head + request.content)
        waiting.append((reader, writer))
    await asyncio.to_thread(engine.wait_for, MANY)
    for binding in Binding:
        answer = await asyncio.to_thread(call, address, a_request(binding))
        assert result(answer) == "OK"
    for _, writer in waiting:
        writer.transport.abort()
