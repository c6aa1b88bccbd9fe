"""Each key, condition, reply, failure and delay of the language, and the value of the core that it becomes."""

from __future__ import annotations

import re
from itertools import product

import pytest

from emulator.core import desk, replies
from emulator.core.contract import Binding, Result
from emulator.core.matching import Absent, Condition, Not, Range, When
from emulator.core.rules import Per
from emulator.delivery import ConnectionFault
from tests.helpers.builders import matches, one_of
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

    assert (scenario.name, scenario.otherwise) == ("tier-two", replies.Reply(replies.Return(Result.ERROR)))
    assert scenario.description == "Ann works, Bob was disabled, the night line is flaky."
    assert ann.when == When(session=one_of(1001), auth_code=one_of("demo-ann"))
    assert (bob.name, bob.replies) == (
        "Bob was disabled",
        (replies.Reply(replies.Return(Result.USER_DELETED_OR_DISABLED)),),
    )
    assert (night.when, night.per) == (When(session=Range(5000, 5999)), Per.SESSION)
    assert night.replies == (
        replies.Reply(replies.Return(Result.ERROR)),
        replies.Reply(replies.ConnectionFailure(ConnectionFault.RESET)),
        replies.Reply(replies.Return(Result.OK), replies.Fixed(1.5)),
    )


def test_the_example_of_a_desk_is_read_whole() -> None:
    assert accepted(DESK).desk == desk.Desk(
        (
            desk.Administrator("Ann", "demo-ann"),
            desk.Administrator("Bob", "demo-bob", desk.AccountStatus.DISABLED),
            desk.Administrator("Tim", "demo-tim", role=desk.Role.TECHNICIAN),
        ),
        (desk.Technician("Tess", 337366), desk.Technician("Omar", 337367, desk.TechnicianStatus.OFFLINE)),
        (desk.Session(1073174914, "Printer on fire"),),
    )


def test_everything_has_a_default() -> None:
    scenario = accepted("{}")

    assert (scenario.name, scenario.description, scenario.rules, scenario.desk) == ("x", None, (), None)
    assert scenario.otherwise == replies.Reply(replies.Return(Result.ERROR))


def test_a_rule_returns_each_result() -> None:
    for result in Result:
        assert rule(f"return: {result.value}").replies == (replies.Reply(replies.Return(result)),)


@pytest.mark.parametrize(
    ("written", "reply"),
    [
        ("startSessionRet_OK", replies.Reply(replies.Return(Result.OK))),
        ("{return: startSessionRet_OK}", replies.Reply(replies.Return(Result.OK))),
        ("{return: startSessionRet_OK, delay: 2s}", replies.Reply(replies.Return(Result.OK), replies.Fixed(2.0))),
        ("{fail: {status: 503}}", replies.Reply(replies.HttpFailure(503))),
        ("{fail: {status: 503}, delay: 2s}", replies.Reply(replies.HttpFailure(503), replies.Fixed(2.0))),
    ],
)
def test_a_reply_can_stand_in_otherwise_and_in_replies(written: str, reply: replies.Reply) -> None:
    assert accepted(f"otherwise: {written}").otherwise == reply
    assert rule(f"replies: [startSessionRet_Error, {written}]").replies == (
        replies.Reply(replies.Return(Result.ERROR)),
        reply,
    )


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


def test_a_rule_counts_by_each_value_of_per() -> None:
    for per in Per:
        assert rule(f"return: startSessionRet_OK, times: 3, per: {per.value}").per is per


@pytest.mark.parametrize(
    ("written", "percentage"),
    [("10%", "10%"), ("0.5%", "0.5%"), ("'99.999999%'", "99.999999%"), ("05.10%", "5.1%"), ("0.000001%", "0.000001%")],
)
def test_a_chance_is_a_percentage(written: str, percentage: str) -> None:
    assert rule(f"return: startSessionRet_OK, chance: {written}").percentage == percentage


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


@pytest.mark.parametrize(("written", "condition"), NUMBER_CONDITIONS, ids=[row[0] for row in NUMBER_CONDITIONS])
def test_a_number_can_be(written: str, condition: Condition) -> None:
    conditions = rule(f"when: {{session: {written}, node: {written}}}, return: startSessionRet_OK").when

    assert conditions == When(session=condition, node=condition)


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
    ("soap11", one_of(Binding.SOAP11)),
    ("[soap11, soap12, get, post]", one_of(*Binding)),
    ("{matches: 'soap1[12]'}", matches("soap1[12]")),
    ("{not: get}", Not(one_of(Binding.GET))),
    ("{not: [get, post]}", Not(one_of(Binding.GET, Binding.POST))),
]


@pytest.mark.parametrize(("written", "condition"), BINDING_CONDITIONS, ids=[row[0] for row in BINDING_CONDITIONS])
def test_a_binding_can_be(written: str, condition: Condition) -> None:
    assert rule(f"when: {{binding: {written}}}, return: startSessionRet_OK").when.binding == condition


FAILURES: list[tuple[str, replies.Outcome]] = [
    ('{exception: "Timeout expired."}', replies.Throw("Timeout expired.")),
    ("{exception: ''}", replies.Throw("")),
    (
        '{status: 503, headers: {Retry-After: "5"}, body: "…", content_type: text/html}',
        replies.HttpFailure(503, (("Retry-After", "5"),), "…", "text/html"),
    ),
    (
        "{status: 429, headers: {Retry-After: 5, X-No: no}}",
        replies.HttpFailure(429, (("Retry-After", "5"), ("X-No", "no"))),
    ),
    (
        "{status: 200, content_type: text/html; charset=utf-8}",
        replies.HttpFailure(200, (), "", "text/html; charset=utf-8"),
    ),
    ("{status: 204, body: ''}", replies.HttpFailure(204)),
    ("{connection: reset}", replies.ConnectionFailure(ConnectionFault.RESET)),
    ("{connection: trickle, over: 10s}", replies.ConnectionFailure(ConnectionFault.TRICKLE, 10.0)),
]


@pytest.mark.parametrize(("written", "outcome"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_rule_fails_with(written: str, outcome: replies.Outcome) -> None:
    assert rule(f"fail: {written}").replies == (replies.Reply(outcome),)


def test_a_rule_fails_with_every_connection_fault() -> None:
    for fault in set(ConnectionFault) - {ConnectionFault.TRICKLE}:
        outcome = replies.ConnectionFailure(fault)
        assert rule(f"fail: {{connection: {fault.value}}}").replies == (replies.Reply(outcome),)


DELAYS: list[tuple[str, replies.Delay]] = [
    ("250ms", replies.Fixed(0.25)),
    ("2s", replies.Fixed(2.0)),
    ("1.5s", replies.Fixed(1.5)),
    ("0ms", replies.Fixed(0.0)),
    ("3600s", replies.Fixed(3600.0)),
    ("{from: 100ms, to: 2s}", replies.Uniform(0.1, 2.0)),
    ("{from: 1s, to: 1s}", replies.Uniform(1.0, 1.0)),
    ("{median: 200ms, p99: 2s}", replies.LogNormal(0.2, 2.0)),
    ("{median: 1s, p99: 1s}", replies.LogNormal(1.0, 1.0)),
]


@pytest.mark.parametrize(("written", "delay"), DELAYS, ids=[row[0] for row in DELAYS])
def test_an_answer_waits(written: str, delay: replies.Delay) -> None:
    (reply,) = rule(f"return: startSessionRet_OK, delay: {written}").replies

    assert reply.delay == delay


def test_the_desk_takes_every_status_and_role() -> None:
    for session_status in desk.SessionStatus:
        actual = accepted(f"desk: {{sessions: [{{id: 1, status: {session_status.value}}}]}}").desk
        assert actual == desk.Desk(sessions=(desk.Session(1, None, session_status),))
    for technician_status in desk.TechnicianStatus:
        actual = accepted(f"desk: {{technicians: [{{node: 1, status: {technician_status.value}}}]}}").desk
        assert actual == desk.Desk(technicians=(desk.Technician("technician 1", 1, technician_status),))
    for status, role in product(desk.AccountStatus, desk.Role):
        written = f"{{auth_code: 0123, status: {status.value}, role: {role.value}}}"
        actual = accepted(f"desk: {{administrators: [{written}]}}").desk
        assert actual == desk.Desk((desk.Administrator("administrator 1", "0123", status, role),))


def test_a_newer_version_is_the_only_problem_reported() -> None:
    (problem,) = problems("version: 7\nnew_key: 1\nrules: 5")

    assert re.fullmatch(
        r"1:10: version: rescue-emulator [0-9.]+\S* reads version 1 of the scenario language; "
        r"version 7 needs a newer one",
        problem,
    )
