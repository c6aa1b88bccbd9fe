"""Verification: whether calls came as often as expected, and the report if they did not."""

from __future__ import annotations

import pytest

from emulator.core.engine import Engine
from emulator.core.explain import Times, Verification, verify
from emulator.core.journal import JournalLimits
from emulator.core.matching import When
from tests.helpers.builders import a_call, a_scenario, when


def verification(
    *sessions: int, wanted: When | None = None, times: Times | None = None, after: int = 0, entries: int = 100
) -> Verification:
    """Calls for these sessions, held against what is wanted of session 1."""
    engine = Engine(a_scenario(), limits=JournalLimits(entries=entries))
    for session in sessions:
        engine.answer(a_call(session))
    return verify(engine.snapshot(), wanted or when(session=1), times or Times(), after=after)


@pytest.mark.parametrize(
    ("times", "right", "wrong", "words"),
    [
        (Times(), [1, 2, 9], [0], "at least 1 call"),
        (Times(2, 2), [2], [0, 1, 3], "exactly 2 calls"),
        (Times(1, 1), [1], [0, 2], "exactly 1 call"),
        (Times(0, 0), [0], [1], "no call"),
        (Times(0, 2), [0, 1, 2], [3], "at most 2 calls"),
        (Times(3), [3, 4], [2], "at least 3 calls"),
        (Times(2, 4), [2, 3, 4], [1, 5], "2 to 4 calls"),
    ],
    ids=lambda value: str(value) if isinstance(value, Times) else "",
)
def test_the_number_of_calls_is_checked_and_described(
    times: Times, right: list[int], wrong: list[int], words: str
) -> None:
    assert str(times) == words
    for count in right:
        assert verification(*[1] * count, times=times).verified
    for count in wrong:
        assert not verification(*[1] * count, times=times).verified


def test_only_calls_that_meet_the_conditions_count() -> None:
    found = verification(1, 2, 1, 3)

    assert (found.count, found.total) == (2, 4)


def test_only_calls_after_the_one_that_is_named_count() -> None:
    assert verification(1, 1, 1, after=2).count == 1


def test_the_report_lists_near_misses_the_nearest_first() -> None:
    found = verification(7, 8, wanted=when(session=1, node=337366))

    assert found.text == (
        "wanted at least 1 call with session 1, node 337366; none came, of 2 calls in the journal\n"
        "near miss: call 2, soap11 session=8 node=337366 auth_code=demo-ann: session is 8, wanted is 1\n"
        "near miss: call 1, soap11 session=7 node=337366 auth_code=demo-ann: session is 7, wanted is 1"
    )


def test_a_call_with_fewer_mismatches_is_nearer_than_a_later_one() -> None:
    engine = Engine(a_scenario())
    engine.answer(a_call(session=1, node=2))
    engine.answer(a_call(session=7, node=3))

    (nearest, *_) = verify(engine.snapshot(), when(session=1, node=9), Times()).near_misses
    assert nearest.exchange.id == 1


def test_a_near_miss_says_where_the_auth_codes_differ() -> None:
    text = verification(1, wanted=when(auth_code="demo-another")).text

    assert "auth_code is demo-ann, wanted is demo-another (they differ at character 8)" in text


def test_without_conditions_any_call_counts() -> None:
    assert verification(1, 2, wanted=When(), times=Times(2, 2)).verified
    assert (
        verification(wanted=When()).text
        == "wanted at least 1 call with any values; none came, of 0 calls in the journal"
    )


@pytest.mark.parametrize(
    ("times", "came", "certain", "verified"),
    [
        pytest.param(Times(1), 3, True, True, id="enough are kept"),
        pytest.param(Times(3), 3, False, False, id="not enough are kept"),
        pytest.param(Times(0, 0), 3, True, False, id="too many are kept"),
        pytest.param(Times(2, 2), 3, False, False, id="exactly so many are kept"),
    ],
)
def test_with_dropped_entries_only_what_they_cannot_change_is_certain(
    times: Times, came: int, certain: bool, verified: bool
) -> None:
    found = verification(*[1] * came, times=times, entries=2)

    assert (found.count, found.certain, found.verified) == (2, certain, verified)
    assert ("the journal has dropped 1 older entries" in found.text) is not certain


def test_after_the_last_dropped_entry_all_is_certain() -> None:
    assert verification(1, 1, 1, times=Times(2, 2), after=1, entries=2).verified
