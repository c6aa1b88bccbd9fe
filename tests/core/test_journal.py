"""What the journal keeps, what it drops, and what it counts all the same."""

from __future__ import annotations

import pytest

from emulator.core.contract import Binding, Result
from emulator.core.engine import Engine
from emulator.core.journal import (
    BUCKETS,
    MOST_RULES_TOLD_APART,
    OTHER_RULES,
    SLOT,
    SLOTS,
    Bucket,
    Exchange,
    JournalLimits,
    RawExchange,
    RawMessage,
    Refusal,
)
from emulator.core.rules import Scenario
from tests.helpers.builders import a_call, a_rule, a_scenario

FULL_BODY = b"x" * 1000


def an_engine(scenario: Scenario | None = None, *, entries: int = 100, size: int = 1_000_000) -> Engine:
    return Engine(scenario or a_scenario(), limits=JournalLimits(entries, size))


def a_message(body: bytes = b"") -> RawMessage:
    return RawMessage("POST /API/API.asmx HTTP/1.1", [(b"host", b"localhost")], body)


def call(engine: Engine, request: bytes = b"", answer: bytes = b"", *, session: int = 1001) -> Exchange:
    exchange = engine.answer(a_call(session), RawExchange(1.0, a_message(request)))
    engine.complete(exchange, a_message(answer), 0.0002)
    return exchange


def ids(engine: Engine) -> list[int]:
    return [entry.id for entry in engine.snapshot().entries]


def test_calls_and_refusals_stand_in_order_under_one_sequence_of_ids() -> None:
    engine = an_engine()
    call(engine)
    refusal = engine.refuse(Binding.GET, 500, "Missing parameter: iNode.")
    call(engine)

    record = engine.snapshot()
    assert [entry.id for entry in record.entries] == [1, 2, 3]
    assert record.refusals == (refusal,) == (Refusal(2, Binding.GET, 500, "Missing parameter: iNode."),)
    assert [exchange.id for exchange in record.exchanges] == [1, 3]


def test_a_call_is_in_the_journal_before_its_answer_is_written() -> None:
    engine = an_engine()
    exchange = engine.answer(a_call())

    assert engine.snapshot().entries == (exchange,)
    assert exchange.raw.answer is None


def test_an_entry_is_completed_with_its_answer_and_its_time() -> None:
    engine = an_engine()
    exchange = call(engine, b"asked", b"answered")

    assert exchange.raw.request == a_message(b"asked")
    assert (exchange.raw.answer, exchange.raw.seconds) == (a_message(b"answered"), 0.0002)


def test_past_so_many_entries_the_oldest_go_and_are_counted() -> None:
    engine = an_engine(entries=3)
    for _ in range(5):
        call(engine)

    record = engine.snapshot()
    assert (ids(engine), record.dropped, record.dropped_id) == ([3, 4, 5], 2, 2)


def test_past_so_many_bytes_the_oldest_go() -> None:
    engine = an_engine(size=5000)
    for _ in range(20):
        call(engine, FULL_BODY, FULL_BODY)

    assert ids(engine) == [20]


def test_an_answer_counts_for_the_bound_when_it_is_known() -> None:
    engine = an_engine(size=5000)
    first = engine.answer(a_call(), RawExchange(1.0, a_message()))
    call(engine, FULL_BODY)
    assert ids(engine) == [1, 2]

    engine.complete(first, a_message(FULL_BODY * 4), 0.0)
    assert ids(engine) == [2]


def test_an_entry_that_is_larger_than_the_journal_is_not_kept() -> None:
    engine = an_engine(size=600)
    call(engine, FULL_BODY)

    assert (ids(engine), engine.snapshot().dropped) == ([], 1)


@pytest.mark.parametrize(("entries", "size"), [(0, 1000), (10, 0)], ids=["no entries", "no bytes"])
def test_a_journal_can_keep_nothing_at_all(entries: int, size: int) -> None:
    engine = an_engine(entries=entries, size=size)
    call(engine)

    assert ids(engine) == []
    assert sum(engine.snapshot().totals.calls.values()) == 1


def test_the_answer_of_an_entry_that_has_gone_makes_no_difference() -> None:
    engine = an_engine(size=3000)
    late = engine.answer(a_call(), RawExchange(1.0, a_message()))
    engine.clear_journal()
    engine.complete(late, a_message(FULL_BODY * 9), 0.0)
    call(engine, FULL_BODY)

    assert ids(engine) == [2]


def test_a_smaller_limit_takes_hold_at_once() -> None:
    engine = an_engine()
    for _ in range(4):
        call(engine)
    engine.limit(JournalLimits(entries=2))

    assert ids(engine) == [3, 4]


def test_totals_outlive_eviction_clearing_and_reset() -> None:
    engine = an_engine(a_scenario(a_rule(Result.OK, name="one", session=1)), entries=1)
    for session in (1, 1, 2):
        call(engine, session=session)
    engine.refuse(None, 404, "nothing is served there")
    engine.clear_journal()
    engine.reset()

    totals = engine.snapshot().totals
    assert totals.calls == {
        (Binding.SOAP11, "startSessionRet_OK", "one"): 2,
        (Binding.SOAP11, "startSessionRet_Error", "otherwise"): 1,
    }
    assert totals.refusals == {(None, 404): 1}


def test_clearing_forgets_what_was_dropped_and_goes_on_counting_ids() -> None:
    engine = an_engine(entries=1)
    call(engine)
    call(engine)
    engine.clear_journal()
    call(engine)

    record = engine.snapshot()
    assert (ids(engine), record.dropped, record.dropped_id) == ([3], 0, 0)


def test_times_are_counted_by_their_bounds() -> None:
    engine = an_engine()
    for seconds in (0.0, BUCKETS[0], BUCKETS[0] * 1.01, BUCKETS[-1] * 2):
        engine.complete(engine.answer(a_call()), None, seconds)

    totals = engine.snapshot().totals
    assert [totals.seconds[0], totals.seconds[1], totals.seconds[-1], sum(totals.seconds)] == [2, 1, 1, 4]
    assert totals.seconds_sum == pytest.approx(BUCKETS[0] * 2.01 + BUCKETS[-1] * 2)


def test_rules_with_ever_new_names_are_told_apart_up_to_a_number() -> None:
    engine = an_engine()
    for number in range(MOST_RULES_TOLD_APART + 5):
        engine.remove_rule(engine.add_rule(a_rule(name=f"older than {number}")))
        rule_id = engine.add_rule(a_rule(name=f"rule {number}"))
        call(engine)
        engine.remove_rule(rule_id)

    calls = engine.snapshot().totals.calls
    assert len(calls) == MOST_RULES_TOLD_APART + 1
    assert calls[Binding.SOAP11, "startSessionRet_OK", OTHER_RULES] == 5


def test_nothing_that_travelled_prints() -> None:
    exchange = call(an_engine(), b"demo-secret", b"demo-secret")

    assert "demo-secret" not in repr(exchange)
    assert "demo-secret" not in repr(exchange.raw)


def test_the_timeline_counts_outcomes_by_the_time_at_which_they_came() -> None:
    engine = an_engine(a_scenario(a_rule(Result.OK, session=1)))
    for at, session in ((100.0, 1), (109.9, 2), (110.0, 1), (131.0, 1)):
        engine.answer(a_call(session), RawExchange(at))
    engine.refuse(None, 404, "nothing is served there", RawExchange(132.0))

    assert engine.snapshot().timeline == (
        Bucket(100.0, {"startSessionRet_OK": 1, "startSessionRet_Error": 1}),
        Bucket(110.0, {"startSessionRet_OK": 1}),
        Bucket(130.0, {"startSessionRet_OK": 1, "refused": 1}),
    )


def test_the_timeline_forgets_what_is_long_ago() -> None:
    engine = an_engine()
    for number in range(SLOTS + 3):
        engine.answer(a_call(), RawExchange(number * SLOT))

    assert [slot.at for slot in engine.snapshot().timeline] == [number * SLOT for number in range(3, SLOTS + 3)]
