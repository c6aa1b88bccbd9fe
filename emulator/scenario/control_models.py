"""What a person asks about calls: whether they came as often as they should, and what one would get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.core.desk import SessionStatus, TechnicianStatus
from emulator.core.explain import Times
from emulator.core.matching import When
from emulator.errors import on_purpose
from emulator.scenario import build
from emulator.scenario.fields import (
    BindingName,
    Boolean,
    EntryId,
    Int32,
    Number,
    SessionStatusName,
    TechnicianStatusName,
    Text,
)
from emulator.scenario.language import WhenModel
from emulator.scenario.loading import read
from emulator.scenario.strict_model import CrossFieldError, StrictModel

__tracebackhide__ = on_purpose


class VerificationModel(StrictModel):
    """How often calls should have come; at least once when no number is given."""

    noun: ClassVar[str] = "a verification"

    when: WhenModel | None = None
    """Which calls are counted, in the words of a rule's `when`; left out, all are."""
    times: Number | None = None
    """Exactly so often."""
    at_least: Number | None = None
    """So often or more."""
    at_most: Number | None = None
    """So often or less."""
    never: Boolean | None = None
    """true: not once."""
    after: EntryId = 0
    """Only calls after the one with this id are counted."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """One way to say how often."""
        said = [name for name in ("times", "at_least", "at_most", "never") if getattr(self, name) is not None]
        if len(said) > 1 and said != ["at_least", "at_most"]:
            yield CrossFieldError(f"'{said[0]}' cannot stand beside '{said[1]}'")
        if self.never is False:
            yield CrossFieldError("false says nothing; leave the key out", ("never",))
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            yield CrossFieldError("'at_least' is more than 'at_most'")

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


class CallModel(StrictModel):
    """One call, as it would arrive."""

    noun: ClassVar[str] = "a call"

    session: Int32
    """The session's id."""
    node: Int32
    """The technician's node."""
    auth_code: Text | None = Field(default=None, repr=False)
    """The secret auth code; left out, none is sent."""
    binding: BindingName = Binding.SOAP11
    """How it would arrive: soap11, soap12, get or post."""


class TechnicianStatusModel(StrictModel):
    """What a technician is doing from now on."""

    noun: ClassVar[str] = "a technician's status"

    status: TechnicianStatusName
    """online, offline, away, busy or disabled."""


class SessionStatusModel(StrictModel):
    """Where a session stands from now on."""

    noun: ClassVar[str] = "a session's status"

    status: SessionStatusName
    """waiting, connecting, incoming, outgoing, on_hold, active, closed or timed_out."""


def parse_technician_status(data: Any) -> TechnicianStatus:
    """The status that a technician is to have."""
    return read(TechnicianStatusModel, data, "technician").status


def parse_session_status(data: Any) -> SessionStatus:
    """The status that a session is to have."""
    return read(SessionStatusModel, data, "session").status


def parse_verification(data: Any) -> tuple[When, Times, int]:
    """Which calls should have come, how often, and after which entry; ScenarioError with all that is wrong."""
    if isinstance(data, dict) and data.get("when") == {}:
        data = {key: value for key, value in data.items() if key != "when"}
    written = read(VerificationModel, data, "verification")
    return build.EVERY_CALL if written.when is None else build.when(written.when), written.wanted, written.after


def parse_call(data: Any) -> Call:
    """The call that is asked about; ScenarioError with all that is wrong."""
    written = read(CallModel, data, "call")
    return Call(written.session, written.node, written.auth_code, written.binding)
