"""The Python API for tests, of an emulator in the test's own process and of one elsewhere."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import emulator
from emulator import (
    Emulator,
    EmulatorError,
    Options,
    RemoteEmulator,
    Rescue,
    Result,
    ScenarioError,
    StartError,
    VerificationError,
)
from emulator.core.rules import Scenario
from emulator.fluent import account

SCENARIO: dict[str, Any] = {
    "name": "front-desk",
    "rules": [
        {"name": "Ann", "when": {"session": 1001, "auth_code": "demo-ann-0123"}, "return": "startSessionRet_OK"},
        {"name": "twice", "when": {"session": 2}, "times": 2, "return": "startSessionRet_ActionFailed"},
    ],
}
CODE = "demo-ann-0123"  # the scenario names it, so that it is shown everywhere


@pytest.fixture(params=["here", "elsewhere"])
def rescue(request: pytest.FixtureRequest) -> Iterator[Rescue]:
    """An emulator in this process, or a space of one that is driven over HTTP."""
    with Emulator.start(SCENARIO, Options(control_token="let-me-in")) as local:
        if request.param == "here":
            yield local
            return
        with RemoteEmulator(local.url, token="let-me-in", space="mine") as remote:
            yield remote


def call(rescue: Rescue, session: int = 1001, node: int = 5, auth_code: str = CODE) -> str:
    """Send a call over GET; return the result without its prefix, a status, or "lost" for a failed connection."""
    query = {"iSession": str(session), "iNode": str(node), "sAuthCode": auth_code}
    try:
        answer = requests.get(f"{rescue.url}/startSession", query, timeout=10)
    except requests.ConnectionError:
        return "lost"
    return answer.text.rpartition("startSessionRet_")[2].partition("<")[0] if answer.ok else str(answer.status_code)


def test_a_rule_of_the_scenario_answers(rescue: Rescue) -> None:
    assert [call(rescue), call(rescue, 9)] == ["OK", "Error"]
    assert "<wsdl:definitions" in requests.get(rescue.wsdl_url, timeout=10).text


def test_a_runtime_rule_comes_before_the_scenario_and_the_newest_first(rescue: Rescue) -> None:
    rescue.when(session=1001).returns("startSessionRet_ActionFailed")
    assert call(rescue) == "ActionFailed"
    rescue.when(session=1001).returns(Result.NOT_LOGGED_IN_AS_ADMIN)
    assert call(rescue) == "NotLoggedInAsAdmin"


def test_replies_are_given_in_turn_and_the_last_one_stays(rescue: Rescue) -> None:
    rule = rescue.when(session=7).fails(connection="reset").then(fail={"status": 503}).then("startSessionRet_OK")
    assert [call(rescue, 7) for _ in range(4)] == ["lost", "503", "OK", "OK"]
    assert rule.then("startSessionRet_ActionFailed") is rule


def test_a_rule_has_a_name_and_counts_as_in_a_file(rescue: Rescue) -> None:
    rescue.when(session={"from": 1}, name="mine", times=1, per="session").returns("startSessionRet_OK", delay="1ms")
    assert [call(rescue, 7), call(rescue, 8), call(rescue, 7)] == ["OK", "OK", "Error"]
    first, second, third = rescue.calls
    assert [first.decider, second.decider, third.decider] == ["mine", "mine", "otherwise"]
    assert first.delay == 0.001


def test_a_call_left_to_chance_says_so_whoever_answered_it(rescue: Rescue) -> None:
    rescue.when(session=1001, name="flaky", chance="0.000001%").fails(status=503)
    assert call(rescue) == "OK"
    near_misses = [*map(str, rescue.calls[0].near_misses())]
    assert near_misses == ["flaky: left to chance: it answers 0.000001 % of these calls"]


def test_with_a_seed_chances_are_the_same_after_each_reset() -> None:
    def drawn(rescue: Rescue) -> list[str]:
        rescue.when(session=1001, chance="50%").fails(status=503)
        return [call(rescue) for _ in range(20)]

    with Emulator.start(SCENARIO, Options(seed=7)) as first, Emulator.start(SCENARIO, Options(seed=7)) as second:
        before = drawn(first)
        first.reset()
        assert drawn(first) == before == drawn(second)
        assert {*before} == {"OK", "503"}


def test_a_rule_is_removed(rescue: Rescue) -> None:
    rule = rescue.when(session=7).returns("startSessionRet_OK")
    rule.remove()
    rule.remove()
    assert call(rescue, 7) == "Error"


def test_a_rule_that_a_reset_removed_cannot_go_on(rescue: Rescue) -> None:
    rule = rescue.when(session=7).returns("startSessionRet_OK")
    rescue.reset()
    with pytest.raises(EmulatorError, match="no longer exists: it was removed, or the emulator was reset"):
        rule.then("startSessionRet_Error")


WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda rescue: rescue.when(sesion=1, tims=2), "when: unknown word 'sesion'; did you mean 'session'?\nwhen: unknown word 'tims'; did you mean 'times'?"),
    (lambda rescue: rescue.when(session="1"), "rule: when.session: '1' is a text; write the number without quotes"),
    (lambda rescue: rescue.when(session={"form": 1}), "rule: when.session.form: unknown key; did you mean 'from'?"),
    (lambda rescue: rescue.when(per="sesion"), "did you mean 'session'?"),
    (lambda rescue: rescue.when().returns("OK"), "'OK' is not a result; did you mean 'startSessionRet_OK'?"),
    (lambda rescue: rescue.when().returns("startSessionRet_OK", delay="2"), "250ms or 1.5s, not '2'"),
    (lambda rescue: rescue.when().fails(conection="reset"), "unknown key; did you mean 'connection'?"),
    (lambda rescue: rescue.when().fails(), "needs 'exception', 'status' or 'connection'"),
    (lambda rescue: rescue.when().returns("startSessionRet_OK").then(), "needs 'return' or 'fail'"),
    (lambda rescue: rescue.when(1001), "when: takes its values by name; did you mean when(session=..., auth_code=...)?"),
    (lambda rescue: rescue.verify(1001), "verify: takes its values by name"),
    (lambda rescue: rescue.when().fails("reset"), "fails: takes its values by name; did you mean fails(connection='reset')?"),
    (lambda rescue: rescue.when().fails(503), "did you mean fails(status=503)?"),
    (lambda rescue: rescue.when().fails("Timeout expired."), "did you mean fails(exception='Timeout expired.')?"),
    (lambda rescue: rescue.when().returns("startSessionRet_OK", "2s"), "did you mean returns('startSessionRet_OK', delay='2s')?"),
    (lambda rescue: rescue.when().returns("startSessionRet_Error", "startSessionRet_OK"), "did you mean returns('startSessionRet_Error').then('startSessionRet_OK')?"),
    (lambda rescue: rescue.when().returns("reset"), "'reset' is not a result; did you mean 'fail: {connection: reset}'?"),
    (lambda rescue: rescue.when(session=7).returns("startSessionRet_OK").then(connection="reset"), "did you mean then(fail={'connection': 'reset'})?"),
    (lambda rescue: rescue.when(session=7).returns("startSessionRet_OK").then(dely="1s"), "then: unknown word 'dely'; did you mean 'delay'?"),
    (lambda rescue: rescue.when(session=range(1, 10)), "did you mean {from: 1, to: 9}?"),
    (lambda rescue: rescue.when(chance=0.1), "chance: 0.1 is not a percentage; did you mean '10%' or '0.1%'?"),
    (lambda rescue: rescue.when(auth_code="de***"), "ends in '***', as masked codes are shown"),
    (lambda rescue: rescue.verify(sesion=1), "verify: unknown word 'sesion'; did you mean 'session'?"),
    (lambda rescue: rescue.when(session=range(9)), "a value of type range is not a whole number; did you mean {from: 0"),
    (lambda rescue: rescue.verify(times=1, never=True), "'times' cannot stand beside 'never'"),
    (lambda rescue: rescue.verify(session="x"), "when.session: "),
    (lambda rescue: rescue.verify(withn="2s"), "verify: unknown word 'withn'; did you mean 'within'?"),
    (lambda rescue: rescue.verify(within=2), "verification: within: must be a duration such as 250ms or 1.5s, not 2; did you mean '2s' or '2ms'?"),
    (lambda rescue: rescue.verify(within="2"), "within: must be a duration such as 250ms or 1.5s, not '2'"),
    (lambda rescue: rescue.verify(within="-1s"), "within: must be a duration such as 250ms or 1.5s, not '-1s'"),
    (lambda rescue: rescue.verify(within="inf"), "within: must be a duration such as 250ms or 1.5s, not 'inf'"),
    (lambda rescue: rescue.verify(within="0.0s"), "within: '0.0s' is no time to wait; leave the word out to verify at once"),
    (lambda rescue: rescue.verify(within="61s"), "within: '61s' is longer than 60s, the maximum"),
    (lambda rescue: rescue.verify(within="60001ms"), "within: '60001ms' is longer than 60s, the maximum"),
    (lambda rescue: rescue.verify(within=None), "within: "),
    (lambda rescue: rescue.use({"ruls": []}), "ruls: unknown key; did you mean 'rules'?"),
    (lambda rescue: rescue.use("missing.yaml"), "missing.yaml:1:1: "),
]  # fmt: skip


def test_a_wrong_word_fails_at_once_with_the_nearest_right_one(rescue: Rescue) -> None:
    for act, message in WRONG:
        with pytest.raises(ScenarioError) as error:
            act(rescue)
        assert message in str(error.value)
        assert call(rescue) == "OK"


def test_a_wrong_continuation_leaves_its_rule_as_it_was(rescue: Rescue) -> None:
    rule = rescue.when(session=7).returns("startSessionRet_OK")
    with pytest.raises(ScenarioError):
        rule.then("startSessionRet_Eror")
    rule.then("startSessionRet_ActionFailed")
    assert [call(rescue, 7) for _ in range(3)] == ["OK", "ActionFailed", "ActionFailed"]


def test_no_error_about_an_auth_code_shows_it(rescue: Rescue) -> None:
    wrong: list[Any] = [
        {"matches": f"{CODE}("},
        {"not": {"not": [CODE, 5]}},
        [CODE, None],
        {CODE},
        CODE.encode(),
        12345,
    ]
    for auth_code in wrong:
        with pytest.raises(ScenarioError) as when:
            rescue.when(auth_code=auth_code)
        with pytest.raises(ScenarioError) as verify:
            rescue.verify(auth_code=auth_code)
        with pytest.raises(ScenarioError) as use:
            rescue.use({"rules": [{"when": {"auth_code": auth_code}, "return": "startSessionRet_OK"}]})
        assert not any(secret in f"{when.value}{verify.value}{use.value}" for secret in (CODE, "12345"))


def test_verify_names_the_calls_that_came_near(rescue: Rescue) -> None:
    call(rescue, 1001)
    call(rescue, 2, 6)
    with pytest.raises(AssertionError) as error:
        rescue.verify(session=2, node=5, times=1)
    assert str(error.value) == (
        "wanted exactly 1 call with session 2, node 5; none came, of 2 calls in the journal\n"
        f"near miss: call 2, get session=2 node=6 auth_code={CODE}: node is 6, wanted is 5\n"
        f"near miss: call 1, get session=1001 node=5 auth_code={CODE}: session is 1001, wanted is 2"
    )


def test_verify_is_silent_when_calls_came_as_often_as_expected(rescue: Rescue) -> None:
    call(rescue)
    call(rescue, 2)
    rescue.verify()
    rescue.verify(session=1001, node=5, auth_code=CODE, binding="get", times=1)
    rescue.verify(at_least=1, at_most=2)
    rescue.verify(session=3, never=True)
    rescue.verify(session={"from": 2}, after=1, times=1)


def test_verify_waits_for_the_calls_of_another_thread(rescue: Rescue) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call, rescue)
        rescue.verify(session=1001, times=1, within="60s")
        assert answer.result() == "OK"
    with pytest.raises(VerificationError, match=r"wanted no call with session 1001 within 60 s; 1 call came"):
        rescue.verify(session=1001, never=True, within="60s")
    rescue.verify(session=2, never=True, within="1ms")


def test_a_reset_ends_a_wait(rescue: Rescue) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rescue.verify, session=1001, within="60s")
        while not wait([waiting], timeout=0.01).done:  # it may not have begun yet
            rescue.reset()
    with pytest.raises(VerificationError, match="the wait ended early: the journal was reset"):
        waiting.result()


def test_a_wait_in_an_event_loop_is_an_error_that_says_how_to_write_it(rescue: Rescue) -> None:
    async def in_the_loop() -> None:
        rescue.verify(never=True)
        rescue.verify(never=True, within="1ms")

    async def in_a_thread() -> None:
        await asyncio.to_thread(rescue.verify, never=True, within="1ms")

    with pytest.raises(EmulatorError, match=r"write await asyncio.to_thread\(rescue.verify, \.\.\.\)$"):
        asyncio.run(in_the_loop())
    asyncio.run(in_a_thread())


def test_a_stop_ends_waits_and_what_came_can_still_be_read_and_verified() -> None:
    with Emulator.start(SCENARIO) as rescue, ThreadPoolExecutor(1) as pool:
        call(rescue)
        waiting = pool.submit(rescue.verify, times=2, within="60s")
        rescue.stop()
        with pytest.raises(VerificationError, match="the wait ended early: the emulator was stopped"):
            waiting.result()
        rescue.verify(session=1001, times=1)
        assert (len(rescue.calls), rescue.refusals) == (1, ())
        rescue.restart()
        pool.submit(call, rescue)
        rescue.verify(times=2, within="60s")


def test_a_rule_knows_the_calls_that_it_has_answered(rescue: Rescue) -> None:
    first = rescue.when(session={"from": 7}, name="same").returns("startSessionRet_OK")
    second = rescue.when(session=9, name="same").returns("startSessionRet_ActionFailed")
    for session in (7, 9, 8, 1001):
        call(rescue, session)
    assert [(rule.hits, [each.session for each in rule.calls]) for rule in (first, second)] == [
        (3, [7, 8, 1001]),
        (1, [9]),
    ]
    second.remove()
    assert [each.session for each in second.calls] == [9]
    with pytest.raises(EmulatorError, match="no longer exists: it was removed, or the emulator was reset"):
        _ = second.hits


def test_a_call_has_its_values_without_a_detour(rescue: Rescue) -> None:
    began = time.time()
    call(rescue, 1001)
    rescue.when(session=2).fails(status=503)
    call(rescue, 2)
    requests.get(f"{rescue.url}/startSession?iSession=1", timeout=5)
    first, second = rescue.calls
    assert (first.session, first.node, first.auth_code, first.binding) == (1001, 5, CODE, "get")
    assert (first.result, second.result) == (Result.OK, None)
    assert began - 1 <= first.at <= second.at <= rescue.refusals[0].at <= time.time() + 1


def test_calls_and_refusals_are_kept_apart_and_in_order(rescue: Rescue) -> None:
    call(rescue, 1001)
    assert requests.get(f"{rescue.url}/startSession?iSession=1", timeout=5).status_code == 500
    call(rescue, 2)
    assert [exchange.call.session for exchange in rescue.calls] == [1001, 2]
    assert [(refusal.id, refusal.status, refusal.reason) for refusal in rescue.refusals] == [
        (2, 500, "Missing parameter: iNode.")
    ]


def test_near_misses_of_a_call_name_the_condition_that_differed(rescue: Rescue) -> None:
    call(rescue, 1002)
    for _ in range(3):
        call(rescue, 2)
    first, *_, last = rescue.calls
    assert "Ann: session is 1002, the rule wants 1001" in [str(miss) for miss in first.near_misses()]
    assert "twice: spent: it has answered 2 of 2 times" in [str(miss) for miss in last.near_misses()]


def test_reset_forgets_all_but_the_scenario(rescue: Rescue) -> None:
    rescue.when(session=1001).returns("startSessionRet_Error")
    call(rescue)
    call(rescue, 2)
    rescue.reset()
    assert (rescue.calls, rescue.refusals) == ((), ())
    answers = [call(rescue), call(rescue, 2), call(rescue, 2), call(rescue, 2)]
    assert answers == ["OK", "ActionFailed", "ActionFailed", "Error"]


def test_another_scenario_is_used(rescue: Rescue, tmp_path: Path) -> None:
    rescue.use({"otherwise": "startSessionRet_OK"})
    assert call(rescue, 77) == "OK"
    file = tmp_path / "other.yaml"
    file.write_text("otherwise: startSessionRet_ActionFailed\n")
    rescue.use(file)
    assert call(rescue, 77) == "ActionFailed"


def test_a_bad_file_is_an_error_with_its_lines_and_changes_nothing(rescue: Rescue, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("rules:\n  - retrun: startSessionRet_OK\n")
    with pytest.raises(ScenarioError) as error:
        rescue.use(file)
    assert str(error.value) == f"{file}:2:5: rules[0].retrun: unknown key; did you mean 'return'?"
    assert call(rescue) == "OK"


def test_the_account_lists_every_request(rescue: Rescue) -> None:
    assert account(rescue) == "no request came"
    call(rescue, 2)
    requests.get(f"{rescue.url}/startSession?iSession=1", timeout=5)
    assert account(rescue) == (
        f"1 get session=2 node=5 auth_code={CODE} -> startSessionRet_ActionFailed, by rule twice\n"
        "2 get was refused with 500: Missing parameter: iNode."
    )


def test_a_long_account_has_the_calls_without_a_rule_first() -> None:
    with Emulator.start(SCENARIO) as rescue:
        for session in [9, *[1001] * 20, 9, *[1001] * 40]:
            call(rescue, session)
        title, *lines = account(rescue).splitlines()
    assert title == "(62 in all; first the 2 that no rule answered, without 12 older ones)"
    near_misses = [f"    near miss: {name}: session is 9, the rule wants" for name in ("Ann", "twice")]
    starts = ["1 get", *near_misses, "22 get", *near_misses, *(f"{n} get" for n in [*range(14, 22), *range(23, 63)])]
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts


@pytest.mark.parametrize("is_stopped", [False, True])
def test_an_emulator_that_was_stopped_serves_again_where_it_was(is_stopped: bool) -> None:
    with Emulator.start(SCENARIO) as rescue:
        url, answer = rescue.url, call(rescue)
        if is_stopped:
            rescue.stop()
        rescue.restart()
        assert (rescue.url, call(rescue)) == (url, answer)
        rescue.verify(session=1001, times=2)


@pytest.mark.parametrize("options", [{}, {"port": 0}, "port=0"])
def test_options_of_another_type_are_refused(options: Any) -> None:
    with pytest.raises(StartError, match=r"^the options must be Options\(\.\.\.\), not a "):
        Emulator.start(options=options)


def test_in_this_process_an_auth_code_is_not_masked_and_not_in_a_repr() -> None:
    with Emulator.start({}) as rescue:
        call(rescue)
        (exchange,) = rescue.calls
        assert exchange.call.auth_code == CODE
        assert exchange.raw.request is not None
        assert CODE in exchange.raw.request.start
        assert CODE in account(rescue)
        assert CODE not in repr(exchange) + repr(rescue.calls) + repr(exchange.raw)


def test_a_journal_that_dropped_entries_does_not_guess() -> None:
    with Emulator.start(SCENARIO, Options(journal_size=1)) as local:
        call(local)
        call(local)
        for rescue in (local, RemoteEmulator(local.url)):
            rescue.verify(session=1001)
            with pytest.raises(VerificationError, match="the journal has dropped 1 older"):
                rescue.verify(session=1001, times=1)


@pytest.mark.parametrize(
    "scenario",
    [None, Scenario("made by hand"), "scenarios/default.yaml", Path("scenarios/default.yaml")],
    ids=["nothing", "a Scenario", "a path", "a Path"],
)
def test_an_emulator_starts_with(scenario: Any) -> None:
    with Emulator.start(scenario) as rescue:
        assert rescue.url.endswith("/API/API.asmx")
        assert call(rescue, auth_code="demo-ok")


def test_an_emulator_does_not_start_with_anything_else() -> None:
    with pytest.raises(ScenarioError, match=r"^nowhere.yaml:1:1: no such file$"):
        Emulator.start("nowhere.yaml")
    wrong: Any = 5
    with pytest.raises(ScenarioError, match=r"^scenario: has to be a path, a dict or a Scenario, not int$"):
        Emulator.start(wrong)


def test_an_emulator_is_not_started_twice_stops_twice_and_does_not_start_again() -> None:
    rescue = Emulator.start(SCENARIO)
    with rescue as entered:
        assert entered is rescue
        assert call(rescue) == "OK"
    rescue.stop()
    with pytest.raises(StartError, match="was stopped"), rescue:
        pass


def test_conditions_without_a_reply_are_warned_of() -> None:
    with Emulator.start(SCENARIO) as rescue, pytest.warns(RuntimeWarning) as warned:
        rescue.when(session=1)
    assert str(warned[0].message) == (
        "rescue.when(...) alone does nothing: <conditions of a rule; call .returns(...) or .fails(...) to add it>"
    )


def test_each_public_name_is_there_and_no_other() -> None:
    for name in emulator.__all__:
        assert getattr(emulator, name).__name__ == name
        assert name in dir(emulator)
    with pytest.raises(AttributeError, match="has no attribute 'Emulater'"):
        emulator.Emulater  # noqa: B018  # mypy knows that the package makes its names up


def used() -> tuple[int, int, int]:
    """Return the number of threads, descriptors and allocated bytes of this process."""
    gc.collect()
    return threading.active_count(), len(os.listdir("/proc/self/fd")), tracemalloc.get_traced_memory()[0]


def test_bytes_that_are_no_request_are_among_the_refusals() -> None:
    with Emulator.start(SCENARIO) as rescue:
        with socket.create_connection(("127.0.0.1", urlsplit(rescue.url).port or 0), 10) as connection:
            connection.sendall(b"\x16\x03\x01\0\xc8")  # TLS
            assert connection.recv(12) == b"HTTP/1.1 400"
        (refusal,) = rescue.refusals
    assert (refusal.status, refusal.binding) == (400, None)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_many_emulators_leave_nothing_behind() -> None:
    def once() -> None:
        with Emulator.start(SCENARIO) as rescue:
            rescue.when(session=7).returns("startSessionRet_OK")
            assert call(rescue, 7) == "OK"
            RemoteEmulator(rescue.url).reset()

    for _ in range(5):
        once()
    tracemalloc.start()
    before = used()
    for _ in range(40):
        once()
    after = used()
    tracemalloc.stop()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 400_000
