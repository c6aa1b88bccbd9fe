"""What only a real server shows of the control API: bytes as they travel, and many who ask at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.scenario import loads
from emulator.web.request import MAX_BODY
from tests.helpers.calling import ALL_BINDINGS, Address, a_request, call, serving
from tests.helpers.control import SCENARIO
from tests.helpers.raw_http import Answer, Request, exchange

LOCAL = [("Host", "localhost")]
JSON = [*LOCAL, ("Content-Type", "application/json")]
RULE = json.dumps({"when": {"session": 7}, "return": "startSessionRet_OK"})


@pytest.fixture
def address() -> Iterator[Address]:
    with serving(Engine(loads(SCENARIO, "front-desk.yaml"))) as found:
        yield found


def ask(address: Address, method: str, path: str, body: str | None = None, *, chunked: bool = False) -> Answer:
    """The answer of the control API on a connection of its own."""
    headers = LOCAL if body is None else JSON
    return call(address, Request(method, f"/__admin{path}", headers, body, chunked=chunked, no_host=True))


def test_the_answer_to_a_head_has_no_body(address: Address) -> None:
    head, get = (Request(method, "/__admin/health", LOCAL, no_host=True) for method in ("HEAD", "GET"))
    (answer,) = exchange(head, address)
    assert (answer.status, answer.body) == (200, b"")
    (answer,) = exchange(get, address)
    assert json.loads(answer.body)["status"] == "ready"


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "in chunks"])
def test_a_body_that_is_too_long_is_refused_and_changes_nothing(address: Address, chunked: bool) -> None:
    answer = ask(address, "POST", "/rules", RULE + " " * MAX_BODY, chunked=chunked)
    assert (answer.status, json.loads(answer.body)["detail"]) == (413, "the body is longer than 4 MB")
    assert json.loads(ask(address, "GET", "/rules").body)["total"] == 3


def test_a_body_in_chunks_is_read(address: Address) -> None:
    assert ask(address, "POST", "/rules", RULE, chunked=True).status == 201


@pytest.mark.parametrize("path", ["/calls", "/nope", "/health"])
def test_what_is_told_is_never_kept_for_later(address: Address, path: str) -> None:
    assert ask(address, "GET", path).headers["Cache-Control"] == "no-store"


def test_a_deletion_says_nothing_more(address: Address) -> None:
    answer = ask(address, "DELETE", "/calls")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (204, b"", None)


@ALL_BINDINGS
def test_headers_are_told_in_the_order_and_letters_in_which_they_came(address: Address, binding: Binding) -> None:
    request = a_request(binding, session=99)
    headers = [*request.headers, ("X-Zebra", "1"), ("x-APPLE", "2"), ("X-Zebra", "3")]
    call(address, Request(request.method, request.path, headers, request.body))
    told = json.loads(ask(address, "GET", "/calls/1").body)["request"]
    sent = [[name, value] for name, value in headers]
    assert [pair for pair in told["headers"] if pair[0].lower() not in ("host", "content-length")] in (
        sent,
        [[name.lower(), value] for name, value in sent],
    )


@pytest.mark.parametrize("path", ["/API/API.asmx/startSession", "/api/API.ASMX/startSession", "/API/./API.asmx/x%20y"])
def test_a_target_is_told_as_it_was_sent(address: Address, path: str) -> None:
    call(address, Request("GET", path))
    told = json.loads(ask(address, "GET", "/calls/1").body)["request"]
    assert told["start"] == f"GET {path} HTTP/1.1"


def test_a_connection_that_was_reset_is_told_without_an_answer(address: Address) -> None:
    with pytest.raises((ConnectionError, EOFError, OSError, ValueError)):
        call(address, a_request(session=3))
    told = json.loads(ask(address, "GET", "/calls/1").body)
    assert (told["reply"], told["answer"]) == ({"fail": {"connection": "reset"}}, None)


def test_many_who_change_rules_at_once_lose_none(address: Address) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(address, "POST", "/rules", RULE), range(40)))
    assert sorted(json.loads(answer.body)["id"] for answer in answers) == list(range(1, 41))
    assert json.loads(ask(address, "GET", "/rules").body)["total"] == 43


def test_calls_and_questions_at_once_are_each_counted(address: Address) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = pool.map(lambda _: call(address, a_request(session=1001)), range(40))
        asked = pool.map(lambda _: ask(address, "GET", "/calls"), range(40))
        assert {answer.status for answer in (*calls, *asked)} == {200}
    told = json.loads(ask(address, "POST", "/verify", json.dumps({"when": {"session": 1001}, "times": 40})).body)
    assert told["verified"]


EVIL = ("Host", "evil.example")
NAMED_HOW = {
    "by its name": (200, "/__admin/calls", LOCAL, "HTTP/1.1"),
    "by another": (403, "/__admin/calls", [EVIL], "HTTP/1.1"),
    "not at all": (200, "/__admin/calls", [], "HTTP/1.0"),
    "not at all, from another page": (403, "/__admin/calls", [("Origin", "http://evil.example")], "HTTP/1.0"),
    "twice, its own first": (400, "/__admin/calls", [*LOCAL, EVIL], "HTTP/1.1"),
    "twice, its own last": (400, "/__admin/calls", [EVIL, *LOCAL], "HTTP/1.1"),
    "twice, so that both end alike": (400, "/__admin/calls", [EVIL, ("Host", "a.localhost")], "HTTP/1.1"),
    "in the target alone": (200, "http://localhost/__admin/calls", [EVIL], "HTTP/1.1"),
    "in the Host header, of two names": (403, "http://evil.example/__admin/calls", LOCAL, "HTTP/1.1"),
    "for a proxy": (403, "/__admin/calls", [EVIL, ("X-Forwarded-Host", "localhost")], "HTTP/1.1"),
    "by another, for a proxy": (200, "/__admin/calls", [*LOCAL, ("X-Forwarded-Host", "evil.example")], "HTTP/1.1"),
    "for a proxy, in RFC 7239": (403, "/__admin/calls", [EVIL, ("Forwarded", "host=localhost")], "HTTP/1.1"),
    "with a line folded": (403, "/__admin/calls", [("Host", "evil.example\r\n .localhost")], "HTTP/1.1"),
    "from two pages": (403, "/__admin/calls", [*LOCAL, *[("Origin", "http://localhost")] * 2], "HTTP/1.1"),
    "with another protocol's offer": (
        403,
        "/__admin/calls",
        [*LOCAL, ("Origin", "http://evil.example"), ("Connection", "Upgrade"), ("Upgrade", "websocket")],
        "HTTP/1.1",
    ),
}


@pytest.mark.parametrize("how", NAMED_HOW)
def test_only_who_names_this_machine_is_answered(address: Address, how: str) -> None:
    status, target, headers, version = NAMED_HOW[how]
    answer = call(address, Request("GET", target, headers, version=version, no_host=True))
    refused = (403, 400) if how == "with a line folded" else (status,)  # where the parser refuses it before us
    assert answer.status in refused
    assert (b'"calls"' in answer.body) is (status == 200)
