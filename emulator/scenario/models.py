"""A scenario, its rules and its replies as a person writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Discriminator, Field, Tag

from emulator.core.contract import Result
from emulator.core.rules import Per
from emulator.scenario.conditions import WrittenWhen
from emulator.scenario.delays import WrittenDelay
from emulator.scenario.desk import WrittenDesk
from emulator.scenario.failures import WrittenFailure
from emulator.scenario.scalars import Count, PerWord, ResultWord, Version
from emulator.scenario.texts import ShortText, Text
from emulator.scenario.written import Way, Written, shape

MOST_RULES: Final = 100_000


class WrittenReply(Written):
    """One answer: a result or a failure, maybe after a delay."""

    noun: ClassVar[str] = "a reply"
    ways: ClassVar[tuple[Way, ...]] = (Way(("return",)), Way(("fail",)))

    return_: ResultWord | None = Field(default=None, alias="return")
    """The result that the call gets."""
    fail: WrittenFailure | None = None
    """The failure that the call gets in place of a result."""
    delay: WrittenDelay | None = None
    """How long the answer waits: `250ms`, `1.5s`, {from, to} or {median, p99}."""


ReplyWord = Annotated[
    Annotated[ResultWord, Tag("scalar")] | Annotated[WrittenReply, Tag("mapping")],
    Discriminator(shape),
]


class WrittenRule(Written):
    """What is answered to which calls. The first rule that accepts a call answers it."""

    noun: ClassVar[str] = "a rule"
    ways: ClassVar[tuple[Way, ...]] = (
        Way(("return",), may=("delay",)),
        Way(("fail",), may=("delay",)),
        Way(("replies",)),
    )
    elsewhere: ClassVar[Mapping[str, str]] = {"delay": "; write it inside a reply"}

    name: ShortText | None = None
    """What the rule is called in logs, in the journal and on pages; `rule N` when left out."""
    when: WrittenWhen | None = None
    """The conditions, all of which must hold; left out, the rule accepts every call."""
    return_: ResultWord | None = Field(default=None, alias="return")
    """The result that every accepted call gets."""
    fail: WrittenFailure | None = None
    """The failure that every accepted call gets in place of a result."""
    replies: Annotated[tuple[ReplyWord, ...], Field(min_length=1)] | None = None
    """Answers given out in turn; the last one stays."""
    delay: WrittenDelay | None = None
    """How long the answer waits: `250ms`, `1.5s`, {from, to} or {median, p99}. Beside `return` or `fail`."""
    times: Count | None = None
    """The rule answers this many calls, and then stands aside for the rules below."""
    per: PerWord = Per.RULE
    """What `times` and `replies` are counted by: rule, session, node or auth_code."""


class WrittenScenario(Written):
    """A scenario: which result, or which failure, each call of startSession gets."""

    noun: ClassVar[str] = "a scenario"

    version: Version = 1
    """The version of the scenario language."""
    name: ShortText | None = None
    """What the scenario is called in logs and on pages; the file's name when left out."""
    description: Text | None = None
    """What the scenario is about."""
    otherwise: ReplyWord = Result.ERROR
    """What a call gets that no rule accepts and for which the desk has no answer."""
    rules: Annotated[tuple[WrittenRule, ...], Field(max_length=MOST_RULES)] = ()
    """The rules; the first one that accepts a call answers it."""
    desk: WrittenDesk | None = None
    """A model of the people and sessions, which answers calls that no rule accepts."""
    schema_: Text | None = Field(default=None, alias="$schema")
    """Where the schema of this file is, for editors; ignored."""
