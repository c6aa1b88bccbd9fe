"""Which rules came nearest to accepting a call that none accepted, and in which conditions they differed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Final

from emulator.core.call import Call, Secret, masked
from emulator.core.matching import Mismatch
from emulator.core.rules import Per, Rule

NEAR_MISSES: Final = 3
"""How many near misses are told when nobody asks for another number."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not answer a call, with its mismatches: none when it accepts, but has answered its times."""

    rule: Rule
    mismatches: tuple[Mismatch, ...]

    @property
    def spent(self) -> bool:
        """Whether the rule would have answered, had it not done so often enough."""
        return not self.mismatches

    @property
    def reason(self) -> str:
        """Why the rule did not answer, in words."""
        if self.mismatches:
            return "; ".join(str(mismatch) for mismatch in self.mismatches)
        per = "" if self.rule.per is Per.RULE else f" for this {self.rule.per.value}"
        return f"spent: it has answered {self.rule.times} of {self.rule.times} times{per}"

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"

    def as_data(self) -> dict[str, object]:
        """The same as plain data."""
        return {
            "rule": self.rule.name,
            "source": self.rule.source,
            "spent": self.spent,
            "mismatches": [mismatch.as_data() for mismatch in self.mismatches],
        }


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules at one moment, in the order in which they are asked: those added at run time, then the scenario's."""

    added: Sequence[Rule]
    written: Sequence[Rule]

    def nearest(
        self, call: Call, answered: Rule | None = None, limit: int = NEAR_MISSES, secret: Secret = masked
    ) -> tuple[NearMiss, ...]:
        """Fewest mismatches first, in the order of the rules among equals; put into words for these few only.

        When one rule ``answered``, they are of those added at run time that were asked before it.
        """
        if answered is None:
            rules: Iterable[Rule] = chain(self.added, self.written)
        else:
            rules = takewhile(lambda rule: rule is not answered, self.added)
        nearest = heapq.nsmallest(limit, rules, key=lambda rule: sum(1 for _ in rule.when.refusals(call)))
        return tuple(NearMiss(rule, rule.when.mismatches(call, secret)) for rule in nearest)
