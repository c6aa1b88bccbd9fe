"""Builders of core values with defaults, so that a test states only what matters to it."""

from __future__ import annotations

import re

from emulator.core.contract import Binding, Call, Result
from emulator.core.desk import Desk
from emulator.core.matching import Condition, Matches, OneOf, When
from emulator.core.replies import Reply, Return
from emulator.core.rules import OTHERWISE, Per, Rule, Scenario


def a_call(
    session: int = 1001, node: int = 337366, auth_code: str | None = "demo-ann", binding: Binding = Binding.SOAP11
) -> Call:
    return Call(session, node, auth_code, binding)


def one_of(*values: int | str) -> OneOf:
    return OneOf(frozenset(values))


def matches(pattern: str) -> Matches:
    return Matches(re.compile(pattern))


def when(**conditions: Condition | int | str) -> When:
    """Return conditions by field; a plain value is wrapped in ``OneOf``."""
    return When(**{name: one_of(it) if isinstance(it, int | str) else it for name, it in conditions.items()})


def a_rule(
    *results: Result,
    name: str = "a rule",
    times: int | None = None,
    per: Per = Per.RULE,
    source: str | None = None,
    chance: float | None = None,
    **conditions: Condition | int | str,
) -> Rule:
    replies = tuple(Reply(Return(result)) for result in results or (Result.OK,))
    return Rule(name, when(**conditions), replies, times, per, source, chance=chance)


def a_scenario(*rules: Rule, otherwise: Reply = OTHERWISE, desk: Desk | None = None) -> Scenario:
    return Scenario("a scenario", rules=rules, otherwise=otherwise, desk=desk)
