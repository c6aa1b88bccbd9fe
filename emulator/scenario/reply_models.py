"""The models of replies: results, failures and delays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from emulator.core import replies
from emulator.core.contract import Result
from emulator.delivery import ConnectionFault
from emulator.scenario import fields
from emulator.scenario.meanings import delay_meant, failure_meant, format_failure, result_meant
from emulator.scenario.source import Path
from emulator.scenario.strict_model import AT_KEY, CrossFieldError, ParsedAs, StrictModel, Variant


class RandomDelayModel(StrictModel):
    """A random delay: uniform (from, to) or log-normal (median, p99)."""

    noun: ClassVar[str] = "a delay"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("from", "to")), Variant(("median", "p99")))

    from_: fields.Seconds | None = Field(default=None, alias="from")
    """The shortest delay of a uniform distribution."""
    to: fields.Seconds | None = None
    """The longest delay of a uniform distribution."""
    median: fields.Seconds | None = None
    """The median of a log-normal distribution."""
    p99: fields.Seconds | None = None
    """The 99th percentile of a log-normal distribution: one delay in a hundred is longer."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        meant = delay_meant(data)
        return f"did you mean {meant}?" if meant else None

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            yield CrossFieldError("'from' is longer than 'to'")
        if self.median is not None and self.p99 is not None and self.median > self.p99:
            yield CrossFieldError("'median' is longer than 'p99'")
        if self.median == 0:
            yield CrossFieldError("the median must be longer than 0ms", ("median",))


def _delay(parsed: float | RandomDelayModel) -> replies.Delay:
    match parsed:
        case float():
            return replies.Fixed(parsed)
        case RandomDelayModel(from_=float(low), to=float(high)):
            return replies.Uniform(low, high)
        case RandomDelayModel(median=float(median), p99=float(p99)):
            return replies.LogNormal(median, p99)
    raise AssertionError("one of the variants is required")


DelayField = Annotated[replies.Delay, ParsedAs(RandomDelayModel, _delay, scalar=fields.DelayValue)]

NO_BODY_STATUSES: Final = frozenset({204, 205, 304})
"""The statuses whose responses have no body (RFC 9110, 15)."""

_HEADERS_SCHEMA: Final[JsonDict] = {"propertyNames": {"pattern": f"^{fields.HEADER_NAME}$"}}
_IS_TRICKLE: Final[JsonDict] = {"properties": {"connection": {"const": "trickle"}}, "required": ["connection"]}
_FAILURE_SCHEMA: Final[JsonDict] = {
    "allOf": [
        {"if": _IS_TRICKLE, "then": {"required": ["over"]}, "else": {"properties": {"over": False}}},
        {
            "if": {"properties": {"status": {"enum": [*sorted(NO_BODY_STATUSES)]}}, "required": ["status"]},
            "then": {"properties": {"body": {"const": ""}}},
        },
    ]
}


class FailureModel(StrictModel):
    """A failure instead of a result: an exception of the service, an HTTP response, or a connection fault."""

    noun: ClassVar[str] = "a failure"
    model_config = ConfigDict(json_schema_extra=_FAILURE_SCHEMA)
    variants: ClassVar[tuple[Variant, ...]] = (
        Variant(("exception",)),
        Variant(("status",), may=("headers", "body", "content_type")),
        Variant(("connection",), may=("over",)),
    )

    exception: fields.XmlText | None = None
    """The message of an exception in the service: a SOAP fault with status 500, or a text with status 500 over GET and
    POST."""
    status: fields.Status | None = None
    """The status of an HTTP response, 200 to 599. It is the same in every binding."""
    headers: dict[fields.HeaderName, fields.HeaderValue] | None = Field(default=None, json_schema_extra=_HEADERS_SCHEMA)
    """The headers of the HTTP response, by name."""
    body: fields.Text | None = None
    """The body of the HTTP response (default: empty)."""
    content_type: fields.MediaType | None = None
    """The media type of the body."""
    connection: fields.FaultName | None = None
    """The connection fault: reset, close, truncate, garbage, stall or trickle."""
    over: fields.Seconds | None = None
    """How long a trickle takes to send the whole response."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        if isinstance(data, list | tuple):
            return "failures that are given in turn are written as 'replies'"
        if result_meant(data):
            return "a result is written as 'return'"
        meant = failure_meant(data)
        return f"did you mean {format_failure(meant)}?" if meant else None

    @classmethod
    def raw_errors(cls, data: Mapping[str, object]) -> Iterator[CrossFieldError]:
        headers = data.get("headers")
        names = [name.lower() for name in headers] if isinstance(headers, dict) else []
        if len(set(names)) < len(names):
            yield CrossFieldError("a header is given twice; letter case makes no difference", ("headers",))

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        is_trickle = self.connection is ConnectionFault.TRICKLE
        if is_trickle and self.over is None:
            yield CrossFieldError("'over' is missing: how long the trickle takes, such as 10s")
        if self.over is not None and self.connection is not None and not is_trickle:
            yield CrossFieldError("only allowed beside 'connection: trickle'", ("over",), AT_KEY)
        if self.body and self.status in NO_BODY_STATUSES:
            yield CrossFieldError(f"a response with status {self.status} has no body", ("body",), AT_KEY)

    def build(self) -> replies.Outcome:
        if self.exception is not None:
            return replies.Throw(self.exception)
        if self.connection is not None:
            return replies.ConnectionFailure(self.connection, self.over)
        assert self.status is not None, "one of the variants is required"
        return replies.HttpFailure(self.status, tuple((self.headers or {}).items()), self.body or "", self.content_type)


_CONNECTION_HEADERS: Final = {
    "connection": "the server closes the connection for 'close', and only sends any other value",
    "keep-alive": "the server sends it, but keeps its own time limit (--idle-timeout)",
    "proxy-connection": "the server sends it, and does nothing else",
    "te": "the server sends it, and does nothing else",
    "trailer": "the server sends it, but no trailers",
    "upgrade": "the server sends it, but speaks HTTP/1.1 only",
}
"""By header about one connection, which no proxy passes on (RFC 9110, 7.6.1): what the server makes of it."""

_REQUIRED_HEADERS: Final = {401: "WWW-Authenticate", 405: "Allow", 407: "Proxy-Authenticate", 426: "Upgrade"}
"""The header that a response with this status must have (RFC 9110, 15.5)."""


def remarks(failure: replies.HttpFailure) -> Iterator[tuple[Path, str]]:
    """Yield what is rarely meant in a response that can be sent: the path of the key, and a message."""
    names = {name.lower(): name for name, _ in failure.headers}
    required = _REQUIRED_HEADERS.get(failure.status, "")
    for name in names.keys() & _CONNECTION_HEADERS.keys() - {required.lower()}:
        message = f"this header is about one connection, and proxies drop it; {_CONNECTION_HEADERS[name]}"
        yield ("headers", names[name]), message
    if required and required.lower() not in names:
        message = f"real servers send {required} with {failure.status}, and clients may need it; add it to 'headers'"
        yield ("status",), message


FailureField = Annotated[replies.Outcome, ParsedAs(FailureModel, FailureModel.build)]


class ReplyModel(StrictModel):
    """One reply: a result or a failure, with an optional delay."""

    noun: ClassVar[str] = "a reply"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("return",)), Variant(("fail",)))
    belongs: ClassVar[Mapping[str, str]] = dict.fromkeys(FailureModel.keys, "fail")

    return_: fields.ResultKey | None = Field(default=None, alias="return")
    """The result of the call."""
    fail: FailureField | None = None
    """The failure that the call gets instead of a result."""
    delay: DelayField | None = None
    """The delay before the response: `250ms`, `1.5s`, {from, to} or {median, p99}."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        return "replies that are given in turn belong in the 'replies' of a rule" if isinstance(data, list) else None

    def build(self) -> replies.Reply:
        return build_reply(self.return_, self.fail, self.delay)


_RETURNS: Final = {result: replies.Reply(replies.Return(result)) for result in Result}  # shared, to save memory


def build_reply(result: Result | None, failure: replies.Outcome | None, delay: replies.Delay | None) -> replies.Reply:
    """Return a reply from the values of its keys, one of which is a result or a failure."""
    if failure is not None:
        return replies.Reply(failure, delay)
    assert result is not None, "one of the variants is required"
    return _RETURNS[result] if delay is None else replies.Reply(replies.Return(result), delay)


def _reply(parsed: Result | ReplyModel) -> replies.Reply:
    return _RETURNS[parsed] if isinstance(parsed, Result) else parsed.build()


ReplyField = Annotated[replies.Reply, ParsedAs(ReplyModel, _reply, scalar=fields.ReplyName)]
