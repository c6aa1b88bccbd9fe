"""The engine: the active rules, and the one locked step that turns a call into an exchange."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from random import Random
from threading import RLock

from emulator.core.active_rules import ActiveRules
from emulator.core.contract import Binding, Call
from emulator.core.desk import Decision, Desk, DeskState, SessionStatus, TechnicianStatus
from emulator.core.epochs import Epoch, Epochs
from emulator.core.explain import Explanation, PossibleReply
from emulator.core.journal import (
    NOT_KEPT,
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
from emulator.core.rules import FindNearMisses, NearMiss, Rule, RuleState, RuleStatus, Scenario, with_left_to_chance

Watch = SimpleQueue[Exchange | str]
"""Gets the exchanges of an engine as they come, or a text that says why no more will."""


@dataclass(slots=True)
class _Past:
    """What an engine was before a reset; an engine of its own once a request from then needs one."""

    scenario: Scenario
    counted: dict[int, RuleState]  # the scenario's rules that had answered, by their positions
    added: tuple[RuleState, ...]
    desk: DeskState | None
    engine: Engine | None = None


class Engine:
    """Answers calls by the rules added at run time and by a scenario, and keeps the journal. Thread-safe.

    ``max_delay`` in seconds limits every delay of an answer. With a ``seed``, delays and chances are the same again
    after each reset and each replacement of the scenario. ``epochs`` are common to all engines at one address: a
    request that began before a reset is answered as before it, and changes nothing that is seen after it.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int | None = None,
        limits: JournalLimits | None = None,
        max_delay: float = math.inf,
        epochs: Epochs | None = None,
    ) -> None:
        self.epochs = epochs or Epochs()
        self._lock = RLock()  # guards everything below, and all that it refers to
        self._seed = seed
        self._random = Random()
        self._max_delay = max_delay
        self._journal = Journal(limits or JournalLimits())
        self._watches: list[Watch] = []
        self._closed = ""  # why there is nothing to wait for; "" if there is
        self._last_rule_id = 0
        self._rules = ActiveRules(Scenario(""))
        self.replace(scenario)

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        """Answer a call by the first rule that accepts it and is not spent, else by the desk, else by ``otherwise``.

        The exchange is in the journal at once; ``complete`` adds its answer.
        """
        raw = raw or RawExchange()
        with self._lock:
            if (past := self._past_of(raw)) is not None:
                return replace(self._as_it_was(past).answer(call, raw), id=NOT_KEPT)
            call_id = self._journal.last_id + 1
            considered: FindNearMisses | None = self._rules.considered()
            state, left_to_chance = self._rules.choose(call, self._random)
            if state is None:
                decision = self._desk.answer(call) if self._desk else None
                rule, (decided_by, reply) = None, self._without_rule(decision)
                reason = decision.reason if decision else ""
                if decided_by is DecidedBy.DESK:
                    considered = None
            else:
                decided_by, rule, reason = DecidedBy.RULE, state.rule, ""
                reply = self._rules.take_reply(state, call, call_id)
            delay = 0.0 if reply.delay is None else min(reply.delay.seconds(self._random), self._max_delay)
            if left_to_chance:
                considered = partial(with_left_to_chance, [each.rule for each in left_to_chance], considered)
            exchange = Exchange(call_id, call, reply.outcome, delay, decided_by, rule, reason, raw, considered)
            self._journal.add(exchange)
            for watch in self._watches:
                watch.put(exchange)
            return exchange

    def refuse(self, binding: Binding | None, status: int, why: Reason, raw: RawExchange | None = None) -> Refusal:
        raw = raw or RawExchange()
        with self._lock:
            if self._past_of(raw) is not None:
                return Refusal(NOT_KEPT, binding, status, why, raw)
            refusal = Refusal(self._journal.last_id + 1, binding, status, why, raw)
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

    @contextmanager
    def watched(self, watch: Watch) -> Iterator[Snapshot]:
        """Give each later exchange to ``watch`` inside the block, which gets the journal with all earlier ones.

        It gets a text once no more will come: the journal was cleared, or the engine closed.
        """
        with self._lock:
            self._watches.append(watch)
            if self._closed:
                watch.put(self._closed)
            snapshot = self._journal.snapshot()
        try:
            yield snapshot
        finally:
            with self._lock:
                self._watches.remove(watch)

    def close(self, why: str) -> None:
        """End all waits for calls, and each later one at once, until ``reopen``; nothing else changes."""
        with self._lock:
            self._closed = why
            self._end_waits(why)

    def reopen(self) -> None:
        with self._lock:
            self._closed = ""

    def clear_journal(self) -> None:
        with self._lock:
            self._journal.clear()
            self._end_waits("the journal was cleared")

    def explain(self, call: Call) -> Explanation:
        """Explain what ``answer`` would do with the call now; nothing changes."""
        with self._lock:
            states, considered = self._rules.states(), self._rules.considered()
            chosen, maybe = self._rules.choose(call, None)
            by_chance = tuple(PossibleReply(state.rule, state.next_reply(call)) for state in maybe)
            if chosen is None:
                decision = self._desk.decide(call) if self._desk else None
                decided_by, reply = self._without_rule(decision)
                reason = decision.reason if decision else f"no {'other ' if maybe else ''}rule accepts the call"
            else:
                decided_by, reply, reason = DecidedBy.RULE, chosen.next_reply(call), ""
                states = states[: states.index(chosen)]
        passed_over = tuple(NearMiss(each.rule, each.rule.when.mismatches(call), each in maybe) for each in states)
        near_misses: tuple[NearMiss, ...] = ()
        if decided_by is DecidedBy.OTHERWISE:
            near_misses = with_left_to_chance([state.rule for state in maybe], considered, call, None, False)
        rule = None if chosen is None else chosen.rule
        return Explanation(call, passed_over, by_chance, decided_by, rule, reply, reason, near_misses)

    def names_code(self, auth_code: str) -> bool:
        """Return True if any rule or the desk names this auth code literally."""
        return self._rules.names_code(auth_code)  # no lock: it needs none

    def add_rule(self, rule: Rule) -> int:
        """Add a rule before all others, and return its id."""
        with self._lock:
            self._last_rule_id += 1
            self._rules.add(self._last_rule_id, rule)
            return self._last_rule_id

    def change_rule(self, rule_id: int, rule: Rule) -> bool:
        """Replace a rule that was added, at its position and with new counters; return False if there is none."""
        with self._lock:
            was_there = self._rules.remove(rule_id)
            if was_there:
                self._rules.add(rule_id, rule)
            return was_there

    def remove_rule(self, rule_id: int) -> bool:
        """Remove an added rule; return False if there is none with that id."""
        with self._lock:
            return self._rules.remove(rule_id)

    def remove_rules(self) -> None:
        with self._lock:
            self._rules.remove_added()

    def rules(self) -> tuple[RuleStatus, ...]:
        """Return all active rules, in the order in which they are tried."""
        with self._lock:
            states = self._rules.states()
            return tuple(RuleStatus(state.rule, state.hits, state.rule.id, state.last) for state in states)

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

    def reset(self, scenario: Scenario | None = None) -> None:
        """Clear the journal, the counters, the changes at the desk and the added rules.

        The scenario stays unless another one is given. What began before belongs to the state before.
        """
        with self._lock:
            rules = self._rules
            past = _Past(self.scenario, rules.counted(), (*rules.added.values(),), copy(self._desk))
            self.epochs.end(self, past)
            rules.reset()
            self._journal.clear()
            self._end_waits("the journal was reset")
            if scenario is not None and scenario is not self.scenario:
                self.replace(scenario)
                return
            self._random.seed(self._seed)
            if self._desk is not None:
                self._desk.reset()

    def was_reset_since(self, began: Epoch | None) -> bool:
        """Return True if a request began before a reset."""
        return began is not None and began.find(self) is not None

    def replace(self, scenario: Scenario) -> None:
        """Use another scenario, in its initial state, from the next call on; the added rules stay before its rules."""
        rules = ActiveRules(scenario)  # before the lock: this takes long
        with self._lock:
            rules.take_over(self._rules.added.values())
            self.scenario, self._rules = scenario, rules
            self._desk = None if scenario.desk is None else DeskState(scenario.desk)
            self._random.seed(self._seed)

    def _past_of(self, raw: RawExchange) -> _Past | None:
        """Return what this engine was when a request came, if it has been reset since."""
        began, raw.began = raw.began, None  # else the journal would keep alive what was reset
        if began is None or began is self.epochs.current:
            return None
        past: _Past | None = began.find(self)
        return past

    def _as_it_was(self, past: _Past) -> Engine:
        engine = past.engine
        if engine is None:
            engine = past.engine = Engine(Scenario(""), max_delay=self._max_delay)
            engine.scenario, engine._desk = past.scenario, past.desk
            engine._rules = ActiveRules(past.scenario, past.counted)
            engine._rules.take_over(past.added)
        return engine

    def _end_waits(self, why: str) -> None:
        for watch in self._watches:
            watch.put(why)

    def _without_rule(self, decision: Decision | None) -> tuple[DecidedBy, Reply]:
        if decision is None or decision.result is None:
            return DecidedBy.OTHERWISE, self.scenario.otherwise
        return DecidedBy.DESK, Reply(Return(decision.result))
