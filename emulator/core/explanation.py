"""The explanation of a call: which rules passed it over and why, and who answers; for people, and as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.core.call import Call, Secret, masked
from emulator.core.exchange import DecidedBy
from emulator.core.near_misses import NearMiss
from emulator.core.replies import Reply
from emulator.core.rules import Rule

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
