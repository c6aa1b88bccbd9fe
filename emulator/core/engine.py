"""The engine: the active rules, and the one locked step that turns a call into an exchange."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from random import Random
from threading import RLock

from emulator.core.contract import Binding, Call
from emulator.core.desk import Decision, Desk, DeskState, SessionStatus, TechnicianStatus
from emulator.core.explain import Explanation
from emulator.core.journal import (
    DecidedBy,
    Entry,
    Exchange,
    Journal,
    JournalLimits,
    RawExchange,
    Reason,
    Refusal,
    Snapshot,
)
from emulator.core.replies import Reply, Return
from emulator.core.rule_index import Index
from emulator.core.rules import FindNearMisses, NearMiss, Per, Rule, RuleState, Scenario, find_near_misses


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule, how many calls it has answered, its id (None for a rule of the scenario), and the last call's id."""

    rule: Rule
    hits: int
    id: int | None
    last: int | None = None

    @property
    def next(self) -> int | None:
        """The index of the reply that comes next; None if each session, node or code has its own, or it is spent."""
        rule = self.rule
        if rule.per is not Per.RULE or (rule.times is not None and self.hits >= rule.times):
            return None
        return min(self.hits, len(rule.replies) - 1)


class Engine:
    """Answers calls by the rules added at run time and by a scenario, and keeps the journal. Thread-safe.

    ``max_delay`` in seconds limits every delay of an answer.
    """

    def __init__(
        self,
        scenario: Scenario,
        random: Random | None = None,
        limits: JournalLimits | None = None,
        max_delay: float = math.inf,
    ) -> None:
        self._lock = RLock()  # guards everything below, and all that it refers to
        self._random = random or Random()
        self._max_delay = max_delay
        self._journal = Journal(limits or JournalLimits())
        self._last_rule_id = 0
        self._added: dict[int, RuleState] = {}
        self._added_codes: Counter[str] = Counter()
        self._considered: FindNearMisses | None = None  # created on demand, again after each change of the rules
        self.replace(scenario)

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        """Answer a call by the first rule that accepts it and is not spent, else by the desk, else by ``otherwise``.

        The exchange is in the journal at once; ``complete`` adds its answer.
        """
        with self._lock:
            call_id = self._journal.last_id + 1
            state = self._choose(call)
            if state is None:
                decision = self._desk.answer(call) if self._desk else None
                rule, (decided_by, reply) = None, self._without_rule(decision)
                reason = decision.reason if decision else ""
            else:
                if not state.hits:
                    self._used.append(state)
                decided_by, rule, reason = DecidedBy.RULE, state.rule, ""
                reply = state.take_reply(call, call_id)
            delay = 0.0 if reply.delay is None else min(reply.delay.seconds(self._random), self._max_delay)
            considered = self._considered or self._considered_rules()
            raw = raw or RawExchange()
            exchange = Exchange(call_id, call, reply.outcome, delay, decided_by, rule, reason, raw, considered)
            self._journal.add(exchange)
            return exchange

    def refuse(self, binding: Binding | None, status: int, why: Reason, raw: RawExchange | None = None) -> Refusal:
        with self._lock:
            refusal = Refusal(self._journal.last_id + 1, binding, status, why, raw or RawExchange())
            self._journal.add(refusal)
            return refusal

    def complete(self, entry: Entry, sent: bytes, delivered: str | None, answered_s: float | None) -> None:
        """Record what was sent as the answer to an entry, whose ``decided_s`` and ``remarks`` are set before."""
        with self._lock:
            self._journal.complete(entry, sent, delivered, answered_s)

    def snapshot(self, after: int = 0) -> Snapshot:
        """Return the journal as it is now, with the entries of ids greater than ``after`` only."""
        with self._lock:
            return self._journal.snapshot(after)

    def limit_journal(self, limits: JournalLimits) -> None:
        """Change the journal's limits, dropping entries at once if necessary."""
        with self._lock:
            self._journal.limit(limits)

    def clear_journal(self) -> None:
        with self._lock:
            self._journal.clear()

    def explain(self, call: Call) -> Explanation:
        """Explain what ``answer`` would do with the call now; nothing changes."""
        with self._lock:
            states, considered = self._active(), self._considered_rules()
            chosen = self._choose(call)
            if chosen is None:
                decision = self._desk.decide(call) if self._desk else None
                decided_by, reply = self._without_rule(decision)
                reason = decision.reason if decision else "no rule accepts the call"
            else:
                decided_by, reply, reason = DecidedBy.RULE, chosen.next_reply(call), ""
                states = states[: states.index(chosen)]
        passed_over = tuple(NearMiss(state.rule, state.rule.when.mismatches(call)) for state in states)
        near_misses = considered(call, None, False) if decided_by is DecidedBy.OTHERWISE else ()
        rule = None if chosen is None else chosen.rule
        return Explanation(call, passed_over, decided_by, rule, reply, reason, near_misses)

    def names_code(self, auth_code: str) -> bool:
        """Return True if any rule or the desk names this auth code literally."""
        return auth_code in self._codes or auth_code in self._added_codes  # no lock: both lookups are atomic

    def add_rule(self, rule: Rule) -> int:
        """Add a rule before all others, and return its id."""
        with self._lock:
            self._last_rule_id += 1
            self._add(self._last_rule_id, rule)
            return self._last_rule_id

    def change_rule(self, rule_id: int, rule: Rule) -> bool:
        """Replace a rule that was added, at its position and with new counters; return False if there is none."""
        with self._lock:
            was_there = self.remove_rule(rule_id)
            if was_there:
                self._add(rule_id, rule)
            return was_there

    def remove_rule(self, rule_id: int) -> bool:
        """Remove an added rule; return False if there is none with that id."""
        with self._lock:
            state = self._added.pop(rule_id, None)
            if state is None:
                return False
            self._index.remove(state, state.rule.when)
            for code in state.rule.when.literal_codes():
                self._added_codes[code] -= 1
                if not self._added_codes[code]:
                    del self._added_codes[code]
            self._considered = None
            return True

    def remove_rules(self) -> None:
        with self._lock:
            for rule_id in [*self._added]:
                self.remove_rule(rule_id)

    def rules(self) -> tuple[RuleStatus, ...]:
        """Return all active rules, in the order in which they are tried."""
        with self._lock:
            states = [(state, -state.position if state.position < 0 else None) for state in self._active()]
            return tuple(RuleStatus(state.rule, state.hits, rule_id, state.last) for state, rule_id in states)

    def desk(self) -> Desk | None:
        """Return the desk in its present state; None if the scenario has none."""
        with self._lock:
            return self._desk.current() if self._desk else None

    def set_technician(self, node: int, status: TechnicianStatus) -> bool:
        """Set the status of the desk's technician at a node until the next reset; return False if there is none."""
        with self._lock:
            return self._desk is not None and self._desk.set_technician(node, status)

    def set_session(self, session: int, status: SessionStatus) -> bool:
        """Set the status of one of the desk's sessions until the next reset; return False if there is none."""
        with self._lock:
            return self._desk is not None and self._desk.set_session(session, status)

    def reset(self) -> None:
        """Clear the journal, the counters, the changes at the desk and the added rules; the scenario stays."""
        with self._lock:
            self.remove_rules()
            self._journal.clear()
            for state in self._used:
                state.reset()
            self._used.clear()
            if self._desk is not None:
                self._desk.reset()

    def replace(self, scenario: Scenario) -> None:
        """Use another scenario, in its initial state, from the next call on; the added rules stay before its rules."""
        states = [RuleState(rule, position) for position, rule in enumerate(scenario.rules)]
        index: Index[RuleState] = Index()
        for state in states:
            index.add(state, state.rule.when)
        owners = () if scenario.desk is None else scenario.desk.administrators
        codes = {owner.auth_code for owner in owners}.union(*(rule.when.literal_codes() for rule in scenario.rules))
        with self._lock:  # not before: deriving all this takes long
            self.scenario, self._states, self._index, self._codes = scenario, states, index, codes
            for state in self._added.values():
                index.add(state, state.rule.when)
            self._used: list[RuleState] = []  # the rules that have answered a call since the last reset
            self._desk = None if scenario.desk is None else DeskState(scenario.desk)
            self._considered = None

    def _add(self, rule_id: int, rule: Rule) -> None:
        state = self._added[rule_id] = RuleState(rule, -rule_id)
        self._index.add(state, rule.when)
        self._added_codes.update(rule.when.literal_codes())
        self._considered = None

    def _active(self) -> list[RuleState]:
        return [*sorted(self._added.values(), key=attrgetter("position")), *self._states]

    def _considered_rules(self) -> FindNearMisses:
        if self._considered is None:
            added = [state.rule for state in self._active()[: len(self._added)]]
            self._considered = partial(find_near_misses, added, self.scenario.rules)
        return self._considered

    def _choose(self, call: Call) -> RuleState | None:
        for state in self._index.candidates(call):
            if state.can_answer(call):
                return state
        return None

    def _without_rule(self, decision: Decision | None) -> tuple[DecidedBy, Reply]:
        if decision is None or decision.result is None:
            return DecidedBy.OTHERWISE, self.scenario.otherwise
        return DecidedBy.DESK, Reply(Return(decision.result))
