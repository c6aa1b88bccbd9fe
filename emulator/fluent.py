"""What a test says to an emulator, wherever that runs: rules as sentences of Python, in the words of a scenario file.

``rescue.when(session=1002).fails(connection="reset").then("startSessionRet_OK")``
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict

from emulator.core.contract import Result
from emulator.core.explain import described
from emulator.core.journal import Entry, Exchange, Refusal
from emulator.core.matching import FIELDS
from emulator.errors import EmulatorError, Problem, ScenarioError, on_purpose
from emulator.escaping import visible
from emulator.scenario import rule_from_data
from emulator.scenario.suggestions import hint

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


__tracebackhide__ = on_purpose

NumberWord = int | Sequence[int] | Mapping[str, object]
"""A number, any of several, or a condition such as ``{"from": 1, "to": 9}``."""
TextWord = str | Sequence[str] | Mapping[str, object]
"""A text, any of several, or a condition such as ``{"matches": "demo-.*"}``."""
DelayWord = str | Mapping[str, str]
"""``"250ms"``, ``"2s"``, or a spread such as ``{"from": "100ms", "to": "2s"}``."""
RuleData = Mapping[str, object]
"""A rule with the words of a file."""


class CallWords(TypedDict, total=False):
    """Which calls."""

    session: NumberWord
    node: NumberWord
    auth_code: TextWord
    binding: TextWord


class RuleWords(CallWords, total=False):
    """Which calls a rule is for, and what is said of the rule as a whole."""

    name: str
    times: int
    per: str


class VerifyWords(CallWords, total=False):
    """Which calls should have come, and how often; ``after`` the call with this id."""

    times: int
    at_least: int
    at_most: int
    never: bool
    after: int


class FailureWords(TypedDict, total=False):
    """A failure: an exception of the service, an HTTP answer, or a broken connection."""

    exception: str
    status: int
    headers: Mapping[str, str]
    body: str
    content_type: str
    connection: str
    over: str


class Rulebook(Protocol):
    """Where rules are added."""

    def add_rule(self, rule: RuleData) -> int: ...
    def change_rule(self, rule_id: int, rule: RuleData) -> bool: ...
    def remove_rule(self, rule_id: int) -> bool: ...


class Rescue(Protocol):
    """An emulator as a test sees it: in the test's own process, or elsewhere."""

    @property
    def url(self) -> str: ...
    @property
    def wsdl_url(self) -> str: ...
    @property
    def calls(self) -> Sequence[Exchange]: ...
    @property
    def refusals(self) -> Sequence[Refusal]: ...
    def when(self, **words: Unpack[RuleWords]) -> Conditions: ...
    def verify(self, **words: Unpack[VerifyWords]) -> None: ...
    def use(self, scenario: Any) -> None: ...
    def reset(self) -> None: ...


_OF_RULES: Final = ("name", "times", "per")
_OF_VERIFYING: Final = ("times", "at_least", "at_most", "never", "after")


def beginning(rulebook: Rulebook, words: Mapping[str, object]) -> Conditions:
    """The beginning of a rule; ScenarioError at once for a word that is wrong."""
    rule = _sorted("when", words, _OF_RULES)
    rule_from_data({**rule, "replies": [Result.OK]})
    return Conditions(rulebook, rule)


def asked_of(words: Mapping[str, object]) -> dict[str, object]:
    """A question about calls, as the control API takes it; ScenarioError for a word that there is not."""
    return _sorted("verify", words, _OF_VERIFYING)


class Conditions:
    """The calls that a rule is for; the rule is in force once it is said what they get."""

    def __init__(self, rulebook: Rulebook, rule: RuleData) -> None:
        self._rulebook = rulebook
        self._rule = rule
        self._ended = False

    def __del__(self) -> None:
        """RuntimeWarning when nobody ever said what the calls get: no rule is in force then, and a test might hope."""
        if not self._ended and not sys.is_finalizing():
            warnings.warn(f"rescue.when(...) alone does nothing: {self!r}", RuntimeWarning, stacklevel=2, source=self)

    def returns(self, result: str, *, delay: DelayWord | None = None) -> RuntimeRule:
        """They get a result, spelled as on the wire, perhaps after a delay."""
        self._ended = True
        return RuntimeRule(self._rulebook, self._rule, _reply({"return": result}, delay))

    def fails(self, *, delay: DelayWord | None = None, **failure: Unpack[FailureWords]) -> RuntimeRule:
        """They fail, as a ``fail`` in a file says it: ``fails(connection="reset")``, ``fails(status=503)``."""
        self._ended = True
        return RuntimeRule(self._rulebook, self._rule, _reply({"fail": dict(failure)}, delay))

    def __repr__(self) -> str:
        return "<the beginning of a rule; say what the calls get: .returns(...) or .fails(...)>"


class RuntimeRule:
    """A rule that is in force before all that were there when it was made. ``id`` is its id in the control API."""

    def __init__(self, rulebook: Rulebook, rule: RuleData, reply: Mapping[str, object]) -> None:
        self._rulebook = rulebook
        self._rule = rule
        self._replies = [reply]
        self.id = rulebook.add_rule(self._whole(self._replies))

    def then(
        self, result: str | None = None, *, fail: FailureWords | None = None, delay: DelayWord | None = None
    ) -> Self:
        """The calls after those get another result or failure; the last one stays. Counting begins anew."""
        said = {"return": result, "fail": fail}
        reply = _reply({key: value for key, value in said.items() if value is not None}, delay)
        replies = [*self._replies, reply]
        if not self._rulebook.change_rule(self.id, self._whole(replies)):
            raise EmulatorError(f"rule {self.id} is no longer in force: it was removed, or the emulator was reset")
        self._replies = replies
        return self

    def remove(self) -> None:
        """The rule is no longer in force; nothing happens when it was not."""
        self._rulebook.remove_rule(self.id)

    def _whole(self, replies: Sequence[Mapping[str, object]]) -> dict[str, object]:
        return {**self._rule, "replies": [*replies]}

    def __repr__(self) -> str:
        return f"<runtime rule {self.id}>"


def account(rescue: Rescue) -> str:
    """What came and what it got, for the report of a failed test; names the rules that nearly matched."""
    entries: list[Entry] = sorted([*rescue.calls, *rescue.refusals], key=lambda entry: entry.id)
    if not entries:
        return "no request came"
    earlier = len(entries) - _MOST_TOLD
    lines = [f"({earlier} before these)"] if earlier > 0 else []
    for entry in entries[-_MOST_TOLD:]:
        lines += _told(entry)
    return "\n".join(map(visible, lines))


_MOST_TOLD: Final = 50


def _told(entry: Entry) -> Iterator[str]:
    if not isinstance(entry, Exchange):
        binding = "a request" if entry.binding is None else entry.binding.value
        yield f"{entry.id} {binding} was refused with {entry.status}: {' '.join(entry.reason.split())}"
        return
    decider = f"rule {entry.rule}" if entry.rule is not None else entry.decided_by.value
    yield f"{entry.id} {described(entry)} -> {entry.outcome}, by {decider}"
    for miss in entry.near_misses():
        yield f"    near miss: {miss}"


def _reply(said: dict[str, object], delay: DelayWord | None) -> dict[str, object]:
    return said if delay is None else {**said, "delay": delay}


def _sorted(name: str, words: Mapping[str, object], others: tuple[str, ...]) -> dict[str, object]:
    """The words about calls under ``when``, the others beside it."""
    right = (*FIELDS, *others)
    unknown = [word for word in words if word not in right]
    if unknown:
        raise ScenarioError([Problem(name, 0, 0, f"unknown word '{word}'; {hint(word, right)}") for word in unknown])
    when = {word: value for word, value in words.items() if word in FIELDS}
    rest = {word: value for word, value in words.items() if word not in FIELDS}
    return {"when": when, **rest} if when else rest
