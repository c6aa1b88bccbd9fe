"""From what a person wrote, checked, to the values that the engine works with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from emulator.core.contract import Binding, Result
from emulator.core.desk import Administrator, Desk, Session, Technician
from emulator.core.matching import Absent, Condition, Matches, Not, OneOf, Range, When
from emulator.core.replies import (
    ConnectionFailure,
    Delay,
    Fixed,
    HttpFailure,
    LogNormal,
    Outcome,
    Reply,
    Return,
    Throw,
    Uniform,
)
from emulator.core.rules import Rule, Scenario
from emulator.scenario.language import (
    BindingConditionModel,
    DeskModel,
    FailureModel,
    NumberConditionModel,
    ReplyModel,
    RuleModel,
    ScenarioModel,
    SpreadModel,
    TextConditionModel,
    WhenModel,
)

Test = (
    int
    | str
    | tuple[int, ...]
    | tuple[str, ...]
    | tuple[Binding, ...]
    | NumberConditionModel
    | TextConditionModel
    | BindingConditionModel
)

EVERY_CALL: Final = When()


def scenario(written: ScenarioModel, rules: Iterable[Rule], *, name: str) -> Scenario:
    """A scenario whose rules are compiled already; ``name`` is used when none is written."""
    return Scenario(
        name=written.name or name,
        description=written.description,
        otherwise=reply(written.otherwise),
        rules=tuple(rules),
        desk=None if written.desk is None else desk(written.desk),
    )


def rule(written: RuleModel, *, name: str, source: str | None = None) -> Rule:
    """A rule; ``name`` is used when none is written."""
    if written.replies is not None:
        replies = tuple(reply(each) for each in written.replies)
    else:
        replies = (_reply(written.return_, written.fail, written.delay),)
    return Rule(
        name=written.name or name,
        when=EVERY_CALL if written.when is None else when(written.when),
        replies=replies,
        times=written.times,
        per=written.per,
        source=source,
    )


def when(written: WhenModel) -> When:
    """The conditions of a rule."""
    return When(
        session=_condition(written.session),
        node=_condition(written.node),
        auth_code=_condition(written.auth_code),
        binding=_condition(written.binding),
    )


def reply(written: Result | ReplyModel) -> Reply:
    """A reply, written as a result alone or as a mapping."""
    if isinstance(written, Result):
        return _returning(written)
    return _reply(written.return_, written.fail, written.delay)


@lru_cache
def _returning(result: Result) -> Reply:
    """One value for all rules that return the same at once."""
    return Reply(Return(result))


def _reply(result: Result | None, failure: FailureModel | None, delay: float | SpreadModel | None) -> Reply:
    if failure is not None:
        return Reply(_failure(failure), _delay(delay))
    assert result is not None, "a reply returns or fails"
    return _returning(result) if delay is None else Reply(Return(result), _delay(delay))


def _failure(written: FailureModel) -> Outcome:
    if written.exception is not None:
        return Throw(written.exception)
    if written.connection is not None:
        return ConnectionFailure(written.connection, written.over)
    assert written.status is not None, "a failure is one of three"
    headers = tuple((written.headers or {}).items())
    return HttpFailure(written.status, headers, written.body or "", written.content_type)


def _delay(written: float | SpreadModel | None) -> Delay | None:
    match written:
        case None:
            return None
        case float():
            return Fixed(written)
        case SpreadModel(median=float(median), p99=float(p99)):
            return LogNormal(median, p99)
        case SpreadModel(from_=float(low), to=float(high)):
            return Uniform(low, high)
    raise AssertionError("a delay is one of three")


def _condition(written: Test | None) -> Condition | None:
    return None if written is None else _wanted(written)


def _wanted(written: Test) -> Condition:
    match written:
        case int() | str():
            return OneOf(frozenset((written,)))
        case tuple():
            return OneOf(frozenset(written))
        case _:
            return _described(written)


def _described(written: NumberConditionModel | TextConditionModel | BindingConditionModel) -> Condition:
    if written.not_ is not None:
        return Not(_wanted(written.not_))
    if written.matches is not None:
        return Matches(written.matches)
    match written:
        case NumberConditionModel(from_=low, to=high):
            return Range(low, high)
        case TextConditionModel(absent=bool(absent)):
            return Absent(absent)
    raise AssertionError("a condition says one thing")


def desk(written: DeskModel) -> Desk:
    """The desk; whoever has no name is called by what he is and his number."""
    return Desk(
        administrators=tuple(
            Administrator(who.name or f"administrator {number}", who.auth_code, who.status, who.role)
            for number, who in enumerate(written.administrators, start=1)
        ),
        technicians=tuple(
            Technician(who.name or f"technician {number}", who.node, who.status)
            for number, who in enumerate(written.technicians, start=1)
        ),
        sessions=tuple(Session(each.id, each.customer, each.status) for each in written.sessions),
    )
