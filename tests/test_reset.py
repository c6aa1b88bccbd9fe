"""A request belongs to the state in which its first byte came: after a reset it shows nowhere, and changes nothing."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import requests

from emulator import Emulator, MadeCertificate, Options, RemoteEmulator, Rescue
from emulator.client.control_api import root_url
from emulator.core.contract import Binding
from emulator.core.epochs import Epochs
from emulator.scenario.loading import from_data
from emulator.server import HttpLimits
from tests.helpers.calling import LOOPS, PATIENCE, a_request, everything, next_answer, next_answers
from tests.helpers.raw_http import Request

SCENARIO: Final[dict[str, Any]] = {
    "rules": [
        {"name": "once", "when": {"session": 1}, "times": 1, "return": "startSessionRet_OK"},
        {"name": "slow", "when": {"session": 2}, "delay": "0.2s", "return": "startSessionRet_OK"},
    ],
    "desk": {
        "administrators": [{"name": "Ann", "auth_code": "demo-ann"}],
        "technicians": [{"name": "Tess", "node": 337366}],
        "sessions": [{"id": 1001, "customer": "Printer"}],
    },
}
CALL: Final = a_request(session=1)
SLOW: Final = a_request(session=2)
OK: Final = b"startSessionRet_OK<"


def whole(request: Request) -> bytes:
    return request.head + request.content


def in_root(path: str, data: bytes) -> bytes:
    """Return requests for the service with the root of a space in their paths."""
    return data.replace(b" /API/", f" {path}/API/".encode())


def cut(request: Request, length: int) -> tuple[bytes, bytes]:
    data = whole(request)
    return data[:length], data[length:]


def cut_behind_head(request: Request) -> tuple[bytes, bytes]:
    return cut(request, len(request.head) + 5)


PARTS: Final = {
    "a byte": cut(CALL, 1),
    "a part of the head": cut(CALL, 60),
    "the head": cut_behind_head(a_request(Binding.SOAP11, session=1)),
    "a part of a long body": cut_behind_head(a_request(Binding.POST, session=1, padding=100_000)),
    "an offer to upgrade": cut(Request("GET", CALL.path, [("Connection", "Upgrade"), ("Upgrade", "h2c")]), 60),
}


@pytest.fixture(params=["here", "elsewhere", "in a space", "in a space that is opened again"])
def rescue(request: pytest.FixtureRequest) -> Iterator[Rescue]:
    """An emulator, in each way in which it is reset."""
    with Emulator.start(SCENARIO) as local:
        if request.param == "here":
            yield local
        elif request.param == "elsewhere":
            yield RemoteEmulator(local.url)
        elif request.param == "in a space":
            with RemoteEmulator(local.url, space="mine") as remote:
                yield remote
        else:
            with Reopened(local.url, space="mine") as remote:
                yield remote


class Reopened(RemoteEmulator):
    """An emulator that is reset by opening its space anew."""

    def reset(self) -> None:
        self.close()
        self.open()


class Client:
    """A client on a socket, for an emulator or a space."""

    def __init__(self, rescue: Rescue) -> None:
        address = urlsplit(rescue.url)
        self._root = address.path.removesuffix("/API/API.asmx")
        self.socket = socket.create_connection((address.hostname or "", address.port or 0), PATIENCE)

    def send(self, data: bytes) -> None:
        self.socket.sendall(in_root(self._root, data))


@pytest.fixture
def client(rescue: Rescue) -> Iterator[Client]:
    client = Client(rescue)
    with client.socket:
        yield client


def call_again(rescue: Rescue) -> str:
    """Send a call on a connection of its own; return what the rule ``once``, else ``otherwise``, answers."""
    query = {"iSession": "1", "iNode": "0", "sAuthCode": ""}
    return (
        requests.get(f"{rescue.url}/startSession", query, timeout=PATIENCE).text.rpartition("Ret_")[2].partition("<")[0]
    )


def seen(rescue: Rescue) -> tuple[object, ...]:
    """Return what is visible of requests: calls, refusals, their numbers, and counters of rules."""
    rules = requests.get(f"{root_url(rescue.url)}/__admin/rules", timeout=PATIENCE).json()["rules"]
    totals = requests.get(f"{root_url(rescue.url)}/__admin/calls", timeout=PATIENCE).json()["totals"]
    return rescue.calls, rescue.refusals, totals, [(rule["name"], rule["hits"], rule["last"]) for rule in rules]


NOTHING: Final = ((), (), {"calls": 0, "refusals": 0}, [("once", 0, None), ("slow", 0, None)])


@pytest.mark.parametrize("name", PARTS)
def test_a_request_that_was_half_sent_is_answered_as_before_the_reset(
    name: str, rescue: Rescue, client: Client
) -> None:
    first, rest = PARTS[name]
    client.send(first)
    rescue.reset()
    client.socket.sendall(rest)
    status, body = next_answer(client.socket)
    assert (status, OK in body) == (200, True)
    assert seen(rescue) == NOTHING
    assert call_again(rescue) == "OK"


def test_the_rules_and_counters_of_before_count_for_it(rescue: Rescue, client: Client) -> None:
    rescue.when(session=1, node=7).returns("startSessionRet_ActionFailed").then("startSessionRet_Error")
    others = [Client(rescue) for _ in range(3)]
    data = [*(whole(a_request(session=1, node=7)) for _ in range(2)), *(whole(CALL) for _ in range(2))]
    for each, sent in zip((client, *others), data, strict=True):
        each.send(sent[:80])
    rescue.reset()
    rescue.reset()
    bodies = []
    for each, sent in zip((client, *others), data, strict=True):
        each.socket.sendall(in_root(each._root, sent)[len(in_root(each._root, sent[:80])) :])
        bodies.append(next_answer(each.socket)[1])
        each.socket.close()
    results = [body.rpartition(b"Ret_")[2].partition(b"<")[0] for body in bodies]
    assert results == [b"ActionFailed", b"Error", b"OK", b"Error"]
    assert seen(rescue) == NOTHING


def test_pipelined_requests_behind_a_delayed_one_belong_to_it(rescue: Rescue, client: Client) -> None:
    client.send(whole(SLOW) + whole(CALL))
    rescue.reset()
    assert [OK in body for _, body in next_answers(client.socket, 2)] == [True, True]
    assert (rescue.calls, rescue.refusals, call_again(rescue)) == ((), (), "OK")


BAD: Final = {
    "no HTTP": (b"GET /API/API.asmx HTTP/1.1\r\n", b"Bad Header : 1\r\n\r\n", 400),
    "no call": (
        b"GET /API/API.asmx/startSession?iSession=1 HTTP/1.1\r\n",
        b"Host: x\r\nConnection: close\r\n\r\n",
        500,
    ),
    "a wrong address": (b"GET /API/nothing HTTP/1.1\r\n", b"Host: x\r\nConnection: close\r\n\r\n", 404),
}


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_belongs_to_before_too(name: str, rescue: Rescue, client: Client) -> None:
    first, rest, status = BAD[name]
    client.send(first)
    rescue.reset()
    client.socket.sendall(rest)
    assert everything(client.socket).startswith(f"HTTP/1.1 {status} ".encode())
    assert seen(rescue) == NOTHING


def test_a_request_that_times_out_belongs_to_before() -> None:
    limits = HttpLimits(head_within=0.1)
    with Emulator.start(SCENARIO, Options(limits=limits)) as rescue, Client(rescue).socket as connection:
        connection.sendall(b"GET ")
        rescue.reset()
        assert everything(connection).startswith(b"HTTP/1.1 408 ")
        assert rescue.refusals == ()


def test_the_desk_is_not_changed_by_it(rescue: Rescue, client: Client) -> None:
    first, rest = cut(a_request(), 40)
    client.send(first)
    rescue.reset()
    client.socket.sendall(rest)
    assert OK in next_answer(client.socket)[1]
    (session,) = requests.get(f"{root_url(rescue.url)}/__admin/desk", timeout=PATIENCE).json()["sessions"]
    assert session["status"] == "waiting"


CHANGES: Final[dict[str, tuple[str, str, str]]] = {
    "a rule": ("POST", "/rules", '{"return": "startSessionRet_Error"}'),
    "no rules": ("DELETE", "/rules", ""),
    "a rule changed": ("PUT", "/rules/1", '{"return": "startSessionRet_Error"}'),
    "a rule removed": ("DELETE", "/rules/1", ""),
    "a scenario": ("PUT", "/scenario", "{}"),
    "a file": ("POST", "/scenarios/default.yaml", ""),
    "an empty journal": ("DELETE", "/calls", ""),
    "a technician": ("PUT", "/desk/technicians/337366", '{"status": "offline"}'),
    "a session": ("PUT", "/desk/sessions/1001", '{"status": "closed"}'),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_began_before_a_reset_is_refused(name: str) -> None:
    method, path, body = CHANGES[name]
    headers = [("Content-Type", "application/json"), ("Connection", "close")]
    data = whole(Request(method, f"/__admin{path}", headers, body)).replace(b"secure.logmeinrescue.com", b"127.0.0.1")
    with Emulator.start(SCENARIO) as rescue, Client(rescue).socket as connection:
        connection.sendall(data[:20])
        rescue.reset()
        assert call_again(rescue) == "OK"
        rules = seen(rescue)
        connection.sendall(data[20:])
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 409 ")
        assert b"the emulator was reset after this request began, so it changed nothing; send it again" in answer
        assert seen(rescue) == rules


def test_a_reset_that_began_before_another_one_changes_nothing_more() -> None:
    data = b"POST /__admin/reset HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with Emulator.start(SCENARIO) as rescue, Client(rescue).socket as connection:
        connection.sendall(data[:20])
        rescue.reset()
        assert call_again(rescue) == "OK"
        connection.sendall(data[20:])
        assert everything(connection).startswith(b"HTTP/1.1 204 ")
        assert len(rescue.calls) == 1


def test_a_reset_of_one_space_leaves_the_requests_of_others_where_they_are() -> None:
    first, rest = cut(CALL, 60)
    with Emulator.start(SCENARIO) as local, RemoteEmulator(local.url, space="mine") as remote:
        for rescue, other in ((local, remote), (remote, local)):
            client = Client(rescue)
            with client.socket:
                client.send(first)
                other.reset()
                client.socket.sendall(rest)
                assert OK in next_answer(client.socket)[1]
            rescue.verify(times=1)


def test_a_request_on_a_connection_from_before_a_reset_counts(rescue: Rescue, client: Client) -> None:
    client.send(whole(CALL))
    next_answer(client.socket)
    rescue.reset()
    client.send(whole(CALL))
    assert OK in next_answer(client.socket)[1]
    rescue.verify(times=1)


def test_a_reset_with_another_scenario_leaves_the_old_one_to_a_request_from_before() -> None:
    first, rest = cut(CALL, 60)
    with Emulator.start(SCENARIO) as rescue, Client(rescue).socket as connection:
        connection.sendall(first)
        rescue.reset(from_data({"otherwise": "startSessionRet_Error"}, "other"))
        connection.sendall(rest)
        assert OK in next_answer(connection)[1]
        assert (rescue.calls, call_again(rescue)) == ((), "Error")


def test_the_log_and_the_headers_say_that_it_is_in_no_journal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "emulator.calls")
    first, rest = cut(CALL, 60)
    with Emulator.start(SCENARIO) as rescue, Client(rescue).socket as connection:
        connection.sendall(first)
        rescue.reset()
        connection.sendall(rest.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = everything(connection)
    assert b"X-Emulator-Rule: once" in answer
    assert b"X-Emulator-Call" not in answer
    (line,) = [record.getMessage() for record in caplog.records if "session=1" in record.getMessage()]
    assert ": the request began before a reset, so that it is not in the journal (" in line


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "over TLS"])
def test_a_byte_that_the_server_has_not_read_yet_counts_as_come(
    loop: str, is_secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.server.new_event_loop", LOOPS[loop])
    options = Options(certificate=MadeCertificate() if is_secure else None)
    context = ssl.create_default_context()
    with Emulator.start(SCENARIO, options) as rescue:
        if is_secure:
            context.load_verify_locations(rescue.ca_file)
        for _ in range(20):
            with Client(rescue).socket as plain:
                connection = context.wrap_socket(plain, server_hostname="localhost") if is_secure else plain
                connection.sendall(whole(CALL))
                rescue.reset()
                assert OK in next_answer(connection)[1]
                assert rescue.calls == ()
                connection.close()


# Epochs


def test_what_was_reset_is_kept_only_for_requests_from_before() -> None:
    class Past:
        pass

    def ended(*pasts: Past) -> list[weakref.ref[Past]]:
        for past in pasts:
            epochs.end("key", past)
        return [*map(weakref.ref, pasts)]

    epochs = Epochs()
    ended(Past())
    request = epochs.current
    first, second = ended(Past(), Past())
    assert request.find("key") is first()
    assert request.find("another key") is None
    assert epochs.current.find("key") is None
    del request
    assert (first(), second()) == (None, None)


def test_a_long_row_of_epochs_is_released_at_once() -> None:
    epochs = Epochs()
    request = epochs.current
    for _ in range(200_000):
        epochs.end("key", None)
    assert request.find("another key") is None
    del request


def left_after(use: Callable[[Rescue, socket.socket], None]) -> int:
    """Return how many desks of before a reset are in memory after a client has done something."""
    from emulator.core.desk import DeskState

    with Emulator.start(SCENARIO) as rescue, Client(rescue).socket as connection:
        gc.collect()
        before = sum(isinstance(each, DeskState) for each in gc.get_objects())
        use(rescue, connection)
        return sum(isinstance(each, DeskState) for each in gc.get_objects()) - before


def test_a_request_that_was_answered_keeps_nothing_of_before() -> None:
    def use(rescue: Rescue, connection: socket.socket) -> None:
        connection.sendall(whole(CALL))
        next_answer(connection)
        connection.sendall(whole(a_request(session=2, node=8)))  # whose answer waits
        rescue.reset()
        rescue.reset()

    assert left_after(use) == 0
