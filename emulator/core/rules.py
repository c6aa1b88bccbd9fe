"""Rules and scenarios as immutable values, the counters that select a rule's next reply, and near misses."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain, takewhile
from typing import Final

from emulator.core.contract import Call, Result
from emulator.core.desk import Desk
from emulator.core.known_codes import is_close, known_codes
from emulator.core.matching import FIELDS, Condition, Mismatch, OneOf, When
from emulator.core.replies import Reply, Return
from emulator.core.rule_index import indexed_fields
from emulator.errors import Problem

OTHERWISE: Final = Reply(Return(Result.ERROR))

NEAR_MISSES: Final = 3
"""How many near misses are reported."""

MAX_COUNTERS: Final = 100_000
"""How many sessions, nodes or auth codes one rule counts; beyond that the least recently used counter is dropped."""


class Per(str, Enum):
    """What a rule counts its answers by: all together, or by a field of the call."""

    RULE = "rule"
    SESSION = "session"
    NODE = "node"
    AUTH_CODE = "auth_code"


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions on a call, and the replies to the calls that meet them."""

    name: str
    when: When
    replies: tuple[Reply, ...]  # at least one; given in turn, and the last one is repeated
    times: int | None = None  # after so many answers the rule is spent and passed over; None: no limit
    per: Per = Per.RULE
    source: str | None = None  # "file:line"; None for a rule that comes from no file
    definition: str | None = field(
        default=None, repr=False, compare=False
    )  # as given, as JSON; None: not given as data

    def text(self) -> str:
        """Return the conditions and replies, such as ``session 1: startSessionRet_OK, then status 503; 2 times``."""
        replies = ", then ".join(map(str, self.replies))
        times = "" if self.times is None else f"; {self.times} times"
        per = "" if self.per is Per.RULE else f"; counted per {self.per.value}"
        return f"{self.when.text()}: {replies}{times}{per}"

    def __str__(self) -> str:
        return self.name if self.source is None else f"{self.name} ({self.source})"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of rules: the first that accepts a call answers it, else the desk, else ``otherwise``."""

    name: str
    description: str | None = None
    otherwise: Reply = OTHERWISE
    rules: tuple[Rule, ...] = ()
    desk: Desk | None = None
    source: str | None = field(default=None, repr=False)  # the text that it was read from
    remarks: tuple[Problem, ...] = field(default=(), repr=False)  # what is valid, but rarely meant


class RuleState:
    """A rule with its counters, at its position among the active rules. Not thread-safe; the engine locks.

    ``hits`` is the number of calls that the rule has answered, ``last`` the id of the last one.
    """

    __slots__ = ("_counters", "_only_reply", "_remaining", "hits", "last", "position", "rule")

    def __init__(self, rule: Rule, position: int) -> None:
        self.rule, self.position, self.hits = rule, position, 0
        self.last: int | None = None
        remaining = replace(rule.when, **dict.fromkeys(indexed_fields(rule.when)))
        self._remaining = None if remaining == When() else remaining  # the conditions that the index does not check
        is_counted = rule.times is not None or len(rule.replies) > 1
        self._only_reply = None if is_counted else rule.replies[0]
        self._counters: OrderedDict[int | str | None, int] | None = None

    def can_answer(self, call: Call) -> bool:
        """Return True if the rule, which the index returned for the call, accepts it and is not spent."""
        if self._remaining is not None and not self._remaining.accepts(call):
            return False
        return self.rule.times is None or self._count(call) < self.rule.times

    def next_reply(self, call: Call) -> Reply:
        return self._only_reply or self.rule.replies[min(self._count(call), len(self.rule.replies) - 1)]

    def take_reply(self, call: Call, call_id: int) -> Reply:
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
        self.hits, self.last, self._counters = 0, None, None

    def _count(self, call: Call) -> int:
        return 0 if self._counters is None else self._counters.get(self._key(call), 0)

    def _key(self, call: Call) -> int | str | None:
        per = self.rule.per
        return None if per is Per.RULE else getattr(call, per.value)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not answer a call, with its mismatches; none if it accepts the call but is spent."""

    rule: Rule
    mismatches: tuple[Mismatch, ...]

    @property
    def reason(self) -> str:
        """Human-readable reason why the rule did not answer."""
        if self.mismatches:
            return "; ".join(mismatch.text() for mismatch in self.mismatches)
        per = "" if self.rule.per is Per.RULE else f" for this {self.rule.per.value}"
        return f"spent: it has answered {self.rule.times} of {self.rule.times} times{per}"

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"

    def as_data(self) -> dict[str, object]:
        mismatches = [mismatch.as_data() for mismatch in self.mismatches]
        return {"rule": self.rule.name, "source": self.rule.source, "spent": not mismatches, "mismatches": mismatches}


FindNearMisses = Callable[[Call, Rule | None, bool], tuple[NearMiss, ...]]
"""Finds the near misses of a call, given the rule that answered it; with True, only rules that are related to it."""


def find_near_misses(
    added: Sequence[Rule], scenario_rules: Sequence[Rule], call: Call, answered_by: Rule | None, related: bool = False
) -> tuple[NearMiss, ...]:
    """Return the rules with the fewest mismatches, in the order of the rules if equal.

    If a rule answered the call, only the rules added at run time that come before it are considered. With ``related``,
    rules that have nothing in common with the call are left out.
    """
    candidates = chain(added, scenario_rules) if answered_by is None else added
    rules: Iterable[Rule] = takewhile(lambda rule: rule is not answered_by, candidates)
    if related:
        rules = (rule for rule in rules if _is_related(rule.when, call))
    nearest = heapq.nsmallest(NEAR_MISSES, rules, key=lambda rule: sum(1 for _ in rule.when.rejecting(call)))
    return tuple(NearMiss(rule, rule.when.mismatches(call)) for rule in nearest)


def _is_related(when: When, call: Call) -> bool:
    """Return True if a rule was probably meant for a call that it did not answer.

    It is spent, or one of its conditions holds, or the call has a misspelling of a session, node or code that it names.
    """
    rejecting = [*when.rejecting(call)]
    if not rejecting or len(rejecting) < sum(getattr(when, name) is not None for name in FIELDS):
        return True
    return any(_is_misspelt(condition, getattr(call, name)) for name, condition in rejecting if name != "binding")


def _is_misspelt(condition: Condition, value: int | str | None) -> bool:
    if value is None or not isinstance(condition, OneOf):
        return False
    named = known_codes(condition.values).nearest(str(value))
    return named is not None and is_close(str(value), named)
