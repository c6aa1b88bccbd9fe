"""The fluent API for tests: runtime rules in Python, with the words of a scenario file.

``rescue.when(session=1002).fails(connection="reset").then("startSessionRet_OK")``
"""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict

from emulator.core.explain import describe_call
from emulator.core.journal import DecidedBy, Entry, Exchange, Refusal
from emulator.core.matching import FIELDS
from emulator.errors import EmulatorError, Problem, ScenarioError, VerificationError, on_purpose
from emulator.escaping import visible
from emulator.scenario.loading import check_rule_words
from emulator.scenario.meanings import misused, refuse_second, refuse_unnamed
from emulator.scenario.suggestions import hint

if TYPE_CHECKING:
    from typing_extensions import Never, Self, Unpack

__tracebackhide__ = on_purpose

NumberWord = int | Sequence[int] | Mapping[str, object]  # one, several, or a condition such as {"from": 1, "to": 9}
TextWord = str | Sequence[str] | Mapping[str, object]  # one, several, or a condition such as {"matches": "demo-.*"}
DelayWord = str | Mapping[str, str]  # such as "250ms" or "2s", or a distribution: {"from": "100ms", "to": "2s"}
RuleData = Mapping[str, object]  # a rule in the scenario language


class CallWords(TypedDict, total=False):
    session: NumberWord
    node: NumberWord
    auth_code: TextWord
    binding: TextWord


class RuleWords(CallWords, total=False):
    """The conditions of a rule, and the words for the rule as a whole."""

    name: str
    times: int
    per: str
    chance: str


class VerifyWords(CallWords, total=False):
    """Which calls should have come, and how often; ``after`` is the id of an earlier call.

    ``within`` is how long to wait for them, at most ``60s``.
    """

    times: int
    at_least: int
    at_most: int
    never: bool
    after: int
    within: str


class FailureWords(TypedDict, total=False):
    """A failure: an exception of the service, an HTTP answer, or a connection fault."""

    exception: str
    status: int
    headers: Mapping[str, str]
    body: str
    content_type: str
    connection: str
    over: str


class Rescue(ABC):
    """An emulator for tests, in this process or elsewhere.

    Relative paths of scenarios count from ``scenario_folder``; None is the working folder.
    """

    scenario_folder: Path | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of the service: ``http://127.0.0.1:PORT/API/API.asmx``."""

    @property
    def wsdl_url(self) -> str:
        return f"{self.url}?wsdl"

    @property
    @abstractmethod
    def calls(self) -> Sequence[Exchange]:
        """The calls in the journal with their replies, the oldest first."""

    @property
    @abstractmethod
    def refusals(self) -> Sequence[Refusal]:
        """The requests in the journal that did not become calls, the oldest first."""

    def when(self, *given: Never, **words: Unpack[RuleWords]) -> Conditions:
        """Begin a rule that comes before all others, with the words of a rule in a file.

        ``rescue.when(session=1001).returns("startSessionRet_OK")``; ScenarioError at once for a wrong word.
        """
        refuse_unnamed("when", given)
        rule = _grouped("when", words, RuleWords)
        check_rule_words(rule)
        return Conditions(self, rule)

    @abstractmethod
    def add_rule(self, rule: RuleData) -> int:
        """Add a rule, as in a file, before all others; return the id by which it can be changed or removed."""

    @abstractmethod
    def change_rule(self, rule_id: int, rule: RuleData) -> bool:
        """Replace a rule that was added; return False if there is none."""

    @abstractmethod
    def remove_rule(self, rule_id: int) -> bool:
        """Remove a rule that was added; return False if there is none."""

    def verify(self, *given: Never, **words: Unpack[VerifyWords]) -> None:
        """Raise VerificationError, an AssertionError, unless as many calls came as expected; by default, at least one.

        ``rescue.verify(session=1001, times=1)``; the message says what came instead. With ``within="2s"`` it waits for
        the calls, no longer than necessary: ``never`` and ``at_most`` watch the whole time. A reset ends the wait.
        """
        refuse_unnamed("verify", given)
        if "within" in words:
            _check_for_event_loop()
        verified, text = self.verification(verification_data(words))
        if not verified:
            raise VerificationError(text)

    @abstractmethod
    def verification(self, data: Mapping[str, object]) -> tuple[bool, str]:
        """Return whether as many calls came as expected, and the explanation; what is uncertain is not verified."""

    @abstractmethod
    def rule_hits(self, rule_id: int) -> int | None:
        """Return how many calls a rule that was added has answered; None if it does not exist any more."""

    @abstractmethod
    def unused_rules(self) -> Sequence[str]:
        """Return the runtime rules that have answered no call, as ``describe_unused`` names them."""

    @abstractmethod
    def use(self, scenario: Any) -> None:
        """Use another scenario from the next call on; runtime rules stay before it."""

    @abstractmethod
    def reset(self) -> None:
        """Clear journal, counters, desk changes and runtime rules; the scenario stays."""


def verification_data(words: Mapping[str, object]) -> dict[str, object]:
    """Return the words of a verification as the control API takes them; ScenarioError for an unknown word."""
    return _grouped("verify", words, VerifyWords)


def _check_for_event_loop() -> None:
    """Raise EmulatorError in a thread that runs an event loop, which a wait would block."""
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:
        return
    raise EmulatorError(
        "verify with 'within' would block the event loop that runs in this thread, and with it any client there: "
        "write await asyncio.to_thread(rescue.verify, ...)"
    )


class Conditions:
    """The conditions of a rule, which is added by ``returns`` or ``fails``."""

    def __init__(self, rescue: Rescue, rule: RuleData) -> None:
        self._rescue = rescue
        self._rule = rule
        self._is_complete = False

    def __del__(self) -> None:
        """Warn if neither ``returns`` nor ``fails`` was called: the test would wait for a rule that does not exist."""
        if not self._is_complete and not sys.is_finalizing():
            warnings.warn(f"rescue.when(...) alone does nothing: {self!r}", RuntimeWarning, stacklevel=2, source=self)

    def returns(self, result: str, *given: Never, delay: DelayWord | None = None) -> RuntimeRule:
        """Return a result, spelled as on the wire, maybe after a delay."""
        self._is_complete = True
        refuse_second("returns", result, given)
        return RuntimeRule(self._rescue, self._rule, _reply({"return": result}, delay))

    def fails(self, *given: Never, delay: DelayWord | None = None, **failure: Unpack[FailureWords]) -> RuntimeRule:
        """Fail, with the words of ``fail`` in a file: ``fails(connection="reset")``, ``fails(status=503)``."""
        self._is_complete = True
        refuse_unnamed("fails", given)
        return RuntimeRule(self._rescue, self._rule, _reply({"fail": dict(failure)}, delay))

    def __repr__(self) -> str:
        return "<conditions of a rule; call .returns(...) or .fails(...) to add it>"


class RuntimeRule:
    """A rule that was added at run time, before all others. ``id`` is its id in the control API."""

    def __init__(self, rescue: Rescue, rule: RuleData, reply: Mapping[str, object]) -> None:
        self._rescue = rescue
        self._rule = rule
        self._replies = [reply]
        self.id = rescue.add_rule(self._data(self._replies))

    def then(
        self,
        result: str | None = None,
        *given: Never,
        fail: FailureWords | None = None,
        delay: DelayWord | None = None,
        **unknown: Never,
    ) -> Self:
        """Give the next calls another result or failure; the last one stays. The counter begins anew."""
        refuse_second("then", result, given)
        if unknown and unknown.keys() <= FailureWords.__annotations__.keys():
            raise misused("then", f"a failure is written as 'fail'; did you mean then(fail={unknown!r})?")
        for word in unknown:
            raise misused("then", f"unknown word '{word}'; {hint(word, ('result', 'fail', 'delay'))}")
        words = {"return": result, "fail": fail}
        replies = [*self._replies, _reply({key: value for key, value in words.items() if value is not None}, delay)]
        if not self._rescue.change_rule(self.id, self._data(replies)):
            raise self._gone()
        self._replies = replies
        return self

    @property
    def hits(self) -> int:
        """The number of calls that it has answered, since the last ``then``; EmulatorError if it was removed."""
        hits = self._rescue.rule_hits(self.id)
        if hits is None:
            raise self._gone()
        return hits

    @property
    def calls(self) -> Sequence[Exchange]:
        """The calls in the journal that it has answered, the oldest first."""
        return tuple(each for each in self._rescue.calls if each.rule is not None and each.rule.id == self.id)

    def remove(self) -> None:
        """Remove the rule; do nothing if it was removed already."""
        self._rescue.remove_rule(self.id)

    def _gone(self) -> EmulatorError:
        return EmulatorError(f"rule {self.id} no longer exists: it was removed, or the emulator was reset")

    def _data(self, replies: Sequence[Mapping[str, object]]) -> dict[str, object]:
        return {**self._rule, "replies": [*replies]}

    def __repr__(self) -> str:
        return f"<runtime rule {self.id}>"


_LONG: Final = 10  # entries; in a longer account those that no rule answered come first
_MAX_ENTRIES: Final = 50


def account(rescue: Rescue) -> str:
    """Return the calls and refusals with their replies and near misses, for the report of a failed test."""
    entries = _entries(rescue)
    if not entries:
        return "no request came"
    shown = entries
    lines = []
    if len(entries) > _LONG:
        unmatched = [entry for entry in entries if _is_unmatched(entry)][-_MAX_ENTRIES:]
        others = [entry for entry in entries if not _is_unmatched(entry)]
        shown = unmatched + others[max(0, len(others) + len(unmatched) - _MAX_ENTRIES) :]
        missing = f", without {len(entries) - len(shown)} older ones" if len(shown) < len(entries) else ""
        lines = [f"({len(entries)} in all; first the {len(unmatched)} that no rule answered{missing})"]
    for entry in shown:
        lines += _entry_lines(entry)
    return "\n".join(map(visible, lines))


def unexpected(rescue: Rescue) -> str:
    """Return what a strict test must not leave behind: unused rules, refusals, calls for ``otherwise``; "" if none."""
    lines = [f"never used: rule {name}" for name in rescue.unused_rules()]
    lines += [next(_entry_lines(entry)) for entry in _entries(rescue) if _is_unmatched(entry)]
    if len(lines) > _MAX_ENTRIES:
        lines[_MAX_ENTRIES:] = [f"and {len(lines) - _MAX_ENTRIES} more"]
    return "\n".join(map(visible, lines))


def describe_unused(rule: str, chance: str | None) -> str:
    """Return the name of a rule that was never used, and what to do if that may have been by chance."""
    if chance is None:
        return rule
    return f"{rule}, maybe by chance, which is {chance}: Options(seed=...) makes it repeatable"


def _entries(rescue: Rescue) -> list[Entry]:
    return sorted([*rescue.calls, *rescue.refusals], key=lambda entry: entry.id)


def _is_unmatched(entry: Entry) -> bool:
    """Return True for a refusal, and for a call that neither a rule nor the desk answered."""
    return isinstance(entry, Refusal) or entry.decided_by is DecidedBy.OTHERWISE


def _entry_lines(entry: Entry) -> Iterator[str]:
    if isinstance(entry, Exchange):
        decider = f"rule {entry.rule}" if entry.rule is not None else entry.attribution
        delay = f" after {entry.delay:g} s" if entry.delay else ""
        yield f"{entry.id} {describe_call(entry)} -> {entry.outcome}{delay}, by {decider}{_got(entry)}"
        yield from (f"    near miss: {miss}" for miss in entry.near_misses())
    else:
        binding = "a request" if entry.binding is None else entry.binding.value
        yield f"{entry.id} {binding} was refused with {entry.status}: {' '.join(entry.reason.split())}{_got(entry)}"
    yield from (f"    remark: {remark}" for remark in entry.remarks)


def _got(entry: Entry) -> str:
    return f"; {entry.delivered}" if entry.delivered not in (None, "whole") else ""


def _reply(words: dict[str, object], delay: DelayWord | None) -> dict[str, object]:
    return words if delay is None else {**words, "delay": delay}


def _grouped(name: str, words: Mapping[str, object], known_words: type) -> dict[str, object]:
    """Return the conditions under ``when``, and the other words beside it."""
    known = tuple(known_words.__annotations__)
    unknown = [word for word in words if word not in known]
    if unknown:
        raise ScenarioError([Problem(name, 0, 0, f"unknown word '{word}'; {hint(word, known)}") for word in unknown])
    when = {word: value for word, value in words.items() if word in FIELDS}
    rest = {word: value for word, value in words.items() if word not in FIELDS}
    return {"when": when, **rest} if when else rest
