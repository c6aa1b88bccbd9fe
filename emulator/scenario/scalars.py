"""Numbers and words as a person writes them: each is read strictly, and never as what it does not look like."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from emulator.core.contract import INT32_MAX, INT32_MIN, RESULT_TYPE, Binding, Result
from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.core.replies import ConnectionFault
from emulator.core.rules import Per
from emulator.scenario.words import bare, hint, kind, shown
from emulator.scenario.written import NO_VALUE, mistake

VERSION: Final = 1
"""The version of the scenario language that is read."""

LONGEST_DELAY: Final = 3600.0
"""Seconds. Whoever writes more has mistaken the unit."""

MOST_ENTRIES: Final = 2**53 - 1
"""The highest id of an entry in a journal that every reader of JSON can take."""

RESULT_PREFIX: Final = f"{RESULT_TYPE}_"
"""What all results begin with, and what a person may forget."""

_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER_LIKE: Final = re.compile(r"[-+]?[0-9][0-9a-zA-Z_:.+-]*")
_DURATION: Final = r"([0-9]+(?:\.[0-9]+)?)(ms|s)"
_LONGEST_TRUTH: Final = len("false")
_DIGITS_READ: Final = 20  # enough to see that a number is outside any range here

E = TypeVar("E", bound=Enum)


class Plain(str):
    """A scalar as it stands in a file without quotes: a number where one is wanted, a text where one is."""

    __slots__ = ()


def _whole(low: int, high: int, called: str = "") -> BeforeValidator:
    """Reads a whole number of a range from decimal digits."""

    def read(value: object) -> int:
        number = _decimal(value)
        if not low <= number <= high:
            raise mistake(f"{bare(value)} is outside {low} to {high}{called}")
        return number

    return BeforeValidator(read)


def _decimal(value: object) -> int:
    if type(value) is int:
        return value
    if isinstance(value, Plain) and _DECIMAL.fullmatch(value):
        return int(value[:_DIGITS_READ])
    if value is None:
        raise mistake(NO_VALUE)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        raise mistake(f"{shown(value)} is a text; write the number without quotes")
    if isinstance(value, Plain) and _NUMBER_LIKE.fullmatch(value):
        raise mistake(f"{bare(value)} is not a whole number in decimal digits without leading zeros")
    raise mistake(f"a whole number is wanted here, not {shown(value)}")


def _word(words: type[E], noun: str, prefix: str = "") -> BeforeValidator:
    """Reads one of the words of an enumeration; a word without its prefix, or in other letter case, gets a hint."""
    members = {member.value: member for member in words}

    def read(value: object) -> E:
        if isinstance(value, str) and value in members:
            return members[value]
        if value is None:
            raise mistake(NO_VALUE)
        if not isinstance(value, str):
            raise mistake(f"{noun} is wanted here, not {kind(value)}")
        raise mistake(f"{shown(value)} is not {noun}; {hint(value, tuple(members), prefix)}")

    return BeforeValidator(read)


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Plain) and value in ("true", "false"):
        return value == "true"
    if value is None:
        raise mistake(NO_VALUE)
    if not isinstance(value, Plain) and value in ("true", "false"):
        raise mistake(f"{shown(value)} is a text; write it without quotes")
    telling = shown(value) if len(str(value)) <= _LONGEST_TRUTH else kind(value)  # longer ones may be auth codes
    raise mistake(f"true or false is wanted here, not {telling}")


def _seconds(value: object) -> float:
    written = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
    if written is None:
        raise mistake(NO_VALUE if value is None else f"a delay is written like 250ms or 1.5s, not {shown(value)}")
    seconds = float(written[1]) / (1000 if written[2] == "ms" else 1)
    if seconds > LONGEST_DELAY:
        raise mistake(f"{shown(value)} is longer than an hour")
    return seconds


def _version(value: object) -> int:
    number = _decimal(value)
    if number != VERSION:
        newer = f"; version {bare(value)} needs a newer one" if number > VERSION else ""
        raise mistake(f"{_program()} reads version {VERSION} of the scenario language{newer}")
    return number


def _program() -> str:
    from importlib import metadata  # slow to import, and needed for one message only

    try:
        return f"rescue-emulator {metadata.version('rescue-emulator')}"
    except metadata.PackageNotFoundError:
        return "this rescue-emulator"


Int32 = Annotated[int, Field(ge=INT32_MIN, le=INT32_MAX), _whole(INT32_MIN, INT32_MAX, ", which is int32")]
Count = Annotated[int, Field(ge=1, le=INT32_MAX), _whole(1, INT32_MAX)]
Number = Annotated[int, Field(ge=0, le=INT32_MAX), _whole(0, INT32_MAX)]
EntryId = Annotated[int, Field(ge=0, le=MOST_ENTRIES), _whole(0, MOST_ENTRIES)]
Version = Annotated[Literal[1], BeforeValidator(_version)]
Status = Annotated[int, Field(ge=200, le=599), _whole(200, 599, ", the statuses that end a request")]
Truth = Annotated[bool, BeforeValidator(_truth)]
Seconds = Annotated[float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})]

ResultWord = Annotated[Result, _word(Result, "a result", RESULT_PREFIX)]
BindingWord = Annotated[Binding, _word(Binding, "a binding")]
FaultWord = Annotated[ConnectionFault, _word(ConnectionFault, "a failure of a connection")]
PerWord = Annotated[Per, _word(Per, "what a rule counts by")]
AccountWord = Annotated[AccountStatus, _word(AccountStatus, "the status of an account")]
RoleWord = Annotated[Role, _word(Role, "a role")]
TechnicianWord = Annotated[TechnicianStatus, _word(TechnicianStatus, "the status of a technician")]
SessionWord = Annotated[SessionStatus, _word(SessionStatus, "the status of a session")]
