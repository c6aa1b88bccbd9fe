"""Each key, condition, reply, failure and delay of the language, and the value that it becomes."""

from __future__ import annotations

import re

import pytest

from emulator.core.contract import Binding, Result
from emulator.core.desk import (
    AccountStatus,
    Administrator,
    Desk,
    Role,
    Session,
    SessionStatus,
    Technician,
    TechnicianStatus,
)
from emulator.core.matching import Absent, Condition, Not, Range, When
from emulator.core.replies import (
    ConnectionFailure,
    Delay,
    Fixed,
    HttpFailure,
    LogNormal,
    Outcome,
    Reply,
    Return,
    Throw,
    Uniform,
)
from emulator.core.rules import Per
from emulator.delivery import ConnectionFault
from tests.helpers.builders import a_call, matches, one_of
from tests.helpers.scenarios import accepted, problems, rule

TIER_TWO = """
version: 1
name: tier-two
description: Ann works, Bob was disabled, the night line is flaky.
otherwise: startSessionRet_Error          # no rule matched; this is also the default

rules:                                    # the first rule that accepts a call answers it
  - name: Ann starts a waiting session
    when: {session: 1001, auth_code: demo-ann}
    return: startSessionRet_OK

  - name: Bob was disabled
    when: {auth_code: demo-bob}
    return: startSessionRet_User_Deleted_Or_Disabled

  - name: the night line is flaky
    when: {session: {from: 5000, to: 5999}}
    per: session                          # each session goes through the replies by itself
    replies:
      - startSessionRet_Error
      - fail: {connection: reset}
      - return: startSessionRet_OK        # the last reply stays
        delay: 1.5s
"""

DESK = """
desk:
  administrators:
    - {name: Ann, auth_code: demo-ann}
    - {name: Bob, auth_code: demo-bob, status: disabled}        # active (default), disabled, deleted
    - {name: Tim, auth_code: demo-tim, role: technician}        # administrator (default), technician
  technicians:
    - {name: Tess, node: 337366}                                # online (default), offline, away, busy, disabled
    - {name: Omar, node: 337367, status: offline}
  sessions:
    - {id: 1073174914, customer: Printer on fire}
"""


def test_the_example_of_the_language_is_read_whole() -> None:
    scenario = accepted(TIER_TWO)
    ann, bob, night = scenario.rules

    assert (scenario.name, scenario.otherwise) == ("tier-two", Reply(Return(Result.ERROR)))
    assert scenario.description == "Ann works, Bob was disabled, the night line is flaky."
    assert ann.when == When(session=one_of(1001), auth_code=one_of("demo-ann"))
    assert (bob.name, bob.replies) == ("Bob was disabled", (Reply(Return(Result.USER_DELETED_OR_DISABLED)),))
    assert (night.when, night.per) == (When(session=Range(5000, 5999)), Per.SESSION)
    assert night.replies == (
        Reply(Return(Result.ERROR)),
        Reply(ConnectionFailure(ConnectionFault.RESET)),
        Reply(Return(Result.OK), Fixed(1.5)),
    )


def test_the_example_of_a_desk_is_read_whole() -> None:
    assert accepted(DESK).desk == Desk(
        (
            Administrator("Ann", "demo-ann"),
            Administrator("Bob", "demo-bob", AccountStatus.DISABLED),
            Administrator("Tim", "demo-tim", role=Role.TECHNICIAN),
        ),
        (Technician("Tess", 337366), Technician("Omar", 337367, TechnicianStatus.OFFLINE)),
        (Session(1073174914, "Printer on fire"),),
    )


def test_everything_has_a_default() -> None:
    scenario = accepted("{}")

    assert (scenario.name, scenario.description, scenario.rules, scenario.desk) == ("x", None, (), None)
    assert scenario.otherwise == Reply(Return(Result.ERROR))


def test_a_schema_for_editors_is_accepted_and_ignored() -> None:
    assert accepted("$schema: https://example.org/scenario.json").rules == ()


@pytest.mark.parametrize("result", Result)
def test_a_rule_returns(result: Result) -> None:
    assert rule(f"return: {result.value}").replies == (Reply(Return(result)),)


@pytest.mark.parametrize(
    ("written", "reply"),
    [
        ("startSessionRet_OK", Reply(Return(Result.OK))),
        ("{return: startSessionRet_OK}", Reply(Return(Result.OK))),
        ("{return: startSessionRet_OK, delay: 2s}", Reply(Return(Result.OK), Fixed(2.0))),
        ("{fail: {status: 503}}", Reply(HttpFailure(503))),
        ("{fail: {status: 503}, delay: 2s}", Reply(HttpFailure(503), Fixed(2.0))),
    ],
)
def test_a_reply_can_stand_in_otherwise_and_in_replies(written: str, reply: Reply) -> None:
    assert accepted(f"otherwise: {written}").otherwise == reply
    assert rule(f"replies: [startSessionRet_Error, {written}]").replies == (Reply(Return(Result.ERROR)), reply)


def test_a_rule_without_a_name_is_called_by_its_number() -> None:
    scenario = accepted("rules: [{when: {session: 1}, return: startSessionRet_OK}, {return: startSessionRet_OK}]")

    assert [rule.name for rule in scenario.rules] == ["rule 1", "rule 2"]


def test_a_rule_knows_where_it_was_written() -> None:
    assert [str(rule) for rule in accepted(TIER_TWO).rules][1:] == [
        "Bob was disabled (x.yaml:12)",
        "the night line is flaky (x.yaml:16)",
    ]


def test_a_rule_without_conditions_accepts_every_call() -> None:
    assert rule("return: startSessionRet_OK").when == When()


def test_times_bounds_the_answers() -> None:
    assert rule("return: startSessionRet_OK, times: 3").times == 3


@pytest.mark.parametrize("per", Per)
def test_a_rule_counts_by(per: Per) -> None:
    assert rule(f"return: startSessionRet_OK, times: 3, per: {per.value}").per is per


NUMBER_CONDITIONS = [
    ("1001", one_of(1001)),
    ("-5", one_of(-5)),
    ("+5", one_of(5)),
    ("2147483647", one_of(2147483647)),
    ("-2147483648", one_of(-2147483648)),
    ("[1001, 1003]", one_of(1001, 1003)),
    ("{from: 5, to: 7}", Range(5, 7)),
    ("{from: 5}", Range(5, None)),
    ("{to: 7}", Range(None, 7)),
    ("{matches: '10..'}", matches("10..")),
    ("{matches: 1001}", matches("1001")),
    ("{not: 5}", Not(one_of(5))),
    ("{not: [5, 6]}", Not(one_of(5, 6))),
    ("{not: {from: 5}}", Not(Range(5, None))),
    ("{not: {not: 5}}", Not(Not(one_of(5)))),
]


@pytest.mark.parametrize("field", ["session", "node"])
@pytest.mark.parametrize(("written", "condition"), NUMBER_CONDITIONS, ids=[row[0] for row in NUMBER_CONDITIONS])
def test_a_number_can_be(field: str, written: str, condition: Condition) -> None:
    assert getattr(rule(f"when: {{{field}: {written}}}, return: startSessionRet_OK").when, field) == condition


CODE_CONDITIONS = [
    ("demo-ann", one_of("demo-ann")),
    ("0123", one_of("0123")),
    ("1e5", one_of("1e5")),
    ("no", one_of("no")),
    ("true", one_of("true")),
    ("2026-11-23", one_of("2026-11-23")),
    ("0x1F", one_of("0x1F")),
    ("1_000", one_of("1_000")),
    ("1:30", one_of("1:30")),
    (".inf", one_of(".inf")),
    ("'~'", one_of("~")),
    ("'null'", one_of("null")),
    ("''", one_of("")),
    ("'demo: ann'", one_of("demo: ann")),
    ("!!str 0123", one_of("0123")),
    ("[demo-ann, 0123, no]", one_of("demo-ann", "0123", "no")),
    ("{matches: 'demo-.*'}", matches("demo-.*")),
    ("{absent: true}", Absent(True)),
    ("{absent: false}", Absent(False)),
    ("{not: demo-ann}", Not(one_of("demo-ann"))),
    ("{not: [0123, demo-ann]}", Not(one_of("0123", "demo-ann"))),
    ("{not: {absent: true}}", Not(Absent(True))),
]


@pytest.mark.parametrize(("written", "condition"), CODE_CONDITIONS, ids=[row[0] for row in CODE_CONDITIONS])
def test_an_auth_code_can_be(written: str, condition: Condition) -> None:
    assert rule(f"when: {{auth_code: {written}}}, return: startSessionRet_OK").when.auth_code == condition


BINDING_CONDITIONS = [
    *((binding.value, one_of(binding)) for binding in Binding),
    ("[get, post]", one_of(Binding.GET, Binding.POST)),
    ("{matches: 'soap1[12]'}", matches("soap1[12]")),
    ("{not: get}", Not(one_of(Binding.GET))),
    ("{not: [get, post]}", Not(one_of(Binding.GET, Binding.POST))),
]


@pytest.mark.parametrize(("written", "condition"), BINDING_CONDITIONS, ids=[row[0] for row in BINDING_CONDITIONS])
def test_a_binding_can_be(written: str, condition: Condition) -> None:
    assert rule(f"when: {{binding: {written}}}, return: startSessionRet_OK").when.binding == condition


def test_conditions_read_from_a_file_decide_on_calls() -> None:
    conditions = rule(
        "when: {session: {not: [1, 2]}, auth_code: 0123, binding: [get]}, return: startSessionRet_OK"
    ).when

    assert conditions.accepts(a_call(session=3, auth_code="0123", binding=Binding.GET))
    assert not conditions.accepts(a_call(session=1, auth_code="0123", binding=Binding.GET))
    assert not conditions.accepts(a_call(session=3, auth_code="123", binding=Binding.GET))
    assert not conditions.accepts(a_call(session=3, auth_code="0123", binding=Binding.POST))


FAILURES: list[tuple[str, Outcome]] = [
    ('{exception: "Timeout expired."}', Throw("Timeout expired.")),
    ("{exception: ''}", Throw("")),
    (
        '{status: 503, headers: {Retry-After: "5"}, body: "…", content_type: text/html}',
        HttpFailure(503, (("Retry-After", "5"),), "…", "text/html"),
    ),
    ("{status: 429, headers: {Retry-After: 5, X-No: no}}", HttpFailure(429, (("Retry-After", "5"), ("X-No", "no")))),
    ("{status: 200, content_type: text/html; charset=utf-8}", HttpFailure(200, (), "", "text/html; charset=utf-8")),
    ("{status: 204, body: ''}", HttpFailure(204)),
    ("{connection: reset}", ConnectionFailure(ConnectionFault.RESET)),
    ("{connection: close}", ConnectionFailure(ConnectionFault.CLOSE)),
    ("{connection: truncate}", ConnectionFailure(ConnectionFault.TRUNCATE)),
    ("{connection: garbage}", ConnectionFailure(ConnectionFault.GARBAGE)),
    ("{connection: stall}", ConnectionFailure(ConnectionFault.STALL)),
    ("{connection: trickle, over: 10s}", ConnectionFailure(ConnectionFault.TRICKLE, 10.0)),
]


@pytest.mark.parametrize(("written", "outcome"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_rule_fails_with(written: str, outcome: Outcome) -> None:
    assert rule(f"fail: {written}").replies == (Reply(outcome),)


def test_every_failure_of_a_connection_is_in_the_table() -> None:
    assert {each.fault for _, each in FAILURES if isinstance(each, ConnectionFailure)} == set(ConnectionFault)


DELAYS: list[tuple[str, Delay]] = [
    ("250ms", Fixed(0.25)),
    ("2s", Fixed(2.0)),
    ("1.5s", Fixed(1.5)),
    ("0ms", Fixed(0.0)),
    ("3600s", Fixed(3600.0)),
    ("{from: 100ms, to: 2s}", Uniform(0.1, 2.0)),
    ("{from: 1s, to: 1s}", Uniform(1.0, 1.0)),
    ("{median: 200ms, p99: 2s}", LogNormal(0.2, 2.0)),
    ("{median: 1s, p99: 1s}", LogNormal(1.0, 1.0)),
]


@pytest.mark.parametrize(("written", "delay"), DELAYS, ids=[row[0] for row in DELAYS])
def test_an_answer_waits(written: str, delay: Delay) -> None:
    (reply,) = rule(f"return: startSessionRet_OK, delay: {written}").replies

    assert reply.delay == delay


@pytest.mark.parametrize("status", SessionStatus)
def test_a_session_of_the_desk_is(status: SessionStatus) -> None:
    desk = accepted(f"desk: {{sessions: [{{id: 1, status: {status.value}}}]}}").desk

    assert desk is not None
    assert desk.sessions == (Session(1, None, status),)


@pytest.mark.parametrize("status", TechnicianStatus)
def test_a_technician_of_the_desk_is(status: TechnicianStatus) -> None:
    desk = accepted(f"desk: {{technicians: [{{node: 1, status: {status.value}}}]}}").desk

    assert desk is not None
    assert desk.technicians == (Technician("technician 1", 1, status),)


@pytest.mark.parametrize("status", AccountStatus)
@pytest.mark.parametrize("role", Role)
def test_an_administrator_of_the_desk_is(status: AccountStatus, role: Role) -> None:
    written = f"{{auth_code: 0123, status: {status.value}, role: {role.value}}}"
    desk = accepted(f"desk: {{administrators: [{written}]}}").desk

    assert desk is not None
    assert desk.administrators == (Administrator("administrator 1", "0123", status, role),)


@pytest.mark.parametrize("version", [2, 7])
def test_a_newer_version_is_refused_with_the_program_that_reads_this_one(version: int) -> None:
    (problem,) = problems(f"version: {version}\nnew_key: 1\nrules: 5")

    assert re.fullmatch(
        rf"1:10: version: rescue-emulator [0-9.]+\S* reads version 1 of the scenario language; "
        rf"version {version} needs a newer one",
        problem,
    )


def test_the_text_of_a_scenario_is_kept() -> None:
    assert accepted(TIER_TWO).source == TIER_TWO
