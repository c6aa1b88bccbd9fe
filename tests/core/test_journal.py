"""What the journal keeps, what it drops, and the totals."""

from __future__ import annotations

import pytest

from emulator.core.contract import Binding, Result
from emulator.core.engine import Engine
from emulator.core.journal import (
    BUCKET_SECONDS,
    BUCKETS_KEPT,
    DURATION_BOUNDS,
    MAX_COUNTED_RULES,
    OTHER_RULES,
    Bucket,
    Entry,
    Exchange,
    JournalLimits,
    RawExchange,
    RawMessage,
    Reason,
    Refusal,
)
from emulator.core.rules import Scenario
from tests.helpers.builders import a_call, a_rule, a_scenario

KILOBYTE = b"x" * 1000
HEAD = b"HTTP/1.1 200 OK\r\nhost: localhost\r\n\r\n"


def an_engine(scenario: Scenario | None = None, *, entries: int = 100, size: int = 1_000_000) -> Engine:
    return Engine(scenario or a_scenario(), limits=JournalLimits(entries, size))


def a_message(body: bytes = b"") -> RawMessage:
    return RawMessage("POST /API/API.asmx HTTP/1.1", [(b"host", b"localhost")], body)


def complete(engine: Engine, entry: Entry, body: bytes = b"", seconds: float = 0.0002) -> None:
    entry.raw.decided_s = seconds
    engine.complete(entry, HEAD + body, "whole", 0.5)


def call(engine: Engine, request: bytes = b"", answer: bytes = b"", *, count: int = 1) -> Exchange:
    for _ in range(count):
        exchange = engine.answer(a_call(), RawExchange(1.0, a_message(request)))
        complete(engine, exchange, answer)
    return exchange


def ids(engine: Engine) -> list[int]:
    return [entry.id for entry in engine.snapshot().entries]


def test_calls_and_refusals_are_in_order_and_share_a_sequence_of_ids() -> None:
    engine = an_engine()
    call(engine)
    why = Reason("Missing parameter: {name}.", {"name": "iNode"})
    refusal = engine.refuse(Binding.GET, 500, why)
    call(engine)

    snapshot = engine.snapshot()
    assert [entry.id for entry in snapshot.entries] == [1, 2, 3]
    assert snapshot.refusals == (refusal,) == (Refusal(2, Binding.GET, 500, why),)
    assert [exchange.id for exchange in snapshot.exchanges] == [1, 3]


@pytest.mark.parametrize(("after", "later"), [(0, [3, 4, 5]), (2, [3, 4, 5]), (4, [5]), (5, []), (9, [])])
def test_a_snapshot_can_have_the_later_entries_only(after: int, later: list[int]) -> None:
    engine = an_engine(entries=3)
    call(engine, count=5)
    assert [entry.id for entry in engine.snapshot(after).entries] == later


def test_the_reason_of_a_refusal_quotes_the_request_but_does_not_print_it() -> None:
    refusal = an_engine().refuse(None, 500, Reason("{name} is not {{valid}}: {value}", {"name": "x", "value": "{y}"}))

    assert refusal.reason == "x is not {valid}: {y}"
    assert "{y}" not in repr(refusal)
    assert str(Reason.literal("{0} is not {valid}")) == "{0} is not {valid}"


def test_an_entry_is_kept_before_it_is_completed_with_its_answer_and_its_time() -> None:
    engine = an_engine()
    raw = RawExchange(1.0, a_message(b"request"))
    exchange = engine.answer(a_call(), raw)
    assert engine.snapshot().entries == (exchange,)

    assert (exchange.delivered, exchange.answered_s, raw.answer) == (None, None, None)

    complete(engine, exchange, b"answer")
    assert engine.snapshot().exchanges[0].raw is raw
    assert (exchange.delivered, exchange.decided_s, exchange.answered_s) == ("whole", 0.0002, 0.5)
    assert (raw.request, raw.sent) == (a_message(b"request"), HEAD + b"answer")
    assert raw.answer == RawMessage("HTTP/1.1 200 OK", [("host", "localhost")], b"answer")


@pytest.mark.parametrize("sent", [b"\x00\r\n\r\ngarbage", b"HTTP/1.1 200 O"], ids=["garbage", "a part of a head"])
def test_what_is_no_whole_head_is_all_body(sent: bytes) -> None:
    assert RawMessage.parse(sent) == RawMessage("", (), sent)


def test_beyond_the_number_of_entries_the_oldest_are_dropped_and_counted() -> None:
    engine = an_engine(entries=3)
    call(engine, count=5)

    snapshot = engine.snapshot()
    assert (ids(engine), snapshot.dropped, snapshot.dropped_id) == ([3, 4, 5], 2, 2)
    assert (snapshot.first_id, snapshot.last_id) == (3, 5)


def test_beyond_the_size_the_oldest_are_dropped_with_the_answers_counted() -> None:
    engine = an_engine(size=5000)
    first = engine.answer(a_call(), RawExchange(1.0, a_message()))
    call(engine, KILOBYTE)
    assert ids(engine) == [1, 2]
    complete(engine, first, KILOBYTE * 4)
    assert ids(engine) == [2]

    call(engine, KILOBYTE, KILOBYTE, count=20)
    assert ids(engine) == [22]


@pytest.mark.parametrize(("entries", "size"), [(0, 9999), (10, 0), (10, 600)], ids=["entries", "no bytes", "few bytes"])
def test_an_entry_that_exceeds_the_limits_alone_is_not_kept_but_counted(entries: int, size: int) -> None:
    engine = an_engine(entries=entries, size=size)
    call(engine, KILOBYTE)

    assert (ids(engine), engine.snapshot().dropped) == ([], 1)
    assert sum(engine.snapshot().totals.calls.values()) == 1


def test_the_answer_of_an_entry_that_is_no_longer_kept_does_not_count() -> None:
    engine = an_engine(size=3000)
    late = engine.answer(a_call(), RawExchange(1.0, a_message()))
    engine.clear_journal()
    complete(engine, late, KILOBYTE * 9)
    call(engine, KILOBYTE)

    assert ids(engine) == [2]


def test_remarks_are_kept_with_their_entry_and_count_by_their_length() -> None:
    engine = an_engine(size=3000)
    exchange = engine.answer(a_call())
    exchange.raw.remarks = (Reason("{name} is wrong", {"name": "x" * 1000}),)
    complete(engine, exchange)
    assert exchange.remarks == ("x" * 1000 + " is wrong",)
    refusal = engine.refuse(None, 400, Reason("why"))
    refusal.raw.remarks = (Reason("y" * 1000),)
    complete(engine, refusal)
    assert ids(engine) == [2]
    assert engine.snapshot().refusals[0].remarks == ("y" * 1000,)


def test_lower_limits_take_effect_at_once() -> None:
    engine = an_engine()
    call(engine, count=4)
    engine.limit_journal(JournalLimits(entries=2))

    assert ids(engine) == [3, 4]


def test_totals_survive_drops_clearing_and_reset() -> None:
    engine = an_engine(a_scenario(a_rule(Result.OK, name="one", times=2)), entries=1)
    call(engine, count=3)
    engine.refuse(None, 404, Reason(""))
    engine.clear_journal()
    engine.reset()

    totals = engine.snapshot().totals
    assert totals.calls == {
        (Binding.SOAP11, "startSessionRet_OK", "one"): 2,
        (Binding.SOAP11, "startSessionRet_Error", "otherwise"): 1,
    }
    assert totals.refusals == {(None, 404): 1}


def test_clearing_resets_the_number_of_dropped_entries_but_not_the_ids() -> None:
    engine = an_engine(entries=1)
    call(engine, count=2)
    engine.clear_journal()
    call(engine)

    snapshot = engine.snapshot()
    assert (ids(engine), snapshot.dropped, snapshot.dropped_id) == ([3], 0, 0)


def test_times_are_counted_by_their_bounds() -> None:
    engine = an_engine()
    for seconds in (0.0, DURATION_BOUNDS[0], DURATION_BOUNDS[0] * 1.01, DURATION_BOUNDS[-1] * 2):
        complete(engine, engine.answer(a_call()), seconds=seconds)

    totals = engine.snapshot().totals
    assert [totals.seconds[0], totals.seconds[1], totals.seconds[-1], sum(totals.seconds)] == [2, 1, 1, 4]
    assert totals.seconds_sum == pytest.approx(DURATION_BOUNDS[0] * 2.01 + DURATION_BOUNDS[-1] * 2)


def test_the_names_of_rules_in_the_totals_are_bounded() -> None:
    engine = an_engine()
    for number in range(MAX_COUNTED_RULES + 5):
        rule_id = engine.add_rule(a_rule(name=f"rule {number}"))
        call(engine)
        engine.remove_rule(rule_id)

    calls = engine.snapshot().totals.calls
    assert len(calls) == MAX_COUNTED_RULES + 1
    assert calls[Binding.SOAP11, "startSessionRet_OK", OTHER_RULES] == 5


def test_the_timeline_counts_outcomes_by_the_time_of_the_request() -> None:
    engine = an_engine(a_scenario(a_rule(Result.OK, session=1)))
    for at, session in ((100.0, 1), (109.9, 2), (110.0, 1), (131.0, 1)):
        engine.answer(a_call(session), RawExchange(at))
    engine.refuse(None, 404, Reason(""), RawExchange(132.0))

    assert engine.snapshot().timeline == (
        Bucket(100.0, {"startSessionRet_OK": 1, "startSessionRet_Error": 1}),
        Bucket(110.0, {"startSessionRet_OK": 1}),
        Bucket(130.0, {"startSessionRet_OK": 1, "refused": 1}),
    )


def test_the_timeline_keeps_the_latest_buckets() -> None:
    engine, times = an_engine(), [number * BUCKET_SECONDS for number in range(BUCKETS_KEPT + 3)]
    for at in times:
        engine.answer(a_call(), RawExchange(at))

    assert [bucket.at for bucket in engine.snapshot().timeline] == times[3:]
