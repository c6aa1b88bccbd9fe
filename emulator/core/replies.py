"""What a rule can say in answer to a call: a result or a failure, perhaps after a delay; carrying it out is others' work."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Protocol

from emulator.core.contract import Result

_P99_OF_STANDARD_NORMAL = 2.3263478740408408


@dataclass(frozen=True, slots=True)
class Return:
    """The operation returns a result."""

    result: Result


@dataclass(frozen=True, slots=True)
class Throw:
    """The operation throws: a SOAP fault, or a text with status 500 over GET and POST (contract E6)."""

    message: str


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """This HTTP answer in every binding, whatever the service would have said."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    content_type: str | None = None


class ConnectionFault(str, Enum):
    """How a connection can fail under an answer."""

    RESET = "reset"
    CLOSE = "close"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    STALL = "stall"
    TRICKLE = "trickle"


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """The connection fails. ``over`` is how long a trickle takes, in seconds; None for every other fault."""

    fault: ConnectionFault
    over: float | None = None


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

    def seconds(self, random: Random) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any delay between two bounds, in seconds, each as likely."""

    low: float
    high: float

    def seconds(self, random: Random) -> float:
        return random.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Mostly near the median with a long tail: one delay in a hundred is past ``p99``; both in seconds."""

    median: float
    p99: float

    def seconds(self, random: Random) -> float:
        sigma = math.log(self.p99 / self.median) / _P99_OF_STANDARD_NORMAL
        return self.median * math.exp(sigma * random.gauss(0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a rule: what happens, and how long it takes before it does."""

    outcome: Outcome
    delay: Delay | None = None
