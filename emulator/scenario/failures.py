"""Delays and failures as a person writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from pydantic import Discriminator, Field, Tag

from emulator.core.replies import ConnectionFault
from emulator.scenario.scalars import FaultWord, HeaderName, HeaderValue, MediaType, Seconds, Status, Text, XmlText
from emulator.scenario.shapes import shape
from emulator.scenario.written import AT_VALUE, Mistake, Way, Written


class WrittenSpread(Written):
    """A delay that differs from answer to answer: uniform (from, to) or log-normal (median, p99)."""

    noun: ClassVar = "a delay"
    ways: ClassVar = (Way(("from", "to")), Way(("median", "p99")))

    from_: Seconds | None = Field(default=None, alias="from")
    """The shortest delay; every delay up to `to` is as likely."""
    to: Seconds | None = None
    """The longest delay."""
    median: Seconds | None = None
    """Half of the delays are shorter."""
    p99: Seconds | None = None
    """Ninety-nine of a hundred delays are shorter."""

    def contradictions(self) -> Iterator[Mistake]:
        """The smaller end comes first, and a median of nothing has no spread."""
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            yield Mistake("'from' is longer than 'to'")
        if self.median is not None and self.p99 is not None and self.median > self.p99:
            yield Mistake("'median' is longer than 'p99'")
        if self.median == 0:
            yield Mistake("the median must be longer than 0ms", ("median",), AT_VALUE)


BODILESS: Final = frozenset({204, 205, 304})
"""The statuses whose answers have no body, whatever is said."""

WrittenDelay = Annotated[
    Annotated[Seconds, Tag("scalar")] | Annotated[WrittenSpread, Tag("mapping")],
    Discriminator(shape),
]


class WrittenFailure(Written):
    """A failure in place of a result: an exception of the service, an HTTP answer, or a broken connection."""

    noun: ClassVar = "a failure"
    ways: ClassVar = (
        Way(("exception",)),
        Way(("status",), may=("headers", "body", "content_type")),
        Way(("connection",), may=("over",)),
    )

    exception: XmlText | None = None
    """The message with which the service throws: a SOAP fault with status 500, or a 500 text over GET and POST."""
    status: Status | None = None
    """The status of an HTTP answer that every binding gets, 200 to 599."""
    headers: dict[HeaderName, HeaderValue] | None = None
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
            yield Mistake("stands beside 'connection: trickle' only", ("over",))
        if self.body and self.status in BODILESS:
            yield Mistake(f"an answer with status {self.status} has no body", ("body",))
        names = [name.lower() for name in self.headers or ()]
        if len(set(names)) < len(names):
            yield Mistake("a header is given twice; the case of its letters makes no difference", ("headers",))
