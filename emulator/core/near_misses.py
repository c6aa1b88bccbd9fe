"""Near misses: the rules that came closest to accepting a call, with the conditions that rejected it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Final

from emulator.core.call import Call
from emulator.core.matching import Mismatch
from emulator.core.rules import Per, Rule

NEAR_MISSES: Final = 3
"""The default number of near misses."""


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


FindNearMisses = Callable[[Call, Rule | None, int], tuple[NearMiss, ...]]
"""Finds the near misses of a call, given the rule that answered it and the greatest number to return."""


def find_near_misses(
    added: Sequence[Rule], scenario_rules: Sequence[Rule], call: Call, answered_by: Rule | None, limit: int
) -> tuple[NearMiss, ...]:
    """Return the rules with the fewest mismatches, in the order of the rules if equal.

    If a rule answered the call, only the rules added at run time that come before it are considered.
    """
    if answered_by is None:
        rules: Iterable[Rule] = chain(added, scenario_rules)
    else:
        rules = takewhile(lambda rule: rule is not answered_by, added)
    nearest = heapq.nsmallest(limit, rules, key=lambda rule: sum(1 for _ in rule.when.rejecting(call)))
    return tuple(NearMiss(rule, rule.when.mismatches(call)) for rule in nearest)
