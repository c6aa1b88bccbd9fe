"""Verification: whether calls came as often as expected, and the report if they did not."""

from __future__ import annotations

import pytest

from emulator.core.engine import Engine
from emulator.core.explain import Expectation, Times, Verification, verify
from emulator.core.journal import JournalLimits
from emulator.core.matching import When
from tests.helpers.builders import a_call, a_scenario, when


def verification(
    *sessions: int, wanted: When | None = None, times: Times | None = None, after: int = 0, entries: int = 100
) -> Verification:
    """Call for these sessions, and verify what is wanted, by default of session 1."""
    engine = Engine(a_scenario(), limits=JournalLimits(entries=entries))
    for session in sessions:
        engine.answer(a_call(session))
    return verify(engine.snapshot(), Expectation(wanted or when(session=1), times or Times(), after))


@pytest.mark.parametrize(
    ("times", "right", "wrong", "text"),
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
    times: Times, right: list[int], wrong: list[int], text: str
) -> None:
    assert str(times) == text
    assert all(verification(*[1] * count, times=times).verified for count in right)
    assert not any(verification(*[1] * count, times=times).verified for count in wrong)


def test_only_calls_that_meet_the_conditions_and_come_after_the_one_that_is_named_count() -> None:
    found, later = verification(1, 2, 1, 3), verification(1, 2, 1, 3, after=1)

    assert (found.count, found.total) == (2, 4)
    assert (later.count, later.total) == (1, 3)


def test_the_report_lists_near_misses_the_nearest_first() -> None:
    found = verification(1, 7, 8, wanted=when(session=1, auth_code="demo-another"))

    assert found.text == (
        "wanted at least 1 call with session 1, auth_code demo-another; none came, of 3 calls in the journal\n"
        "near miss: call 1, soap11 session=1 node=337366 auth_code=demo-ann: "
        "auth_code is demo-ann, wanted is demo-another (they differ at character 8)\n"
        "near miss: call 3, soap11 session=8 node=337366 auth_code=demo-ann: session is 8, wanted is 1; "
        "auth_code is demo-ann, wanted is demo-another (they differ at character 8)\n"
        "near miss: call 2, soap11 session=7 node=337366 auth_code=demo-ann: session is 7, wanted is 1; "
        "auth_code is demo-ann, wanted is demo-another (they differ at character 8)"
    )


def test_without_conditions_any_call_counts() -> None:
    text = "wanted at least 1 call with any values; none came, of 0 calls in the journal"

    assert verification(1, 2, wanted=When(), times=Times(2, 2)).verified
    assert verification(wanted=When()).text == text


@pytest.mark.parametrize(
    ("times", "after", "certain", "verified"),
    [
        pytest.param(Times(1), 0, True, True, id="enough are kept"),
        pytest.param(Times(3), 0, False, False, id="not enough are kept"),
        pytest.param(Times(0, 0), 0, True, False, id="too many are kept"),
        pytest.param(Times(2, 2), 0, False, False, id="exactly so many are kept"),
        pytest.param(Times(2, 2), 1, True, True, id="none after the last dropped one is missing"),
    ],
)
def test_with_dropped_entries_only_what_they_cannot_change_is_certain(
    times: Times, after: int, certain: bool, verified: bool
) -> None:
    found = verification(1, 1, 1, times=times, after=after, entries=2)

    assert (found.count, found.certain, found.verified) == (2, certain, verified)
    assert ("the journal has dropped 1 older entries" in found.text) is not certain
