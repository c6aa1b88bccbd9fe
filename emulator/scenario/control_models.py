"""What clients send to the control API: models that parse verifications, calls and statuses to values of the core."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from emulator.core.contract import Binding, Call
from emulator.core.explain import Times
from emulator.core.matching import When
from emulator.errors import on_purpose
from emulator.scenario import fields
from emulator.scenario.language import WhenField
from emulator.scenario.loading import read
from emulator.scenario.strict_model import CrossFieldError, StrictModel, invalid

__tracebackhide__ = on_purpose

DEFAULT_TIMEOUT: Final = 30.0
MAX_TIMEOUT: Final = 300.0


def _timeout(seconds: float) -> float:
    if not 0 < seconds <= MAX_TIMEOUT:
        raise invalid(f"must be more than 0s and at most {MAX_TIMEOUT:g}s")
    return seconds


class VerificationModel(StrictModel):
    """How often calls should have come; at least once if no number is given."""

    noun: ClassVar[str] = "a verification"

    when: WhenField | None = None
    """Which calls are counted, in the words of a rule's `when`; all calls if left out."""
    times: fields.Number | None = None
    """Exactly N calls."""
    at_least: fields.Number | None = None
    """At least N calls."""
    at_most: fields.Number | None = None
    """At most N calls."""
    never: fields.Boolean | None = None
    """true: no call at all."""
    after: fields.EntryId = 0
    """Count only calls after the journal entry with this id."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        given = [name for name in ("times", "at_least", "at_most", "never") if getattr(self, name) is not None]
        if len(given) > 1 and given != ["at_least", "at_most"]:
            yield CrossFieldError(f"'{given[0]}' cannot stand beside '{given[1]}'")
        if self.never is False:
            yield CrossFieldError("false has no meaning here; leave the key out", ("never",))
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            yield CrossFieldError("'at_least' is more than 'at_most'")

    def times_wanted(self) -> Times:
        """Return the number of calls as the core counts it."""
        exactly = 0 if self.never else self.times
        if exactly is not None:
            return Times(exactly, exactly)
        default = 1 if self.at_most is None else 0
        return Times(default if self.at_least is None else self.at_least, self.at_most)


class CallModel(StrictModel):
    """One call, as it would arrive."""

    noun: ClassVar[str] = "a call"

    session: fields.Int32
    """The id of the session."""
    node: fields.Int32
    """The node of the technician."""
    auth_code: fields.Text | None = Field(default=None, repr=False)
    """The secret auth code; none is sent if left out."""
    binding: fields.BindingName = Binding.SOAP11
    """How the call arrives: soap11, soap12, get or post."""

    def build(self) -> Call:
        return Call(self.session, self.node, self.auth_code, self.binding)


class SentCallModel(CallModel):
    """A call to be sent, and how long its answer is waited for."""

    timeout: Annotated[fields.Seconds, AfterValidator(_timeout)] | None = None
    """How long to wait for the whole answer, at most 300s; 30s if left out."""

    @property
    def seconds(self) -> float:
        return DEFAULT_TIMEOUT if self.timeout is None else self.timeout


class TechnicianStatusModel(StrictModel):
    """The new status of a technician."""

    noun: ClassVar[str] = "a technician's status"

    status: fields.TechnicianStatusName
    """online, offline, away, busy or disabled."""


class SessionStatusModel(StrictModel):
    """The new status of a session."""

    noun: ClassVar[str] = "a session's status"

    status: fields.SessionStatusName
    """waiting, connecting, incoming, outgoing, on_hold, active, closed or timed_out."""


def parse_verification(data: Any) -> tuple[When, Times, int]:
    """Return which calls should have come, how often, and after which entry; ScenarioError with every problem."""
    if isinstance(data, dict) and data.get("when") == {}:
        data = {key: value for key, value in data.items() if key != "when"}
    model = read(VerificationModel, data, "verification")
    return model.when or When(), model.times_wanted(), model.after
