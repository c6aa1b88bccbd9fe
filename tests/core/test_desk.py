"""The desk's decisions, the order of its checks, and its state."""

from __future__ import annotations

import pytest

from emulator.core.contract import Result
from emulator.core.desk import (
    AccountStatus,
    Administrator,
    Decision,
    Desk,
    DeskState,
    Role,
    Session,
    SessionStatus,
    Technician,
    TechnicianStatus,
)
from tests.helpers.builders import a_call

DESK = Desk(
    (
        Administrator("Ann", "demo-ann"),
        Administrator("Bob", "demo-bob", AccountStatus.DISABLED),
        Administrator("Del", "demo-del", AccountStatus.DELETED),
        Administrator("Tim", "demo-tim", role=Role.TECHNICIAN),
        Administrator("Zed", "demo-zed", AccountStatus.DISABLED, Role.TECHNICIAN),
    ),
    tuple(Technician(status.value, 100 + number, status) for number, status in enumerate(TechnicianStatus)),
    tuple(Session(1000 + number, None, status) for number, status in enumerate(SessionStatus)),
)


@pytest.mark.parametrize(
    ("session", "node", "auth_code", "result", "reason"),
    [
        (1000, 100, "demo-ann", Result.OK, "session 1000 is waiting"),
        (1000, 5, "demo-xyz", Result.INVALID_SECRET_AUTH_CODE, "nobody has this auth code"),
        *(
            (
                1000,
                5,
                wrong,
                Result.INVALID_SECRET_AUTH_CODE,
                f"nobody has this auth code; it differs from that of {how}",
            )
            for wrong, how in {
                "demo-amn": "Ann at character 7",
                "Demo-Bob": "Bob at character 1, in letter case",
                "demo-ann ": "Ann at character 9, where the call's has a blank at its end",
                "demo-an": "Ann at character 8, where the call's ends",
            }.items()
        ),
        (1000, 5, None, Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent"),
        (1000, 5, "", Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent"),
        (1000, 5, "demo-bob", Result.USER_DELETED_OR_DISABLED, "Bob is disabled"),
        (1000, 5, "demo-del", Result.USER_DELETED_OR_DISABLED, "Del is deleted"),
        (1000, 5, "demo-zed", Result.USER_DELETED_OR_DISABLED, "Zed is disabled"),
        (1000, 5, "demo-tim", Result.NOT_LOGGED_IN_AS_ADMIN, "Tim is no administrator"),
        (5, 5, "demo-ann", Result.ACTION_FAILED, "node 5 is not a technician"),
        (5, 101, "demo-ann", Result.ACTION_FAILED, "offline is offline"),
        (5, 100, "demo-ann", None, "the desk has no session 5"),
        (1005, 100, "demo-ann", Result.ACTION_FAILED, "session 1005 is active already"),
    ],
)
def test_the_first_check_that_applies_decides(
    session: int, node: int, auth_code: str | None, result: Result | None, reason: str
) -> None:
    assert DeskState(DESK).answer(a_call(session, node, auth_code)) == Decision(result, reason)


def test_only_technicians_in_reach_and_sessions_that_wait_start_a_session() -> None:
    def starts(session: int, node: int) -> bool:
        return DeskState(DESK).answer(a_call(session, node)).result is Result.OK

    assert {each.name for each in DESK.technicians if starts(1000, each.node)} == {"online", "away", "busy"}
    startable = {each.status.value for each in DESK.sessions if starts(each.id, 100)}
    assert startable == {"waiting", "incoming", "outgoing", "on_hold"}


def test_an_answer_makes_the_session_active_at_the_node_of_the_call_until_a_reset() -> None:
    desk, start = DeskState(DESK), a_call(session=1000, node=100)

    assert desk.decide(start).result is Result.OK
    assert desk.current() == DESK
    assert desk.answer(start).result is Result.OK
    assert Session(1000, None, SessionStatus.ACTIVE, 100) in desk.current().sessions
    assert desk.answer(start).result is Result.ACTION_FAILED
    desk.reset()
    assert desk.current() == DESK
