"""How replies are told in a word or two."""

from __future__ import annotations

import pytest

from emulator.core.contract import Result
from emulator.core.replies import (
    ConnectionFailure,
    Fixed,
    HttpFailure,
    LogNormal,
    Outcome,
    Reply,
    Return,
    Throw,
    Uniform,
)
from emulator.delivery import ConnectionFault


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Return(Result.OK), "startSessionRet_OK"),
        (Throw("Timeout expired."), "exception 'Timeout expired.'"),
        (HttpFailure(503), "status 503"),
        (ConnectionFailure(ConnectionFault.RESET), "connection reset"),
        (ConnectionFailure(ConnectionFault.TRICKLE, 10.0), "connection trickle over 10 s"),
    ],
)
def test_an_outcome_is_told_as(outcome: Outcome, told: str) -> None:
    assert str(Reply(outcome)) == told


@pytest.mark.parametrize(
    ("delay", "told"),
    [
        (Fixed(0.25), "0.25 s"),
        (Uniform(0.1, 2.0), "0.1 to 2 s"),
        (LogNormal(0.2, 2.0), "about 0.2 s, one in a hundred past 2 s"),
    ],
)
def test_a_delay_is_told_as(delay: Fixed | Uniform | LogNormal, told: str) -> None:
    assert str(Reply(Return(Result.OK), delay)) == f"startSessionRet_OK after {told}"
