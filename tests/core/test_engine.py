"""Which rule answers a call and with which reply, and what a reset or another scenario changes."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.core.contract import Result
from emulator.core.desk import Administrator, Desk, Session, SessionStatus, Technician, TechnicianStatus
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy
from emulator.core.matching import Not, Range
from emulator.core.replies import ConnectionFailure, Delay, Fixed, LogNormal, Reply, Return, Uniform
from emulator.core.rules import Per, RuleStatus
from emulator.delivery import ConnectionFault
from tests.helpers.builders import a_call, a_rule, a_scenario, matches, one_of

OK, ERROR, FAILED = Result.OK, Result.ERROR, Result.ACTION_FAILED
DESK = Desk((Administrator("Ann", "demo-ann"),), (Technician("Tess", 337366),), (Session(1001),))


def results(engine: Engine, *sessions: int, node: int = 1) -> list[object]:
    exchanges = [engine.answer(a_call(session, node)) for session in sessions]
    return [exchange.outcome.result if isinstance(exchange.outcome, Return) else None for exchange in exchanges]


def test_the_first_rule_that_accepts_a_call_answers_it() -> None:
    rejecting, first, second = a_rule(session=1), a_rule(FAILED, session=1001), a_rule(OK)
    exchange = Engine(a_scenario(rejecting, first, second, desk=DESK)).answer(a_call(session=1001))

    assert (exchange.rule, exchange.outcome, exchange.decided_by) == (first, Return(FAILED), DecidedBy.RULE)


def test_what_no_rule_accepts_is_answered_by_the_desk_and_else_by_otherwise() -> None:
    otherwise = Reply(ConnectionFailure(ConnectionFault.RESET), Fixed(2.0))
    engine = Engine(a_scenario(a_rule(session=1), otherwise=otherwise, desk=DESK))
    known, unknown = engine.answer(a_call(session=1001)), engine.answer(a_call(session=5))

    assert (known.outcome, known.delay, known.decided_by, known.rule) == (Return(OK), 0.0, DecidedBy.DESK, None)
    assert (unknown.outcome, unknown.delay, unknown.rule) == (otherwise.outcome, 2.0, None)
    assert unknown.decided_by is DecidedBy.OTHERWISE


def test_replies_are_given_in_turn_and_the_last_one_is_repeated() -> None:
    assert results(Engine(a_scenario(a_rule(ERROR, FAILED, OK))), 1, 2, 3, 4, 5) == [ERROR, FAILED, OK, OK, OK]


@pytest.mark.parametrize("per", Per)
def test_replies_and_times_are_counted_by(per: Per) -> None:
    engine = Engine(a_scenario(a_rule(ERROR, OK, times=2, per=per), otherwise=Reply(Return(FAILED))))
    calls = [a_call(session=1, node=1, auth_code="a")] * 3 + [a_call(session=2, node=2, auth_code="b")] * 3

    second = [FAILED] * 3 if per is Per.RULE else [ERROR, OK, FAILED]
    assert [engine.answer(call).outcome for call in calls] == [Return(each) for each in (ERROR, OK, FAILED, *second)]


def test_a_code_that_was_not_sent_is_counted_apart_from_an_empty_one() -> None:
    engine = Engine(a_scenario(a_rule(OK, times=1, per=Per.AUTH_CODE)))

    assert all(engine.answer(a_call(auth_code=code)).rule for code in (None, ""))


def test_counters_are_bounded_and_the_least_recently_used_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.core.rules.MAX_COUNTERS", 100)
    engine = Engine(a_scenario(a_rule(ERROR, OK, per=Per.SESSION)))

    assert results(engine, 1, 2, 1) == [ERROR, ERROR, OK]
    results(engine, *range(10, 109))
    assert results(engine, 1, 2) == [OK, ERROR]


def delays(delay: Delay, count: int) -> list[float]:
    engine = Engine(a_scenario(otherwise=Reply(Return(OK), delay)), seed=1)
    return [engine.answer(a_call()).delay for _ in range(count)]


def test_delays_follow_their_distribution_and_are_repeatable_with_a_given_generator() -> None:
    uniform, log_normal = delays(Uniform(0.1, 0.3), 1000), delays(LogNormal(0.2, 2.0), 10_000)

    assert all(0.1 <= delay <= 0.3 for delay in uniform)
    assert statistics.mean(uniform) == pytest.approx(0.2, abs=0.01)
    assert statistics.median(log_normal) == pytest.approx(0.2, rel=0.05)
    assert sum(delay > 2.0 for delay in log_normal) / len(log_normal) == pytest.approx(0.01, abs=0.004)
    assert delays(Uniform(0.1, 0.3), 5) == uniform[:5]


def test_reset_clears_counters_desk_and_added_rules_but_not_ids() -> None:
    engine = Engine(a_scenario(a_rule(ERROR, OK, session=5), a_rule(FAILED, session=7, times=1), desk=DESK))
    before = results(engine, 5, 1001, 7, node=337366)
    engine.add_rule(a_rule(FAILED, session=6))

    engine.reset()

    assert engine.snapshot().entries == ()
    assert results(engine, 5, 1001, 7, 6, node=337366) == [*before, ERROR] == [ERROR, OK, FAILED, ERROR]
    assert [exchange.id for exchange in engine.snapshot().exchanges] == [4, 5, 6, 7]


def test_another_scenario_replaces_rules_desk_and_otherwise() -> None:
    engine, replacement = Engine(a_scenario(a_rule(OK), desk=DESK)), a_scenario(otherwise=Reply(Return(FAILED)))
    engine.replace(replacement)

    assert results(engine, 1001) == [FAILED]
    assert (engine.desk(), engine.scenario) == (None, replacement)


def test_replacing_a_scenario_resets_its_counters_but_not_those_of_added_rules() -> None:
    scenario = a_scenario(a_rule(ERROR, OK, session=1))
    engine = Engine(scenario)
    engine.add_rule(a_rule(ERROR, FAILED, session=2))

    assert results(engine, 1, 2) == [ERROR, ERROR]
    engine.replace(scenario)
    assert results(engine, 1, 2) == [ERROR, FAILED]


def test_added_rules_come_before_those_of_the_scenario_the_newest_first() -> None:
    engine = Engine(a_scenario(a_rule(OK)))
    engine.add_rule(a_rule(ERROR, session=1))
    engine.add_rule(a_rule(FAILED, session=1))

    assert results(engine, 1) == [FAILED]
    assert [status.id for status in engine.rules()] == [2, 1, None]


def test_an_added_rule_can_be_removed_and_its_id_is_not_used_again() -> None:
    engine = Engine(a_scenario(a_rule(OK, session=1)))
    added = engine.add_rule(a_rule(FAILED, session=1))

    assert engine.remove_rule(added)
    assert results(engine, 1) == [OK]
    assert not engine.remove_rule(added)
    assert engine.add_rule(a_rule()) != added
    engine.remove_rules()
    assert len(engine.rules()) == 1


def test_an_added_rule_can_be_changed_at_its_position() -> None:
    engine = Engine(a_scenario())
    below = engine.add_rule(a_rule(ERROR))
    engine.add_rule(a_rule(OK, session=1))

    assert engine.change_rule(below, a_rule(FAILED))
    assert results(engine, 1, 2) == [OK, FAILED]
    assert [status.id for status in engine.rules()] == [2, 1]
    assert not engine.change_rule(3, a_rule())


def test_a_rule_counts_the_calls_that_it_answered() -> None:
    rule = a_rule(session=1)
    results(engine := Engine(a_scenario(rule)), 1, 1, 2)

    assert engine.rules() == (RuleStatus(rule, hits=2, id=None, last=2),)


def test_many_threads_share_the_replies_of_a_rule_exactly() -> None:
    engine = Engine(a_scenario(a_rule(OK, times=500), otherwise=Reply(Return(FAILED))))
    with ThreadPoolExecutor(8) as pool:
        exchanges = list(pool.map(engine.answer, [a_call()] * 1000))

    assert sum(exchange.outcome == Return(OK) for exchange in exchanges) == 500
    assert sorted(exchange.id for exchange in exchanges) == list(range(1, 1001))


def test_near_misses_are_those_of_the_rules_that_were_active_when_the_call_came() -> None:
    engine = Engine(a_scenario(a_rule(name="old", session=1)))
    exchange = engine.answer(a_call(session=2))
    engine.add_rule(a_rule(name="new"))
    engine.replace(a_scenario(a_rule(name="newer")))

    assert [str(miss) for miss in exchange.near_misses()] == ["old: session is 2, the rule wants 1"]


def test_a_call_that_a_rule_answered_has_near_misses_only_among_the_added_rules_before_it() -> None:
    engine = Engine(a_scenario(a_rule(name="in the file", session=1), a_rule()))
    assert engine.answer(a_call()).near_misses() == ()

    for rule in (a_rule(name="later", session=3), a_rule(name="answers", node=9), a_rule(name="first", session=1)):
        engine.add_rule(rule)
    exchange = engine.answer(a_call(session=2, node=9))

    assert exchange.decider == "answers"
    assert [str(miss) for miss in exchange.near_misses()] == ["first: session is 2, the rule wants 1"]


def test_setting_a_technician_or_a_session_changes_the_results_until_a_reset() -> None:
    engine = Engine(a_scenario(desk=DESK))

    assert engine.set_technician(337366, TechnicianStatus.OFFLINE)
    assert results(engine, 1001, node=337366) == [FAILED]
    engine.reset()
    assert results(engine, 1001, 1001, node=337366) == [OK, FAILED]
    assert engine.set_session(1001, SessionStatus.WAITING)
    assert engine.desk() == DESK
    assert results(engine, 1001, node=337366) == [OK]


def test_setting_what_the_desk_does_not_have_returns_false() -> None:
    for engine in (Engine(a_scenario()), Engine(a_scenario(desk=DESK))):
        assert not engine.set_technician(1, TechnicianStatus.ONLINE)
        assert not engine.set_session(1, SessionStatus.WAITING)


def test_the_engine_knows_the_codes_that_scenario_desk_and_added_rules_name() -> None:
    rules = a_rule(auth_code=one_of("in-rule", "in-list")), a_rule(auth_code=Not(one_of("negated")))
    engine = Engine(a_scenario(*rules, a_rule(auth_code=matches("pattern"), session=Range(1)), desk=DESK))
    engine.add_rule(a_rule(auth_code="added"))

    assert all(map(engine.names_code, ("in-rule", "in-list", "negated", "demo-ann", "added")))
    assert not any(map(engine.names_code, ("pattern", "", "in", "other")))


def test_codes_are_forgotten_with_the_last_rule_that_names_them() -> None:
    engine = Engine(a_scenario(a_rule(auth_code="written")))
    one, two = engine.add_rule(a_rule(auth_code="added")), engine.add_rule(a_rule(auth_code="added"))

    engine.remove_rule(one)
    assert engine.names_code("added")
    engine.change_rule(two, a_rule(auth_code="changed"))
    assert (engine.names_code("added"), engine.names_code("changed")) == (False, True)
    engine.reset()
    assert (engine.names_code("changed"), engine.names_code("written")) == (False, True)
    engine.replace(a_scenario())
    assert not engine.names_code("written")
