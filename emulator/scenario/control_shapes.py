"""The shapes of what the control API returns: used by its handlers, by OpenAPI and by RemoteEmulator alike."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from emulator.core.contract import Binding, Result
from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.core.journal import DecidedBy
from emulator.core.rules import Per

ServiceName = Annotated[Literal["rescue-emulator"], Field(description="What answers here.")]
Count = Annotated[int, Field(ge=0)]
Remarks = Annotated[list[str], Field(description="What the client probably did wrong; mostly nothing.")]
DeskReason = Annotated[
    str, Field(description='Why the desk decided so, or left the call to otherwise; "" if a rule decided, or no desk.')
]
Seconds = Annotated[float, Field(ge=0, description="Seconds.")]
Started = Annotated[float, Field(description="When it began, in seconds since 1970; another value: it began anew.")]


class AddressesJson(TypedDict):
    url: str
    wsdl_url: str
    control_url: str


class AboutJson(TypedDict, total=False):
    """The emulator or space that answers, and its addresses; for those who may use the control API only."""

    version: str
    scenario: str
    description: Annotated[str | None, Field(description="Of the scenario.")]
    started: Started
    uptime_s: Seconds
    watch: Annotated[str, Field(description="With --watch: notifications, or polling and why.")]
    space: Annotated[str | None, Field(description="Its name; null: the server itself.")]
    url: str
    wsdl_url: str
    control_url: str
    public_url: str | None


class HealthJson(AboutJson):
    service: ServiceName
    status: Literal["ready"]


class ScenarioSummaryJson(TypedDict):
    scenario: str
    rules: Count


class ScenarioFilesJson(TypedDict):
    """The scenario files of the folder, and the one in use; null without a folder."""

    files: list[str]
    in_force: str | None


class AdministratorJson(TypedDict):
    name: str
    auth_code: str
    status: AccountStatus
    role: Role


class TechnicianStatusJson(TypedDict):
    node: int
    status: TechnicianStatus


class TechnicianJson(TechnicianStatusJson):
    name: str


class SessionStatusJson(TypedDict):
    id: int
    status: SessionStatus


class SessionJson(SessionStatusJson):
    """A session; ``node`` is where a call started it, null if none did."""

    customer: str | None
    node: int | None


class DeskJson(TypedDict):
    """The desk with the changes since the start; empty lists if the scenario has none."""

    administrators: list[AdministratorJson]
    technicians: list[TechnicianJson]
    sessions: list[SessionJson]


class RuleJson(TypedDict):
    id: Annotated[int | None, Field(description="null: a rule of the scenario.")]
    name: str
    source: str | None
    rule: Annotated[
        dict[str, Any] | None,
        Field(description="The rule in the scenario language, as it was given; null: it was made by a program."),
    ]
    text: Annotated[str, Field(description="The conditions and replies for people.")]
    hits: Count
    when: Annotated[dict[str, str], Field(description="The conditions as text.")]
    replies: list[str]
    last: Annotated[int | None, Field(description="The id of the last call that it answered.")]
    next: Annotated[
        Count | None,
        Field(description="The index in `replies` of the next reply; null: the rule is spent, or counts by `per`."),
    ]
    times: int | None
    per: Per


class RuleListJson(TypedDict):
    """Rules in order of precedence; ``total`` counts those beyond the limit too."""

    rules: list[RuleJson]
    total: Count


class MismatchJson(TypedDict):
    field: str
    expected: str
    actual: str
    differs_at: NotRequired[Annotated[int, Field(description="The first character at which the codes differ.")]]
    difference: NotRequired[Annotated[str, Field(description="The same as text, with what cannot be seen.")]]


class RuleNameJson(TypedDict):
    rule: str
    source: str | None


class NearMissJson(RuleNameJson):
    spent: bool
    mismatches: list[MismatchJson]


class NearestRuleJson(NearMissJson):
    reason: str
    times: int | None
    per: Per


class MessageJson(TypedDict):
    """An HTTP message: its first line, its headers as pairs, its body as text."""

    start: str
    headers: list[list[str]]
    body: str


class DeliveryJson(TypedDict):
    """What became of an answer."""

    decided_s: Annotated[float, Field(ge=0, description="How long deciding the answer took, in seconds.")]
    answered_s: Annotated[
        float | None,
        Field(description="Seconds from the last byte of the request to that of the answer; null like delivered."),
    ]
    delivered: Annotated[
        str | None,
        Field(
            description="What was handed to the operating system, and whether the client had left by then: whole, cut "
            "after N bytes, N bytes of garbage, nothing, client left after S s. null while the answer waits, and under "
            "another WSGI server."
        ),
    ]


class ExchangeJson(DeliveryJson):
    """A call with its reply. ``time`` is in seconds since 1970, ``reply`` in the words of the scenario language."""

    kind: Literal["exchange"]
    id: Count
    time: float
    binding: Binding
    session: int
    node: int
    auth_code: str | None
    decided_by: DecidedBy
    rule: str | None
    source: str | None
    reason: DeskReason
    reply: dict[str, Any]
    delay_s: Seconds
    remarks: Remarks


class RefusalJson(DeliveryJson):
    kind: Literal["refusal"]
    id: Count
    time: float
    binding: Binding | None
    status: Count
    reason: str
    remarks: Remarks


class _RawJson(TypedDict):
    request: MessageJson | None
    answer: Annotated[
        MessageJson | None, Field(description="Exactly the bytes that were sent; null: none were, or not yet.")
    ]
    near_misses: list[NearestRuleJson]


class ExchangeDetailJson(ExchangeJson, _RawJson):
    """A call with its reply and the messages."""


class RefusalDetailJson(RefusalJson, _RawJson):
    """A refusal with the messages."""


EntryJson = Annotated[ExchangeJson | RefusalJson, Field(discriminator="kind")]
EntryDetailJson = ExchangeDetailJson | RefusalDetailJson


class BucketJson(TypedDict):
    """The number of calls by outcome in some seconds from ``at`` on (since 1970)."""

    at: float
    counts: dict[str, Count]


class TotalsJson(TypedDict):
    """The numbers since the start, whatever the journal has dropped."""

    calls: Count
    refusals: Count


class CallListJson(TypedDict):
    """Entries of the journal; ``found`` counts those beyond the limit too."""

    started: Started
    calls: list[EntryJson]
    found: Count
    first: Annotated[Count, Field(description="Entries with smaller ids are gone.")]
    last: Annotated[Count, Field(description="The id of the newest entry so far; 0 for none.")]
    timeline: list[BucketJson]
    dropped: Annotated[Count, Field(description="Entries dropped to save memory since the journal was last cleared.")]
    totals: TotalsJson


class SentCallJson(TypedDict):
    """A call as it was sent, and what a client saw of the answer: all of it, a part, or nothing."""

    request: MessageJson
    answer: Annotated[MessageJson | None, Field(description="What came; of bytes that are no HTTP, only a body.")]
    failure: Annotated[str | None, Field(description="How the connection failed; null: it did not.")]
    result: Result | None
    status: int | None
    answered_s: Annotated[float, Field(ge=0, description="Seconds until the answer's last byte, or the failure.")]
    call: Annotated[int | None, Field(description="The id in the journal, as the answer's X-Emulator-Call has it.")]


class NearCallJson(TypedDict):
    id: Count
    mismatches: list[MismatchJson]


class VerificationJson(TypedDict):
    """As many calls as expected came; otherwise the answer is a 409."""

    verified: Literal[True]
    count: Count
    text: str


class CallJson(TypedDict):
    session: int
    node: int
    auth_code: str
    binding: Binding


class ExplanationJson(TypedDict):
    call: CallJson
    passed_over: list[NearMissJson]
    decided_by: DecidedBy
    rule: RuleNameJson | None
    reply: str
    reason: str
    near_misses: list[NearMissJson]
    text: str


class SpaceJson(AddressesJson):
    name: str
    scenario: str
    idle_s: Seconds


class SpaceListJson(TypedDict):
    """The open spaces, how many there can be, and the seconds after which an idle one ends."""

    spaces: list[SpaceJson]
    most: Count
    idle_s: Seconds


class WrongJson(TypedDict):
    """One problem in a body; with its place if the body is YAML."""

    message: str
    line: NotRequired[Count]
    column: NotRequired[Count]


class ProblemJson(AboutJson):
    """RFC 9457. 422 lists all ``problems``; 503 to a request for the health has what a 200 has.

    409 to a verification has ``verified``, the ``count`` of calls, the ``near_misses``, and ``dropped``: above 0 if the
    journal cannot tell, since it has dropped so many entries.
    """

    service: ServiceName
    title: str
    status: Count
    detail: str
    problems: NotRequired[list[WrongJson]]
    verified: NotRequired[Literal[False]]
    count: NotRequired[Count]
    dropped: NotRequired[Count]
    near_misses: NotRequired[list[NearCallJson]]
