"""The journal: exchanges and refusals in order, bounded in number and bytes, and totals that are never dropped."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final

from emulator.core.contract import Binding, Call
from emulator.core.replies import Outcome
from emulator.core.rules import FindNearMisses, NearMiss, Rule

DURATION_BOUNDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
"""Upper bounds in seconds of the histogram of decision times; longer ones are counted in one more class."""

MAX_COUNTED_RULES: Final = 1000
OTHER_RULES: Final = "(other rules)"
"""The name under which calls are counted beyond ``MAX_COUNTED_RULES`` names, so that the totals stay bounded."""

REFUSED: Final = "refused"
"""The outcome under which refusals are counted."""

BUCKET_SECONDS: Final = 10.0
BUCKETS_KEPT: Final = 30

_ENTRY_OVERHEAD: Final = 500  # approximate memory in bytes of an entry without its messages


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """How much a journal keeps: entries, and ``size`` in bytes of requests and answers. The oldest are dropped."""

    entries: int = 1000
    size: int = 16 * 1024 * 1024


class DecidedBy(str, Enum):
    RULE = "rule"
    DESK = "desk"
    OTHERWISE = "otherwise"


@dataclass(slots=True)
class RawMessage:
    """One HTTP message as it was transferred; ``start`` is its first line. Any part of it may hold a secret."""

    start: str = field(repr=False)
    headers: Sequence[tuple[str, str]] | Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def parse(cls, sent: bytes) -> RawMessage:
        """Return a message from its bytes; what is no HTTP is all body."""
        head, blank_line, body = sent.partition(b"\r\n\r\n")
        if not blank_line or not head.startswith(b"HTTP/1.1 "):
            return cls("", (), sent)
        start, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        return cls(start, [(name, value) for name, _, value in pairs], body)

    @property
    def size(self) -> int:
        size = len(self.start) + len(self.body)
        for name, value in self.headers:
            size += len(name) + len(value)
        return size


@dataclass(slots=True)
class RawExchange:
    at: float = 0.0  # when the request arrived, in seconds since 1970
    request: RawMessage | None = None
    sent: bytes = field(default=b"", repr=False)  # of the answer, as handed to the operating system
    delivered: str | None = None  # what was sent; None while the answer waits, and under another WSGI server
    decided_s: float = 0.0  # how long deciding the answer took
    answered_s: float | None = None  # from the last byte of the request to that of the answer; None like delivered
    remarks: tuple[Reason, ...] = ()  # what the client probably did wrong
    size: int = 0  # approximate memory in bytes that the journal needs for it

    @property
    def answer(self) -> RawMessage | None:
        """What was sent of the answer; None if no byte of it was, or not yet."""
        return RawMessage.parse(self.sent) if self.sent else None


class _Entry:
    """What exchanges and refusals have in common."""

    __slots__ = ()

    raw: RawExchange

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the client probably meant otherwise, or has to change, such as an element that the service ignores."""
        return tuple(map(str, self.raw.remarks))

    @property
    def delivered(self) -> str | None:
        """What the client got: ``whole``, ``cut after N bytes``, ``client left after S s`` and the like.

        None while the answer waits, and under another WSGI server.
        """
        return self.raw.delivered

    @property
    def decided_s(self) -> float:
        """How many seconds deciding the answer took."""
        return self.raw.decided_s

    @property
    def answered_s(self) -> float | None:
        """The seconds from the last byte of the request to that of the answer; None like ``delivered``."""
        return self.raw.answered_s


@dataclass(frozen=True, slots=True)
class Exchange(_Entry):
    """A call and its answer, ``delay`` seconds later; ``rule`` is None unless a rule decided.

    ``reason`` is why the desk decided so, or left the call to ``otherwise``; "" if a rule decided or there is no desk.
    """

    id: int
    call: Call
    outcome: Outcome
    delay: float
    decided_by: DecidedBy
    rule: Rule | None
    reason: str = ""
    raw: RawExchange = field(default_factory=RawExchange, repr=False, compare=False)
    considered: FindNearMisses | None = field(default=None, repr=False, compare=False)

    @property
    def decider(self) -> str:
        """The rule's name, else ``desk`` or ``otherwise``."""
        return self.decided_by.value if self.rule is None else self.rule.name

    @property
    def attribution(self) -> str:
        """The decider with the reason, if there is one: ``desk (Lena Lund is offline)``."""
        return f"{self.decider} ({self.reason})" if self.reason else self.decider

    def near_misses(self, *, related: bool = False) -> tuple[NearMiss, ...]:
        """Return the rules, of those active when the call came, that came closest to accepting it.

        With ``related``, only rules that have something in common with the call: see ``find_near_misses``.
        None if the desk decided: what it decided is explained by its reason, not by the rules.
        """
        if self.considered is None or self.decided_by is DecidedBy.DESK:
            return ()
        return self.considered(self.call, self.rule, related)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request was refused, or what was ignored in it; ``hint`` adds what the answer itself does not say."""

    text: str  # a template for str.format
    values: Mapping[str, str] = field(default_factory=dict, repr=False)  # from the request; any may be an auth code
    hint: str = ""  # a template too

    @classmethod
    def literal(cls, text: str) -> Reason:
        """Return a reason without values; braces in the text have no meaning."""
        return cls(text.replace("{", "{{").replace("}", "}}"))

    def __str__(self) -> str:
        template = f"{self.text} ({self.hint})" if self.hint else self.text
        return template.format_map(self.values)


@dataclass(frozen=True, slots=True)
class Refusal(_Entry):
    """A request that never became a call. ``binding`` is None if it was refused before its binding was known."""

    id: int
    binding: Binding | None
    status: int
    why: Reason
    raw: RawExchange = field(default_factory=RawExchange, repr=False, compare=False)

    @property
    def reason(self) -> str:
        return str(self.why)


Entry = Exchange | Refusal


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since the start, unaffected by drops, clearing and reset."""

    calls: Mapping[tuple[Binding, str, str], int]  # by binding, outcome and decider
    refusals: Mapping[tuple[Binding | None, int], int]  # by binding and status
    seconds: Sequence[int]  # histogram of decision times: a count for each of DURATION_BOUNDS, and for longer times
    seconds_sum: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """Entries by outcome (refusals: ``REFUSED``) in the ``BUCKET_SECONDS`` from ``at`` on, in seconds since 1970."""

    at: float
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    entries: tuple[Entry, ...]
    dropped: int  # how many entries were dropped for lack of room since the journal was last cleared
    dropped_id: int  # the id of the last of them
    totals: Totals
    timeline: tuple[Bucket, ...]  # without empty buckets, at most BUCKETS_KEPT
    first_id: int  # entries with lower ids were dropped or cleared
    last_id: int  # the highest id so far

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Exchange))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Refusal))


class Journal:
    """Keeps entries in the order of their ids. Not thread-safe; the engine locks."""

    def __init__(self, limits: JournalLimits) -> None:
        self._limits = limits
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._removed_id = 0  # the highest id that is no longer kept
        self.last_id = 0
        self._dropped = 0
        self._dropped_id = 0
        self._calls: Counter[tuple[Binding, str, str]] = Counter()
        self._rule_names: set[str] = set()
        self._refusals: Counter[tuple[Binding | None, int]] = Counter()
        self._timeline: defaultdict[float, Counter[str]] = defaultdict(Counter)
        self._seconds = [0] * (len(DURATION_BOUNDS) + 1)
        self._seconds_sum = 0.0

    def add(self, entry: Entry) -> None:
        if isinstance(entry, Exchange):
            decider, outcome = entry.decider, entry.outcome.word
            if len(self._rule_names) < MAX_COUNTED_RULES:
                self._rule_names.add(decider)
            elif decider not in self._rule_names:
                decider = OTHER_RULES
            self._calls[entry.call.binding, outcome, decider] += 1
        else:
            outcome = REFUSED
            self._refusals[entry.binding, entry.status] += 1
        raw = entry.raw
        self._timeline[raw.at // BUCKET_SECONDS][outcome] += 1
        if len(self._timeline) > BUCKETS_KEPT:
            del self._timeline[min(self._timeline)]
        raw.size = _ENTRY_OVERHEAD + (raw.request.size if raw.request is not None else 0)
        self._size += raw.size
        self._entries.append(entry)
        self.last_id = entry.id
        self._drop()

    def complete(self, entry: Entry, sent: bytes, delivered: str | None, answered_s: float | None) -> None:
        raw = entry.raw
        self._seconds[bisect_left(DURATION_BOUNDS, raw.decided_s)] += 1
        self._seconds_sum += raw.decided_s
        raw.sent, raw.answered_s, raw.delivered = sent, answered_s, delivered
        if entry.id > self._removed_id:
            size = len(sent) + sum(len(str(remark)) for remark in raw.remarks)
            raw.size += size
            self._size += size
            self._drop()

    def limit(self, limits: JournalLimits) -> None:
        self._limits = limits
        self._drop()

    def clear(self) -> None:
        """Remove the entries and the timeline, and set the drop counter to zero; the totals stay."""
        self._removed_id = self.last_id
        self._entries.clear()
        self._timeline.clear()
        self._size = self._dropped = self._dropped_id = 0

    def snapshot(self, after: int = 0) -> Snapshot:
        """Return the journal as it is now, with the entries of ids greater than ``after`` only."""
        totals = Totals(dict(self._calls), dict(self._refusals), tuple(self._seconds), self._seconds_sum)
        timeline = tuple(Bucket(number * BUCKET_SECONDS, dict(counts)) for number, counts in self._timeline.items())
        first_id = self._removed_id + 1
        later = islice(reversed(self._entries), max(0, self.last_id - max(after, self._removed_id)))
        entries = tuple(later)[::-1]  # the ids have no gaps
        return Snapshot(entries, self._dropped, self._dropped_id, totals, timeline, first_id, self.last_id)

    def _drop(self) -> None:
        entries, limits = self._entries, self._limits
        while len(entries) > limits.entries or self._size > limits.size:
            oldest = entries.popleft()
            self._size -= oldest.raw.size
            self._removed_id = self._dropped_id = oldest.id
            self._dropped += 1
