"""Rules that answer a share of the calls that they accept: drawing, near misses, and dry runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.core.contract import Result
from emulator.core.desk import Administrator, Desk, Session, Technician
from emulator.core.engine import Engine
from emulator.core.replies import Outcome, Reply, Return, Uniform
from emulator.core.rules import Per, Rule
from tests.helpers.builders import a_call, a_rule, a_scenario

OK, ERROR, FAILED = Result.OK, Result.ERROR, Result.ACTION_FAILED
FLAKY = a_rule(FAILED, name="flaky", source="night.yaml:3", chance=10.0)
ANN = a_rule(name="Ann", source="night.yaml:7", auth_code="demo-ann")
DESK = Desk((Administrator("Ann", "demo-ann"),), (Technician("Tess", 337366),), (Session(1001),))


def drawn(engine: Engine, count: int) -> list[tuple[Outcome, float]]:
    """Return the outcomes and delays of so many equal calls."""
    exchanges = [engine.answer(a_call()) for _ in range(count)]
    return [(exchange.outcome, exchange.delay) for exchange in exchanges]


@pytest.mark.parametrize("chance", [0.5, 10.0, 99.0])
def test_a_rule_answers_its_share_of_the_calls_and_the_rules_below_answer_the_others(chance: float) -> None:
    engine = Engine(a_scenario(a_rule(FAILED, chance=chance), a_rule(OK)), seed=7)
    outcomes = [outcome for outcome, _ in drawn(engine, 10_000)]

    assert outcomes.count(Return(FAILED)) == pytest.approx(100 * chance, abs=100)
    assert outcomes.count(Return(FAILED)) + outcomes.count(Return(OK)) == 10_000


def test_calls_left_to_chance_are_not_counted() -> None:
    engine = Engine(a_scenario(a_rule(FAILED, ERROR, times=2, chance=50.0), a_rule(OK)), seed=7)
    outcomes = [outcome for outcome, _ in drawn(engine, 100)]

    assert [each for each in outcomes if each != Return(OK)] == [Return(FAILED), Return(ERROR)]


def test_with_a_seed_reset_and_replacement_begin_the_same_chances_and_delays_anew() -> None:
    slow = replace(FLAKY, chance=50.0, replies=(Reply(Return(FAILED), Uniform(0.0, 9.0)),))
    scenario = a_scenario(slow, otherwise=Reply(Return(OK), Uniform(0.0, 9.0)))
    engine = Engine(scenario, seed=7)
    first = drawn(engine, 20)
    engine.reset()
    after_reset = drawn(engine, 20)
    engine.replace(scenario)

    assert drawn(engine, 20) == after_reset == first == drawn(Engine(scenario, seed=7), 20)
    assert first != drawn(Engine(scenario, seed=8), 20)
    assert first != drawn(engine, 20)


def test_without_a_seed_chances_differ() -> None:
    scenario = a_scenario(a_rule(FAILED, chance=50.0))

    assert drawn(Engine(scenario), 100) != drawn(Engine(scenario), 100)


def left_to_chance(engine: Engine) -> list[str]:
    """Return the near misses of the first call that a rule with a chance did not answer."""
    exchange = next(each for _ in range(1000) if (each := engine.answer(a_call())).rule is not FLAKY)
    return [*map(str, exchange.near_misses())]


LEFT = "flaky (night.yaml:3): left to chance: it answers 10 % of these calls"


@pytest.mark.parametrize(
    ("rules", "desk", "near_misses"),
    [
        ((FLAKY, ANN), None, [LEFT]),
        ((FLAKY,), DESK, [LEFT]),
        (
            (a_rule(name="other", session=5), FLAKY, a_rule(name="late", node=5)),
            None,
            [LEFT, "other: session is 1001, the rule wants 5", "late: node is 337366, the rule wants 5"],
        ),
    ],
    ids=["a rule answered", "the desk decided", "otherwise answered"],
)
def test_a_call_left_to_chance_has_a_near_miss_that_says_so(
    rules: tuple[Rule, ...], desk: Desk | None, near_misses: list[str]
) -> None:
    assert left_to_chance(Engine(a_scenario(*rules, desk=desk), seed=7)) == near_misses


def test_a_spent_rule_with_a_chance_is_spent_and_not_left_to_chance() -> None:
    engine = Engine(a_scenario(a_rule(name="once", times=1, per=Per.SESSION, chance=50.0)), seed=7)
    while not engine.rules()[0].hits:
        engine.answer(a_call())

    (miss,) = engine.answer(a_call()).near_misses()
    assert str(miss) == "once: spent: it has answered 1 of 1 times for this session"
    assert engine.explain(a_call()).by_chance == ()


def test_a_dry_run_names_the_rules_that_may_answer_and_what_answers_the_others() -> None:
    half = a_rule(ERROR, FAILED, name="half", chance=2.5)
    explanation = Engine(a_scenario(FLAKY, a_rule(name="other", session=5), half, ANN)).explain(a_call())

    assert explanation.text().splitlines()[1:] == [
        "  may  flaky (night.yaml:3): it answers 10 % of these calls",
        "  no   other: session is 1001, the rule wants 5",
        "  may  half: it answers 2.5 % of these calls",
        "  yes  Ann (night.yaml:7)",
        "answer to 10 % of these calls: startSessionRet_ActionFailed, decided by rule flaky (night.yaml:3)",
        "answer to 2.5 % of the others: startSessionRet_Error, decided by rule half",
        "answer to the others: startSessionRet_OK, decided by rule Ann (night.yaml:7)",
    ]
    data = explanation.as_data()
    assert data["by_chance"] == [
        {"rule": "flaky", "source": "night.yaml:3", "chance": "10%", "reply": "startSessionRet_ActionFailed"},
        {"rule": "half", "source": None, "chance": "2.5%", "reply": "startSessionRet_Error"},
    ]
    assert (data["rule"], data["reply"]) == ({"rule": "Ann", "source": "night.yaml:7"}, "startSessionRet_OK")
    passed = [(miss["rule"], miss["spent"], miss["by_chance"]) for miss in data["passed_over"]]  # type: ignore[attr-defined]
    assert passed == [("flaky", False, True), ("other", False, False), ("half", False, True)]


def test_a_dry_run_of_a_call_that_only_a_chance_accepts_says_what_answers_the_others() -> None:
    text = Engine(a_scenario(FLAKY)).explain(a_call()).text()

    assert text.splitlines()[-2:] == [
        "answer to the others: startSessionRet_Error, decided by otherwise: no other rule accepts the call",
        f"near miss: {LEFT}",
    ]


def test_a_dry_run_draws_nothing() -> None:
    asked, untouched = (Engine(a_scenario(a_rule(FAILED, chance=50.0)), seed=7) for _ in range(2))
    outcomes = []
    for _ in range(50):
        asked.explain(a_call())
        outcomes += drawn(asked, 1)

    assert outcomes == drawn(untouched, 50)
