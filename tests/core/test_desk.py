"""What the desk says, in the order of its checks, and what it remembers."""

from __future__ import annotations

import pytest

from emulator.core.call import Call
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
NODES = {status: 100 + number for number, status in enumerate(TechnicianStatus)}
SESSIONS = {status: 1000 + number for number, status in enumerate(SessionStatus)}
ONLINE, WAITING = NODES[TechnicianStatus.ONLINE], SESSIONS[SessionStatus.WAITING]


def a_start(session: int = WAITING, node: int = ONLINE, auth_code: str | None = "demo-ann") -> Call:
    return a_call(session, node, auth_code)


@pytest.mark.parametrize(
    ("call", "result", "reason"),
    [
        pytest.param(a_start(), Result.OK, "session 1000 is waiting", id="all is well"),
        pytest.param(
            a_start(auth_code="demo-xyz"),
            Result.INVALID_SECRET_AUTH_CODE,
            "nobody has the auth code de***",
            id="a code that nobody has",
        ),
        pytest.param(a_start(auth_code=None), Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent", id="no code"),
        pytest.param(a_start(auth_code=""), Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent", id="an empty code"),
        pytest.param(
            a_start(auth_code="demo-bob"), Result.USER_DELETED_OR_DISABLED, "Bob is disabled", id="a disabled owner"
        ),
        pytest.param(
            a_start(auth_code="demo-del"), Result.USER_DELETED_OR_DISABLED, "Del is deleted", id="a deleted owner"
        ),
        pytest.param(
            a_start(auth_code="demo-tim"), Result.NOT_LOGGED_IN_AS_ADMIN, "Tim is no administrator", id="a technician"
        ),
        pytest.param(a_start(node=5), Result.ACTION_FAILED, "node 5 is not a technician", id="no technician"),
        pytest.param(a_start(session=5), None, "the desk has no session 5", id="an unknown session"),
    ],
)
def test_the_desk_decides(call: Call, result: Result | None, reason: str) -> None:
    assert DeskState(DESK).answer(call) == Decision(result, reason)


@pytest.mark.parametrize(
    ("call", "result"),
    [
        pytest.param(a_start(node=5, auth_code="x"), Result.INVALID_SECRET_AUTH_CODE, id="the code before the node"),
        pytest.param(a_start(node=5, auth_code=None), Result.NOT_LOGGED_IN_AS_ADMIN, id="no code before the node"),
        pytest.param(a_start(auth_code="demo-zed"), Result.USER_DELETED_OR_DISABLED, id="the status before the role"),
        pytest.param(
            a_start(node=5, auth_code="demo-tim"), Result.NOT_LOGGED_IN_AS_ADMIN, id="the role before the node"
        ),
        pytest.param(a_start(session=5, node=5), Result.ACTION_FAILED, id="the node before the session"),
    ],
)
def test_the_first_check_that_finds_something_decides(call: Call, result: Result) -> None:
    assert DeskState(DESK).answer(call).result is result


@pytest.mark.parametrize("status", TechnicianStatus)
def test_only_offline_and_disabled_technicians_start_no_session(status: TechnicianStatus) -> None:
    away = status in (TechnicianStatus.OFFLINE, TechnicianStatus.DISABLED)

    assert DeskState(DESK).answer(a_start(node=NODES[status])).result is (Result.ACTION_FAILED if away else Result.OK)


@pytest.mark.parametrize("status", SessionStatus)
def test_only_sessions_that_wait_for_somebody_can_be_started(status: SessionStatus) -> None:
    startable = status.value in ("waiting", "incoming", "outgoing", "on_hold")

    result = DeskState(DESK).answer(a_start(session=SESSIONS[status])).result

    assert result is (Result.OK if startable else Result.ACTION_FAILED)


def test_a_started_session_is_active_at_the_node_of_the_call_and_starts_no_more() -> None:
    desk = DeskState(DESK)
    desk.answer(a_start(node=ONLINE))

    assert Session(WAITING, None, SessionStatus.ACTIVE, ONLINE) in desk.now().sessions
    assert desk.answer(a_start()).result is Result.ACTION_FAILED


def test_what_would_be_found_changes_nothing() -> None:
    desk = DeskState(DESK)

    assert [desk.finding(a_start()).result for _ in range(2)] == [Result.OK, Result.OK]
    assert desk.now() == DESK


def test_reset_puts_every_session_back() -> None:
    desk = DeskState(DESK)
    desk.answer(a_start())
    desk.reset()

    assert desk.now() == DESK


def test_the_codes_of_a_desk_do_not_print() -> None:
    assert "demo-ann" not in repr(DESK)
