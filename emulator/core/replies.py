"""What a rule can reply to a call: a result or a failure, optionally after a delay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from emulator.core.contract import Result
from emulator.delivery import ConnectionFault

_P99_OF_STANDARD_NORMAL = 2.3263478740408408

# The outcomes. ``word`` is a short label for logs and metrics; ``as_data`` returns the outcome as in a scenario file.


@dataclass(frozen=True, slots=True)
class Return:
    result: Result

    @property
    def word(self) -> str:
        return self.result._value_  # the same as value, which is a slow descriptor

    def as_data(self) -> dict[str, object]:
        return {"return": self.result.value}

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class Throw:
    """The operation throws: a SOAP fault, or a text with status 500 over GET and POST (contract E6)."""

    word: ClassVar[str] = "exception"

    message: str

    def as_data(self) -> dict[str, object]:
        return {"fail": {"exception": self.message}}

    def __str__(self) -> str:
        return f"exception {self.message!r}"


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """An HTTP response that replaces the service's own, the same in every binding."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    content_type: str | None = None

    @property
    def word(self) -> str:
        return f"status {self.status}"

    def as_data(self) -> dict[str, object]:
        optional = {"headers": dict(self.headers), "body": self.body, "content_type": self.content_type}
        return {"fail": {"status": self.status, **{key: value for key, value in optional.items() if value}}}

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """The connection fails. ``over`` is the duration of a trickle in seconds, None for other faults."""

    fault: ConnectionFault
    over: float | None = None

    @property
    def word(self) -> str:
        return f"connection {self.fault.value}"

    def as_data(self) -> dict[str, object]:
        over = {} if self.over is None else {"over": f"{self.over * 1000:.6f}".rstrip("0").rstrip(".") + "ms"}
        return {"fail": {"connection": self.fault.value, **over}}

    def __str__(self) -> str:
        return self.word + ("" if self.over is None else f" over {self.over:g} s")


Outcome = Return | Throw | HttpFailure | ConnectionFailure

# The delays, in seconds. ``seconds`` draws one.


@dataclass(frozen=True, slots=True)
class Fixed:
    value: float

    def seconds(self, random: Random) -> float:  # noqa: ARG002 - the other delays draw from it
        return self.value

    def __str__(self) -> str:
        return f"{self.value:g} s"


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float
    high: float

    def seconds(self, random: Random) -> float:
        return random.uniform(self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} s"


@dataclass(frozen=True, slots=True)
class LogNormal:
    median: float
    p99: float

    def seconds(self, random: Random) -> float:
        sigma = math.log(self.p99 / self.median) / _P99_OF_STANDARD_NORMAL
        return self.median * math.exp(sigma * random.gauss(0.0, 1.0))

    def __str__(self) -> str:
        return f"about {self.median:g} s, 1 in 100 above {self.p99:g} s"


Delay = Fixed | Uniform | LogNormal


@dataclass(frozen=True, slots=True)
class Reply:
    outcome: Outcome
    delay: Delay | None = None

    def __str__(self) -> str:
        return str(self.outcome) if self.delay is None else f"{self.outcome} after {self.delay}"
