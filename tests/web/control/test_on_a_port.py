"""The control API over a socket: what travels byte by byte, and concurrent clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from emulator.web.request import MAX_BODY
from tests.helpers.calling import Address, a_request, call, serving
from tests.helpers.control import RULE, SCENARIO
from tests.helpers.raw_http import Answer, Request

LOCAL = [("Host", "localhost")]
JSON = [*LOCAL, ("Content-Type", "application/json")]
RULE_TEXT = json.dumps(RULE)


@pytest.fixture
def address() -> Iterator[Address]:
    with serving(Engine(loads(SCENARIO, "front-desk.yaml"))) as served:
        yield served


def request(address: Address, method: str, path: str, body: str | None = None, *, chunked: bool = False) -> Answer:
    """Send one request to the control API on a connection of its own."""
    headers = LOCAL if body is None else JSON
    return call(address, Request(method, f"/__admin{path}", headers, body, chunked=chunked, no_host=True))


@pytest.mark.parametrize("chunked", [False, True], ids=["by length", "in chunks"])
def test_a_body_may_be_as_long_as_the_limit(address: Address, chunked: bool) -> None:
    too_long = request(address, "POST", "/rules", RULE_TEXT + " " * MAX_BODY, chunked=chunked)
    assert (too_long.status, json.loads(too_long.body)["detail"]) == (413, "the body is longer than 4 MB")
    assert json.loads(request(address, "GET", "/rules").body)["total"] == 3
    longest = request(address, "POST", "/rules", RULE_TEXT.ljust(MAX_BODY), chunked=chunked)
    assert longest.status == 201


@pytest.mark.parametrize("path", ["/api/API.ASMX/startSession", "/API/./API.asmx/x%20y"])
def test_target_and_headers_are_shown_as_they_were_sent(address: Address, path: str) -> None:
    headers = [("X-Zebra", "1"), ("x-APPLE", "2"), ("X-Zebra", "3")]
    call(address, Request("GET", path, headers))
    shown = json.loads(request(address, "GET", "/calls/1").body)["request"]
    assert shown["start"] == f"GET {path} HTTP/1.1"
    assert [pair for pair in shown["headers"] if pair[0].lower() != "host"] == [[*header] for header in headers]


def test_a_connection_that_was_reset_has_no_answer(address: Address) -> None:
    with pytest.raises((ConnectionError, EOFError)):
        call(address, a_request(session=3))
    entry = json.loads(request(address, "GET", "/calls/1").body)
    assert (entry["reply"], entry["answer"]) == ({"fail": {"connection": "reset"}}, None)


def test_concurrent_clients_lose_no_rule_and_no_call(address: Address) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = pool.map(lambda _: request(address, "POST", "/rules", RULE_TEXT), range(40))
        calls = pool.map(lambda _: call(address, a_request(session=1001)), range(40))
        listed = pool.map(lambda _: request(address, "GET", "/calls"), range(40))
        assert sorted(json.loads(response.body)["id"] for response in added) == list(range(1, 41))
        assert {response.status for response in (*calls, *listed)} == {200}
    assert json.loads(request(address, "GET", "/rules").body)["total"] == 43
    expected = json.dumps({"when": {"session": 1001}, "times": 40})
    assert json.loads(request(address, "POST", "/verify", expected).body)["verified"]


EVIL = ("Host", "evil.example")
ADMIN = "/__admin/calls"
PAGE = ("Origin", "http://evil.example")
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
HOSTS = {
    "its own": (200, ADMIN, LOCAL, "HTTP/1.1"),
    "another": (403, ADMIN, [EVIL], "HTTP/1.1"),
    "none": (200, ADMIN, [], "HTTP/1.0"),
    "none, from another page": (403, ADMIN, [PAGE], "HTTP/1.0"),
    "two, its own first": (400, ADMIN, [*LOCAL, EVIL], "HTTP/1.1"),
    "two, its own last": (400, ADMIN, [EVIL, *LOCAL], "HTTP/1.1"),
    "its own in the target only": (200, f"http://localhost{ADMIN}", [EVIL], "HTTP/1.1"),
    "its own in the header only": (403, f"http://evil.example{ADMIN}", LOCAL, "HTTP/1.1"),
    "forwarded": (403, ADMIN, [EVIL, ("X-Forwarded-Host", "localhost")], "HTTP/1.1"),
    "forwarded by RFC 7239": (403, ADMIN, [EVIL, ("Forwarded", "host=localhost")], "HTTP/1.1"),
    "two pages": (403, ADMIN, [*LOCAL, *[("Origin", "http://localhost")] * 2], "HTTP/1.1"),
    "another page, with an upgrade": (403, ADMIN, [*LOCAL, PAGE, *UPGRADE], "HTTP/1.1"),
}


@pytest.mark.parametrize("host", HOSTS)
def test_only_requests_for_this_machine_are_answered(address: Address, host: str) -> None:
    status, target, headers, version = HOSTS[host]
    response = call(address, Request("GET", target, headers, version=version, no_host=True))
    assert response.status == status
    assert (b'"calls"' in response.body) is (status == 200)
