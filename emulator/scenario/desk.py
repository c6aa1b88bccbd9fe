"""The desk as a person writes it: administrators, technicians and sessions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import ClassVar

from pydantic import Field

from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.scenario.scalars import AccountWord, Int32, RoleWord, SessionWord, TechnicianWord
from emulator.scenario.texts import Filled, ShortText
from emulator.scenario.written import Mistake, Written


class WrittenAdministrator(Written):
    """The owner of an auth code."""

    noun: ClassVar[str] = "an administrator"

    name: ShortText | None = None
    """What this person is called; `administrator N` when left out."""
    auth_code: Filled = Field(repr=False)
    """The secret auth code of this person, exactly as written, quoted or not."""
    status: AccountWord = AccountStatus.ACTIVE
    """Whether the account can be used: active, disabled or deleted."""
    role: RoleWord = Role.ADMINISTRATOR
    """What this person may do; a technician may not start sessions by auth code."""


class WrittenTechnician(Written):
    """Somebody who can pick sessions up, at a node."""

    noun: ClassVar[str] = "a technician"

    name: ShortText | None = None
    """What this person is called; `technician N` when left out."""
    node: Int32
    """The node of this technician."""
    status: TechnicianWord = TechnicianStatus.ONLINE
    """online, offline, away, busy or disabled; at an offline or disabled one no session can be started."""


class WrittenSession(Written):
    """A customer's session."""

    noun: ClassVar[str] = "a session"

    id: Int32
    """The session's id."""
    customer: ShortText | None = None
    """Who waits, or why."""
    status: SessionWord = SessionStatus.WAITING
    """Where the session stands: waiting, incoming, outgoing and on_hold ones can be started."""


class WrittenDesk(Written):
    """Who is there and what waits: answers calls that no rule accepts."""

    noun: ClassVar[str] = "the desk"

    administrators: tuple[WrittenAdministrator, ...] = ()
    """The owners of auth codes."""
    technicians: tuple[WrittenTechnician, ...] = ()
    """Who can pick sessions up."""
    sessions: tuple[WrittenSession, ...] = ()
    """The customers' sessions as they stand when the emulator starts."""

    def contradictions(self) -> Iterator[Mistake]:
        """Auth codes, nodes and session ids are each given once; codes are not told."""
        yield from _repeated("administrators", "auth_code", (owner.auth_code for owner in self.administrators))
        yield from _repeated("technicians", "node", (technician.node for technician in self.technicians))
        yield from _repeated("sessions", "id", (session.id for session in self.sessions))


def _repeated(people: str, key: str, values: Iterable[Hashable]) -> Iterator[Mistake]:
    first: dict[Hashable, int] = {}
    for number, value in enumerate(values):
        if first.setdefault(value, number) != number:
            yield Mistake(f"is already that of {people}[{first[value]}]", (people, number, key))
