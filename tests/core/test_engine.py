"""Which rule answers, what it says next, and what is forgotten when."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from emulator.core.contract import Result
from emulator.core.desk import Administrator, Desk, Session, SessionStatus, Technician, TechnicianStatus
from emulator.core.engine import DecidedBy, Engine, RuleStatus
from emulator.core.matching import Range
from emulator.core.replies import ConnectionFailure, Fixed, LogNormal, Reply, Return, Uniform
from emulator.core.rule_state import KEYS_KEPT
from emulator.core.rules import Per
from emulator.delivery import ConnectionFault
from tests.helpers.builders import a_call, a_reply, a_rule, a_scenario

OK, ERROR, FAILED = Result.OK, Result.ERROR, Result.ACTION_FAILED
DESK = Desk((Administrator("Ann", "demo-ann"),), (Technician("Tess", 337366),), (Session(1001),))


def results(engine: Engine, *sessions: int, auth_code: str = "demo-ann", node: int = 1) -> list[object]:
    """What calls for these sessions get, one after the other."""
    exchanges = [engine.answer(a_call(session, node, auth_code)) for session in sessions]
    return [exchange.outcome.result if isinstance(exchange.outcome, Return) else None for exchange in exchanges]


def test_the_first_rule_that_accepts_a_call_answers_it() -> None:
    refusing, first, second = a_rule(session=1), a_rule(FAILED, session=1001), a_rule(OK)
    exchange = Engine(a_scenario(refusing, first, second)).answer(a_call(session=1001))

    assert (exchange.rule, exchange.outcome, exchange.decided_by) == (first, Return(FAILED), DecidedBy.RULE)


@pytest.mark.parametrize("early", [0, 1], ids=["the range first", "the exact value first"])
def test_the_order_of_the_file_holds_between_looked_up_and_walked_rules(early: int) -> None:
    rules = [a_rule(FAILED, session=Range(1000, 1999)), a_rule(OK, session=1001)]
    engine = Engine(a_scenario(rules[early], rules[1 - early]))

    assert engine.answer(a_call(session=1001)).rule == rules[early]


def test_otherwise_answers_what_no_rule_accepts() -> None:
    otherwise = Reply(ConnectionFailure(ConnectionFault.RESET), Fixed(2.0))
    exchange = Engine(a_scenario(a_rule(session=1), otherwise=otherwise)).answer(a_call(session=2))

    assert (exchange.outcome, exchange.delay) == (otherwise.outcome, 2.0)
    assert (exchange.decided_by, exchange.rule) == (DecidedBy.OTHERWISE, None)


def test_the_desk_answers_what_no_rule_accepts() -> None:
    exchange = Engine(a_scenario(a_rule(session=1), desk=DESK)).answer(a_call(session=1001))

    assert (exchange.outcome, exchange.decided_by, exchange.rule) == (Return(OK), DecidedBy.DESK, None)


def test_a_rule_comes_before_the_desk() -> None:
    exchange = Engine(a_scenario(a_rule(FAILED, session=1001), desk=DESK)).answer(a_call(session=1001))

    assert (exchange.outcome, exchange.decided_by) == (Return(FAILED), DecidedBy.RULE)


def test_otherwise_answers_for_a_session_that_the_desk_does_not_know() -> None:
    exchange = Engine(a_scenario(desk=DESK)).answer(a_call(session=5))

    assert (exchange.outcome, exchange.decided_by) == (Return(ERROR), DecidedBy.OTHERWISE)


def test_exchanges_are_numbered_from_one() -> None:
    engine = Engine(a_scenario())

    assert [engine.answer(a_call()).id for _ in range(3)] == [1, 2, 3]


def test_replies_are_given_out_in_turn_and_the_last_one_stays() -> None:
    engine = Engine(a_scenario(a_rule(ERROR, FAILED, OK)))

    assert results(engine, 1, 2, 3, 4, 5) == [ERROR, FAILED, OK, OK, OK]


def test_a_rule_with_times_answers_so_often_and_then_stands_aside() -> None:
    engine = Engine(a_scenario(a_rule(FAILED, times=2), a_rule(OK)))

    assert results(engine, 1, 2, 3, 4) == [FAILED, FAILED, OK, OK]


def test_times_may_end_before_the_replies_do() -> None:
    engine = Engine(a_scenario(a_rule(FAILED, OK, OK, times=1)))

    assert results(engine, 1, 2) == [FAILED, ERROR]


@pytest.mark.parametrize(
    ("per", "expected"),
    [
        (Per.RULE, [ERROR, OK, OK, OK]),
        (Per.SESSION, [ERROR, OK, ERROR, OK]),
        (Per.NODE, [ERROR, OK, ERROR, OK]),
        (Per.AUTH_CODE, [ERROR, OK, ERROR, OK]),
    ],
)
def test_replies_are_counted_by(per: Per, expected: list[Result]) -> None:
    engine = Engine(a_scenario(a_rule(ERROR, OK, per=per)))
    calls = [a_call(session=1, node=1, auth_code="a")] * 2 + [a_call(session=2, node=2, auth_code="b")] * 2

    assert [engine.answer(call).outcome for call in calls] == [Return(result) for result in expected]


@pytest.mark.parametrize("per", [per for per in Per if per is not Per.RULE])
def test_times_are_counted_by(per: Per) -> None:
    engine = Engine(a_scenario(a_rule(OK, times=1, per=per)))
    calls = [a_call(1, 1, "a"), a_call(1, 1, "a"), a_call(2, 2, "b"), a_call(2, 2, "b")]

    assert [engine.answer(call).decided_by.value for call in calls] == ["rule", "otherwise"] * 2


def test_a_code_that_was_not_sent_is_counted_apart_from_an_empty_one() -> None:
    engine = Engine(a_scenario(a_rule(OK, times=1, per=Per.AUTH_CODE)))

    assert engine.answer(a_call(auth_code=None)).rule
    assert engine.answer(a_call(auth_code="")).rule


def test_what_a_rule_remembers_is_bounded_and_the_oldest_begins_anew() -> None:
    engine = Engine(a_scenario(a_rule(ERROR, OK, per=Per.SESSION)))

    assert results(engine, 1, 2, 1) == [ERROR, ERROR, OK]
    results(engine, *range(10, KEYS_KEPT + 9))
    assert results(engine, 1, 2) == [OK, ERROR]


def test_an_answer_without_a_delay_waits_for_nothing() -> None:
    assert Engine(a_scenario(a_rule())).answer(a_call()).delay == 0.0


def test_a_uniform_delay_is_drawn_between_its_bounds() -> None:
    engine = Engine(a_scenario(otherwise=a_reply(delay=Uniform(0.1, 0.3))), random=Random(1))
    delays = [engine.answer(a_call()).delay for _ in range(1000)]

    assert all(0.1 <= delay <= 0.3 for delay in delays)
    assert statistics.mean(delays) == pytest.approx(0.2, abs=0.01)


def test_a_log_normal_delay_has_its_median_and_its_tail() -> None:
    engine = Engine(a_scenario(otherwise=a_reply(delay=LogNormal(0.2, 2.0))), random=Random(1))
    delays = [engine.answer(a_call()).delay for _ in range(10_000)]

    assert statistics.median(delays) == pytest.approx(0.2, rel=0.05)
    assert sum(delay > 2.0 for delay in delays) / len(delays) == pytest.approx(0.01, abs=0.004)


def test_chance_can_be_given() -> None:
    def drawn() -> list[float]:
        engine = Engine(a_scenario(otherwise=a_reply(delay=Uniform(0, 1))), random=Random(7))
        return [engine.answer(a_call()).delay for _ in range(5)]

    assert drawn() == drawn()


def test_reset_forgets_counters_desk_and_added_rules() -> None:
    engine = Engine(a_scenario(a_rule(ERROR, OK, session=5), desk=DESK))
    assert results(engine, 5, 1001, node=337366) == [ERROR, OK]
    engine.add_rule(a_rule(FAILED, session=6))

    engine.reset()

    assert results(engine, 5, 1001, 6, node=337366) == [ERROR, OK, ERROR]


def test_exchanges_are_numbered_on_after_a_reset() -> None:
    engine = Engine(a_scenario())
    engine.answer(a_call())
    engine.reset()

    assert engine.answer(a_call()).id == 2


def test_a_scenario_that_replaces_another_begins_at_its_beginning() -> None:
    scenario = a_scenario(a_rule(ERROR, OK))
    engine = Engine(scenario)
    results(engine, 1, 2)

    engine.replace(scenario)

    assert results(engine, 1) == [ERROR]


def test_replacing_the_scenario_changes_rules_desk_and_otherwise() -> None:
    engine = Engine(a_scenario(a_rule(OK), desk=DESK))
    replacement = a_scenario(otherwise=a_reply(FAILED))

    engine.replace(replacement)

    assert results(engine, 1001) == [FAILED]
    assert engine.desk() is None
    assert engine.scenario is replacement


def test_added_rules_come_before_those_of_the_scenario_the_newest_first() -> None:
    engine = Engine(a_scenario(a_rule(OK)))
    engine.add_rule(a_rule(ERROR, session=1))
    newest = a_rule(FAILED, session=1)
    engine.add_rule(newest)

    assert engine.answer(a_call(session=1)).rule == newest
    assert [in_force.id for in_force in engine.rules()] == [2, 1, None]


def test_added_rules_stay_when_the_scenario_is_replaced() -> None:
    engine = Engine(a_scenario())
    engine.add_rule(a_rule(ERROR, OK))
    results(engine, 1)

    engine.replace(a_scenario(a_rule(FAILED)))

    assert results(engine, 1) == [OK]


def test_an_added_rule_can_be_removed_by_its_id() -> None:
    engine = Engine(a_scenario(a_rule(OK, session=1)))
    added = engine.add_rule(a_rule(FAILED, session=1))

    assert engine.remove_rule(added)
    assert results(engine, 1) == [OK]


def test_removing_what_is_not_there_says_so() -> None:
    engine = Engine(a_scenario(a_rule()))

    assert not engine.remove_rule(1)


def test_ids_of_added_rules_are_never_used_twice() -> None:
    engine = Engine(a_scenario())
    first = engine.add_rule(a_rule())
    engine.remove_rule(first)

    assert engine.add_rule(a_rule()) != first


def test_a_rule_counts_the_calls_that_it_answered() -> None:
    rule = a_rule(session=1)
    engine = Engine(a_scenario(rule))
    results(engine, 1, 1, 2)

    assert engine.rules() == (RuleStatus(rule, hits=2, id=None, last=2),)


def test_the_desk_is_seen_as_it_is_now() -> None:
    engine = Engine(a_scenario(desk=DESK))
    engine.answer(a_call(session=1001, node=337366))

    desk = engine.desk()

    assert desk is not None
    assert desk.sessions == (Session(1001, None, SessionStatus.ACTIVE, 337366),)


def test_many_threads_share_the_replies_of_a_rule_exactly() -> None:
    engine = Engine(a_scenario(a_rule(OK, times=500), otherwise=a_reply(FAILED)))
    with ThreadPoolExecutor(8) as pool:
        exchanges = list(pool.map(engine.answer, [a_call()] * 1000))

    assert sum(exchange.outcome == Return(OK) for exchange in exchanges) == 500
    assert sorted(exchange.id for exchange in exchanges) == list(range(1, 1001))


def test_a_rule_that_was_added_can_be_changed_in_its_place() -> None:
    engine = Engine(a_scenario())
    below = engine.add_rule(a_rule(ERROR))
    engine.add_rule(a_rule(OK, session=1))

    assert engine.change_rule(below, a_rule(FAILED))
    assert results(engine, 1, 2) == [OK, FAILED]
    assert [each.id for each in engine.rules()] == [2, 1]


def test_a_rule_that_is_not_there_cannot_be_changed() -> None:
    engine = Engine(a_scenario())

    assert not engine.change_rule(1, a_rule())
    assert engine.rules() == ()


def test_all_rules_that_were_added_can_be_removed_at_once() -> None:
    engine = Engine(a_scenario(a_rule(ERROR)))
    for _ in range(3):
        engine.add_rule(a_rule(OK))
    engine.remove_rules()

    assert results(engine, 1) == [ERROR]


def test_a_reset_begins_every_rule_that_has_spoken_anew() -> None:
    engine = Engine(a_scenario(a_rule(ERROR, OK, session=1), a_rule(FAILED, times=1)))
    before = results(engine, 1, 2, 2)
    engine.reset()

    assert results(engine, 1, 2, 2) == before == [ERROR, FAILED, ERROR]


def test_near_misses_are_those_of_the_rules_that_were_in_force() -> None:
    engine = Engine(a_scenario(a_rule(name="old", session=1)))
    exchange = engine.answer(a_call(session=2))
    engine.add_rule(a_rule(name="new"))
    engine.replace(a_scenario(a_rule(name="newer")))

    assert [str(miss) for miss in exchange.near_misses()] == ["old: session is 2, the rule wants 1"]


def test_a_call_that_a_rule_of_the_file_answered_has_no_near_misses_in_the_file() -> None:
    assert Engine(a_scenario(a_rule(session=1), a_rule())).answer(a_call()).near_misses() == ()


def test_a_call_that_a_rule_answered_nearly_met_those_added_before_it() -> None:
    engine = Engine(a_scenario(a_rule(name="in the file")))
    for rule in (a_rule(name="later", session=3), a_rule(name="answers", node=9), a_rule(name="first", session=1)):
        engine.add_rule(rule)
    exchange = engine.answer(a_call(session=2, node=9))

    assert exchange.decider == "answers"
    assert [str(miss) for miss in exchange.near_misses()] == ["first: session is 2, the rule wants 1"]


def test_a_technician_who_goes_offline_cannot_start_a_session_until_a_reset() -> None:
    engine = Engine(a_scenario(desk=DESK))

    assert engine.set_technician(337366, TechnicianStatus.OFFLINE)
    assert results(engine, 1001, node=337366) == [FAILED]
    engine.reset()
    assert results(engine, 1001, node=337366) == [OK]


def test_a_session_that_waits_again_can_be_started_again() -> None:
    engine = Engine(a_scenario(desk=DESK))
    results(engine, 1001, node=337366)

    assert engine.set_session(1001, SessionStatus.WAITING)
    assert engine.desk() == DESK
    assert results(engine, 1001, 1001, node=337366) == [OK, FAILED]


def test_nobody_can_be_changed_who_is_not_at_the_desk() -> None:
    for engine in (Engine(a_scenario()), Engine(a_scenario(desk=DESK))):
        assert not engine.set_technician(1, TechnicianStatus.ONLINE)
        assert not engine.set_session(1, SessionStatus.WAITING)
