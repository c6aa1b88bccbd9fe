"""Tests in parallel do not see one another, in servers of their own or in spaces of one server."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Barrier
from typing import Final
from urllib.parse import urlsplit

import pytest
import requests

from emulator.client.control_api import root_url
from emulator.client.remote import RemoteEmulator
from emulator.client.soap import build_request, find_result
from emulator.core.contract import OPERATION, Binding, Call, Result
from emulator.core.journal import Exchange, Refusal
from emulator.emulator import Emulator
from emulator.fluent import Rescue

SIDES: Final = 4
WORKERS: Final = 2
THREADS: Final = 8
ROUNDS: Final = 6
CALLS: Final = 240
BINDINGS: Final[list[Binding]] = [*Binding]
RESULTS: Final[list[Result]] = [*Result]
LOADED: Final = ("-p", "no:cacheprovider", "-p", "xdist", "-p", "rescue_emulator")
PATIENCE: Final = 60.0  # seconds until a test that waits fails


def call(number: int, side: int) -> Call:
    """Return a call by its number: the same on each side except its node and code, over each binding in turn."""
    return Call(number, side, f"code-of-{side}", BINDINGS[number % len(BINDINGS)])


def expected(number: int, side: int) -> Result:
    """Return the result of a call, which differs between neighbouring sides."""
    return RESULTS[(number + side) % len(RESULTS)]


def make_rules(rescue: Rescue, side: int) -> None:
    """Add a rule for each result, named after this side."""
    for result in RESULTS:
        numbers = [number for number in range(CALLS) if expected(number, side) is result]
        rescue.when(session=numbers, auth_code=f"code-of-{side}", name=f"{side}: {result.value}").returns(result)


def results_of_calls(url: str, side: int) -> list[Result | None]:
    """Send all calls over one connection, then ``side`` requests that are refused; return the results of the calls."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
    results = []
    for number in range(CALLS):
        request = build_request(call(number, side))
        connection.request(request.method, address.path + request.path, request.body, request.headers)
        results.append(find_result(connection.getresponse().read()))
    for _ in range(side):
        connection.request("GET", f"{address.path}/{OPERATION}?iSession={side}")
        connection.getresponse().read()
    connection.close()
    return results


@dataclass(frozen=True)
class Observations:
    """What one side saw of the server."""

    results: list[Result | None] = field(repr=False)
    calls: tuple[Exchange, ...] = field(repr=False)
    refusals: tuple[Refusal, ...] = field(repr=False)
    totals: dict[str, int] = field(repr=False)
    metrics: dict[str, int] = field(repr=False)
    verified: list[tuple[bool, str]] = field(repr=False)


@pytest.fixture(scope="module")
def server() -> Emulator:
    return Emulator.start({"name": "shared"})


@pytest.fixture(scope="module")
def seen(server: Emulator) -> list[Observations]:
    """What each side saw; all used the server at the same time."""
    together = Barrier(SIDES, timeout=PATIENCE)

    def use_space(side: int) -> Observations:
        with RemoteEmulator(server.url, space=f"side-{side}") as rescue:
            make_rules(rescue, side)
            together.wait()
            results = results_of_calls(rescue.url, side)
            together.wait()
            admin = f"{root_url(rescue.url)}/__admin"
            metrics = counts(requests.get(f"{admin}/metrics", timeout=PATIENCE).text)
            totals = requests.get(f"{admin}/calls", timeout=PATIENCE).json()["totals"]
            own = [{"when": {"node": side, "binding": each}, "times": CALLS // len(BINDINGS)} for each in BINDINGS]
            others = {"when": {"node": {"not": side}}, "never": True}
            verified = [rescue.verification(asked) for asked in (*own, others)]
            return Observations(results, rescue.calls, rescue.refusals, totals, metrics, verified)

    with server, ThreadPoolExecutor(SIDES) as sides:
        return [*sides.map(use_space, range(SIDES))]


def counts(metrics: str) -> dict[str, int]:
    """Return the number of calls by rule in metrics for Prometheus; that of refusals under ``refused``."""
    found: Counter[str] = Counter()
    for rule, number in re.findall(r'^rescue_emulator_calls_total\{.*rule="(.*?)".*\} ([0-9.]+)$', metrics, re.M):
        found[rule] += int(float(number))
    for number in re.findall(r"^rescue_emulator_refusals_total\{.*\} ([0-9.]+)$", metrics, re.M):
        found["refused"] += int(float(number))
    return dict(found)


ALL_SIDES = pytest.mark.parametrize("side", range(SIDES))


@ALL_SIDES
def test_a_space_has_its_own_rules_calls_and_refusals(side: int, seen: list[Observations]) -> None:
    calls = [call(number, side) for number in range(CALLS)]
    results = [expected(number, side) for number in range(CALLS)]
    assert seen[side].results == results
    assert [(each.call.session, each.call.node, each.call.binding, each.decider) for each in seen[side].calls] == [
        (each.session, each.node, each.binding, f"{side}: {result.value}")
        for each, result in zip(calls, results, strict=True)
    ]
    assert [refusal.reason for refusal in seen[side].refusals] == ["Missing parameter: iNode."] * side


@ALL_SIDES
def test_a_space_has_its_own_counters_and_verification(side: int, seen: list[Observations]) -> None:
    by_rule = Counter(f"{side}: {expected(number, side).value}" for number in range(CALLS))
    refused = {"refused": side} if side else {}
    assert (seen[side].totals, seen[side].metrics) == ({"calls": CALLS, "refusals": side}, {**by_rule, **refused})
    assert [text for verified, text in seen[side].verified if not verified] == []


@pytest.mark.usefixtures("seen")
def test_the_server_around_the_spaces_sees_none_of_it(server: Emulator) -> None:
    assert (server.calls, server.refusals, server.engine.rules()) == ((), (), ())


def test_what_outlives_a_reset_is_seen_in_no_space(server_of_threads: Emulator) -> None:
    """Each thread leaves a call whose answer waits and a call that is half sent, and finishes them after its reset."""

    def rounds(side: int) -> list[tuple[int, ...]]:
        seen = []
        with RemoteEmulator(server_of_threads.url, space=f"thread-{side}") as rescue, ExitStack() as left:
            address = urlsplit(rescue.url)
            for number in range(ROUNDS):
                rescue.reset()
                left.close()
                target = f"{address.path}/{OPERATION}?iSession={number}&iNode={side}&sAuthCode="
                head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n"
                waiting, half, last = (
                    left.enter_context(socket.create_connection((str(address.hostname), address.port or 0), PATIENCE))
                    for _ in range(3)
                )
                waiting.sendall(f"{head}\r\n".encode())
                half.sendall(head.encode())
                left.callback(finish, half)
                last.sendall(f"{head.replace('Session=', 'Session=1000')}Connection: close\r\n\r\n".encode())
                assert b"200 OK" in last.makefile("rb").read()
                seen.append(tuple(sorted(call.call.session for call in rescue.calls if call.call.node == side)))
        return seen

    def finish(half: socket.socket) -> None:
        half.sendall(b"Connection: close\r\n\r\n")
        assert b"200 OK" in half.makefile("rb").read()

    with ThreadPoolExecutor(THREADS) as threads:
        found = [*threads.map(rounds, range(THREADS))]
    expected_rounds = [(number, 10000 + number) for number in range(ROUNDS)]
    assert found == [expected_rounds] * THREADS
    assert (server_of_threads.calls, server_of_threads.refusals) == ((), ())


@pytest.fixture
def server_of_threads() -> Iterator[Emulator]:
    rules = [{"when": {"session": {"to": 999}}, "delay": "200ms", "return": "startSessionRet_OK"}]
    with Emulator.start({"rules": rules, "otherwise": "startSessionRet_OK"}) as server:
        yield server


def test_workers_of_pytest_have_servers_of_their_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # three processes need not load what else is installed
    pytester.makepyfile(
        test_worker=f"""
        from pathlib import Path
        from tests.test_isolation import CALLS, call, expected, make_rules, results_of_calls

        def test_worker(rescue, worker_id):
            side = int(worker_id.removeprefix("gw"))
            make_rules(rescue, side)
            assert results_of_calls(rescue.url, side) == [expected(number, side) for number in range(CALLS)]
            assert [exchange.call for exchange in rescue.calls] == [call(number, side) for number in range(CALLS)]
            assert len(rescue.refusals) == side
            rescue.verify(times=CALLS)
            rescue.verify(node=side, auth_code=f"code-of-{{side}}", times=CALLS)
            Path({str(pytester.path)!r}, f"{{worker_id}}.url").write_text(rescue.url)
        """
    )
    outcome = pytester.runpytest_subprocess(*LOADED, "-n", str(WORKERS), "--dist", "each")
    outcome.assert_outcomes(passed=WORKERS)
    assert len({file.read_text() for file in pytester.path.glob("*.url")}) == WORKERS
