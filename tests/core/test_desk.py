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
START = a_call(session=1000, node=100, auth_code="demo-ann")  # a waiting session, an online technician


@pytest.mark.parametrize(
    ("session", "node", "auth_code", "result", "reason"),
    [
        (1000, 100, "demo-ann", Result.OK, "session 1000 is waiting"),
        (1000, 5, "demo-xyz", Result.INVALID_SECRET_AUTH_CODE, "nobody has this auth code"),
        (1000, 5, None, Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent"),
        (1000, 5, "", Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent"),
        (1000, 5, "demo-bob", Result.USER_DELETED_OR_DISABLED, "Bob is disabled"),
        (1000, 5, "demo-del", Result.USER_DELETED_OR_DISABLED, "Del is deleted"),
        (1000, 5, "demo-zed", Result.USER_DELETED_OR_DISABLED, "Zed is disabled"),
        (1000, 5, "demo-tim", Result.NOT_LOGGED_IN_AS_ADMIN, "Tim is no administrator"),
        (5, 5, "demo-ann", Result.ACTION_FAILED, "node 5 is not a technician"),
        (5, 101, "demo-ann", Result.ACTION_FAILED, "offline is offline"),
        (5, 100, "demo-ann", None, "the desk has no session 5"),
        (1005, 100, "demo-ann", Result.ACTION_FAILED, "session 1005 is active"),
    ],
)
def test_the_first_check_that_applies_decides(
    session: int, node: int, auth_code: str | None, result: Result | None, reason: str
) -> None:
    assert DeskState(DESK).answer(a_call(session, node, auth_code)) == Decision(result, reason)


def test_only_offline_and_disabled_technicians_start_no_session() -> None:
    decisions = {each.name: DeskState(DESK).answer(a_call(1000, each.node)).result for each in DESK.technicians}

    assert {name for name, result in decisions.items() if result is Result.ACTION_FAILED} == {"offline", "disabled"}


def test_only_sessions_that_wait_can_be_started() -> None:
    decisions = {each.status.value: DeskState(DESK).answer(a_call(each.id, 100)).result for each in DESK.sessions}

    startable = {status for status, result in decisions.items() if result is Result.OK}
    assert startable == {"waiting", "incoming", "outgoing", "on_hold"}


def test_a_started_session_is_active_at_the_node_of_the_call_until_a_reset() -> None:
    desk = DeskState(DESK)
    desk.answer(START)

    assert Session(1000, None, SessionStatus.ACTIVE, 100) in desk.current().sessions
    assert desk.answer(START).result is Result.ACTION_FAILED
    desk.reset()
    assert desk.current() == DESK


def test_deciding_alone_changes_nothing() -> None:
    desk = DeskState(DESK)

    assert [desk.decide(START).result for _ in range(2)] == [Result.OK, Result.OK]
    assert desk.current() == DESK


def test_the_codes_of_a_desk_do_not_print() -> None:
    assert "demo-ann" not in repr(DESK)
