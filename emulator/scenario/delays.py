"""Delays as a person writes them: always the same, or drawn for each answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from emulator.scenario.scalars import Seconds
from emulator.scenario.written import Mistake, Way, Written, shape


class WrittenSpread(Written):
    """A delay that differs from answer to answer: uniform (from, to) or log-normal (median, p99)."""

    noun: ClassVar[str] = "a delay"
    ways: ClassVar[tuple[Way, ...]] = (Way(("from", "to")), Way(("median", "p99")))

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
            yield Mistake("the median must be longer than 0ms", ("median",))


WrittenDelay = Annotated[
    Annotated[Seconds, Tag("scalar")] | Annotated[WrittenSpread, Tag("mapping")],
    Discriminator(shape),
]
