"""The desk: a small model of administrators, technicians and sessions that gives plausible results without rules.

The service documents what the six results mean, but not the order of its checks, nor the result for an unknown session.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from emulator.core.contract import Call, Result
from emulator.core.known_codes import KnownCodes, describe_difference, is_close


class AccountStatus(str, Enum):
    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class Role(str, Enum):
    ADMINISTRATOR = "administrator"
    TECHNICIAN = "technician"


class TechnicianStatus(str, Enum):
    ONLINE = "online"
    OFFLINE = "offline"
    AWAY = "away"
    BUSY = "busy"
    DISABLED = "disabled"


class SessionStatus(str, Enum):
    WAITING = "waiting"
    CONNECTING = "connecting"
    INCOMING = "incoming"
    OUTGOING = "outgoing"
    ON_HOLD = "on_hold"
    ACTIVE = "active"
    CLOSED = "closed"
    TIMED_OUT = "timed_out"


UNREACHABLE: Final = (TechnicianStatus.OFFLINE, TechnicianStatus.DISABLED)
STARTABLE: Final = (SessionStatus.WAITING, SessionStatus.INCOMING, SessionStatus.OUTGOING, SessionStatus.ON_HOLD)


@dataclass(frozen=True, slots=True)
class Administrator:
    name: str
    auth_code: str = field(repr=False)
    status: AccountStatus = AccountStatus.ACTIVE
    role: Role = Role.ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Technician:
    """A technician; ``node`` identifies the technician's console, at which a session is started."""

    name: str
    node: int
    status: TechnicianStatus = TechnicianStatus.ONLINE


@dataclass(frozen=True, slots=True)
class Session:
    """A customer's session. ``node`` is the node at which a call started it, or None."""

    id: int
    customer: str | None = None
    status: SessionStatus = SessionStatus.WAITING
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The state of a help desk. Auth codes, nodes and session ids are unique."""

    administrators: tuple[Administrator, ...] = ()
    technicians: tuple[Technician, ...] = ()
    sessions: tuple[Session, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The desk's result for a call and the reason; ``result`` is None for a session that the desk does not have."""

    result: Result | None
    reason: str


class DeskState:
    """A desk that changes with calls: a session that it starts becomes active. Not thread-safe; the engine locks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._owners = {owner.auth_code: owner for owner in desk.administrators}
        self._codes = KnownCodes(self._owners)
        self.reset()

    def reset(self) -> None:
        """Restore all technicians and sessions to their state in the scenario."""
        self._technicians = {technician.node: technician for technician in self._desk.technicians}
        self._sessions = {session.id: session for session in self._desk.sessions}

    def current(self) -> Desk:
        return Desk(self._desk.administrators, tuple(self._technicians.values()), tuple(self._sessions.values()))

    def set_technician(self, node: int, status: TechnicianStatus) -> bool:
        """Set a technician's status; return False if there is none at the node."""
        if node in self._technicians:
            self._technicians[node] = replace(self._technicians[node], status=status)
        return node in self._technicians

    def set_session(self, session_id: int, status: SessionStatus) -> bool:
        """Set a session's status and clear its node; return False if there is none with the id."""
        if session_id in self._sessions:
            self._sessions[session_id] = replace(self._sessions[session_id], status=status, node=None)
        return session_id in self._sessions

    def answer(self, call: Call) -> Decision:
        """Decide on a call; on OK the session becomes active at the call's node."""
        decision = self.decide(call)
        if decision.result is Result.OK:
            session = self._sessions[call.session]
            self._sessions[call.session] = replace(session, status=SessionStatus.ACTIVE, node=call.node)
        return decision

    def decide(self, call: Call) -> Decision:
        """Return the decision on a call without changing anything; the first check that applies decides."""
        if not call.auth_code:
            return Decision(Result.NOT_LOGGED_IN_AS_ADMIN, "no auth code was sent")
        owner = self._owners.get(call.auth_code)
        if owner is None:
            return Decision(Result.INVALID_SECRET_AUTH_CODE, self._unknown_code(call.auth_code))
        if owner.status is not AccountStatus.ACTIVE:
            return Decision(Result.USER_DELETED_OR_DISABLED, f"{owner.name} is {owner.status.value}")
        if owner.role is not Role.ADMINISTRATOR:
            return Decision(Result.NOT_LOGGED_IN_AS_ADMIN, f"{owner.name} is no administrator")
        technician = self._technicians.get(call.node)
        if technician is None:
            return Decision(Result.ACTION_FAILED, f"node {call.node} is not a technician")
        if technician.status in UNREACHABLE:
            return Decision(Result.ACTION_FAILED, f"{technician.name} is {technician.status.value}")
        session = self._sessions.get(call.session)
        if session is None:
            return Decision(None, f"the desk has no session {call.session}")
        result = Result.OK if session.status in STARTABLE else Result.ACTION_FAILED
        already = " already" if session.status is SessionStatus.ACTIVE else ""
        return Decision(result, f"session {session.id} is {session.status.value}{already}")

    def _unknown_code(self, auth_code: str) -> str:
        """Return that nobody has the code and, if it is probably misspelt, at which character."""
        named = self._codes.nearest(auth_code)
        if named is None or not is_close(auth_code, named):
            return "nobody has this auth code"
        owner = self._owners[named].name
        return f"nobody has this auth code; it differs from that of {owner} {describe_difference(auth_code, named)}"
