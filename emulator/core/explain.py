"""Dry runs of a call and verification of past calls, explained for people and as data.

All texts are derived from the fields, so that masking these is enough to mask the texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emulator.core.call import Call, format_auth_code
from emulator.core.journal import DecidedBy, Exchange, Snapshot
from emulator.core.matching import Mismatch, When
from emulator.core.near_misses import NEAR_MISSES, NearMiss
from emulator.core.replies import Reply
from emulator.core.rules import Rule
from emulator.escaping import visible

_MAX_RULES_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """A dry run of one call.

    ``passed_over`` holds, in order, the rules before the one that answers, or all if none does; in that case
    ``near_misses`` holds the closest ones, and ``reason`` says why the desk or ``otherwise`` decides ("" for a rule).
    """

    call: Call
    passed_over: tuple[NearMiss, ...]
    decided_by: DecidedBy
    rule: Rule | None
    reply: Reply
    reason: str
    near_misses: tuple[NearMiss, ...]

    def lines(self) -> list[str]:
        """Return the explanation for people: the call, the rules passed over (the first 20), and the answer."""
        call, more = self.call, len(self.passed_over) - _MAX_RULES_LISTED
        auth_code = format_auth_code(call.auth_code)
        return [
            f"call: session {call.session}, node {call.node}, auth code {auth_code}, {call.binding.value}",
            *(f"  no   {miss}" for miss in self.passed_over[:_MAX_RULES_LISTED]),
            *([f"  no   {more} more rules"] if more > 0 else []),
            *([] if self.rule is None else [f"  yes  {self.rule}"]),
            f"answer: {self.reply}, decided by {self._decider()}",
            *(f"near miss: {miss}" for miss in self.near_misses),
        ]

    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self.lines())

    def as_data(self) -> dict[str, object]:
        """Return the explanation as JSON-ready data."""
        call = self.call
        return {
            "call": {
                "session": call.session,
                "node": call.node,
                "auth_code": format_auth_code(call.auth_code),
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
        decider = "the desk" if self.decided_by is DecidedBy.DESK else "otherwise"
        return f"{decider}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Times:
    """An expected number of calls, from ``at_least`` to ``at_most`` (None: no upper bound)."""

    at_least: int = 1
    at_most: int | None = None

    def accepts(self, count: int) -> bool:
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
    """A call that does not meet the conditions of a verification, and why."""

    exchange: Exchange
    mismatches: tuple[Mismatch, ...]

    def text(self) -> str:
        """Return the call and its mismatches in one line."""
        reasons = "; ".join(mismatch.text("wanted is") for mismatch in self.mismatches)
        return f"call {self.exchange.id}, {describe_call(self.exchange)}: {reasons}"

    def as_data(self) -> dict[str, object]:
        """Return the id of the call and its mismatches as JSON-ready data."""
        return {"id": self.exchange.id, "mismatches": [mismatch.as_data() for mismatch in self.mismatches]}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was expected of the calls, and what the journal has: ``count`` matching calls of ``total``.

    ``certain`` is False if entries that could change the outcome were dropped from the journal; ``dropped`` is the
    number of dropped entries.
    """

    when: When
    times: Times
    count: int
    total: int
    near_misses: tuple[NearCall, ...]
    dropped: int = 0
    certain: bool = True

    @property
    def verified(self) -> bool:
        """True if the number of calls is certain and as expected."""
        return self.certain and self.times.accepts(self.count)

    @property
    def text(self) -> str:
        """What was expected and what the journal has, for people."""
        came = _calls(self.count) if self.count else "none"
        lines = [f"wanted {self.times} with {self.when.text()}; {came} came, of {_calls(self.total)} in the journal"]
        lines += [f"near miss: {near.text()}" for near in self.near_misses]
        if not self.certain:
            lines.append(
                f"the outcome is uncertain, since the journal has dropped {self.dropped} older entries: raise its "
                "limits (--journal-size, --journal-bytes), reset before the calls, or verify only the calls after a "
                "later one"
            )
        return "\n".join(map(visible, lines))


def verify(snapshot: Snapshot, when: When, times: Times, *, after: int = 0) -> Verification:
    """Count the calls of a journal that meet the conditions, among those with ids greater than ``after``."""
    exchanges = [exchange for exchange in snapshot.exchanges if exchange.id > after]
    others = [exchange for exchange in exchanges if not when.accepts(exchange.call)]
    count = len(exchanges) - len(others)
    certain = snapshot.dropped_id <= after or _is_certain(times, count)
    if certain and times.accepts(count):
        others = []
    others.sort(key=lambda exchange: (sum(1 for _ in when.rejecting(exchange.call)), -exchange.id))
    near_calls = tuple(NearCall(exchange, when.mismatches(exchange.call)) for exchange in others[:NEAR_MISSES])
    return Verification(when, times, count, len(exchanges), near_calls, snapshot.dropped, certain)


def describe_call(exchange: Exchange) -> str:
    """Return a call in one line, such as ``soap11 session=1001 node=2 auth_code=demo-ann``."""
    call = exchange.call
    auth_code = format_auth_code(call.auth_code)
    return f"{call.binding.value} session={call.session} node={call.node} auth_code={auth_code}"


def _is_certain(times: Times, count: int) -> bool:
    """Return True if finding more calls than ``count`` could not change the outcome."""
    too_many = times.at_most is not None and count > times.at_most
    return too_many or (times.at_most is None and count >= times.at_least)


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"
