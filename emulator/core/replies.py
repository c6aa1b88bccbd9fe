"""What a rule can say to a call: a result or a failure, perhaps after a delay; others carry it out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Protocol

from emulator.core.contract import Result
from emulator.delivery import ConnectionFault

_P99_OF_STANDARD_NORMAL = 2.3263478740408408


@dataclass(frozen=True, slots=True)
class Return:
    """The operation returns a result."""

    result: Result

    @property
    def word(self) -> str:
        """The outcome in a word or two."""
        return self.result._value_  # the same as value, which is slow to read

    def as_data(self) -> dict[str, object]:
        """The outcome in the words of the scenario language."""
        return {"return": self.result.value}

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class Throw:
    """The operation throws: a SOAP fault, or a text with status 500 over GET and POST (contract E6)."""

    message: str

    @property
    def word(self) -> str:
        """The outcome in a word or two."""
        return "exception"

    def as_data(self) -> dict[str, object]:
        """The outcome in the words of the scenario language."""
        return {"fail": {"exception": self.message}}

    def __str__(self) -> str:
        return f"exception {self.message!r}"


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """This HTTP answer in every binding, whatever the service would have said."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    content_type: str | None = None

    @property
    def word(self) -> str:
        """The outcome in a word or two."""
        return f"status {self.status}"

    def as_data(self) -> dict[str, object]:
        """The outcome in the words of the scenario language."""
        said = {"headers": dict(self.headers), "body": self.body, "content_type": self.content_type}
        return {"fail": {"status": self.status, **{key: value for key, value in said.items() if value}}}

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """The connection fails. ``over`` is how long a trickle takes, in seconds; None for every other fault."""

    fault: ConnectionFault
    over: float | None = None

    @property
    def word(self) -> str:
        """The outcome in a word or two."""
        return f"connection {self.fault.value}"

    def as_data(self) -> dict[str, object]:
        """The outcome in the words of the scenario language."""
        over = {} if self.over is None else {"over": f"{self.over * 1000:.0f}ms"}
        return {"fail": {"connection": self.fault.value, **over}}

    def __str__(self) -> str:
        return self.word + ("" if self.over is None else f" over {self.over:g} s")


Outcome = Return | Throw | HttpFailure | ConnectionFailure


class Delay(Protocol):
    """How long an answer waits."""

    def seconds(self, random: Random) -> float:
        """One waiting time in seconds, drawn with the given source of chance."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same delay, in seconds."""

    value: float

    def seconds(self, random: Random) -> float:  # noqa: ARG002 - nothing is left to chance
        """The delay, whatever is drawn."""
        return self.value

    def __str__(self) -> str:
        return f"{self.value:g} s"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any delay between two bounds, in seconds, each as likely."""

    low: float
    high: float

    def seconds(self, random: Random) -> float:
        """A draw between the bounds."""
        return random.uniform(self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} s"


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Mostly near the median with a long tail: one delay in a hundred is past ``p99``; both in seconds."""

    median: float
    p99: float

    def seconds(self, random: Random) -> float:
        """A draw from the log-normal distribution with this median and 99th percentile."""
        sigma = math.log(self.p99 / self.median) / _P99_OF_STANDARD_NORMAL
        return self.median * math.exp(sigma * random.gauss(0.0, 1.0))

    def __str__(self) -> str:
        return f"about {self.median:g} s, one in a hundred past {self.p99:g} s"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a rule: what happens, and how long it takes before it does."""

    outcome: Outcome
    delay: Delay | None = None

    def __str__(self) -> str:
        return str(self.outcome) if self.delay is None else f"{self.outcome} after {self.delay}"
