"""The Python API for tests: an emulator in the test's own process, and one elsewhere."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

import emulator
from emulator import (
    Emulator,
    EmulatorError,
    Options,
    RemoteEmulator,
    RemoteError,
    Rescue,
    Result,
    ScenarioError,
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
CODE = "demo-ann-0123"


@pytest.fixture
def here() -> Iterator[Emulator]:
    """An emulator in this process."""
    with Emulator.start(SCENARIO, Options(control_token="let-me-in")) as emulator:
        yield emulator


@pytest.fixture(params=["here", "elsewhere"])
def rescue(request: pytest.FixtureRequest, here: Emulator) -> Iterator[Rescue]:
    """An emulator, in this process or elsewhere, in a space."""
    if request.param == "here":
        yield here
    else:
        with RemoteEmulator(here.url, token="let-me-in", space="mine") as remote:
            yield remote


def call(rescue: Rescue, session: int = 1001, node: int = 5, auth_code: str = CODE) -> str:
    """Return the result of a call over GET without its prefix, the status, or the name of the exception."""
    query = urlencode({"iSession": session, "iNode": node, "sAuthCode": auth_code})
    try:
        with urlopen(f"{rescue.url}/startSession?{query}", timeout=10) as answer:
            return str(answer.read().decode()).rpartition("startSessionRet_")[2].partition("<")[0]
    except HTTPError as error:
        with error:
            return str(error.code)
    except (RemoteDisconnected, ConnectionResetError) as error:
        return type(error).__name__


def test_a_rule_of_the_scenario_answers(rescue: Rescue) -> None:
    assert [call(rescue), call(rescue, 9)] == ["OK", "Error"]


def test_a_rule_at_run_time_comes_before_the_scenario_and_the_newest_first(rescue: Rescue) -> None:
    rescue.when(session=1001).returns("startSessionRet_ActionFailed")
    assert call(rescue) == "ActionFailed"
    rescue.when(session=1001).returns(Result.NOT_LOGGED_IN_AS_ADMIN)
    assert call(rescue) == "NotLoggedInAsAdmin"


@pytest.mark.parametrize(
    ("words", "accepted", "refused"),
    [
        ({"session": [7, 8]}, {"session": 8}, {"session": 9}),
        ({"session": {"from": 5, "to": 9}}, {"session": 9}, {"session": 10}),
        ({"node": {"not": 5}}, {"node": 6}, {"node": 5}),
        ({"auth_code": {"matches": "demo-.*"}}, {"auth_code": "demo-x"}, {"auth_code": "x-demo-"}),
        ({"auth_code": {"absent": True}}, {"auth_code": ""}, {"auth_code": "x"}),
        ({"binding": "get"}, {}, None),
        ({}, {"session": 99}, None),
    ],
    ids=["a list", "a range", "not", "matches", "absent", "binding", "every call"],
)
def test_conditions_are_those_of_the_language(
    words: dict[str, Any], accepted: dict[str, Any], refused: dict[str, Any] | None, rescue: Rescue
) -> None:
    rescue.when(**words).returns("startSessionRet_User_Deleted_Or_Disabled")
    assert call(rescue, **accepted) == "User_Deleted_Or_Disabled"
    if refused is not None:
        assert call(rescue, **refused) != "User_Deleted_Or_Disabled"


def test_replies_are_given_in_turn_and_the_last_one_stays(rescue: Rescue) -> None:
    rule = rescue.when(session=7).fails(connection="reset").then(fail={"status": 503}).then("startSessionRet_OK")
    answers = [call(rescue, 7) for _ in range(4)]
    assert answers == ["ConnectionResetError", "503", "OK", "OK"]
    assert rule.then("startSessionRet_ActionFailed") is rule


@pytest.mark.parametrize(
    ("failure", "answer"),
    [
        ({"exception": "Timeout expired."}, "500"),
        ({"status": 503, "headers": {"Retry-After": "5"}, "body": "busy", "content_type": "text/plain"}, "503"),
        ({"connection": "reset"}, "ConnectionResetError"),
        ({"connection": "close"}, "RemoteDisconnected"),
        ({"connection": "trickle", "over": "50ms"}, "OK"),
    ],
    ids=["exception", "status", "reset", "close", "trickle"],
)
def test_failures_are_those_of_the_language(failure: dict[str, Any], answer: str, rescue: Rescue) -> None:
    rescue.when(session=7).fails(**failure)
    assert call(rescue, 7) == answer
    assert rescue.calls[0].outcome.as_data() == {"fail": failure}


def test_a_rule_has_a_name_and_counts_as_in_a_file(rescue: Rescue) -> None:
    rescue.when(session={"from": 1}, name="mine", times=1, per="session").returns("startSessionRet_OK", delay="1ms")
    assert [call(rescue, 7), call(rescue, 8), call(rescue, 7)] == ["OK", "OK", "Error"]
    first, second, third = rescue.calls
    assert [first.decider, second.decider, third.decider] == ["mine", "mine", "otherwise"]
    assert first.delay == 0.001


def test_a_rule_is_removed(rescue: Rescue) -> None:
    rule = rescue.when(session=7).returns("startSessionRet_OK")
    rule.remove()
    rule.remove()
    assert call(rescue, 7) == "Error"


def test_a_rule_that_was_reset_cannot_be_continued(rescue: Rescue) -> None:
    rule = rescue.when(session=7).returns("startSessionRet_OK")
    rescue.reset()
    with pytest.raises(EmulatorError, match="no longer exists: it was removed, or the emulator was reset"):
        rule.then("startSessionRet_Error")


WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda rescue: rescue.when(sesion=1), "when: unknown word 'sesion'; did you mean 'session'?"),
    (lambda rescue: rescue.when(session="1"), "rule: when.session: '1' is a text; write the number without quotes"),
    (lambda rescue: rescue.when(session={"form": 1}), "rule: when.session.form: unknown key; did you mean 'from'?"),
    (lambda rescue: rescue.when(binding="soap"), "'soap' is not a binding; did you mean 'soap11' or 'soap12'?"),
    (lambda rescue: rescue.when(per="sesion"), "rule: per: 'sesion' is not a value of 'per'; did you mean 'session'?"),
    (lambda rescue: rescue.when().returns("OK"), "'OK' is not a result; did you mean 'startSessionRet_OK'?"),
    (lambda rescue: rescue.when().returns("startSessionRet_OK", delay="2"), "must be a duration such as 250ms or 1.5s, not '2'"),
    (lambda rescue: rescue.when().fails(conection="reset"), "unknown key; did you mean 'connection'?"),
    (lambda rescue: rescue.when().returns("startSessionRet_OK").then("OK"), "did you mean 'startSessionRet_OK'?"),
    (lambda rescue: rescue.when().returns("startSessionRet_OK").then(), "needs 'return' or 'fail'"),
    (lambda rescue: rescue.verify(sesion=1), "verify: unknown word 'sesion'; did you mean 'session'?"),
    (lambda rescue: rescue.verify(times=1, never=True), "'times' cannot stand beside 'never'"),
    (lambda rescue: rescue.verify(session="x"), "when.session: must be a whole number, not 'x'"),
    (lambda rescue: rescue.use({"ruls": []}), "ruls: unknown key; did you mean 'rules'?"),
    (lambda rescue: rescue.use("missing.yaml"), "missing.yaml:1:1: "),
]  # fmt: skip


def test_a_wrong_word_is_an_error_at_once_with_the_nearest_right_one(rescue: Rescue) -> None:
    for act, message in WRONG:
        with pytest.raises(ScenarioError) as error:
            act(rescue)
        assert message in str(error.value)
        assert call(rescue) == "OK", message


def test_all_unknown_words_are_in_one_error(here: Emulator) -> None:
    wrong: Any = {"sesion": 1, "tims": 2}
    with pytest.raises(ScenarioError) as error:
        here.when(**wrong)
    assert str(error.value) == (
        "when: unknown word 'sesion'; did you mean 'session'?\nwhen: unknown word 'tims'; did you mean 'times'?"
    )


def test_a_wrong_continuation_does_not_change_its_rule(rescue: Rescue) -> None:
    rule = rescue.when(session=7).returns("startSessionRet_OK")
    with pytest.raises(ScenarioError):
        rule.then("startSessionRet_Eror")
    rule.then("startSessionRet_ActionFailed")
    assert [call(rescue, 7) for _ in range(3)] == ["OK", "ActionFailed", "ActionFailed"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"session": 9}, "wanted at least 1 call with session 9; none came, of 2 calls in the journal"),
        ({"at_least": 3}, "wanted at least 3 calls with any values; 2 calls came, of 2 calls in the journal"),
        ({"at_least": 3, "at_most": 4}, "wanted 3 to 4 calls with any values; 2 calls came, of 2 calls in the journal"),
        ({"never": True}, "wanted no call with any values; 2 calls came, of 2 calls in the journal"),
        (
            {"session": 1001, "times": 2},
            "wanted exactly 2 calls with session 1001; 1 call came, of 2 calls in the journal",
        ),
        ({"after": 1, "times": 2}, "wanted exactly 2 calls with any values; 1 call came, of 1 call in the journal"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_verify_says_what_was_expected_and_how_many_came(words: dict[str, Any], text: str, here: Emulator) -> None:
    call(here, 1001)
    call(here, 2)
    with pytest.raises(VerificationError) as error:
        here.verify(**words)
    assert str(error.value).splitlines()[0] == text


def test_calls_and_refusals_are_kept_apart_and_in_order(rescue: Rescue) -> None:
    call(rescue, 1001)
    with pytest.raises(HTTPError):
        urlopen(f"{rescue.url}/startSession?iSession=1", timeout=5)
    call(rescue, 2)
    assert [exchange.call.session for exchange in rescue.calls] == [1001, 2]
    assert [(refusal.id, refusal.status, refusal.reason) for refusal in rescue.refusals] == [
        (2, 500, "Missing parameter: iNode.")
    ]


def test_verify_returns_if_calls_came_as_often_as_expected(rescue: Rescue) -> None:
    call(rescue)
    call(rescue, 2)
    rescue.verify()
    rescue.verify(session=1001, node=5, auth_code=CODE, binding="get", times=1)
    rescue.verify(at_least=1, at_most=2)
    rescue.verify(session=3, never=True)
    rescue.verify(session={"from": 2}, after=1, times=1)


def test_verify_says_what_came_instead_with_auth_codes_in_full(here: Emulator) -> None:
    call(here, 1001, auth_code="demo-bob-0123")
    call(here, 2, 6)
    with pytest.raises(AssertionError) as error:
        here.verify(session=2, node=5, times=1)
    assert isinstance(error.value, VerificationError)
    assert str(error.value) == (
        "wanted exactly 1 call with session 2, node 5; none came, of 2 calls in the journal\n"
        f"near miss: call 2, get session=2 node=6 auth_code={CODE}: node is 6, wanted is 5\n"
        "near miss: call 1, get session=1001 node=5 auth_code=demo-bob-0123: session is 1001, wanted is 2"
    )
    with pytest.raises(VerificationError, match=rf"auth_code is demo-bob-0123, wanted is {CODE} \(they differ at char"):
        here.verify(session=1001, auth_code=CODE)


def test_an_emulator_elsewhere_masks_auth_codes_unless_a_rule_names_them(here: Emulator) -> None:
    call(here)
    call(here, auth_code="real-code-0123")
    remote = RemoteEmulator(here.url, token="let-me-in")
    assert [exchange.call.auth_code for exchange in here.calls] == [CODE, "real-code-0123"]
    assert [exchange.call.auth_code for exchange in remote.calls] == [CODE, "rea***"]
    with pytest.raises(VerificationError) as error:
        remote.verify(session=7)
    assert f"auth_code={CODE}: " in str(error.value)
    assert "auth_code=rea***: " in str(error.value)
    with Emulator.start(SCENARIO, Options(show_auth_codes=True)) as local:
        call(local, auth_code="real-code-0123")
        assert RemoteEmulator(local.url).calls[0].call.auth_code == "real-code-0123"


def test_near_misses_of_a_call_name_the_condition_that_differed(rescue: Rescue) -> None:
    call(rescue, 1002)
    call(rescue, 2)
    call(rescue, 2)
    call(rescue, 2)
    first, *_, last = rescue.calls
    assert "Ann: session is 1002, the rule wants 1001" in [str(miss) for miss in first.near_misses()]
    assert "twice: spent: it has answered 2 of 2 times" in [str(miss) for miss in last.near_misses()]


def test_reset_keeps_only_the_scenario(rescue: Rescue) -> None:
    rescue.when(session=1001).returns("startSessionRet_Error")
    call(rescue)
    call(rescue, 2)
    rescue.reset()
    assert (rescue.calls, rescue.refusals) == ((), ())
    assert [call(rescue), call(rescue, 2), call(rescue, 2), call(rescue, 2)] == [
        "OK",
        "ActionFailed",
        "ActionFailed",
        "Error",
    ]


def test_another_scenario_is_used(rescue: Rescue, tmp_path: Path) -> None:
    rescue.use({"otherwise": "startSessionRet_OK"})
    assert call(rescue, 77) == "OK"
    file = tmp_path / "other.yaml"
    file.write_text("otherwise: startSessionRet_ActionFailed\n")
    rescue.use(file)
    assert call(rescue, 77) == "ActionFailed"


def test_a_wrong_file_is_an_error_with_its_lines_and_changes_nothing(rescue: Rescue, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("rules:\n  - retrun: startSessionRet_OK\n")
    with pytest.raises(ScenarioError) as error:
        rescue.use(file)
    assert str(error.value) == f"{file}:2:5: rules[0].retrun: unknown key; did you mean 'return'?"
    assert call(rescue) == "OK"


def test_the_account_for_a_report_has_each_call_and_its_reply(rescue: Rescue) -> None:
    assert account(rescue) == "no request came"
    call(rescue, 2)
    assert account(rescue) == f"1 get session=2 node=5 auth_code={CODE} -> startSessionRet_ActionFailed, by rule twice"


def test_a_journal_that_dropped_entries_does_not_guess() -> None:
    with Emulator.start(SCENARIO, Options(journal_size=1)) as rescue:
        call(rescue)
        call(rescue)
        rescue.verify(session=1001)
        with pytest.raises(VerificationError, match="the journal has dropped 1 older entries"):
            rescue.verify(session=1001, times=1)
        with pytest.raises(VerificationError, match="the journal has dropped 1 older entries"):
            RemoteEmulator(rescue.url).verify(session=1001, times=1)


@pytest.mark.parametrize(
    "scenario",
    [None, SCENARIO, Scenario("made by hand"), "scenarios/outage.yaml", Path("scenarios/outage.yaml")],
    ids=["nothing", "a dict", "a Scenario", "a path", "a Path"],
)
def test_an_emulator_starts_with(scenario: Any) -> None:
    with Emulator.start(scenario) as rescue:
        assert rescue.url.endswith("/API/API.asmx")
        assert call(rescue, auth_code="demo-ok")


def test_an_emulator_that_was_started_can_be_entered_and_stopped_twice() -> None:
    rescue = Emulator.start(SCENARIO)
    with rescue as entered:
        assert entered is rescue
        assert call(rescue) == "OK"
    rescue.stop()


def test_a_space_ends_with_its_block() -> None:
    with Emulator.start(SCENARIO) as local:
        with RemoteEmulator(local.url, space="mine") as remote:
            assert remote.url == local.url.replace("/API/", "/spaces/mine/API/")
            assert call(remote) == "OK"
        with pytest.raises(RemoteError, match="there is no space 'mine'"):
            remote.reset()


def test_an_emulator_elsewhere_without_a_control_api_is_an_error() -> None:
    with Emulator.start(SCENARIO, Options(control=False)) as local, pytest.raises(RemoteError) as error:
        RemoteEmulator(local.url).reset()
    assert str(error.value).endswith("answers 404 Not Found; is it an emulator, and its control API on?")


def test_conditions_without_a_reply_are_a_warning(here: Emulator) -> None:
    with pytest.warns(RuntimeWarning) as warned:
        here.when(session=1)
    assert str(warned[0].message) == (
        "rescue.when(...) alone does nothing: <conditions of a rule; call .returns(...) or .fails(...) to add it>"
    )


def test_each_public_name_is_importable_and_no_other() -> None:
    assert [getattr(emulator, name).__name__ for name in emulator.__all__] == [*emulator.__all__]
    assert {*emulator.__all__} <= {*dir(emulator)}
    with pytest.raises(AttributeError, match="has no attribute 'Emulater'"):
        emulator.Emulater  # noqa: B018


def held() -> tuple[int, int, int]:
    """Return the numbers of threads, file descriptors and allocated bytes of this process."""
    gc.collect()
    return threading.active_count(), len(os.listdir("/proc/self/fd")), tracemalloc.get_traced_memory()[0]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_a_hundred_emulators_leave_nothing_behind() -> None:
    def once() -> None:
        with Emulator.start(SCENARIO) as rescue:
            rescue.when(session=7).returns("startSessionRet_OK")
            assert call(rescue, 7) == "OK"
            RemoteEmulator(rescue.url).reset()

    for _ in range(5):
        once()
    tracemalloc.start()
    before = held()
    for _ in range(100):
        once()
    after = held()
    tracemalloc.stop()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 1_000_000
