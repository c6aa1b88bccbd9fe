"""The engine: what is in force, and the one locked step that turns a call into an exchange."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random
from threading import Lock

from emulator.core.call import Call
from emulator.core.counting import Standing
from emulator.core.desk import Desk, Finding, OpenDesk
from emulator.core.exchange import DecidedBy, Exchange
from emulator.core.explanation import Explanation, NearMiss
from emulator.core.index import Index
from emulator.core.replies import Reply, Return
from emulator.core.rules import Rule, Scenario

__all__ = ["DecidedBy", "Engine", "Exchange", "RuleInForce"]


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """A rule, how many calls it has answered, and the id by which it can be removed; None for one of the scenario."""

    rule: Rule
    hits: int
    id: int | None


class Engine:
    """Answers calls by a scenario and by the rules added since. Safe for threads."""

    def __init__(self, scenario: Scenario, *, random: Random | None = None) -> None:
        self._lock = Lock()
        self._random = random or Random()
        self._calls = 0
        self._last_rule_id = 0
        self._added: dict[int, Standing] = {}
        self._use(scenario, *_indexed(scenario))

    @property
    def scenario(self) -> Scenario:
        """The scenario in force."""
        return self._scenario

    def answer(self, call: Call) -> Exchange:
        """Let the first rule that accepts the call and is not spent answer it, else the desk, else ``otherwise``."""
        with self._lock:
            self._calls += 1
            standing = self._chosen(call)
            if standing is not None:
                decided_by, rule, reply = DecidedBy.RULE, standing.rule, standing.take(call)
            else:
                finding = None if self._desk is None else self._desk.answer(call)
                rule, (decided_by, reply) = None, self._without_rule(finding)
            delay = 0.0 if reply.delay is None else reply.delay.seconds(self._random)
            return Exchange(self._calls, call, reply.outcome, delay, decided_by, rule)

    def explain(self, call: Call) -> Explanation:
        """Say what ``answer`` would do with the call now, and why each rule before was passed over; nothing changes."""
        with self._lock:
            chosen = self._chosen(call)
            finding = None if self._desk is None or chosen else self._desk.finding(call)
            standings = self._standings()
            reply = None if chosen is None else chosen.next_reply(call)
        before = standings if chosen is None else standings[: standings.index(chosen)]
        passed_over = tuple(NearMiss(standing.rule, standing.rule.when.mismatches(call)) for standing in before)
        if chosen is not None and reply is not None:
            return Explanation(call, passed_over, DecidedBy.RULE, chosen.rule, reply, "", ())
        decided_by, reply = self._without_rule(finding)
        reason = "no rule accepts the call" if finding is None else finding.reason
        return Explanation(call, passed_over, decided_by, None, reply, reason, _nearest(standings, call, 3))

    def near_misses(self, call: Call, limit: int = 3) -> tuple[NearMiss, ...]:
        """The rules nearest to accepting the call: fewest mismatches first, in the order of the rules among equals."""
        with self._lock:
            standings = self._standings()
        return _nearest(standings, call, limit)

    def add_rule(self, rule: Rule) -> int:
        """Put a rule before all others, and return the id by which it can be removed."""
        with self._lock:
            self._last_rule_id += 1
            standing = Standing(rule, -self._last_rule_id)
            self._added[self._last_rule_id] = standing
            self._index.add(standing, rule.when)
            return self._last_rule_id

    def remove_rule(self, rule_id: int) -> bool:
        """Take out a rule that was added; False when there is none with that id."""
        with self._lock:
            standing = self._added.pop(rule_id, None)
            if standing is not None:
                self._index.remove(standing, standing.rule.when)
            return standing is not None

    def rules(self) -> tuple[RuleInForce, ...]:
        """Every rule in force, in the order in which they are asked."""
        with self._lock:
            return tuple(
                RuleInForce(standing.rule, standing.hits, -standing.position if standing.position < 0 else None)
                for standing in self._standings()
            )

    def desk(self) -> Desk | None:
        """The desk as it is now, with what calls have changed; None when the scenario has none."""
        with self._lock:
            return None if self._desk is None else self._desk.now()

    def reset(self) -> None:
        """Forget counters, what happened at the desk, and the rules that were added; the scenario stays."""
        with self._lock:
            for standing in self._added.values():
                self._index.remove(standing, standing.rule.when)
            self._added.clear()
            for standing in self._written:
                standing.forget()
            if self._desk is not None:
                self._desk.reset()

    def replace(self, scenario: Scenario) -> None:
        """Use another scenario from the next call on, from its beginning; the rules that were added stay before it.

        What takes long is done before the lock is taken, so that no call waits for it.
        """
        written, index = _indexed(scenario)
        with self._lock:
            for standing in self._added.values():
                index.add(standing, standing.rule.when)
            self._use(scenario, written, index)

    def _use(self, scenario: Scenario, written: list[Standing], index: Index[Standing]) -> None:
        self._scenario, self._written, self._index = scenario, written, index
        self._desk = None if scenario.desk is None else OpenDesk(scenario.desk)

    def _standings(self) -> list[Standing]:
        return [*reversed(self._added.values()), *self._written]

    def _chosen(self, call: Call) -> Standing | None:
        for standing in self._index.candidates(call):
            if standing.accepts(call) and not standing.spent(call):
                return standing
        return None

    def _without_rule(self, finding: Finding | None) -> tuple[DecidedBy, Reply]:
        if finding is None or finding.result is None:
            return DecidedBy.OTHERWISE, self._scenario.otherwise
        return DecidedBy.DESK, Reply(Return(finding.result))


def _indexed(scenario: Scenario) -> tuple[list[Standing], Index[Standing]]:
    """The rules of a scenario, none of which has spoken yet, and the index of them."""
    written = [Standing(rule, position) for position, rule in enumerate(scenario.rules)]
    index: Index[Standing] = Index()
    for standing in written:
        index.add(standing, standing.rule.when)
    return written, index


def _nearest(standings: list[Standing], call: Call, limit: int) -> tuple[NearMiss, ...]:
    """The mismatches are counted for all, and put into words for the nearest only."""
    nearest = heapq.nsmallest(limit, standings, key=lambda standing: sum(1 for _ in standing.rule.when.refusals(call)))
    return tuple(NearMiss(standing.rule, standing.rule.when.mismatches(call)) for standing in nearest)
