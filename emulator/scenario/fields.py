"""The scalar fields of the models. Each is read strictly, so that nothing is taken for what it does not look like."""

from __future__ import annotations

import re
import warnings
from enum import Enum
from functools import cache
from importlib import metadata
from typing import Annotated, Any, Final, Literal, TypeVar
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from emulator.core.contract import INT32_MAX, INT32_MIN, RESULT_TYPE, Binding, Result
from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.core.rules import MAX_CHANCE_DECIMALS, Per
from emulator.delivery import ConnectionFault
from emulator.scenario.meanings import (
    duration_meant,
    no_condition,
    no_failure,
    no_list_of_bindings,
    no_number_condition,
    no_random_delay,
)
from emulator.scenario.source import UnquotedStr
from emulator.scenario.strict_model import NO_VALUE, invalid
from emulator.scenario.suggestions import format_value, hint, kind_of, quote_value

VERSION: Final = 1
MAX_DELAY: Final = 3600.0  # seconds; a longer delay is probably a mistake in the unit
MAX_WAIT: Final = 60.0  # seconds
MAX_ENTRY_ID: Final = 2**53 - 1  # the largest integer that every JSON parser keeps exact

SPACE_NAME: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The names that spaces can have, as a regular expression."""

_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER_LIKE: Final = re.compile(r"[-+]?[0-9][0-9a-zA-Z_:.+-]*")
_DURATION: Final = r"([0-9]+(?:\.[0-9]+)?)(ms|s)"
_PERCENTAGE: Final = rf"(?!0+(?:\.0+)?%)[0-9]{{1,2}}(?:\.[0-9]{{1,{MAX_CHANCE_DECIMALS}}})?%"
_SHARE: Final = re.compile(r"([0-9]{1,20}(?:[.,][0-9]{1,20})?) ?(%|percent)?")  # what may have been meant as one
_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_UNSEEN: Final = re.compile("[\u034f\u115f\u1160\u2800\u3164\ufe00-\ufe0f\uffa0]")  # of other categories
_WAIT: Final = (  # more than nothing, at most a minute
    r"(?![0.]+m?s$)0*(([0-9]|[1-5][0-9])(\.[0-9]+)?s|60(\.0+)?s"
    r"|([0-9]{1,4}|[1-5][0-9]{4})(\.[0-9]+)?ms|60000(\.0+)?ms)"
)
_MAX_DIGITS: Final = 20  # enough to see that a number is out of any range here; int() is slow for long texts

E = TypeVar("E", bound=Enum)


def _wrong(value: object, message: str) -> PydanticCustomError:
    return invalid(NO_VALUE if value is None else message)


def _integer(low: int, high: int, unit: str = "") -> BeforeValidator:
    """Return a validator that reads a whole number of a range from decimal digits."""

    def read(value: object) -> int:
        number = _decimal(value)
        if not low <= number <= high:
            raise invalid(f"{format_value(value)} is outside {low} to {high}{unit}")
        return number

    return BeforeValidator(read)


def _decimal(value: object) -> int:
    if type(value) is int:
        return value
    if isinstance(value, UnquotedStr) and _DECIMAL.fullmatch(value):
        return int(value[:_MAX_DIGITS])
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        raise invalid(f"{quote_value(value)} is a text; write the number without quotes")
    if isinstance(value, UnquotedStr) and _NUMBER_LIKE.fullmatch(value):
        raise invalid(f"{format_value(value)} is not a whole number in decimal digits without leading zeros")
    raise _wrong(value, f"must be a whole number, not {quote_value(value)}")


def _member(members: type[E], noun: str, prefix: str = "") -> BeforeValidator:
    """Return a validator that reads a member of an enumeration by its value, and suggests the nearest one."""
    by_value = {member.value: member for member in members}

    def read(value: object) -> E:
        if not isinstance(value, str):
            raise _wrong(value, f"must be {noun}, not {kind_of(value)}")
        if value not in by_value:
            raise invalid(f"{quote_value(value)} is not {noun}; {hint(value, tuple(by_value), prefix)}")
        return by_value[value]

    return BeforeValidator(read)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in ("true", "false"):
        if isinstance(value, UnquotedStr):
            return value == "true"
        raise invalid(f"{quote_value(value)} is a text; write it without quotes")
    description = quote_value(value) if len(str(value)) <= len("false") else kind_of(value)  # may be an auth code
    raise _wrong(value, f"must be true or false, not {description}")


def _seconds(value: object) -> float:
    seconds = _duration(value)
    if seconds > MAX_DELAY:
        raise invalid(f"{quote_value(value)} is longer than an hour")
    return seconds


def _chance(value: object) -> float:
    """Read a percentage; whatever else looks like a share gets an error with the percentage that was meant."""
    text = quote_value(value)
    match = _SHARE.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if match is None:
        raise _wrong(value, f"must be a percentage such as 10% or 0.5%, not {text}")
    number, is_percentage = match[1].replace(",", "."), bool(match[2])
    share = float(number)
    if not is_percentage and 0 < share < 1:
        raise invalid(f"{text} is not a percentage; did you mean '{share * 100:.10g}%' or '{share:.10g}%'?")
    if share == 0:
        raise invalid(f"{text}: the rule would answer no call; leave out the rule, or write a chance such as 10%")
    if share == 100:
        raise invalid(f"{text}: the rule would answer every call that it accepts; leave out 'chance' for that")
    if share > 100:
        raise invalid(f"{text} is more than all calls; a chance is above 0% and below 100%, such as 10%")
    if not re.fullmatch(_PERCENTAGE, str(value)):
        if len(number.partition(".")[2]) > MAX_CHANCE_DECIMALS:
            raise invalid(f"{text} has more than {MAX_CHANCE_DECIMALS} decimals")
        raise invalid(f"{text} is not a percentage; did you mean '{number}%'?")
    return share


def _auth_code(value: str) -> str:
    """Refuse a code with characters that cannot be seen, and one that was masked: both were copied by mistake."""
    if not (value.isascii() and value.isprintable()):
        for index, char in enumerate(value, start=1):
            if _UNSEEN.match(char) or (char != " " and category(char) in _UNSEEN_CATEGORIES):
                found = f"U+{ord(char):04X} at character {index}, which cannot be seen"
                raise invalid(f"contains {found}; remove it, or write a regular expression: {{matches: ...}}")
    if value.endswith("***"):
        raise invalid("ends in '***', as masked codes are shown; write the whole code")
    return value


def _wait(value: object) -> float:
    seconds = _duration(value)
    if not seconds:
        raise invalid(f"{quote_value(value)} is no time to wait; leave the word out to verify at once")
    if seconds > MAX_WAIT:
        raise invalid(f"{quote_value(value)} is longer than {MAX_WAIT:g}s, the maximum")
    return seconds


def _duration(value: object) -> float:
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
    if match is None:
        meant = duration_meant(value)
        end = f"; did you mean {meant}?" if meant else ""
        raise _wrong(value, f"must be a duration such as 250ms or 1.5s, not {quote_value(value)}{end}")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _version(value: object) -> int:
    number = _decimal(value)
    if number != VERSION:
        newer = f"; version {format_value(value)} needs a newer one" if number > VERSION else ""
        raise invalid(f"rescue-emulator {package_version()} reads version {VERSION} of the scenario language{newer}")
    return number


@cache  # reading its file takes 1 ms
def package_version() -> str:
    """Return the version of this package; "(unknown version)" where it is not installed but only copied."""
    try:
        return metadata.version("rescue-emulator")
    except metadata.PackageNotFoundError:
        return "(unknown version)"


def check_space_name(name: str) -> str:
    """Return the name of a space; ValueError if it can have none of this name."""
    if not re.fullmatch(SPACE_NAME, name):
        raise ValueError(
            f"'{name}' cannot name a space: 1 to 64 letters, digits, '.', '_' and '-', the first a letter or a digit"
        )
    return name


Int32 = Annotated[int, Field(ge=INT32_MIN, le=INT32_MAX), _integer(INT32_MIN, INT32_MAX, ", which is int32")]
Count = Annotated[int, Field(ge=1, le=INT32_MAX), _integer(1, INT32_MAX)]
Number = Annotated[int, Field(ge=0, le=INT32_MAX), _integer(0, INT32_MAX)]
NumberValue = Annotated[Int32, BeforeValidator(no_number_condition)]
EntryId = Annotated[int, Field(ge=0, le=MAX_ENTRY_ID), _integer(0, MAX_ENTRY_ID)]
Version = Annotated[Literal[1], BeforeValidator(_version)]
Status = Annotated[int, Field(ge=200, le=599), _integer(200, 599, ", the statuses that end a request")]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Wait = Annotated[float, BeforeValidator(_wait), WithJsonSchema({"type": "string", "pattern": f"^{_WAIT}$"})]
Seconds = Annotated[float, BeforeValidator(_seconds), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})]
DelayValue = Annotated[Seconds, BeforeValidator(no_random_delay)]
Chance = Annotated[float, BeforeValidator(_chance), WithJsonSchema({"type": "string", "pattern": f"^{_PERCENTAGE}$"})]

ResultName = Annotated[Result, _member(Result, "a result", f"{RESULT_TYPE}_")]
ResultKey = Annotated[ResultName, no_failure("'fail: {}'")]
ReplyName = Annotated[ResultName, no_failure("{{fail: {}}}")]
BindingName = Annotated[Binding, _member(Binding, "a binding")]
BindingValue = Annotated[BindingName, BeforeValidator(no_list_of_bindings)]
FaultName = Annotated[ConnectionFault, _member(ConnectionFault, "a connection fault")]
PerName = Annotated[Per, _member(Per, "a value of 'per'")]
AccountStatusName = Annotated[AccountStatus, _member(AccountStatus, "the status of an account")]
RoleName = Annotated[Role, _member(Role, "a role")]
TechnicianStatusName = Annotated[TechnicianStatus, _member(TechnicianStatus, "the status of a technician")]
SessionStatusName = Annotated[SessionStatus, _member(SessionStatus, "the status of a session")]


TEXT_TYPES: Final[JsonValue] = ["string", "number", "boolean"]
"""The JSON types of a text: an editor takes an unquoted one such as 0123 or no for a number or a boolean."""

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, 5.6.2
_MAX_HEADER_NAME: Final = 200  # YAML reads no key of more than 1,024 characters
_RESERVED_HEADERS: Final = {
    "content-length": "the server writes this header itself",
    "transfer-encoding": "the server writes this header itself",
    "content-type": "write 'content_type' beside 'headers' instead",
}
_RESERVED: Final = "|".join(  # in any letter case: patterns in JSON Schema have no flags
    "".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in name) for name in _RESERVED_HEADERS
)
HEADER_NAME: Final = rf"(?!(?:{_RESERVED})$){_TOKEN}"
_ONE_LINE: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}"
_XML: Final = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*"
_HEADER_VALUE: Final = r"[\t\x20-\x7e\xa0-\xff]*"
_MEDIA_TYPE: Final = rf"{_TOKEN}/{_TOKEN}( *; *[\x20-\x7e]+)?"


def _full_match(pattern: str, message: str) -> AfterValidator:
    """Return a validator that refuses a text unless the pattern matches all of it."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise invalid(message)
        return value

    return AfterValidator(check)


def _no_surrogates(value: str) -> str:
    if not value.isascii() and _SURROGATE.search(value):
        raise invalid("contains half of a surrogate pair, which is not a character")
    return value


def _regex(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise _wrong(value, f"must be a regular expression, not {kind_of(value)}")
    _no_surrogates(value)  # JSON cannot hold one; the escape \ud800 in a regular expression can stand for it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what later Pythons may read differently is valid in this one
            return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"not a regular expression: {error}") from error


def _header_name(name: str) -> str:
    if len(name) > _MAX_HEADER_NAME:
        raise invalid(f"longer than {_MAX_HEADER_NAME} characters")
    if name.lower() in _RESERVED_HEADERS:
        raise invalid(_RESERVED_HEADERS[name.lower()])
    return name


def _schema_pattern(pattern: str, **more: JsonValue) -> Any:
    """Return field metadata that puts the pattern into the JSON Schema."""
    return Field(json_schema_extra={"pattern": f"^{pattern}$", **more})


Text = Annotated[str, Field(strict=True), AfterValidator(_no_surrogates)]
NonEmptyText = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_no_surrogates)]
ShortText = Annotated[
    Text, _full_match(_ONE_LINE, "must be one line of 1 to 200 characters"), _schema_pattern(_ONE_LINE)
]
_NOT_MASKED: Final = Field(json_schema_extra={"not": {"type": "string", "pattern": r"\*\*\*$"}})
AuthCode = Annotated[Text, AfterValidator(_auth_code), _NOT_MASKED]
AuthCodeValue = Annotated[AuthCode, BeforeValidator(no_condition)]
NonEmptyAuthCode = Annotated[NonEmptyText, AfterValidator(_auth_code), _NOT_MASKED]
XmlText = Annotated[
    Text, _full_match(_XML, "contains a control character, which XML cannot represent"), _schema_pattern(_XML)
]
HeaderName = Annotated[
    Text, _full_match(_TOKEN, "not a valid header name; use letters, digits and hyphens"), AfterValidator(_header_name)
]
HeaderValue = Annotated[
    Text, _full_match(_HEADER_VALUE, "must be one line of Latin-1 characters"), _schema_pattern(_HEADER_VALUE)
]
MediaType = Annotated[
    Text,
    _full_match(_MEDIA_TYPE, "must be a media type such as text/html"),
    _schema_pattern(_MEDIA_TYPE, type="string"),
]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_regex), WithJsonSchema({"type": TEXT_TYPES, "format": "regex"})]
