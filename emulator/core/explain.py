"""The explanation of a call: which rules passed it over and why, and who answers; for people, and as plain data."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Final

from emulator.core.call import Call, Secret, masked
from emulator.core.journal import DecidedBy, Exchange, Snapshot
from emulator.core.matching import Mismatch, When
from emulator.core.near_misses import NearMiss
from emulator.core.replies import Reply
from emulator.core.rules import Rule
from emulator.escaping import visible

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """A dry run of one call.

    ``passed_over`` holds, in order, the rules before the one that answers; all of them when none does, and then
    ``near_misses`` holds the nearest. ``reason`` says why the desk or ``otherwise`` decides; it is "" for a rule.
    """

    call: Call
    passed_over: tuple[NearMiss, ...]
    decided_by: DecidedBy
    rule: Rule | None
    reply: Reply
    reason: str
    near_misses: tuple[NearMiss, ...]

    def lines(self, secret: Secret = masked) -> list[str]:
        """The explanation for a person: the call, each rule passed over (the first twenty), and the answer."""
        call = self.call
        return [
            f"call: session {call.session}, node {call.node}, auth code {secret(call.auth_code)}, {call.binding.value}",
            *(f"  no   {miss}" for miss in self.passed_over[:_SHOWN]),
            *([f"  no   {more} more rules"] if (more := len(self.passed_over) - _SHOWN) > 0 else []),
            *([] if self.rule is None else [f"  yes  {self.rule}"]),
            f"answer: {self.reply}, decided by {self._decider()}",
            *(f"near miss: {miss}" for miss in self.near_misses),
        ]

    def text(self, secret: Secret = masked) -> str:
        """The lines as one text."""
        return "\n".join(self.lines(secret))

    def as_data(self, secret: Secret = masked) -> dict[str, object]:
        """The explanation as plain data, ready for JSON; ``secret`` writes the auth code."""
        call = self.call
        return {
            "call": {
                "session": call.session,
                "node": call.node,
                "auth_code": secret(call.auth_code),
                "binding": call.binding.value,
            },
            "passed_over": [miss.as_data() for miss in self.passed_over],
            "decided_by": self.decided_by.value,
            "rule": None if self.rule is None else {"rule": self.rule.name, "source": self.rule.source},
            "reply": str(self.reply),
            "reason": self.reason,
            "near_misses": [miss.as_data() for miss in self.near_misses],
        }

    def _decider(self) -> str:
        if self.rule is not None:
            return f"rule {self.rule}"
        who = "the desk" if self.decided_by is DecidedBy.DESK else "otherwise"
        return f"{who}: {self.reason}"


_NEAR: Final = 3


@dataclass(frozen=True, slots=True)
class Times:
    """How often something should have come: at least, and at most (None: without end)."""

    at_least: int = 1
    at_most: int | None = None

    def holds(self, count: int) -> bool:
        """Whether a number of calls is right."""
        return self.at_least <= count and (self.at_most is None or count <= self.at_most)

    def __str__(self) -> str:
        if self.at_most is None:
            return f"at least {_calls(self.at_least)}"
        if self.at_most == 0:
            return "no call"
        if self.at_least == self.at_most:
            return f"exactly {_calls(self.at_most)}"
        return f"at most {_calls(self.at_most)}" if not self.at_least else f"{self.at_least} to {_calls(self.at_most)}"


@dataclass(frozen=True, slots=True)
class NearCall:
    """A call that is not one of those asked for, and why not."""

    exchange: Exchange
    mismatches: tuple[Mismatch, ...]

    def text(self, secret: Secret) -> str:
        """The call and why not, in a line."""
        why = "; ".join(mismatch.told("wanted is") for mismatch in self.mismatches)
        return f"call {self.exchange.id}, {described(self.exchange, secret)}: {why}"

    def as_data(self) -> dict[str, object]:
        """The same as plain data."""
        return {"id": self.exchange.id, "mismatches": [mismatch.as_data() for mismatch in self.mismatches]}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was asked and what was found. ``came`` is how many calls are in the journal, of any kind.

    ``certain`` is False when entries that could make the difference were dropped from the journal: how many is
    ``dropped``. ``secret`` writes auth codes in the text.
    """

    when: When
    times: Times
    count: int
    came: int
    near_misses: tuple[NearCall, ...]
    dropped: int = 0
    certain: bool = True
    secret: Secret = field(default=masked, repr=False, compare=False)

    @property
    def verified(self) -> bool:
        """Whether as many came as should, for certain."""
        return self.certain and self.times.holds(self.count)

    @property
    def text(self) -> str:
        """What was wanted and what came instead, for a person."""
        came = _calls(self.count) if self.count else "none"
        wanted = self.when.text(self.secret)
        lines = [f"wanted {self.times} with {wanted}; {came} came, of {_calls(self.came)} in the journal"]
        lines += [f"near miss: {near.text(self.secret)}" for near in self.near_misses]
        if not self.certain:
            lines.append(
                f"that cannot be told for certain, since the journal has dropped {self.dropped} older entries: "
                "let it keep more (--journal-size, --journal-bytes), reset it before, or ask about calls after a "
                "later one"
            )
        return "\n".join(map(visible, lines))


def verify(record: Snapshot, when: When, times: Times, *, after: int = 0, secret: Secret = masked) -> Verification:
    """Hold the calls of a journal after one with an id, 0 for all, against what is wanted of them."""
    exchanges = [exchange for exchange in record.exchanges if exchange.id > after]
    others = [exchange for exchange in exchanges if not when.accepts(exchange.call)]
    count = len(exchanges) - len(others)
    certain = record.dropped_id <= after or _certain(times, count)
    near = () if certain and times.holds(count) else _nearest(others, when, secret)
    return Verification(when, times, count, len(exchanges), near, record.dropped, certain, secret)


def described(exchange: Exchange, secret: Secret = masked) -> str:
    """A call in a line: ``soap11 session=1001 node=2 auth_code=de***``."""
    call = exchange.call
    return f"{call.binding.value} session={call.session} node={call.node} auth_code={secret(call.auth_code)}"


def _certain(times: Times, count: int) -> bool:
    """Whether more calls than were found could not change the finding."""
    too_many = times.at_most is not None and count > times.at_most
    return too_many or (times.at_most is None and count >= times.at_least)


def _nearest(others: list[Exchange], when: When, secret: Secret) -> tuple[NearCall, ...]:
    """Fewest mismatches first; among equals, the latest."""
    nearest = heapq.nsmallest(
        _NEAR, others, key=lambda exchange: (sum(1 for _ in when.refusals(exchange.call)), -exchange.id)
    )
    return tuple(NearCall(exchange, when.mismatches(exchange.call, secret)) for exchange in nearest)


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"
