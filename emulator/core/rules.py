"""Rules and scenarios as values: what was written, free of its syntax, and nothing of what has happened since."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from emulator.core.contract import Result
from emulator.core.desk import Desk
from emulator.core.matching import When
from emulator.core.replies import Reply, Return

OTHERWISE: Final = Reply(Return(Result.ERROR))
"""What a call gets for which a scenario says nothing."""


class Per(str, Enum):
    """What a rule counts by."""

    RULE = "rule"
    SESSION = "session"
    NODE = "node"
    AUTH_CODE = "auth_code"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is answered to which calls.

    ``replies`` holds at least one and is given out in turn; the last one stays. After ``times`` answers (None: without
    end) the rule stands aside. Both are counted by ``per``. ``source`` is "file:line", None for a rule of no file.
    """

    name: str
    when: When
    replies: tuple[Reply, ...]
    times: int | None = None
    per: Per = Per.RULE
    source: str | None = None

    @property
    def counts(self) -> bool:
        """Whether what the rule says depends on how often it has spoken."""
        return self.times is not None or len(self.replies) > 1

    def __str__(self) -> str:
        return self.name if self.source is None else f"{self.name} ({self.source})"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of rules, of which the first that accepts a call answers it; then the desk; then ``otherwise``.

    ``source`` is the text that the scenario was read from.
    """

    name: str
    description: str | None = None
    otherwise: Reply = OTHERWISE
    rules: tuple[Rule, ...] = ()
    desk: Desk | None = None
    source: str | None = field(default=None, repr=False)
