"""A rule in force: how often it has spoken, by what it counts by, and so what it says next."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from emulator.core.call import Call
from emulator.core.replies import Reply
from emulator.core.rule_index import remaining
from emulator.core.rules import Per, Rule

KEYS_KEPT: Final = 100_000
"""How many sessions, nodes or auth codes one rule counts apart; past that the one unseen for longest starts anew."""


class RuleState:
    """A rule at its position among the rules in force. The engine's lock guards it.

    ``hits`` is how many calls it has answered, and ``last`` the id of the last of them.
    """

    __slots__ = ("_remaining", "_same", "_turns", "hits", "last", "position", "rule")

    def __init__(self, rule: Rule, position: int) -> None:
        self.rule = rule
        self.position = position
        self.hits = 0
        self.last: int | None = None
        self._remaining = remaining(rule.when)
        self._same = None if rule.counts else rule.replies[0]
        self._turns: OrderedDict[int | str | None, int] | None = None

    def accepts(self, call: Call) -> bool:
        """Whether the rule accepts a call for which the index found it."""
        return self._remaining is None or self._remaining.accepts(call)

    def spent(self, call: Call) -> bool:
        """Whether the rule has answered its ``times``."""
        return self._same is None and self.rule.times is not None and self._turn(call) >= self.rule.times

    def next_reply(self, call: Call) -> Reply:
        """The reply that the rule would give now."""
        return self._same or self.rule.replies[min(self._turn(call), len(self.rule.replies) - 1)]

    def take(self, call: Call, call_id: int) -> Reply:
        """Give the next reply, and count it."""
        self.hits += 1
        self.last = call_id
        if self._same is not None:
            return self._same
        reply = self.next_reply(call)
        self._count(call)
        return reply

    def forget(self) -> None:
        """Begin from the first reply again, for everybody."""
        self.hits = 0
        self.last = None
        self._turns = None

    def _turn(self, call: Call) -> int:
        return 0 if self._turns is None else self._turns.get(self._key(call), 0)

    def _count(self, call: Call) -> None:
        if self._turns is None:
            self._turns = OrderedDict()
        key = self._key(call)
        self._turns[key] = self._turns.pop(key, 0) + 1
        if len(self._turns) > KEYS_KEPT:
            self._turns.popitem(last=False)

    def _key(self, call: Call) -> int | str | None:
        match self.rule.per:
            case Per.RULE:
                return None
            case Per.SESSION:
                return call.session
            case Per.NODE:
                return call.node
            case Per.AUTH_CODE:
                return call.auth_code
