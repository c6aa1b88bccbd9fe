"""Failures as a person writes them: an exception, an HTTP answer, or a broken connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from emulator.core.replies import ConnectionFault
from emulator.scenario.scalars import FaultWord, Seconds, Status
from emulator.scenario.texts import HEADER_NAME, HeaderName, HeaderValue, MediaType, Text, XmlText
from emulator.scenario.written import AT_KEY, Mistake, Way, Written

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


class WrittenFailure(Written):
    """A failure in place of a result: an exception of the service, an HTTP answer, or a broken connection."""

    noun: ClassVar[str] = "a failure"
    model_config = ConfigDict(json_schema_extra=_CONTRADICTIONS)
    ways: ClassVar[tuple[Way, ...]] = (
        Way(("exception",)),
        Way(("status",), may=("headers", "body", "content_type")),
        Way(("connection",), may=("over",)),
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
    connection: FaultWord | None = None
    """What happens to the connection: reset, close, truncate, garbage, stall or trickle."""
    over: Seconds | None = None
    """How long a trickle takes for the whole answer."""

    def contradictions(self) -> Iterator[Mistake]:
        """A trickle, and nothing else, takes its time; some statuses have no body; a header is given once."""
        trickles = self.connection is ConnectionFault.TRICKLE
        if trickles and self.over is None:
            yield Mistake("'over' is missing: how long the trickle takes, like 10s")
        if self.over is not None and self.connection is not None and not trickles:
            yield Mistake("stands beside 'connection: trickle' only", ("over",), AT_KEY)
        if self.body and self.status in BODILESS:
            yield Mistake(f"an answer with status {self.status} has no body", ("body",), AT_KEY)
        names = [name.lower() for name in self.headers or ()]
        if len(set(names)) < len(names):
            yield Mistake("a header is given twice; the case of its letters makes no difference", ("headers",))
