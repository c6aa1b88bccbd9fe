"""The models of the scenario language: a scenario, its rules, their conditions, and the desk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field

from emulator.core import desk
from emulator.core.contract import Result
from emulator.core.matching import Absent, Condition, Matches, Not, OneOf, Range, When
from emulator.core.rules import OTHERWISE, Per, Rule, Scenario
from emulator.scenario import fields
from emulator.scenario.meanings import list_of_replies, result_meant
from emulator.scenario.reply_models import DelayField, FailureField, FailureModel, ReplyField, build_reply
from emulator.scenario.strict_model import CrossFieldError, ParsedAs, StrictModel, Variant
from emulator.scenario.suggestions import format_value

MAX_RULES: Final = 100_000


class NumberConditionModel(StrictModel):
    """A condition on a number: a range, a regular expression or a negation."""

    noun: ClassVar[str] = "a condition on a number"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(may=("from", "to")), Variant(("matches",)), Variant(("not",)))

    from_: fields.Int32 | None = Field(default=None, alias="from")
    """The lowest number accepted (default: no lower bound)."""
    to: fields.Int32 | None = None
    """The highest number accepted (default: no upper bound)."""
    matches: fields.Pattern | None = None
    """A regular expression (Python syntax) that must match the whole number, written in decimal."""
    not_: NumberField | None = Field(default=None, alias="not")
    """Accept everything except this number, list or condition."""

    def cross_field_errors(self) -> Iterator[CrossFieldError]:
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            yield CrossFieldError(f"from {self.from_} to {self.to} accepts nothing: 'from' is above 'to'")


class TextConditionModel(StrictModel):
    """A condition on an auth code: a regular expression, presence or absence, or a negation."""

    noun: ClassVar[str] = "a condition on an auth code"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("matches",)), Variant(("absent",)), Variant(("not",)))

    matches: fields.Pattern | None = Field(default=None, repr=False)
    """A regular expression (Python syntax) that must match the whole auth code."""
    absent: fields.Boolean | None = None
    """true: the auth code is empty or was not sent; false: a non-empty one was sent."""
    not_: TextField | None = Field(default=None, alias="not", repr=False)
    """Accept everything except this text, list or condition."""


class BindingConditionModel(StrictModel):
    """A condition on the binding: a regular expression or a negation."""

    noun: ClassVar[str] = "a condition on the binding"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(("matches",)), Variant(("not",)))

    matches: fields.Pattern | None = None
    """A regular expression (Python syntax) that must match the whole name of the binding."""
    not_: BindingField | None = Field(default=None, alias="not")
    """Accept everything except this binding, list or condition."""


_ConditionModel = NumberConditionModel | TextConditionModel | BindingConditionModel


def _condition(parsed: int | str | tuple[int | str, ...] | _ConditionModel) -> Condition:
    match parsed:
        case int() | str():
            return OneOf(frozenset((parsed,)))
        case tuple():
            return OneOf(frozenset(parsed))
        case NumberConditionModel(not_=None, matches=None, from_=low, to=high):
            return Range(low, high)
        case TextConditionModel(absent=bool(absent)):
            return Absent(absent)
    if parsed.matches is not None:
        return Matches(parsed.matches)
    assert parsed.not_ is not None, "one of the variants is required"
    return Not(parsed.not_)


NumberField = Annotated[Condition, ParsedAs(NumberConditionModel, _condition, scalar=fields.NumberValue, lists=True)]
TextField = Annotated[Condition, ParsedAs(TextConditionModel, _condition, scalar=fields.AuthCodeValue, lists=True)]
BindingField = Annotated[Condition, ParsedAs(BindingConditionModel, _condition, scalar=fields.BindingValue, lists=True)]


class WhenModel(StrictModel):
    """The conditions of a rule. A call must meet all of them."""

    noun: ClassVar[str] = "when"
    variants: ClassVar[tuple[Variant, ...]] = (Variant(may=("session", "node", "auth_code", "binding")),)
    or_else: ClassVar[str] = "; a rule for every call has no 'when'"

    session: NumberField | None = None
    """The id of the session: a number, a list of numbers, or a condition."""
    node: NumberField | None = None
    """The node of the technician: a number, a list of numbers, or a condition."""
    auth_code: TextField | None = Field(default=None, repr=False)
    """The secret auth code: a text exactly as written (quotes are optional), a list of texts, or a condition."""
    binding: BindingField | None = None
    """How the call arrives: soap11, soap12, get or post, a list of these, or a condition."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        if isinstance(data, list | tuple):
            return "write all conditions in one mapping, such as {session: 1001, node: 5}"
        key = "session" if str(data).isdecimal() else "auth_code"  # the value is not quoted: it may be an auth code
        return f"did you mean {{{key}: ...}}?"

    def build(self) -> When:
        return When(self.session, self.node, self.auth_code, self.binding)


WhenField = Annotated[When, ParsedAs(WhenModel, WhenModel.build)]


class RuleModel(StrictModel):
    """Which calls get which reply. The first rule that accepts a call answers it."""

    noun: ClassVar[str] = "a rule"
    variants: ClassVar[tuple[Variant, ...]] = (
        Variant(("return",), may=("delay",)),
        Variant(("fail",), may=("delay",)),
        Variant(("replies",)),
    )
    elsewhere: ClassVar[Mapping[str, str]] = {"delay": "; write it inside a reply"}
    belongs: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(FailureModel.keys, "fail"),
        **dict.fromkeys(WhenModel.keys, "when"),
    }

    name: fields.ShortText | None = None
    """The name of the rule in logs, in the journal and on pages (default: `rule N`)."""
    when: WhenField = When()
    """The conditions, all of which must hold (default: the rule accepts every call)."""
    return_: fields.ResultKey | None = Field(default=None, alias="return")
    """The result of every call that the rule accepts."""
    fail: FailureField | None = None
    """The failure that every accepted call gets instead of a result."""
    replies: Annotated[tuple[ReplyField, ...], Field(min_length=1), BeforeValidator(list_of_replies)] | None = None
    """Replies that are given in turn; the last one is repeated."""
    delay: DelayField | None = None
    """The delay before the response: `250ms`, `1.5s`, {from, to} or {median, p99}. Only beside `return` or `fail`."""
    times: fields.Count | None = None
    """The number of calls that the rule answers; later calls go on to the rules below (default: no limit)."""
    per: fields.PerName = Per.RULE
    """What `times` and `replies` are counted by: rule, session, node or auth_code."""
    chance: fields.Chance | None = None
    """The share of the accepted calls that the rule answers, such as `10%` or `0.5%`; the rules below answer the others
    (default: all)."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        meant = result_meant(data)
        return f"did you mean {{return: {meant}}}?" if meant else None

    def build(self, default_name: str = "", source: str | None = None, definition: str | None = None) -> Rule:
        """Return the rule; without a name or a default name it is named after its conditions."""
        name = self.name or default_name or f"when {self.when.text()}"
        replies = self.replies or (build_reply(self.return_, self.fail, self.delay),)
        return Rule(name, self.when, replies, self.times, self.per, source, definition, self.chance)


class AdministratorModel(StrictModel):
    """The owner of an auth code."""

    noun: ClassVar[str] = "an administrator"

    name: fields.ShortText | None = None
    """The name of the person (default: `administrator N`)."""
    auth_code: fields.NonEmptyAuthCode = Field(repr=False)
    """The secret auth code of this person, exactly as written; quotes are optional."""
    status: fields.AccountStatusName = desk.AccountStatus.ACTIVE
    """The status of the account: active, disabled or deleted."""
    role: fields.RoleName = desk.Role.ADMINISTRATOR
    """The role of the person, administrator or technician. A technician cannot start sessions by auth code."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        return "did you mean {auth_code: ...}?" if isinstance(data, str) else None


class TechnicianModel(StrictModel):
    """A person who can pick up sessions, at a node."""

    noun: ClassVar[str] = "a technician"

    name: fields.ShortText | None = None
    """The name of the person (default: `technician N`)."""
    node: fields.Int32
    """The node of this technician."""
    status: fields.TechnicianStatusName = desk.TechnicianStatus.ONLINE
    """online, offline, away, busy or disabled. No session can be started for an offline or disabled technician."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        key = "node" if str(data).isdecimal() else "node: ..., name"
        return f"did you mean {{{key}: {format_value(data)}}}?" if isinstance(data, str | int) else None


class SessionModel(StrictModel):
    """A support session of a customer."""

    noun: ClassVar[str] = "a session"

    id: fields.Int32
    """The id of the session."""
    customer: fields.ShortText | None = None
    """The name of the customer, or the reason for the session."""
    status: fields.SessionStatusName = desk.SessionStatus.WAITING
    """waiting, connecting, incoming, outgoing, on_hold, active, closed or timed_out. Only waiting, incoming, outgoing
    and on_hold sessions can be started."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        return f"did you mean {{id: {data}}}?" if str(data).isdecimal() else None


class DeskModel(StrictModel):
    """People and sessions from which calls that no rule accepts are answered."""

    noun: ClassVar[str] = "the desk"

    administrators: tuple[AdministratorModel, ...] = ()
    """The owners of auth codes."""
    technicians: tuple[TechnicianModel, ...] = ()
    """The people who can pick up sessions."""
    sessions: tuple[SessionModel, ...] = ()
    """The sessions, in their state when the emulator starts."""

    @classmethod
    def raw_errors(cls, data: Mapping[str, object]) -> Iterator[CrossFieldError]:
        """Yield each value that is used twice, also beside other mistakes in the same item."""
        for section, key in (("administrators", "auth_code"), ("technicians", "node"), ("sessions", "id")):
            yield from _duplicates(section, key, data.get(section))

    def build(self) -> desk.Desk:
        administrators = (
            desk.Administrator(person.name or f"administrator {number}", person.auth_code, person.status, person.role)
            for number, person in enumerate(self.administrators, start=1)
        )
        technicians = (
            desk.Technician(person.name or f"technician {number}", person.node, person.status)
            for number, person in enumerate(self.technicians, start=1)
        )
        sessions = (desk.Session(session.id, session.customer, session.status) for session in self.sessions)
        return desk.Desk(tuple(administrators), tuple(technicians), tuple(sessions))


def _duplicates(section: str, key: str, items: object) -> Iterator[CrossFieldError]:
    first: dict[str, int] = {}
    for index, item in enumerate(items if isinstance(items, list | tuple) else ()):
        value = str(item.get(key, "")) if isinstance(item, dict) else ""
        if key != "auth_code":
            value = value.removeprefix("+") if re.fullmatch("[+-]?[0-9]+", value) else ""
        if value and first.setdefault(value, index) != index:  # the value is not quoted: it may be an auth code
            yield CrossFieldError(f"already used in {section}[{first[value]}]", (section, index, key))


DeskField = Annotated[desk.Desk, ParsedAs(DeskModel, DeskModel.build)]


class ScenarioModel(StrictModel):
    """A scenario: which result, or which failure, each call of startSession gets."""

    noun: ClassVar[str] = "a scenario"
    belongs: ClassVar[Mapping[str, str]] = dict.fromkeys(DeskModel.keys, "desk")

    version: fields.Version = 1
    """The version of the scenario language."""
    name: fields.ShortText | None = None
    """The name of the scenario in logs and on pages (default: the name of the file)."""
    description: fields.Text | None = None
    """What the scenario is about."""
    otherwise: ReplyField = Field(default=OTHERWISE, json_schema_extra={"default": Result.ERROR.value})
    """The reply to calls that no rule accepts and that the desk does not answer."""
    rules: Annotated[tuple[RuleModel, ...], Field(max_length=MAX_RULES)] = ()
    """The rules. The first one that accepts a call answers it."""
    desk: DeskField | None = None
    """A model of people and sessions, from which calls that no rule accepts are answered."""
    schema_: fields.Text | None = Field(default=None, alias="$schema")
    """The location of the schema of this file, for editors. It is ignored."""

    @classmethod
    def meant_by(cls, data: object) -> str | None:
        return "write 'rules:' above a list of rules" if isinstance(data, list | tuple) else None

    def build(self, default_name: str, rules: Iterable[Rule]) -> Scenario:
        """Return the scenario with rules that are built already."""
        return Scenario(self.name or default_name, self.description, self.otherwise, tuple(rules), self.desk)
