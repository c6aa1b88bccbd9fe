"""Verifications that wait on a port: they hold up nobody, and end with their client, the server or the space."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Semaphore

import pytest

from emulator.core.engine import Engine, Watch
from emulator.core.explain import Expectation
from emulator.core.journal import Snapshot
from emulator.core.waiting import verify_within
from emulator.server import wsgi
from emulator.web.spaces import Settings, Spaces
from tests.helpers.builders import a_scenario
from tests.helpers.calling import LOOPS, PATIENCE, Address, a_request, call, next_answer, sent, serving
from tests.helpers.raw_http import Answer, Request

LOCAL = [("Host", "localhost")]
JSON = [*LOCAL, ("Content-Type", "application/json")]


class WaitedFor(Engine):
    """An engine that tells a test when a wait for its calls begins and ends."""

    def __init__(self) -> None:
        super().__init__(a_scenario())
        self.begun, self.ended = Semaphore(0), Semaphore(0)

    @contextmanager
    def watched(self, watch: Watch) -> Iterator[Snapshot]:
        with super().watched(watch) as snapshot:
            self.begun.release()
            yield snapshot
        self.ended.release()


def verifying(**words: object) -> Request:
    body = json.dumps({"when": {"session": 1001}, "within": "60s", **words})
    return Request("POST", "/__admin/verify", JSON, body, no_host=True)


def control(address: Address, method: str, path: str) -> Answer:
    return call(address, Request(method, f"/__admin{path}", LOCAL, no_host=True))


@contextmanager
def waiting(engine: WaitedFor, address: Address) -> Iterator[socket.socket]:
    with sent(address, verifying()) as connection:
        assert engine.begun.acquire(timeout=PATIENCE)
        yield connection


def refused(connection: socket.socket) -> str:
    """Return the first reason that a verification gives for its 409, behind what was wanted."""
    status, body = next_answer(connection)
    assert status == 409
    return str(json.loads(body)["detail"]).splitlines()[1]


def test_clients_that_wait_hold_up_no_other_and_one_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi, "_WAIT_THREADS", 9)  # more than the threads of the control API
    engine = WaitedFor()
    with serving(engine) as address, ExitStack() as stack:
        connections = [stack.enter_context(waiting(engine, address)) for _ in range(9)]
        assert call(address, verifying()).status == 503
        assert control(address, "GET", "/calls").status == 200
        assert call(address, a_request(session=9)).status == 200
        assert call(address, verifying(within="1ms", when={"session": 9})).status == 503
        assert call(address, a_request(session=1001)).status == 200
        for connection in connections:
            status, body = next_answer(connection)
            assert (status, json.loads(body)["count"]) == (200, 1)
        assert call(address, verifying()).status == 200


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_leaves_ends_its_wait(loop: str) -> None:
    engine = WaitedFor()
    with serving(engine, loop=loop) as address:
        with waiting(engine, address):
            pass
        assert engine.ended.acquire(timeout=PATIENCE)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_ends_its_sending_is_answered_at_once(loop: str) -> None:
    engine = WaitedFor()
    with serving(engine, loop=loop) as address, waiting(engine, address) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert refused(connection) == ("the wait ended early: the server stops, or the client has ended its sending")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_stops_answers_those_who_wait(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.server.acceptor._STOP_TIMEOUT", PATIENCE)
    engine = WaitedFor()
    with ExitStack() as stack:
        with serving(engine, loop=loop) as address:
            connection = stack.enter_context(waiting(engine, address))
        assert refused(connection) == ("the wait ended early: the server stops, or the client has ended its sending")


@pytest.mark.parametrize(
    ("method", "path", "why"),
    [("POST", "/reset", "the journal was reset"), ("DELETE", "/calls", "the journal was cleared")],
)
def test_a_journal_without_what_was_waited_for_ends_the_wait(method: str, path: str, why: str) -> None:
    engine = WaitedFor()
    with serving(engine) as address, waiting(engine, address) as connection:
        assert control(address, method, path).status == 204
        assert refused(connection) == f"the wait ended early: {why}"


@pytest.mark.parametrize("idle", [0.0, 3600.0])
def test_a_space_that_is_deleted_or_idle_ends_the_waits_in_it(idle: float) -> None:
    now = 0.0
    spaces = Spaces(Engine(a_scenario()), Settings(space_idle=1800), clock=lambda: now)
    space, _ = spaces.put("mine", None)
    now = idle
    spaces.drop("mine")
    assert verify_within(space.engine, Expectation(within=60), time.monotonic).ended == "the space has ended"
