"""The rules that calls are answered by: those added at run time, and those of a scenario, with their counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from operator import attrgetter
from random import Random

from emulator.core.contract import Call
from emulator.core.replies import Reply
from emulator.core.rule_index import Index
from emulator.core.rules import FindNearMisses, Rule, RuleState, Scenario, find_near_misses


class ActiveRules:
    """The added rules, the newest first, and after them those of a scenario. Not thread-safe; the engine locks.

    No rule has answered a call yet, except those in ``counted``, by their positions in the scenario.
    """

    def __init__(self, scenario: Scenario, counted: Mapping[int, RuleState] | None = None) -> None:
        counted = counted or {}
        self.added: dict[int, RuleState] = {}
        self._rules = scenario.rules
        self._states = [counted.get(position) or RuleState(rule, position) for position, rule in enumerate(self._rules)]
        self._index: Index[RuleState] = Index()
        for state in self._states:
            self._index.add(state, state.rule.when)
        owners = () if scenario.desk is None else scenario.desk.administrators
        self._codes = {owner.auth_code for owner in owners}.union(*(rule.when.literal_codes() for rule in self._rules))
        self._added_codes: Counter[str] = Counter()
        self._used: list[RuleState] = []  # those that have answered a call since the last reset
        self._considered: FindNearMisses | None = None  # created on demand, again after each change

    def add(self, rule_id: int, rule: Rule) -> None:
        """Add a rule before those with smaller ids."""
        self.take_over([RuleState(replace(rule, id=rule_id), -rule_id)])

    def take_over(self, states: Iterable[RuleState]) -> None:
        """Add rules that were added elsewhere, with their counters."""
        for state in states:
            self.added[-state.position] = state
            self._index.add(state, state.rule.when)
            self._added_codes.update(state.rule.when.literal_codes())
        self._considered = None

    def remove(self, rule_id: int) -> bool:
        """Remove an added rule; return False if there is none with that id."""
        state = self.added.pop(rule_id, None)
        if state is None:
            return False
        self._index.remove(state, state.rule.when)
        for code in state.rule.when.literal_codes():
            self._added_codes[code] -= 1
            if not self._added_codes[code]:
                del self._added_codes[code]
        self._considered = None
        return True

    def remove_added(self) -> None:
        for rule_id in [*self.added]:
            self.remove(rule_id)

    def reset(self) -> None:
        """Remove the added rules, and clear the counters of the others."""
        self.remove_added()
        for state in self._used:
            if state.position >= 0:  # those of removed rules may still be needed
                state.reset()
        self._used.clear()

    def counted(self) -> dict[int, RuleState]:
        """Return copies of the scenario's rules that have answered calls, by their positions."""
        return {state.position: copy(state) for state in self._used if state.position >= 0}

    def states(self) -> list[RuleState]:
        """Return all rules, in the order in which they are tried."""
        return [*sorted(self.added.values(), key=attrgetter("position")), *self._states]

    def names_code(self, auth_code: str) -> bool:
        """Return True if a rule or the scenario's desk names this auth code literally; without a lock."""
        return auth_code in self._codes or auth_code in self._added_codes  # both lookups are atomic

    def choose(self, call: Call, random: Random | None) -> tuple[RuleState | None, tuple[RuleState, ...]]:
        """Return the rule that answers a call, and those before it that leave the call to chance.

        ``random`` decides the chances; without it, all rules with a chance leave the call.
        """
        left: tuple[RuleState, ...] = ()
        for state in self._index.candidates(call):
            if state.can_answer(call):
                chance = state.rule.chance
                if chance is None or (random is not None and random.random() * 100 < chance):
                    return state, left
                left = (*left, state)
        return None, left

    def take_reply(self, state: RuleState, call: Call, call_id: int) -> Reply:
        """Return the reply of the rule that was chosen for a call, and count the call."""
        if not state.hits:
            self._used.append(state)
        return state.take_reply(call, call_id)

    def considered(self) -> FindNearMisses:
        """Return what finds the near misses among the rules as they are now."""
        if self._considered is None:
            added = [state.rule for state in self.states()[: len(self.added)]]
            self._considered = partial(find_near_misses, added, self._rules)
        return self._considered
