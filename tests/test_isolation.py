"""Tests side by side: nothing of one is seen by another, in servers of their own or in spaces of one server."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Barrier
from typing import Final
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from emulator.client.control_api import ControlClient, root_of
from emulator.client.remote import RemoteEmulator
from emulator.client.soap import result_in, written
from emulator.core.call import Call
from emulator.core.contract import OPERATION, Binding, Result
from emulator.core.journal import Exchange, Refusal
from emulator.emulator import Emulator
from emulator.fluent import Rescue

SIDES: Final = 8
CALLS: Final = 500
BINDINGS: Final[list[Binding]] = [*Binding]
RESULTS: Final[list[Result]] = [*Result]
LOADED: Final = ("-p", "no:cacheprovider", "-p", "xdist", "-p", "rescue_emulator")
PATIENCE: Final = 60.0  # seconds after which a test that waits in vain has failed


def call(number: int, side: int) -> Call:
    """A call by its number: the same on every side but for the node, over each binding in turn."""
    return Call(number, side, f"code-of-{side}", BINDINGS[number % len(BINDINGS)])


def wanted(number: int, side: int) -> Result:
    """The result of a call, which differs between neighbouring sides."""
    return RESULTS[(number + side) % len(RESULTS)]


def make_rules(rescue: Rescue, side: int) -> None:
    """A rule for each result, which has a name of this side."""
    for result in RESULTS:
        numbers = [number for number in range(CALLS) if wanted(number, side) is result]
        rescue.when(session=numbers, auth_code=f"code-of-{side}", name=f"{side}: {result.value}").returns(result)


def results_of_calls(url: str, side: int) -> list[Result | None]:
    """The result of each call, all made over one connection; after them as many refusals as the side's number says."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
    results = []
    for number in range(CALLS):
        request = written(call(number, side))
        connection.request(request.method, address.path + request.path, request.body, request.headers)
        results.append(result_in(connection.getresponse().read()))
    for _ in range(side):
        connection.request("GET", f"{address.path}/{OPERATION}?iSession={side}")
        connection.getresponse().read()
    connection.close()
    return results


@dataclass(frozen=True)
class Seen:
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
def seen(server: Emulator) -> list[Seen]:
    """What each side saw, when all had been at it together."""
    together = Barrier(SIDES, timeout=PATIENCE)

    def be(side: int) -> Seen:
        with RemoteEmulator(server.url, space=f"side-{side}") as rescue:
            make_rules(rescue, side)
            together.wait()
            results = results_of_calls(rescue.url, side)
            together.wait()
            control = ControlClient(root_of(rescue.url))
            with urlopen(f"{control.root}/__admin/metrics", timeout=PATIENCE) as answer:
                metrics = counted(answer.read().decode())
            totals = control.ask("GET", "/calls")["totals"]
            own = [{"when": {"node": side, "binding": each}, "times": CALLS // len(BINDINGS)} for each in BINDINGS]
            others = {"when": {"node": {"not": side}}, "never": True}
            verified = [rescue.verification(asked) for asked in (*own, others)]
            return Seen(results, rescue.calls, rescue.refusals, totals, metrics, verified)

    with server, ThreadPoolExecutor(SIDES) as sides:
        return [*sides.map(be, range(SIDES))]


def counted(metrics: str) -> dict[str, int]:
    """Calls by rule, as Prometheus is told of them; refusals under ``refused``."""
    found: Counter[str] = Counter()
    for rule, number in re.findall(r'^rescue_emulator_calls_total\{.*rule="(.*?)".*\} ([0-9.]+)$', metrics, re.M):
        found[rule] += int(float(number))
    for number in re.findall(r"^rescue_emulator_refusals_total\{.*\} ([0-9.]+)$", metrics, re.M):
        found["refused"] += int(float(number))
    return dict(found)


ALL_SIDES = pytest.mark.parametrize("side", range(SIDES))


@ALL_SIDES
def test_each_space_answers_by_its_own_rules(side: int, seen: list[Seen]) -> None:
    assert seen[side].results == [wanted(number, side) for number in range(CALLS)]


@ALL_SIDES
def test_the_journal_of_a_space_has_its_own_calls_alone(side: int, seen: list[Seen]) -> None:
    found = [(each.call.session, each.call.node, each.call.binding, each.decider) for each in seen[side].calls]
    calls = [(call(number, side), wanted(number, side)) for number in range(CALLS)]
    assert found == [(each.session, each.node, each.binding, f"{side}: {result.value}") for each, result in calls]


@ALL_SIDES
def test_a_space_has_its_own_refusals_alone(side: int, seen: list[Seen]) -> None:
    assert [refusal.reason for refusal in seen[side].refusals] == ["Missing parameter: iNode."] * side


@ALL_SIDES
def test_the_counters_of_a_space_are_its_own(side: int, seen: list[Seen]) -> None:
    by_rule = Counter(f"{side}: {wanted(number, side).value}" for number in range(CALLS))
    refused = {"refused": side} if side else {}
    assert (seen[side].totals, seen[side].metrics) == ({"calls": CALLS, "refusals": side}, {**by_rule, **refused})


@ALL_SIDES
def test_verification_in_a_space_counts_its_own_calls(side: int, seen: list[Seen]) -> None:
    assert [text for verified, text in seen[side].verified if not verified] == []


@pytest.mark.usefixtures("seen")
def test_nothing_of_the_spaces_reaches_the_server_around_them(server: Emulator) -> None:
    assert (server.calls, server.refusals, server.engine.rules()) == ((), (), ())


def test_workers_of_pytest_have_servers_of_their_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # what else is installed need not be loaded nine times
    pytester.makepyfile(
        test_worker=f"""
        from pathlib import Path

        def test_worker(rescue, worker_id):
            side = int(worker_id.removeprefix("gw"))
            make_rules(rescue, side)
            assert results_of_calls(rescue.url, side) == [wanted(number, side) for number in range(CALLS)]
            assert [exchange.call for exchange in rescue.calls] == [call(number, side) for number in range(CALLS)]
            assert len(rescue.refusals) == side
            rescue.verify(times=CALLS)
            rescue.verify(node=side, auth_code=f"code-of-{{side}}", times=CALLS)
            Path({str(pytester.path)!r}, f"{{worker_id}}.url").write_text(rescue.url)
        """
    )
    outcome = pytester.runpytest_subprocess(*LOADED, "-n", str(SIDES), "--dist", "each")
    outcome.assert_outcomes(passed=SIDES)
    assert len({file.read_text() for file in pytester.path.glob("*.url")}) == SIDES
