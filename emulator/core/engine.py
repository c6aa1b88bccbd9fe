"""The engine: what is in force, and the one locked step that turns a call into an exchange."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from random import Random
from threading import Lock

from emulator.core.call import Call, Secret, masked
from emulator.core.contract import Binding
from emulator.core.desk import Decision, Desk, DeskState, SessionStatus, TechnicianStatus
from emulator.core.explain import Explanation
from emulator.core.journal import (
    DecidedBy,
    Entry,
    Exchange,
    Journal,
    JournalLimits,
    RawExchange,
    RawMessage,
    Refusal,
    Snapshot,
)
from emulator.core.near_misses import NEAR_MISSES, NearMiss, RuleList
from emulator.core.replies import Reply, Return
from emulator.core.rule_index import Index
from emulator.core.rule_state import RuleState
from emulator.core.rules import Rule, Scenario

__all__ = ["DecidedBy", "Engine", "Exchange", "RuleStatus"]


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule, how many calls it has answered, and the id by which it can be removed; None for one of the scenario.

    ``last`` is the id of the last call that it answered, None when there is none.
    """

    rule: Rule
    hits: int
    id: int | None
    last: int | None = None


class Engine:
    """Answers calls by a scenario and by the rules added since, and remembers what it answered. Safe for threads."""

    def __init__(
        self, scenario: Scenario, *, random: Random | None = None, limits: JournalLimits | None = None
    ) -> None:
        self._lock = Lock()
        self._random = random or Random()
        self._journal = Journal(limits or JournalLimits())
        self._last_id = 0
        self._last_rule_id = 0
        self._added: dict[int, RuleState] = {}
        self._in_force: RuleList | None = None  # made when it is wanted, and anew after each change
        self._use(scenario, *_indexed(scenario))

    @property
    def scenario(self) -> Scenario:
        """The scenario in force."""
        return self._scenario

    def answer(self, call: Call, raw: RawExchange | None = None) -> Exchange:
        """Let the first rule that accepts the call and is not spent answer it, else the desk, else ``otherwise``.

        The exchange is in the journal at once; ``answered`` completes it.
        """
        raw = raw or RawExchange()
        with self._lock:
            self._last_id += 1
            standing = self._chosen(call)
            if standing is not None:
                if not standing.hits:
                    self._spoken.append(standing)
                decided_by, rule, reply = DecidedBy.RULE, standing.rule, standing.take(call, self._last_id)
            else:
                finding = None if self._desk is None else self._desk.answer(call)
                rule, (decided_by, reply) = None, self._without_rule(finding)
            delay = 0.0 if reply.delay is None else reply.delay.seconds(self._random)
            considered = self._in_force or self._rules_in_force()
            exchange = Exchange(self._last_id, call, reply.outcome, delay, decided_by, rule, raw, considered)
            self._journal.add(exchange)
            return exchange

    def refuse(self, binding: Binding | None, status: int, reason: str, raw: RawExchange | None = None) -> Refusal:
        """Remember a request that never became a call; ``reason`` says why, and holds no secret."""
        with self._lock:
            self._last_id += 1
            refusal = Refusal(self._last_id, binding, status, reason, raw or RawExchange())
            self._journal.add(refusal)
            return refusal

    def complete(self, entry: Entry, answer: RawMessage | None, seconds: float) -> None:
        """Complete an entry of the journal: with its answer, None when no byte of it is sent, and how long it took."""
        with self._lock:
            self._journal.complete(entry, answer, seconds)

    def snapshot(self) -> Snapshot:
        """What the journal holds now."""
        with self._lock:
            return self._journal.snapshot()

    def limit(self, limits: JournalLimits) -> None:
        """Let the journal keep no more than this from now on."""
        with self._lock:
            self._journal.limit(limits)

    def clear_journal(self) -> None:
        """Clear the journal, and nothing else."""
        with self._lock:
            self._journal.clear()

    def explain(self, call: Call, secret: Secret = masked) -> Explanation:
        """Say what ``answer`` would do with the call now, and why each rule before was passed over; nothing changes."""
        with self._lock:
            chosen = self._chosen(call)
            finding = None if self._desk is None or chosen else self._desk.finding(call)
            standings, in_force = self._standings(), self._rules_in_force()
            reply = None if chosen is None else chosen.next_reply(call)
        before = standings if chosen is None else standings[: standings.index(chosen)]
        passed_over = tuple(NearMiss(standing.rule, standing.rule.when.mismatches(call, secret)) for standing in before)
        if chosen is not None and reply is not None:
            return Explanation(call, passed_over, DecidedBy.RULE, chosen.rule, reply, "", ())
        decided_by, reply = self._without_rule(finding)
        reason = "no rule accepts the call" if finding is None else finding.reason
        return Explanation(
            call, passed_over, decided_by, None, reply, reason, in_force.nearest(call, None, NEAR_MISSES, secret)
        )

    def add_rule(self, rule: Rule) -> int:
        """Put a rule before all others, and return the id by which it can be removed."""
        with self._lock:
            self._last_rule_id += 1
            self._put(self._last_rule_id, rule)
            return self._last_rule_id

    def change_rule(self, rule_id: int, rule: Rule) -> bool:
        """Put a rule in the place of one that was added, from its first reply on; False when there is none."""
        with self._lock:
            return self._take_out(rule_id) and self._put(rule_id, rule)

    def remove_rule(self, rule_id: int) -> bool:
        """Take out a rule that was added; False when there is none with that id."""
        with self._lock:
            return self._take_out(rule_id)

    def remove_rules(self) -> None:
        """Take out every rule that was added."""
        with self._lock:
            self._take_out_all()

    def rules(self) -> tuple[RuleStatus, ...]:
        """Every rule in force, in the order in which they are asked."""
        with self._lock:
            return tuple(
                RuleStatus(each.rule, each.hits, -each.position if each.position < 0 else None, each.last)
                for each in self._standings()
            )

    def desk(self) -> Desk | None:
        """The desk as it is now, with what calls have changed; None when the scenario has none."""
        with self._lock:
            return None if self._desk is None else self._desk.now()

    def set_technician(self, node: int, status: TechnicianStatus) -> bool:
        """Let the technician at a node be online, away or the like, until a reset; False when there is none."""
        with self._lock:
            return self._desk is not None and self._desk.set_technician(node, status)

    def set_session(self, session: int, status: SessionStatus) -> bool:
        """Let a session of the desk wait, be closed or the like, until a reset; False when there is none."""
        with self._lock:
            return self._desk is not None and self._desk.set_session(session, status)

    def reset(self) -> None:
        """Forget the journal, counters, what happened at the desk, and rules that were added; the scenario stays."""
        with self._lock:
            self._take_out_all()
            self._journal.clear()
            for standing in self._spoken:
                standing.forget()
            self._spoken.clear()
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
            self._in_force = None

    def _use(self, scenario: Scenario, written: list[RuleState], index: Index[RuleState]) -> None:
        self._scenario, self._written, self._index = scenario, written, index
        self._spoken: list[RuleState] = []  # the rules that have answered a call since the last reset
        self._desk = None if scenario.desk is None else DeskState(scenario.desk)

    def _put(self, rule_id: int, rule: Rule) -> bool:
        standing = self._added[rule_id] = RuleState(rule, -rule_id)
        self._index.add(standing, rule.when)
        self._in_force = None
        return True

    def _take_out(self, rule_id: int) -> bool:
        standing = self._added.pop(rule_id, None)
        if standing is None:
            return False
        self._index.remove(standing, standing.rule.when)
        self._in_force = None
        return True

    def _take_out_all(self) -> None:
        for rule_id in [*self._added]:
            self._take_out(rule_id)

    def _standings(self) -> list[RuleState]:
        return [*sorted(self._added.values(), key=attrgetter("position")), *self._written]

    def _rules_in_force(self) -> RuleList:
        if self._in_force is None:
            added = sorted(self._added.values(), key=attrgetter("position"))
            self._in_force = RuleList([standing.rule for standing in added], self._scenario.rules)
        return self._in_force

    def _chosen(self, call: Call) -> RuleState | None:
        for standing in self._index.candidates(call):
            if standing.accepts(call) and not standing.spent(call):
                return standing
        return None

    def _without_rule(self, finding: Decision | None) -> tuple[DecidedBy, Reply]:
        if finding is None or finding.result is None:
            return DecidedBy.OTHERWISE, self._scenario.otherwise
        return DecidedBy.DESK, Reply(Return(finding.result))


def _indexed(scenario: Scenario) -> tuple[list[RuleState], Index[RuleState]]:
    """The rules of a scenario, none of which has spoken yet, and the index of them."""
    written = [RuleState(rule, position) for position, rule in enumerate(scenario.rules)]
    index: Index[RuleState] = Index()
    for standing in written:
        index.add(standing, standing.rule.when)
    return written, index
