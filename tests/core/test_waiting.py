"""Verification that waits: when it returns, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from emulator.core.engine import Engine, Watch
from emulator.core.explain import Expectation, Times
from emulator.core.journal import JournalLimits, Snapshot
from emulator.core.waiting import verify_within
from tests.helpers.builders import a_call, a_scenario, when
from tests.helpers.calling import PATIENCE

MINUTE = 60.0
MOMENT = 0.02


class EngineWaitedFor(Engine):
    """An engine to which something happens as soon as somebody waits for calls."""

    def __init__(self, happens: Callable[[Engine], object] = lambda _: None, entries: int = 100) -> None:
        super().__init__(a_scenario(), limits=JournalLimits(entries))
        self._happens = happens

    @contextmanager
    def watched(self, watch: Watch) -> Iterator[Snapshot]:
        with super().watched(watch) as snapshot:
            self._happens(self)
            yield snapshot


def calls(*sessions: int) -> Callable[[Engine], object]:
    return lambda engine: [engine.answer(a_call(session)) for session in sessions]


def expected(times: Times | None = None, within: float = MINUTE, after: int = 0) -> Expectation:
    return Expectation(when(session=1), times or Times(), after, within)


@pytest.mark.parametrize(
    ("times", "before", "meanwhile", "verified"),
    [
        (Times(1), [1], [], True),
        (Times(1), [9], [9, 1], True),
        (Times(2), [1], [9, 1], True),
        (Times(2, 2), [1], [1], True),
        (Times(2, 2), [1, 1], [], True),
        (Times(1, 1), [1, 1], [], False),
        (Times(1, 1), [], [1, 1], False),
        (Times(0, 0), [], [9, 1], False),
        (Times(0, 1), [1], [1], False),
        (Times(1, 2), [], [1, 1, 1], False),
    ],
)
def test_the_wait_ends_as_soon_as_the_outcome_is_settled(
    times: Times, before: list[int], meanwhile: list[int], verified: bool
) -> None:
    engine = EngineWaitedFor(calls(*meanwhile))
    calls(*before)(engine)
    began = monotonic()
    assert verify_within(engine, expected(times), monotonic).verified is verified
    assert monotonic() - began < PATIENCE


@pytest.mark.parametrize(
    ("times", "meanwhile", "verified"),
    [
        (Times(1), [9], False),
        (Times(2, 2), [1], False),
        (Times(0, 0), [9], True),
        (Times(0, 2), [1, 1], True),
        (Times(1, 2), [1], True),
        (Times(1, 2), [9], False),
    ],
)
def test_what_later_calls_could_change_is_watched_the_whole_time(
    times: Times, meanwhile: list[int], verified: bool
) -> None:
    began = monotonic()
    found = verify_within(EngineWaitedFor(calls(*meanwhile)), expected(times, MOMENT), monotonic)
    assert (found.verified, monotonic() - began >= MOMENT) == (verified, True)


def test_calls_up_to_the_one_that_is_named_do_not_end_the_wait() -> None:
    engine = EngineWaitedFor(calls(1, 1))
    found = verify_within(engine, expected(Times(1, 1), after=1), monotonic)
    assert (found.verified, found.count) == (True, 1)


def test_other_calls_do_not_prolong_the_wait() -> None:
    clock = iter([0.0, 1.0, MINUTE + 1])
    assert not verify_within(EngineWaitedFor(calls(9, 9, 9)), expected(), clock.__next__).verified


def test_a_call_that_the_journal_dropped_while_it_was_waited_for_leaves_the_outcome_uncertain() -> None:
    found = verify_within(EngineWaitedFor(calls(1, 1), entries=1), expected(Times(2, 2)), monotonic)
    assert (found.verified, found.certain, found.count) == (False, False, 1)


def test_the_explanation_says_how_long_it_waited() -> None:
    found = verify_within(EngineWaitedFor(calls(9)), expected(within=MOMENT), monotonic)
    first, near = found.text.splitlines()
    assert first == "wanted at least 1 call with session 1 within 0.02 s; none came, of 1 call in the journal"
    assert near.startswith("near miss: call 1, ")


ENDS: dict[str, tuple[Callable[[Engine], object], str]] = {
    "reset": (lambda engine: engine.reset(), "the journal was reset"),
    "clear": (lambda engine: engine.clear_journal(), "the journal was cleared"),
    "close": (lambda engine: engine.close("it is gone"), "it is gone"),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("times", [Times(1), Times(0, 0)], ids=str)
def test_the_wait_ends_unverified_with_what_it_waits_for(end: str, times: Times) -> None:
    act, why = ENDS[end]
    found = verify_within(EngineWaitedFor(act), expected(times), monotonic)
    assert not found.verified
    assert f"\nthe wait ended early: {why}" in found.text


def test_who_ended_a_wait_with_its_queue_is_obeyed_even_before_it_began() -> None:
    watch = Watch()
    watch.put("enough")
    assert verify_within(Engine(a_scenario()), expected(), monotonic, watch).ended == "enough"


def test_a_closed_engine_verifies_but_does_not_wait_until_it_is_opened_again() -> None:
    engine = Engine(a_scenario())
    engine.answer(a_call(1))
    engine.close("it is gone")
    assert verify_within(engine, expected(), monotonic).verified
    assert verify_within(engine, expected(Times(2)), monotonic).ended == "it is gone"
    engine.reopen()
    assert verify_within(engine, expected(Times(2), MOMENT), monotonic).ended == ""
