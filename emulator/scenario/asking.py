"""What a person asks about calls: whether they came as often as they should, and what one would get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.core.desk import SessionStatus, TechnicianStatus
from emulator.core.matching import When
from emulator.core.verification import Times
from emulator.errors import on_purpose
from emulator.scenario import compile
from emulator.scenario.conditions import WrittenWhen
from emulator.scenario.loading import read
from emulator.scenario.scalars import BindingWord, EntryId, Int32, Number, SessionWord, TechnicianWord, Truth
from emulator.scenario.texts import Text
from emulator.scenario.written import Mistake, Written

__tracebackhide__ = on_purpose


class WrittenVerification(Written):
    """How often calls should have come; at least once when no number is given."""

    noun: ClassVar[str] = "a verification"

    when: WrittenWhen | None = None
    """Which calls are counted, in the words of a rule's `when`; left out, all are."""
    times: Number | None = None
    """Exactly so often."""
    at_least: Number | None = None
    """So often or more."""
    at_most: Number | None = None
    """So often or less."""
    never: Truth | None = None
    """true: not once."""
    after: EntryId = 0
    """Only calls after the one with this id are counted."""

    def contradictions(self) -> Iterator[Mistake]:
        """One way to say how often."""
        said = [name for name in ("times", "at_least", "at_most", "never") if getattr(self, name) is not None]
        if len(said) > 1 and said != ["at_least", "at_most"]:
            yield Mistake(f"'{said[0]}' cannot stand beside '{said[1]}'")
        if self.never is False:
            yield Mistake("false says nothing; leave the key out", ("never",))
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            yield Mistake("'at_least' is more than 'at_most'")

    @property
    def wanted(self) -> Times:
        """How often, as the core counts."""
        if self.never:
            return Times(0, 0)
        if self.times is not None:
            return Times(self.times, self.times)
        if self.at_least is None:
            return Times() if self.at_most is None else Times(0, self.at_most)
        return Times(self.at_least, self.at_most)


class WrittenCall(Written):
    """One call, as it would arrive."""

    noun: ClassVar[str] = "a call"

    session: Int32
    """The session's id."""
    node: Int32
    """The technician's node."""
    auth_code: Text | None = Field(default=None, repr=False)
    """The secret auth code; left out, none is sent."""
    binding: BindingWord = Binding.SOAP11
    """How it would arrive: soap11, soap12, get or post."""


class WrittenTechnicianStatus(Written):
    """What a technician is doing from now on."""

    noun: ClassVar[str] = "a technician's status"

    status: TechnicianWord
    """online, offline, away, busy or disabled."""


class WrittenSessionStatus(Written):
    """Where a session stands from now on."""

    noun: ClassVar[str] = "a session's status"

    status: SessionWord
    """waiting, connecting, incoming, outgoing, on_hold, active, closed or timed_out."""


def asked_technician_status(data: Any) -> TechnicianStatus:
    """The status that a technician is to have."""
    return read(WrittenTechnicianStatus, data, "technician").status


def asked_session_status(data: Any) -> SessionStatus:
    """The status that a session is to have."""
    return read(WrittenSessionStatus, data, "session").status


def asked_verification(data: Any) -> tuple[When, Times, int]:
    """Which calls should have come, how often, and after which entry; ScenarioError with all that is wrong."""
    if isinstance(data, dict) and data.get("when") == {}:
        data = {key: value for key, value in data.items() if key != "when"}
    written = read(WrittenVerification, data, "verification")
    return compile.EVERY_CALL if written.when is None else compile.when(written.when), written.wanted, written.after


def asked_call(data: Any) -> Call:
    """The call that is asked about; ScenarioError with all that is wrong."""
    written = read(WrittenCall, data, "call")
    return Call(written.session, written.node, written.auth_code, written.binding)
