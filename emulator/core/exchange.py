"""An exchange: a call, what it gets, and who decided that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emulator.core.call import Call
from emulator.core.replies import Outcome
from emulator.core.rules import Rule


class DecidedBy(str, Enum):
    """Who had the word: a rule, else the desk, else the scenario's ``otherwise``."""

    RULE = "rule"
    DESK = "desk"
    OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its answer. ``delay`` is in seconds, 0.0 for none; ``rule`` is None unless a rule decided."""

    id: int
    call: Call
    outcome: Outcome
    delay: float
    decided_by: DecidedBy
    rule: Rule | None
