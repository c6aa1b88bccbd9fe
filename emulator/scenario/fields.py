"""Numbers and words as a person writes them: each is read strictly, and never as what it does not look like."""

from __future__ import annotations

import re
import warnings
from enum import Enum
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from emulator.core.contract import INT32_MAX, INT32_MIN, RESULT_TYPE, Binding, Result
from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.core.rules import Per
from emulator.delivery import ConnectionFault
from emulator.scenario.source import UnquotedStr
from emulator.scenario.strict_model import NO_VALUE, mistake
from emulator.scenario.suggestions import bare, hint, kind, shown

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
    if isinstance(value, UnquotedStr) and _DECIMAL.fullmatch(value):
        return int(value[:_DIGITS_READ])
    if value is None:
        raise mistake(NO_VALUE)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        raise mistake(f"{shown(value)} is a text; write the number without quotes")
    if isinstance(value, UnquotedStr) and _NUMBER_LIKE.fullmatch(value):
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
    if isinstance(value, UnquotedStr) and value in ("true", "false"):
        return value == "true"
    if value is None:
        raise mistake(NO_VALUE)
    if not isinstance(value, UnquotedStr) and value in ("true", "false"):
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
Boolean = Annotated[bool, BeforeValidator(_truth)]
Seconds = Annotated[float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})]

ResultName = Annotated[Result, _word(Result, "a result", RESULT_PREFIX)]
BindingName = Annotated[Binding, _word(Binding, "a binding")]
FaultName = Annotated[ConnectionFault, _word(ConnectionFault, "a failure of a connection")]
PerName = Annotated[Per, _word(Per, "what a rule counts by")]
AccountStatusName = Annotated[AccountStatus, _word(AccountStatus, "the status of an account")]
RoleName = Annotated[Role, _word(Role, "a role")]
TechnicianStatusName = Annotated[TechnicianStatus, _word(TechnicianStatus, "the status of a technician")]
SessionStatusName = Annotated[SessionStatus, _word(SessionStatus, "the status of a session")]


TEXT: Final[JsonValue] = ["string", "number", "boolean"]
"""What a text may look like to one who reads YAML by other rules, when it stands there without quotes."""

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_OURS: Final = {
    "content-length": "the server writes this header itself",
    "transfer-encoding": "the server writes this header itself",
    "content-type": "write 'content_type' beside 'headers' in its place",
}
_OURS_IN_ANY_CASE: Final = "|".join("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in name) for name in _OURS)
HEADER_NAME: Final = rf"(?!(?:{_OURS_IN_ANY_CASE})$){_TOKEN}"
_SHORT: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}"
_XML: Final = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*"
_HEADER: Final = r"[\t\x20-\x7e\xa0-\xff]*"
_MEDIA_TYPE: Final = rf"{_TOKEN}/{_TOKEN}( *; *[\x20-\x7e]+)?"


def _like(pattern: str, complaint: str) -> AfterValidator:
    """Refuses a text that the pattern does not match as a whole."""
    wanted = re.compile(pattern)

    def check(value: str) -> str:
        if not wanted.fullmatch(value):
            raise mistake(complaint)
        return value

    return AfterValidator(check)


def _encodable(value: str) -> str:
    if not value.isascii() and _SURROGATE.search(value):
        raise mistake("holds half of a surrogate pair, which is no character")
    return value


def _pattern(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise mistake(NO_VALUE if value is None else f"a regular expression is wanted here, not {kind(value)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a later Python may read differently is right today
            return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise mistake(f"not a regular expression: {error}") from error


def _not_ours(name: str) -> str:
    if name.lower() in _OURS:
        raise mistake(_OURS[name.lower()])
    return name


def _schema(pattern: str, **more: JsonValue) -> Any:
    """The pattern as the schema tells it."""
    return Field(json_schema_extra={"pattern": f"^{pattern}$", **more})


Text = Annotated[str, Field(strict=True), AfterValidator(_encodable)]
Filled = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_encodable)]
ShortText = Annotated[Text, _like(_SHORT, "one line of 1 to 200 characters is wanted here"), _schema(_SHORT)]
XmlText = Annotated[Text, _like(_XML, "holds a control character, which no XML can carry"), _schema(_XML)]
HeaderName = Annotated[Text, _like(_TOKEN, "not the name of a header"), AfterValidator(_not_ours)]
HeaderValue = Annotated[Text, _like(_HEADER, "a header's value is one line of Latin-1 characters"), _schema(_HEADER)]
MediaType = Annotated[
    Text, _like(_MEDIA_TYPE, "a media type is written like text/html"), _schema(_MEDIA_TYPE, type="string")
]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern), WithJsonSchema({"type": TEXT, "format": "regex"})]
