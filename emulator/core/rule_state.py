"""The state of a rule: how often it has answered, and therefore which reply comes next."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from emulator.core.call import Call
from emulator.core.replies import Reply
from emulator.core.rule_index import remaining
from emulator.core.rules import Per, Rule

MAX_COUNTERS: Final = 100_000
"""How many sessions, nodes or auth codes one rule counts; beyond that the least recently used counter is dropped."""


class RuleState:
    """A rule with its counters, at its position among the active rules. Not thread-safe; the engine locks.

    ``hits`` is the number of calls that the rule has answered, ``last`` the id of the last one.
    """

    __slots__ = ("_counters", "_only_reply", "_remaining", "hits", "last", "position", "rule")

    def __init__(self, rule: Rule, position: int) -> None:
        self.rule = rule
        self.position = position
        self.hits = 0
        self.last: int | None = None
        self._remaining = remaining(rule.when)
        self._only_reply = None if rule.is_stateful else rule.replies[0]
        self._counters: OrderedDict[int | str | None, int] | None = None

    def accepts(self, call: Call) -> bool:
        """Return True if the rule accepts the call, which must be one for which the index returned this rule."""
        return self._remaining is None or self._remaining.accepts(call)

    def is_spent(self, call: Call) -> bool:
        """Return True if the rule has answered its ``times``."""
        return self._only_reply is None and self.rule.times is not None and self._count(call) >= self.rule.times

    def next_reply(self, call: Call) -> Reply:
        """Return the reply that the rule would give now."""
        return self._only_reply or self.rule.replies[min(self._count(call), len(self.rule.replies) - 1)]

    def take_reply(self, call: Call, call_id: int) -> Reply:
        """Return the next reply and count it."""
        self.hits += 1
        self.last = call_id
        if self._only_reply is not None:
            return self._only_reply
        reply = self.next_reply(call)
        counters = self._counters = self._counters or OrderedDict()
        key = self._key(call)
        counters[key] = counters.pop(key, 0) + 1  # pop moves the key to the end
        if len(counters) > MAX_COUNTERS:
            counters.popitem(last=False)
        return reply

    def reset(self) -> None:
        """Set all counters to zero."""
        self.hits = 0
        self.last = None
        self._counters = None

    def _count(self, call: Call) -> int:
        return 0 if self._counters is None else self._counters.get(self._key(call), 0)

    def _key(self, call: Call) -> int | str | None:
        per = self.rule.per
        return None if per is Per.RULE else getattr(call, per.value)
