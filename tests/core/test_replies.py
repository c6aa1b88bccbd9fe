"""How replies are written as text."""

from __future__ import annotations

import pytest

from emulator.core.contract import Result
from emulator.core.replies import ConnectionFailure, Fixed, HttpFailure, LogNormal, Reply, Return, Throw, Uniform
from emulator.delivery import ConnectionFault

OK = Return(Result.OK)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(OK), "startSessionRet_OK"),
        (Reply(Throw("Timeout expired.")), "exception 'Timeout expired.'"),
        (Reply(HttpFailure(503)), "status 503"),
        (Reply(ConnectionFailure(ConnectionFault.RESET)), "connection reset"),
        (Reply(ConnectionFailure(ConnectionFault.TRICKLE, 10.0)), "connection trickle over 10 s"),
        (Reply(OK, Fixed(0.25)), "startSessionRet_OK after 0.25 s"),
        (Reply(OK, Uniform(0.1, 2.0)), "startSessionRet_OK after 0.1 to 2 s"),
        (Reply(OK, LogNormal(0.2, 2.0)), "startSessionRet_OK after about 0.2 s, 1 in 100 above 2 s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_reply_as_text(reply: Reply, text: str) -> None:
    assert str(reply) == text
