"""Dry runs of a call and verification of past calls, explained for people and as data.

All texts are derived from the fields, so that masking these is enough to mask the texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from emulator.core.contract import Call, format_auth_code
from emulator.core.journal import DecidedBy, Exchange, Snapshot
from emulator.core.matching import FIELDS, Mismatch, When
from emulator.core.replies import Reply
from emulator.core.rules import NEAR_MISSES, NearMiss, Rule
from emulator.escaping import visible

_MAX_RULES_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class PossibleReply:
    """What a rule with a chance replies, if it answers the call."""

    rule: Rule
    reply: Reply


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to a call; ``rule`` and ``reply`` are what happens if no rule of ``by_chance`` answers it."""

    call: Call
    passed_over: tuple[NearMiss, ...]  # in order, the rules before the one that answers, or all if none does
    by_chance: tuple[PossibleReply, ...]  # in order, those of them that may answer
    decided_by: DecidedBy
    rule: Rule | None
    reply: Reply
    reason: str  # why the desk or ``otherwise`` decides; "" if a rule does
    near_misses: tuple[NearMiss, ...]  # the closest rules if ``otherwise`` decides

    def text(self) -> str:
        """Return the explanation for people: the call, the rules passed over (the first 20), and the answer."""
        call, more = self.call, len(self.passed_over) - _MAX_RULES_LISTED
        auth_code = format_auth_code(call.auth_code)
        lines = [f"call: session {call.session}, node {call.node}, auth code {auth_code}, {call.binding.value}"]
        lines += [
            f"  may  {miss.rule}: it answers {miss.rule.share} of these calls" if miss.by_chance else f"  no   {miss}"
            for miss in self.passed_over[:_MAX_RULES_LISTED]
        ]
        if more > 0:
            lines.append(f"  no   {more} more rules")
        if self.rule is not None:
            lines.append(f"  yes  {self.rule}")
            decider = f"rule {self.rule}"
        else:
            decider = f"{'the desk' if self.decided_by is DecidedBy.DESK else 'otherwise'}: {self.reason}"
        calls = "these calls"
        for each in self.by_chance[:_MAX_RULES_LISTED]:
            lines.append(f"answer to {each.rule.share} of {calls}: {each.reply}, decided by rule {each.rule}")
            calls = "the others"
        lines.append(f"answer{' to the others' if self.by_chance else ''}: {self.reply}, decided by {decider}")
        return "\n".join([*lines, *(f"near miss: {miss}" for miss in self.near_misses)])

    def as_data(self) -> dict[str, object]:
        call = self.call
        fields = (call.session, call.node, format_auth_code(call.auth_code), call.binding.value)
        return {
            "call": dict(zip(FIELDS, fields, strict=True)),
            "passed_over": [miss.as_data() for miss in self.passed_over],
            "by_chance": [
                {
                    "rule": each.rule.name,
                    "source": each.rule.source,
                    "chance": each.rule.percentage,
                    "reply": str(each.reply),
                }
                for each in self.by_chance
            ],
            "decided_by": self.decided_by.value,
            "rule": None if self.rule is None else {"rule": self.rule.name, "source": self.rule.source},
            "reply": str(self.reply),
            "reason": self.reason,
            "near_misses": [miss.as_data() for miss in self.near_misses],
        }


@dataclass(frozen=True, slots=True)
class Times:
    """An expected number of calls, from ``at_least`` to ``at_most`` (None: no upper bound)."""

    at_least: int = 1
    at_most: int | None = None

    def accepts(self, count: int) -> bool:
        return self.at_least <= count and (self.at_most is None or count <= self.at_most)

    def is_settled(self, count: int) -> bool:
        """Return True if who waits for calls need not wait on after so many: no more are wanted, or too many came.

        That no call came, or at most N, is not settled before the time is over.
        """
        if self.at_most is None:
            return count >= self.at_least
        return count > self.at_most or 0 < self.at_least == self.at_most == count

    def __str__(self) -> str:
        if self.at_most is None:
            return f"at least {_calls(self.at_least)}"
        if self.at_most == 0:
            return "no call"
        if self.at_least == self.at_most:
            return f"exactly {_calls(self.at_most)}"
        return f"at most {_calls(self.at_most)}" if not self.at_least else f"{self.at_least} to {_calls(self.at_most)}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which calls should have come, and how often: after the entry ``after``, and within so many seconds from now.

    ``within`` None: they should have come already.
    """

    when: When = field(default_factory=When)
    times: Times = field(default_factory=Times)
    after: int = 0
    within: float | None = None

    def includes(self, exchange: Exchange) -> bool:
        return exchange.id > self.after and self.when.accepts(exchange.call)


@dataclass(frozen=True, slots=True)
class NearCall:
    """A call that does not meet the conditions of a verification."""

    exchange: Exchange
    mismatches: tuple[Mismatch, ...]

    def text(self) -> str:
        reasons = "; ".join(mismatch.text("wanted is") for mismatch in self.mismatches)
        return f"call {self.exchange.id}, {describe_call(self.exchange)}: {reasons}"

    def as_data(self) -> dict[str, object]:
        return {"id": self.exchange.id, "mismatches": [mismatch.as_data() for mismatch in self.mismatches]}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was expected of the calls, and what the journal has: ``count`` matching calls of ``total``."""

    expected: Expectation
    count: int
    total: int
    near_misses: tuple[NearCall, ...]
    dropped: int = 0  # how many entries the journal has dropped
    certain: bool = True  # False if dropped entries could change the outcome
    ended: str = ""  # why it did not wait as long as it should have; "" if it did, or had not to

    @property
    def verified(self) -> bool:
        return self.certain and not self.ended and self.expected.times.accepts(self.count)

    @property
    def text(self) -> str:
        expected, came = self.expected, _calls(self.count) if self.count else "none"
        within = "" if expected.within is None else f" within {expected.within:g} s"
        wanted = f"wanted {expected.times} with {expected.when.text()}{within}"
        lines = [f"{wanted}; {came} came, of {_calls(self.total)} in the journal"]
        if self.ended:
            lines.append(f"the wait ended early: {self.ended}")
        lines += [f"near miss: {near.text()}" for near in self.near_misses]
        if not self.certain:
            lines.append(
                f"the outcome is uncertain, since the journal has dropped {self.dropped} older entries: raise its "
                "limits (--journal-size, --journal-bytes), reset before the calls, or verify only the calls after a "
                "later one"
            )
        return "\n".join(map(visible, lines))


def verify(snapshot: Snapshot, expected: Expectation, ended: str = "") -> Verification:
    """Count the calls of a journal that are expected; ``ended`` is why no others were waited for."""
    when, times, after = expected.when, expected.times, expected.after
    exchanges = [exchange for exchange in snapshot.exchanges if exchange.id > after]
    others = [exchange for exchange in exchanges if not when.accepts(exchange.call)]
    count = len(exchanges) - len(others)
    decided = count >= times.at_least if times.at_most is None else count > times.at_most  # whatever was dropped
    certain = decided or snapshot.dropped_id <= after
    if certain and not ended and times.accepts(count):
        others = []
    others.sort(key=lambda exchange: (sum(1 for _ in when.rejecting(exchange.call)), -exchange.id))
    near_calls = tuple(NearCall(exchange, when.mismatches(exchange.call)) for exchange in others[:NEAR_MISSES])
    return Verification(expected, count, len(exchanges), near_calls, snapshot.dropped, certain, ended)


def describe_call(exchange: Exchange) -> str:
    """Return a call in one line, such as ``soap11 session=1001 node=2 auth_code=demo-ann``."""
    call, auth_code = exchange.call, format_auth_code(exchange.call.auth_code)
    return f"{call.binding.value} session={call.session} node={call.node} auth_code={auth_code}"


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"
