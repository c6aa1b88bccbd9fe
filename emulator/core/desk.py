"""The desk: a small model of administrators, technicians and sessions that answers with sense without a rule a call.

The meanings of the six results are published by the service; the order of these checks, and what an unknown session
gets, are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from emulator.core.call import Call, masked
from emulator.core.contract import Result


class AccountStatus(str, Enum):
    """Whether an account can be used."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class Role(str, Enum):
    """What the owner of an auth code may do."""

    ADMINISTRATOR = "administrator"
    TECHNICIAN = "technician"


class TechnicianStatus(str, Enum):
    """What a technician is doing."""

    ONLINE = "online"
    OFFLINE = "offline"
    AWAY = "away"
    BUSY = "busy"
    DISABLED = "disabled"


class SessionStatus(str, Enum):
    """Where a customer's session stands."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    INCOMING = "incoming"
    OUTGOING = "outgoing"
    ON_HOLD = "on_hold"
    ACTIVE = "active"
    CLOSED = "closed"
    TIMED_OUT = "timed_out"


UNREACHABLE: Final = frozenset({TechnicianStatus.OFFLINE, TechnicianStatus.DISABLED})
STARTABLE: Final = frozenset(
    {SessionStatus.WAITING, SessionStatus.INCOMING, SessionStatus.OUTGOING, SessionStatus.ON_HOLD}
)


@dataclass(frozen=True, slots=True)
class Administrator:
    """The owner of an auth code."""

    name: str
    auth_code: str = field(repr=False)
    status: AccountStatus = AccountStatus.ACTIVE
    role: Role = Role.ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Technician:
    """Somebody who can pick sessions up, at a node."""

    name: str
    node: int
    status: TechnicianStatus = TechnicianStatus.ONLINE


@dataclass(frozen=True, slots=True)
class Session:
    """A customer who wants help. ``node`` is where the session was started, None when no call started it."""

    id: int
    customer: str | None = None
    status: SessionStatus = SessionStatus.WAITING
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is there and what waits. Auth codes, nodes and session ids are each given once."""

    administrators: tuple[Administrator, ...] = ()
    technicians: tuple[Technician, ...] = ()
    sessions: tuple[Session, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the desk says to a call, and why; the result is None for a session that it does not know."""

    result: Result | None
    reason: str


class DeskState:
    """A desk at work: it answers, and a session that it starts is active from then on. The engine's lock guards it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._owners = {owner.auth_code: owner for owner in desk.administrators}
        self.reset()

    def reset(self) -> None:
        """Put every technician and every session back to where the scenario has them."""
        self._technicians = {technician.node: technician for technician in self._desk.technicians}
        self._sessions = {session.id: session for session in self._desk.sessions}

    def now(self) -> Desk:
        """The desk as it is now."""
        technicians, sessions = tuple(self._technicians.values()), tuple(self._sessions.values())
        return replace(self._desk, technicians=technicians, sessions=sessions)

    def set_technician(self, node: int, status: TechnicianStatus) -> bool:
        """Change what a technician is doing; False when there is none at that node."""
        technician = self._technicians.get(node)
        if technician is not None:
            self._technicians[node] = replace(technician, status=status)
        return technician is not None

    def set_session(self, session_id: int, status: SessionStatus) -> bool:
        """Change where a session stands, and forget who started it; False when there is none with that id."""
        session = self._sessions.get(session_id)
        if session is not None:
            self._sessions[session_id] = replace(session, status=status, node=None)
        return session is not None

    def answer(self, call: Call) -> Decision:
        """What the desk says; on OK the session becomes active at the call's node."""
        finding = self.finding(call)
        if finding.result is Result.OK:
            session = self._sessions[call.session]
            self._sessions[call.session] = replace(session, status=SessionStatus.ACTIVE, node=call.node)
        return finding

    def finding(self, call: Call) -> Decision:
        """What the desk would say; nothing changes. The first check that finds something decides."""
        return self._owner_trouble(call) or self._node_trouble(call) or self._session_finding(call)

    def _owner_trouble(self, call: Call) -> Decision | None:
        if not call.auth_code:
            return Decision(Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent")
        owner = self._owners.get(call.auth_code)
        if owner is None:
            return Decision(Result.INVALID_SECRET_AUTH_CODE, f"nobody has the auth code {masked(call.auth_code)}")
        if owner.status is not AccountStatus.ACTIVE:
            return Decision(Result.USER_DELETED_OR_DISABLED, f"{owner.name} is {owner.status.value}")
        if owner.role is not Role.ADMINISTRATOR:
            return Decision(Result.NOT_LOGGED_IN_AS_ADMIN, f"{owner.name} is no administrator")
        return None

    def _node_trouble(self, call: Call) -> Decision | None:
        technician = self._technicians.get(call.node)
        if technician is None:
            return Decision(Result.ACTION_FAILED, f"node {call.node} is not a technician")
        if technician.status in UNREACHABLE:
            return Decision(Result.ACTION_FAILED, f"{technician.name} is {technician.status.value}")
        return None

    def _session_finding(self, call: Call) -> Decision:
        session = self._sessions.get(call.session)
        if session is None:
            return Decision(None, f"the desk has no session {call.session}")
        result = Result.OK if session.status in STARTABLE else Result.ACTION_FAILED
        return Decision(result, f"session {session.id} is {session.status.value}")
