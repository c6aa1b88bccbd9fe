"""Dry runs of a call, as text and as data."""

from __future__ import annotations

from emulator.core.contract import Result
from emulator.core.desk import Administrator, Desk, Session, Technician
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy
from emulator.core.matching import Range
from emulator.core.rules import Per
from tests.helpers.builders import a_call, a_rule, a_scenario

ANN = a_rule(name="Ann starts", source="night.yaml:3", session=1001, auth_code="demo-ann")
NIGHT = a_rule(Result.ERROR, name="night line", source="night.yaml:7", session=Range(5000, 5999))
BOB = a_rule(Result.ACTION_FAILED, name="Bob", source="night.yaml:9", auth_code="demo-bob")


def test_it_says_why_each_rule_before_the_answer_was_passed_over() -> None:
    explanation = Engine(a_scenario(ANN, NIGHT, BOB, a_rule())).explain(a_call(session=8, auth_code="demo-bob"))

    assert explanation.text().splitlines() == [
        "call: session 8, node 337366, auth code demo-bob, soap11",
        "  no   Ann starts (night.yaml:3): session is 8, the rule wants 1001; "
        "auth_code is demo-bob, the rule wants demo-ann (they differ at character 6)",
        "  no   night line (night.yaml:7): session is 8, the rule wants 5000 to 5999",
        "  yes  Bob (night.yaml:9)",
        "answer: startSessionRet_ActionFailed, decided by rule Bob (night.yaml:9)",
    ]


def test_when_no_rule_answers_it_names_the_nearest_ones() -> None:
    explanation = Engine(a_scenario(ANN, NIGHT)).explain(a_call(session=8, auth_code=None))

    assert explanation.decided_by is DecidedBy.OTHERWISE
    assert [miss.rule for miss in explanation.near_misses] == [NIGHT, ANN]
    assert explanation.text().splitlines()[-3:] == [
        "answer: startSessionRet_Error, decided by otherwise: no rule accepts the call",
        "near miss: night line (night.yaml:7): session is 8, the rule wants 5000 to 5999",
        "near miss: Ann starts (night.yaml:3): session is 8, the rule wants 1001; "
        "auth_code is (none), the rule wants demo-ann",
    ]


def test_it_gives_the_reason_of_the_desk() -> None:
    desk = Desk((Administrator("Ann", "demo-ann"),), (Technician("Tess", 1),), (Session(1001),))
    explanation = Engine(a_scenario(BOB, desk=desk)).explain(a_call(session=1001, node=2))

    assert explanation.decided_by is DecidedBy.DESK
    assert "ActionFailed, decided by the desk: node 2 is not a technician" in explanation.text()


def test_it_names_spent_rules_and_the_next_reply() -> None:
    engine = Engine(a_scenario(a_rule(name="twice", times=2, per=Per.SESSION), a_rule(Result.ERROR, Result.OK)))
    for _ in range(3):
        engine.answer(a_call())

    explanation = engine.explain(a_call())
    (miss,) = explanation.passed_over

    assert miss.as_data() == {"rule": "twice", "source": None, "spent": True, "by_chance": False, "mismatches": []}
    assert str(miss) == "twice: spent: it has answered 2 of 2 times for this session"
    assert str(explanation.reply) == "startSessionRet_OK"


def test_near_misses_come_with_the_fewest_mismatches_first_and_in_order_among_equals() -> None:
    two, first, second = a_rule(session=1, node=1), a_rule(name="first", session=1), a_rule(name="second", node=1)

    misses = Engine(a_scenario(two, first, second)).answer(a_call(session=2, node=2)).near_misses()

    assert [miss.rule for miss in misses] == [first, second, two]


def test_a_long_list_of_rules_is_cut_short_for_people_only() -> None:
    explanation = Engine(a_scenario(*(a_rule(session=number) for number in range(30)))).explain(a_call(session=99))

    assert "  no   10 more rules" in explanation.text().splitlines()
    assert len(explanation.passed_over) == 30
