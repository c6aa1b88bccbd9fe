"""Rules and scenarios as immutable values: what was written, without its syntax and without state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from emulator.core.contract import Result
from emulator.core.desk import Desk
from emulator.core.matching import When
from emulator.core.replies import Reply, Return

OTHERWISE: Final = Reply(Return(Result.ERROR))
"""The default ``otherwise`` of a scenario."""


class Per(str, Enum):
    """What a rule counts its answers by: all together, or by a field of the call."""

    RULE = "rule"
    SESSION = "session"
    NODE = "node"
    AUTH_CODE = "auth_code"


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions on a call, and the replies to the calls that meet them.

    ``replies`` has at least one item; they are given in turn, and the last one is repeated. After ``times`` answers
    (None: no limit) the rule is spent and is passed over. Both are counted by ``per``. ``source`` is "file:line", or
    None for a rule that comes from no file.
    """

    name: str
    when: When
    replies: tuple[Reply, ...]
    times: int | None = None
    per: Per = Per.RULE
    source: str | None = None

    @property
    def is_stateful(self) -> bool:
        """True if the rule's next reply depends on how often it has answered."""
        return self.times is not None or len(self.replies) > 1

    def __str__(self) -> str:
        return self.name if self.source is None else f"{self.name} ({self.source})"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of rules: the first that accepts a call answers it, else the desk, else ``otherwise``.

    ``source`` is the text that the scenario was read from.
    """

    name: str
    description: str | None = None
    otherwise: Reply = OTHERWISE
    rules: tuple[Rule, ...] = ()
    desk: Desk | None = None
    source: str | None = field(default=None, repr=False)
