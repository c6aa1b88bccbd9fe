"""A scenario, its rules and its replies as a person writes them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonDict

from emulator.core.contract import Result
from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.core.rules import Per
from emulator.delivery import ConnectionFault
from emulator.scenario.fields import (
    HEADER_NAME,
    AccountStatusName,
    BindingName,
    Boolean,
    Count,
    FaultName,
    Filled,
    HeaderName,
    HeaderValue,
    Int32,
    MediaType,
    Pattern,
    PerName,
    ResultName,
    RoleName,
    Seconds,
    SessionStatusName,
    ShortText,
    Status,
    TechnicianStatusName,
    Text,
    Version,
    XmlText,
)
from emulator.scenario.strict_model import AT_KEY, CrossFieldError, StrictModel, Variant, shape


class NumberConditionModel(StrictModel):
    """A condition on a number: a range, a regular expression, or the opposite of a condition."""

    noun: ClassVar[str] = "a condition on a number"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(may=("from", "to")), Variant(("matches",)), Variant(("not",)))

    from_: Int32 | None = Field(default=None, alias="from")
    """The lowest number accepted; left out, there is none."""
    to: Int32 | None = None
    """The highest number accepted; left out, there is none."""
    matches: Pattern | None = None
    """A regular expression (Python syntax) that the whole number, as decimal text, must match."""
    not_: NumberTest | None = Field(default=None, alias="not")
    """Anything but this value, list or condition."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """A range must not end before it begins."""
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            yield CrossFieldError(f"from {self.from_} to {self.to} accepts nothing: 'from' is above 'to'")


class TextConditionModel(StrictModel):
    """A condition on an auth code: a regular expression, whether there is one, or the opposite of a condition."""

    noun: ClassVar[str] = "a condition on an auth code"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("matches",)), Variant(("absent",)), Variant(("not",)))

    matches: Pattern | None = Field(default=None, repr=False)
    """A regular expression (Python syntax) that the whole auth code must match."""
    absent: Boolean | None = None
    """true: the auth code is empty or was not sent; false: one was sent."""
    not_: TextTest | None = Field(default=None, alias="not", repr=False)
    """Anything but this text, list or condition."""


class BindingConditionModel(StrictModel):
    """A condition on the binding: a regular expression, or the opposite of a condition."""

    noun: ClassVar[str] = "a condition on the binding"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("matches",)), Variant(("not",)))

    matches: Pattern | None = None
    """A regular expression (Python syntax) that the whole name of the binding must match."""
    not_: BindingTest | None = Field(default=None, alias="not")
    """Anything but this binding, list or condition."""


NumberTest = Annotated[
    Annotated[Int32, Tag("scalar")]
    | Annotated[tuple[Int32, ...], Field(min_length=1), Tag("list")]
    | Annotated[NumberConditionModel, Tag("mapping")],
    Discriminator(shape),
]
TextTest = Annotated[
    Annotated[Text, Tag("scalar")]
    | Annotated[tuple[Text, ...], Field(min_length=1), Tag("list")]
    | Annotated[TextConditionModel, Tag("mapping")],
    Discriminator(shape),
]
BindingTest = Annotated[
    Annotated[BindingName, Tag("scalar")]
    | Annotated[tuple[BindingName, ...], Field(min_length=1), Tag("list")]
    | Annotated[BindingConditionModel, Tag("mapping")],
    Discriminator(shape),
]


class WhenModel(StrictModel):
    """The conditions of a rule, all of which must hold."""

    noun: ClassVar[str] = "when"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(may=("session", "node", "auth_code", "binding")),)
    or_else: ClassVar[str] = "; a rule for every call has no 'when'"

    session: NumberTest | None = None
    """The session's id: a number, a list of numbers, or a condition."""
    node: NumberTest | None = None
    """The technician's node: a number, a list of numbers, or a condition."""
    auth_code: TextTest | None = Field(default=None, repr=False)
    """The secret auth code: a text exactly as written, quoted or not, a list of texts, or a condition."""
    binding: BindingTest | None = None
    """How the call arrives: soap11, soap12, get or post, a list of these, or a condition."""


class SpreadModel(StrictModel):
    """A delay that differs from answer to answer: uniform (from, to) or log-normal (median, p99)."""

    noun: ClassVar[str] = "a delay"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("from", "to")), Variant(("median", "p99")))

    from_: Seconds | None = Field(default=None, alias="from")
    """The shortest delay; every delay up to `to` is as likely."""
    to: Seconds | None = None
    """The longest delay."""
    median: Seconds | None = None
    """Half of the delays are shorter."""
    p99: Seconds | None = None
    """Ninety-nine of a hundred delays are shorter."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """The smaller end comes first, and a median of nothing has no spread."""
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            yield CrossFieldError("'from' is longer than 'to'")
        if self.median is not None and self.p99 is not None and self.median > self.p99:
            yield CrossFieldError("'median' is longer than 'p99'")
        if self.median == 0:
            yield CrossFieldError("the median must be longer than 0ms", ("median",))


DelayModel = Annotated[
    Annotated[Seconds, Tag("scalar")] | Annotated[SpreadModel, Tag("mapping")],
    Discriminator(shape),
]


BODILESS: Final = frozenset({204, 205, 304})
"""The statuses whose answers have no body, whatever is said."""

_NAMES: Final[JsonDict] = {"pattern": f"^{HEADER_NAME}$"}
_TRICKLES: Final[JsonDict] = {"properties": {"connection": {"const": "trickle"}}, "required": ["connection"]}
_CONTRADICTIONS: Final[JsonDict] = {
    "allOf": [
        {"if": _TRICKLES, "then": {"required": ["over"]}, "else": {"properties": {"over": False}}},
        {
            "if": {"properties": {"status": {"enum": [*sorted(BODILESS)]}}, "required": ["status"]},
            "then": {"properties": {"body": {"const": ""}}},
        },
    ]
}


class FailureModel(StrictModel):
    """A failure in place of a result: an exception of the service, an HTTP answer, or a broken connection."""

    noun: ClassVar[str] = "a failure"
    model_config = ConfigDict(json_schema_extra=_CONTRADICTIONS)
    variants: ClassVar[tuple[Variant, ...]] = (
        Variant(("exception",)),
        Variant(("status",), may=("headers", "body", "content_type")),
        Variant(("connection",), may=("over",)),
    )

    exception: XmlText | None = None
    """The message with which the service throws: a SOAP fault with status 500, or a 500 text over GET and POST."""
    status: Status | None = None
    """The status of an HTTP answer that every binding gets, 200 to 599."""
    headers: dict[HeaderName, HeaderValue] | None = Field(default=None, json_schema_extra={"propertyNames": _NAMES})
    """Headers of the HTTP answer, each name with its value."""
    body: Text | None = None
    """The body of the HTTP answer; empty when left out."""
    content_type: MediaType | None = None
    """The media type of the body."""
    connection: FaultName | None = None
    """What happens to the connection: reset, close, truncate, garbage, stall or trickle."""
    over: Seconds | None = None
    """How long a trickle takes for the whole answer."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """A trickle, and nothing else, takes its time; some statuses have no body; a header is given once."""
        trickles = self.connection is ConnectionFault.TRICKLE
        if trickles and self.over is None:
            yield CrossFieldError("'over' is missing: how long the trickle takes, like 10s")
        if self.over is not None and self.connection is not None and not trickles:
            yield CrossFieldError("stands beside 'connection: trickle' only", ("over",), AT_KEY)
        if self.body and self.status in BODILESS:
            yield CrossFieldError(f"an answer with status {self.status} has no body", ("body",), AT_KEY)
        names = [name.lower() for name in self.headers or ()]
        if len(set(names)) < len(names):
            yield CrossFieldError("a header is given twice; the case of its letters makes no difference", ("headers",))


class AdministratorModel(StrictModel):
    """The owner of an auth code."""

    noun: ClassVar[str] = "an administrator"

    name: ShortText | None = None
    """What this person is called; `administrator N` when left out."""
    auth_code: Filled = Field(repr=False)
    """The secret auth code of this person, exactly as written, quoted or not."""
    status: AccountStatusName = AccountStatus.ACTIVE
    """Whether the account can be used: active, disabled or deleted."""
    role: RoleName = Role.ADMINISTRATOR
    """What this person may do; a technician may not start sessions by auth code."""


class TechnicianModel(StrictModel):
    """Somebody who can pick sessions up, at a node."""

    noun: ClassVar[str] = "a technician"

    name: ShortText | None = None
    """What this person is called; `technician N` when left out."""
    node: Int32
    """The node of this technician."""
    status: TechnicianStatusName = TechnicianStatus.ONLINE
    """online, offline, away, busy or disabled; at an offline or disabled one no session can be started."""


class SessionModel(StrictModel):
    """A customer's session."""

    noun: ClassVar[str] = "a session"

    id: Int32
    """The session's id."""
    customer: ShortText | None = None
    """Who waits, or why."""
    status: SessionStatusName = SessionStatus.WAITING
    """Where the session stands: waiting, incoming, outgoing and on_hold ones can be started."""


class DeskModel(StrictModel):
    """Who is there and what waits: answers calls that no rule accepts."""

    noun: ClassVar[str] = "the desk"

    administrators: tuple[AdministratorModel, ...] = ()
    """The owners of auth codes."""
    technicians: tuple[TechnicianModel, ...] = ()
    """Who can pick sessions up."""
    sessions: tuple[SessionModel, ...] = ()
    """The customers' sessions as they stand when the emulator starts."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        """Auth codes, nodes and session ids are each given once; codes are not told."""
        yield from _repeated("administrators", "auth_code", (owner.auth_code for owner in self.administrators))
        yield from _repeated("technicians", "node", (technician.node for technician in self.technicians))
        yield from _repeated("sessions", "id", (session.id for session in self.sessions))


def _repeated(people: str, key: str, values: Iterable[Hashable]) -> Iterator[CrossFieldError]:
    first: dict[Hashable, int] = {}
    for number, value in enumerate(values):
        if first.setdefault(value, number) != number:
            yield CrossFieldError(f"is already that of {people}[{first[value]}]", (people, number, key))


MOST_RULES: Final = 100_000


class ReplyModel(StrictModel):
    """One answer: a result or a failure, maybe after a delay."""

    noun: ClassVar[str] = "a reply"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("return",)), Variant(("fail",)))

    return_: ResultName | None = Field(default=None, alias="return")
    """The result that the call gets."""
    fail: FailureModel | None = None
    """The failure that the call gets in place of a result."""
    delay: DelayModel | None = None
    """How long the answer waits: `250ms`, `1.5s`, {from, to} or {median, p99}."""


ReplyField = Annotated[
    Annotated[ResultName, Tag("scalar")] | Annotated[ReplyModel, Tag("mapping")],
    Discriminator(shape),
]


class RuleModel(StrictModel):
    """What is answered to which calls. The first rule that accepts a call answers it."""

    noun: ClassVar[str] = "a rule"
    variants: ClassVar[tuple[Variant, ...]] = (
        Variant(("return",), may=("delay",)),
        Variant(("fail",), may=("delay",)),
        Variant(("replies",)),
    )
    elsewhere: ClassVar[Mapping[str, str]] = {"delay": "; write it inside a reply"}

    name: ShortText | None = None
    """What the rule is called in logs, in the journal and on pages; `rule N` when left out."""
    when: WhenModel | None = None
    """The conditions, all of which must hold; left out, the rule accepts every call."""
    return_: ResultName | None = Field(default=None, alias="return")
    """The result that every accepted call gets."""
    fail: FailureModel | None = None
    """The failure that every accepted call gets in place of a result."""
    replies: Annotated[tuple[ReplyField, ...], Field(min_length=1)] | None = None
    """Answers given out in turn; the last one stays."""
    delay: DelayModel | None = None
    """How long the answer waits: `250ms`, `1.5s`, {from, to} or {median, p99}. Beside `return` or `fail`."""
    times: Count | None = None
    """The rule answers this many calls, and then stands aside for the rules below."""
    per: PerName = Per.RULE
    """What `times` and `replies` are counted by: rule, session, node or auth_code."""


class ScenarioModel(StrictModel):
    """A scenario: which result, or which failure, each call of startSession gets."""

    noun: ClassVar[str] = "a scenario"

    version: Version = 1
    """The version of the scenario language."""
    name: ShortText | None = None
    """What the scenario is called in logs and on pages; the file's name when left out."""
    description: Text | None = None
    """What the scenario is about."""
    otherwise: ReplyField = Result.ERROR
    """What a call gets that no rule accepts and for which the desk has no answer."""
    rules: Annotated[tuple[RuleModel, ...], Field(max_length=MOST_RULES)] = ()
    """The rules; the first one that accepts a call answers it."""
    desk: DeskModel | None = None
    """A model of the people and sessions, which answers calls that no rule accepts."""
    schema_: Text | None = Field(default=None, alias="$schema")
    """Where the schema of this file is, for editors; ignored."""
