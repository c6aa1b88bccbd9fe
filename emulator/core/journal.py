"""The journal: exchanges and refusals in order, bounded in number and in bytes, and totals that outlive both bounds."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from emulator.core.call import Call, Secret, masked
from emulator.core.contract import Binding
from emulator.core.near_misses import NEAR_MISSES, NearMiss
from emulator.core.replies import Outcome
from emulator.core.rules import Rule

BUCKETS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
"""The upper bounds, in seconds, by which deciding times are counted; what took longer is counted after the last."""

MOST_RULES_TOLD_APART: Final = 1000
OTHER_RULES: Final = "(other rules)"
"""The name under which calls are counted once so many rules have been counted apart; names are made up without end."""

REFUSED: Final = "refused"
"""The word for the outcome of a request that never became a call."""

SLOT: Final = 10.0
"""How many seconds are counted together in the timeline."""

SLOTS: Final = 30
"""How many such counts the timeline has."""

_OWN_SIZE: Final = 500  # bytes, about, that an entry keeps besides its messages


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """How much a journal keeps: a number of entries, and of bytes of requests and answers. The oldest go first."""

    entries: int = 1000
    size: int = 16 * 1024 * 1024


CallKey = tuple[Binding, str, str]
"""Binding, outcome in a word or two, and who decided."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted since the start, whatever was dropped or forgotten since.

    ``seconds`` has one number for each of ``BUCKETS``, and one for what took longer; ``seconds_sum`` is their sum.
    """

    calls: Mapping[CallKey, int]
    refusals: Mapping[tuple[Binding | None, int], int]
    seconds: Sequence[int]
    seconds_sum: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """What came in ``SLOT`` seconds from ``at`` on (since 1970): how many by outcome, refusals under ``refused``."""

    at: float
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a journal held at one moment.

    ``timeline`` has the last ``SLOTS`` slots in which anything came. ``dropped`` is how many entries were dropped, for
    want of room, since the journal was last cleared; ``dropped_id`` is the id of the last of them.
    Entries with ids below ``first_id`` are gone, for whatever reason; ``last_id`` is that of the newest there was.
    """

    entries: tuple[Entry, ...]
    dropped: int
    dropped_id: int
    totals: Totals
    timeline: tuple[Bucket, ...]
    first_id: int
    last_id: int

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The calls with their answers."""
        return tuple(entry for entry in self.entries if isinstance(entry, Exchange))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The requests that never became calls."""
        return tuple(entry for entry in self.entries if isinstance(entry, Refusal))


class Journal:
    """Remembers entries in the order of their ids. The engine's lock guards it."""

    def __init__(self, limits: JournalLimits) -> None:
        self._limits = limits
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._gone = 0  # the id of the last entry that is no longer here
        self._last = 0
        self._dropped = 0
        self._dropped_id = 0
        self._calls: Counter[CallKey] = Counter()
        self._rules: set[str] = set()
        self._refusals: Counter[tuple[Binding | None, int]] = Counter()
        self._timeline: OrderedDict[float, Counter[str]] = OrderedDict()
        self._seconds = [0] * (len(BUCKETS) + 1)
        self._seconds_sum = 0.0

    def add(self, entry: Entry) -> None:
        """Take an entry in, whose answer may be still to come."""
        if isinstance(entry, Exchange):
            decider = entry.decider
            if decider not in self._rules:
                decider = self._told_apart(decider)
            outcome = entry.outcome.word
            self._calls[entry.call.binding, outcome, decider] += 1
        else:
            outcome = REFUSED
            self._refusals[entry.binding, entry.status] += 1
        raw = entry.raw
        self._count_in_time(raw.at, outcome)
        raw.size = _OWN_SIZE + (raw.request.size if raw.request is not None else 0)
        self._size += raw.size
        self._entries.append(entry)
        self._last = entry.id
        self._drop()

    def complete(self, entry: Entry, answer: RawMessage | None, seconds: float) -> None:
        """Note what an entry was answered, and how long that took."""
        self._seconds[bisect_left(BUCKETS, seconds)] += 1
        self._seconds_sum += seconds
        raw = entry.raw
        raw.answer, raw.seconds = answer, seconds
        if entry.id > self._gone and answer is not None:
            size = answer.size
            raw.size += size
            self._size += size
            self._drop()

    def limit(self, limits: JournalLimits) -> None:
        """Keep no more than this from now on."""
        self._limits = limits
        self._drop()

    def clear(self) -> None:
        """Forget the entries, and that some were dropped; the totals stay."""
        if self._entries:
            self._gone = self._entries[-1].id
        self._entries.clear()
        self._timeline.clear()
        self._size = self._dropped = self._dropped_id = 0

    def snapshot(self) -> Snapshot:
        """What is here now."""
        totals = Totals(dict(self._calls), dict(self._refusals), tuple(self._seconds), self._seconds_sum)
        timeline = tuple(Bucket(number * SLOT, dict(counts)) for number, counts in self._timeline.items())
        ends = (self._gone + 1, self._last)
        return Snapshot(tuple(self._entries), self._dropped, self._dropped_id, totals, timeline, *ends)

    def _count_in_time(self, at: float, outcome: str) -> None:
        number = at // SLOT
        slot = self._timeline.get(number)
        if slot is None:
            slot = self._timeline[number] = Counter()
            if len(self._timeline) > SLOTS:
                self._timeline.popitem(last=False)
        slot[outcome] += 1

    def _told_apart(self, decider: str) -> str:
        if len(self._rules) >= MOST_RULES_TOLD_APART:
            return OTHER_RULES
        self._rules.add(decider)
        return decider

    def _drop(self) -> None:
        entries, limits = self._entries, self._limits
        while len(entries) > limits.entries or self._size > limits.size:
            oldest = entries.popleft()
            self._size -= oldest.raw.size
            self._gone = self._dropped_id = oldest.id
            self._dropped += 1


class DecidedBy(str, Enum):
    """Who had the word: a rule, else the desk, else the scenario's ``otherwise``."""

    RULE = "rule"
    DESK = "desk"
    OTHERWISE = "otherwise"


@dataclass(slots=True)
class RawMessage:
    """One HTTP message as it travelled; ``start`` is its first line, and headers are bytes where they came as bytes.

    None of it prints: any of it may hold a secret.
    """

    start: str = field(repr=False)
    headers: Sequence[tuple[str, str]] | Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""
        size = len(self.start) + len(self.body)
        for name, value in self.headers:
            size += len(name) + len(value)
        return size


@dataclass(slots=True)
class RawExchange:
    """A request and, once it was given, its answer, None when no byte of one was sent.

    ``at`` is when the request came, in seconds since 1970; ``seconds`` is how long deciding its answer took.
    """

    at: float = 0.0
    request: RawMessage | None = None
    answer: RawMessage | None = None
    seconds: float = 0.0
    size: int = 0
    """How many bytes it counts for in the journal, about."""


class CandidateRules(Protocol):
    """The rules that were in force when a call was decided."""

    def nearest(self, call: Call, answered: Rule | None, limit: int, secret: Secret, /) -> tuple[NearMiss, ...]:
        """Those nearest to accepting the call, the nearest first; ``secret`` writes an auth code.

        When one ``answered``, they are of those added at run time that were asked before it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its answer. ``delay`` is in seconds, 0.0 for none; ``rule`` is None unless a rule decided."""

    id: int
    call: Call
    outcome: Outcome
    delay: float
    decided_by: DecidedBy
    rule: Rule | None
    raw: RawExchange = field(default_factory=RawExchange, repr=False, compare=False)
    considered: CandidateRules | None = field(default=None, repr=False, compare=False)

    @property
    def decider(self) -> str:
        """The name of the rule that decided, else ``desk`` or ``otherwise``."""
        return self.decided_by.value if self.rule is None else self.rule.name

    def near_misses(self, limit: int = NEAR_MISSES, secret: Secret = masked) -> tuple[NearMiss, ...]:
        """The rules that came nearest to accepting a call that none accepted.

        For a call that a rule answered, they are of those added at run time that were asked before it, for nothing.
        """
        return () if self.considered is None else self.considered.nearest(self.call, self.rule, limit, secret)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that never became a call, and why: nothing in ``reason`` is secret.

    ``binding`` is None where the request did not get far enough to have one.
    """

    id: int
    binding: Binding | None
    status: int
    reason: str
    raw: RawExchange = field(default_factory=RawExchange, repr=False, compare=False)


Entry = Exchange | Refusal
