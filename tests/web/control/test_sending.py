"""POST /calls: the server sends one call to itself, and shows what a client sees of the answer, over a real port."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event
from typing import Any

import pytest
import requests

from emulator import Emulator, Options
from emulator.core.contract import Binding
from emulator.core.journal import Entry
from emulator.scenario.loading import loads
from emulator.server.tls import MadeCertificate
from tests.helpers.calling import ALL_BINDINGS, PATIENCE, Address, AttentiveEngine, call, free_port, sent, serving
from tests.helpers.control import SERVICE, Emulated, detail
from tests.helpers.raw_http import Request

CODE = "s3cret-of-ann-0123"
SCENARIO = """
rules:
  - {when: {session: 1}, return: startSessionRet_OK}
  - {when: {session: 2}, fail: {status: 503, body: busy, content_type: text/plain}}
  - {when: {session: 3}, fail: {exception: boom}}
  - {when: {session: 4}, fail: {status: 304}}
  - {when: {session: 10}, fail: {connection: reset}}
  - {when: {session: 11}, fail: {connection: close}}
  - {when: {session: 12}, fail: {connection: truncate}}
  - {when: {session: 13}, fail: {connection: garbage}}
  - {when: {session: 14}, fail: {connection: stall}}
  - {when: {session: 15}, fail: {connection: trickle, over: 60s}}
"""
HTTP = [("Host", "localhost"), ("Content-Type", "application/json")]


class Sender:
    """An emulator on a port, and its control API."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.root = emulator.url.removesuffix(SERVICE)
        self.options: dict[str, Any] = {"timeout": PATIENCE, "verify": str(emulator.ca_file or "") or True}

    def send(self, session: int = 1, *, space: str = "", **words: Any) -> Any:
        body = {"session": session, "node": 5, **words}
        response = requests.post(f"{self.root}{space}/__admin/calls", json=body, **self.options)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module", params=["http", "https"])
def sender(request: pytest.FixtureRequest) -> Iterator[Sender]:
    certificate = MadeCertificate() if request.param == "https" else None
    with Emulator.start(loads(SCENARIO), Options(certificate=certificate)) as emulator:
        yield Sender(emulator)


@ALL_BINDINGS
def test_a_call_is_sent_once_and_shown_with_its_answer(binding: Binding, sender: Sender) -> None:
    sender.emulator.reset()
    shown = sender.send(auth_code=CODE, binding=binding.value)
    (exchange,) = sender.emulator.calls
    assert (exchange.call.auth_code, exchange.call.binding) == (CODE, binding)
    facts = {name: shown[name] for name in ("status", "result", "failure", "call")}
    assert facts == {"status": 200, "result": "startSessionRet_OK", "failure": None, "call": exchange.id}
    assert ["Host", sender.root.partition("//")[2]] in shown["request"]["headers"]
    assert CODE in json.dumps(shown["request"])
    assert shown["answer"]["start"] == "HTTP/1.1 200 OK"
    assert "startSessionRet_OK" in shown["answer"]["body"]
    assert exchange.answered_s is not None
    assert exchange.answered_s <= shown["answered_s"] < PATIENCE


@pytest.mark.parametrize(("code", "sent_as"), [({}, None), ({"auth_code": ""}, "")], ids=["absent", "empty"])
def test_the_auth_code_may_be_absent_or_empty(code: dict[str, Any], sent_as: str | None, sender: Sender) -> None:
    sender.send(**code)
    assert sender.emulator.calls[-1].call.auth_code == sent_as


@pytest.mark.parametrize(
    ("session", "status", "body"), [(2, 503, "busy"), (3, 500, "boom"), (4, 304, "")], ids=["503", "fault", "304"]
)
def test_an_answer_without_a_result_is_no_failure(session: int, status: int, body: str, sender: Sender) -> None:
    shown = sender.send(session)
    assert (shown["status"], shown["result"], shown["failure"]) == (status, None, None)
    assert body in shown["answer"]["body"]


@pytest.mark.parametrize(
    ("session", "timeout", "failure", "start"),
    [
        pytest.param(10, "30s", "the connection was reset before any byte", None, id="reset"),
        pytest.param(11, "30s", "the connection was closed without an answer", None, id="close"),
        pytest.param(12, "30s", r"the answer was cut after \d+ bytes", "HTTP/1.1 200 OK", id="truncate"),
        pytest.param(13, "30s", "what came is not HTTP: 512 bytes", "", id="garbage"),
        pytest.param(14, "50ms", "no answer within 0.05 s", None, id="stall"),
        pytest.param(15, "200ms", r"no complete answer within 0.2 s: \d+ bytes came", "", id="trickle"),
    ],
)
def test_a_failed_connection_is_described(
    session: int, timeout: str, failure: str, start: str | None, sender: Sender
) -> None:
    before = len(sender.emulator.calls)
    shown = sender.send(session, timeout=timeout)
    assert re.fullmatch(failure, shown["failure"])
    assert (shown["answer"] and shown["answer"]["start"], shown["result"]) == (start, None)
    assert len(sender.emulator.calls) == before + 1


def test_in_a_space_the_call_goes_to_the_space(sender: Sender) -> None:
    requests.put(f"{sender.root}/__admin/spaces/mine", **sender.options)
    before = len(sender.emulator.calls)
    shown = sender.send(space="/spaces/mine")
    assert (shown["call"], shown["request"]["start"]) == (1, f"POST /spaces/mine{SERVICE} HTTP/1.1")
    assert len(sender.emulator.calls) == before


@pytest.mark.parametrize(
    ("timeout", "wrong"),
    [("0s", "must be more than 0s and at most 300s"), ("301s", "must be more than 0s and at most 300s"),
     ("5m", "must be a duration such as 250ms or 1.5s"), (30, "must be a duration such as 250ms or 1.5s")],
)  # fmt: skip
def test_a_wrong_timeout_is_refused_and_nothing_sent(timeout: object, wrong: str) -> None:
    emulated = Emulated()
    refused = emulated.request("POST", "/calls", {"session": 1, "node": 5, "timeout": timeout})
    assert wrong in detail(refused, 422)
    assert emulated.get("/calls")["last"] == 0


@pytest.mark.parametrize(
    ("environ", "why"),
    [({"SERVER_PORT": str(free_port())}, "Connection refused"), ({"SERVER_NAME": ""}, "does not say on which address")],
    ids=["at another address", "without an address"],
)
def test_another_wsgi_server_that_cannot_be_reached_says_why(environ: dict[str, str], why: str) -> None:
    refused = Emulated().request("POST", "/calls", {"session": 1, "node": 5}, environ_overrides=environ)
    text = detail(refused, 503)
    assert text.startswith("the server cannot call itself: ")
    assert why in text


class CompletedEngine(AttentiveEngine):
    """An engine of which a test can wait for a completed entry."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.completed = Event()

    def complete(self, entry: Entry, sent: bytes, delivered: str | None, answered_s: float | None) -> None:
        super().complete(entry, sent, delivered, answered_s)
        self.completed.set()


def a_sending(session: int) -> Request:
    return Request("POST", "/__admin/calls", HTTP, json.dumps({"session": session, "node": 5}), no_host=True)


def test_who_leaves_ends_the_wait_and_not_the_call() -> None:
    engine = CompletedEngine("otherwise: {return: startSessionRet_OK, delay: 300ms}")
    with serving(engine) as address:
        with sent(address, a_sending(1)):
            engine.wait_for(1)
        assert engine.completed.wait(PATIENCE)
    (exchange,) = engine.snapshot().exchanges
    assert exchange.delivered == "whole"


def test_calls_that_wait_do_not_hold_up_the_control_api() -> None:
    engine = AttentiveEngine("otherwise: {fail: {connection: stall}}")
    with serving(engine) as address, ExitStack() as stack:
        for _ in range(10):  # more than the threads for other work
            stack.enter_context(sent(address, a_sending(1)))
        engine.wait_for(10)
        assert health(address) == "ready"


def health(address: Address) -> str:
    answer = call(address, Request("GET", "/__admin/health", HTTP, no_host=True))
    return str(json.loads(answer.body)["status"])
