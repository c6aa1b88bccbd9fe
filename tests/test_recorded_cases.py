"""Every recorded answer of a real ASMX service, asked of the emulator on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.core.call import Call
from emulator.core.contract import Result
from emulator.core.engine import Engine
from emulator.core.journal import Exchange, RawExchange
from emulator.core.matching import OneOf, When
from emulator.core.replies import Outcome, Reply, Return, Throw
from emulator.core.rules import Rule, Scenario
from emulator.server.server import Serving
from emulator.web.app import Application
from tests.helpers.recorded_cases import Case, assert_answers, assert_received, exchange, load_cases

# The recorded service chose its result by the auth code alone.
OUTCOMES: dict[str, Outcome] = {
    "ok": Return(Result.OK),
    "bad": Return(Result.INVALID_SECRET_AUTH_CODE),
    "deleted": Return(Result.USER_DELETED_OR_DISABLED),
    "admin": Return(Result.NOT_LOGGED_IN_AS_ADMIN),
    "failed": Return(Result.ACTION_FAILED),
    "throw": Throw("oracle was asked to throw"),
}
RECORDED_SERVICE = Scenario(
    name="the recorded service",
    otherwise=Reply(Return(Result.ERROR)),
    rules=tuple(
        Rule(code, When(auth_code=OneOf(frozenset({code}))), (Reply(outcome),)) for code, outcome in OUTCOMES.items()
    ),
)


class AttentiveEngine(Engine):
    """An engine that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(RECORDED_SERVICE)
        self.calls: list[Call] = []

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        self.calls.append(call)
        return super().answer(call, raw)


@pytest.fixture(scope="module")
def engine() -> AttentiveEngine:
    return AttentiveEngine()


@pytest.fixture(scope="module")
def address(engine: AttentiveEngine) -> Iterator[tuple[str, int]]:
    serving = Serving(Application(engine), host="127.0.0.1", port=0, max_delay=1.0)
    serving.start()
    yield "127.0.0.1", int(serving.origin.rpartition(":")[2])
    serving.stop()


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_a_recorded_request_gets_the_recorded_answer(
    case: Case, engine: AttentiveEngine, address: tuple[str, int]
) -> None:
    engine.calls.clear()
    answers = exchange(case.request, address)
    assert_answers(case, answers)
    assert_received(case, engine.calls)
