"""Calls of the application, and work that it defers: in threads of two bounded pools, with the response's delivery."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from emulator.delivery import DELIVERY, ConnectionFault, Delivery, WSGIApplication
from emulator.process import gc_paused
from emulator.server import wsgi
from emulator.server.wsgi import WsgiResponse, call_application
from tests.helpers.calling import (
    LOOPS,
    PATIENCE,
    call,
    everything,
    next_answer,
    next_answers,
    sent,
    serving_application,
)
from tests.server.application import get


def response(text: str) -> WSGIApplication:
    """Return a response as a WSGI application."""

    def respond(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(text)))])
        return [text.encode()]

    return respond


def deferring(work: Callable[[str, Delivery], WSGIApplication]) -> WSGIApplication:
    """Return an application that defers work for all paths but ``/``; paths with "wait" are work that waits."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, delivery = environ["PATH_INFO"], environ[DELIVERY]
        if path != "/":
            delivery.defer(lambda: work(path, delivery), waits="wait" in path)
            start_response("500 Ignored", [])
        else:
            return response("now")(environ, start_response)
        return [b"ignored"]

    return application


@pytest.mark.parametrize("loop", LOOPS)
def test_deferred_work_runs_in_a_thread_and_its_response_is_sent_in_order(loop: str) -> None:
    application = deferring(lambda path, _delivery: response(f"{path} by {threading.current_thread().name}"))
    requests = [get("/work"), get("/"), get("/wait"), get("/")]
    with serving_application(application, loop=loop) as address, sent(address, *requests) as connection:
        bodies = [body.decode() for _, body in next_answers(connection, len(requests))]
    assert bodies[1::2] == ["now", "now"]
    assert bodies[0].startswith("/work by rescue-emulator-work")
    assert bodies[2].startswith("/wait by rescue-emulator-wait")


def test_deferred_work_can_ask_for_a_delay_and_a_fault() -> None:
    def work(path: str, delivery: Delivery) -> WSGIApplication:
        delivery.delay = 0.01
        delivery.fault = ConnectionFault.CLOSE if path == "/close" else None
        return response("late")

    with serving_application(deferring(work)) as address:
        assert call(address, get("/slow")).body == b"late"
        with sent(address, get("/close")) as connection:
            assert everything(connection) == b""


def test_an_error_of_deferred_work_ends_its_own_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    def work(path: str, _delivery: Delivery) -> WSGIApplication:
        raise LookupError(path)

    with serving_application(deferring(work)) as address:
        with sent(address, get("/work")) as connection:
            assert everything(connection) == b""
        assert call(address, get("/")).body == b"now"
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "answering 127.0.0.1 failed")


def test_the_body_of_deferred_work_is_released_without_the_garbage_collector() -> None:
    released = threading.Event()

    def application(environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        weakref.finalize(environ["wsgi.input"], released.set)
        environ[DELIVERY].defer(lambda: response(str(environ["REQUEST_METHOD"])))
        return []

    with gc_paused(), serving_application(application) as address:
        assert call(address, get()).body == b"GET"
        assert released.wait(PATIENCE)


@pytest.fixture
def small_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi, "_WORK_THREADS", 2)
    monkeypatch.setattr(wsgi, "_WORK_QUEUE", 1)
    monkeypatch.setattr(wsgi, "_WAIT_THREADS", 2)


@pytest.mark.usefixtures("small_pools")
@pytest.mark.parametrize(
    ("busy", "free", "capacity", "message"),
    [
        ("/work", "/wait", 3, b"3 requests of this kind are in progress or queued"),
        ("/wait", "/work", 2, b"2 requests of this kind are waiting for something"),
    ],
    ids=["work", "waits"],
)
def test_a_full_pool_is_a_503_and_leaves_the_other_one_free(
    busy: str, free: str, capacity: int, message: bytes
) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)

    def work(path: str, _delivery: Delivery) -> WSGIApplication:
        if path == busy:
            begun.release()
            assert release.wait(PATIENCE)
        return response("done")

    with serving_application(deferring(work)) as address, ExitStack() as stack:
        connections = []
        for number in range(capacity):
            connections.append(stack.enter_context(sent(address, get("/"), get(busy))))
            assert next_answer(connections[-1])[0] == 200  # what was sent with it has arrived
            if number < 2:
                assert begun.acquire(timeout=PATIENCE)
        refused = call(address, get(busy))
        assert (refused.status, message in refused.body) == (503, True)
        assert (refused.headers["content-type"], refused.headers["retry-after"]) == ("text/plain; charset=utf-8", "1")
        assert call(address, get(free)).body == b"done"
        assert call(address, get("/")).body == b"now"
        release.set()
        assert [next_answer(connection) for connection in connections] == [(200, b"done")] * capacity
        assert call(address, get(busy)).body == b"done"


@pytest.mark.usefixtures("small_pools")
@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_does_not_wait_for_work_that_waits(
    loop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("emulator.server.acceptor._STOP_TIMEOUT", 0.01)
    release, begun = threading.Event(), threading.Semaphore(0)

    def work(path: str, _delivery: Delivery) -> WSGIApplication:
        begun.release()
        assert release.wait(PATIENCE)
        return response(path)

    with ExitStack() as stack:
        with serving_application(deferring(work), loop=loop) as address:
            waiting = stack.enter_context(sent(address, get("/wait")))
            assert begun.acquire(timeout=PATIENCE)
        assert everything(waiting) == b""
        release.set()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


class Chunks:
    """An iterable of WSGI that is to be closed."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"a"
        if self.fails:
            raise LookupError("a mistake")
        yield b"b"

    def close(self) -> None:
        self.closed = True


def test_the_whole_response_is_read_and_closed() -> None:
    chunks = Chunks()

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("404 Not Found", [("Date", "today"), ("Connection", "Close")])
        return chunks

    response = call_application(application, {})
    assert (response.body, response.closes, chunks.closed) == (b"ab", True, True)
    head = response.head("Date: now\r\n", "Connection: keep-alive\r\n")
    assert head == b"HTTP/1.1 404 Not Found\r\nDate: today\r\nConnection: Close\r\n\r\n"


def test_a_response_that_breaks_off_is_closed() -> None:
    chunks = Chunks(fails=True)
    with pytest.raises(LookupError):
        call_application(lambda _environ, _start: chunks, {})
    assert chunks.closed


def test_the_server_adds_its_lines_to_a_head_without_them() -> None:
    response = WsgiResponse()
    with pytest.raises(NotImplementedError, match="return the body"):
        response.start_response("200 OK", [("X-A", "\xe9")])(b"")
    assert response.head("Date: now\r\n", "") == b"HTTP/1.1 200 OK\r\nX-A: \xe9\r\nDate: now\r\n\r\n"
    assert not response.closes
