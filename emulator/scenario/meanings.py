"""What was probably meant by a value that is written in another way, for error messages that say how it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pydantic import BeforeValidator

from emulator.core.contract import RESULT_TYPE, Binding, Result
from emulator.delivery import ConnectionFault
from emulator.errors import Problem, ScenarioError
from emulator.scenario.strict_model import invalid
from emulator.scenario.suggestions import nearest, quote_value

_RESULTS: Final = tuple(result.value for result in Result)
_FAULTS: Final = tuple(fault.value for fault in ConnectionFault)
_BINDINGS: Final = frozenset(binding.value for binding in Binding)

_INT: Final = r"([+-]?\d{1,10})"
_TO: Final = r" ?(?:-|\u2013|\.\.+|:|to) ?"
_RANGE: Final = re.compile(rf"{_INT}{_TO}{_INT}")
_COMPARISON: Final = re.compile(rf"(>=?|<=?|!=|not) ?{_INT}")
_SEVERAL: Final = re.compile(rf"{_INT}(?: ?(?:[,;|]| or ) ?{_INT})+")
_ANY: Final = frozenset({"any", "all", "every", "*"})

_UNITS: Final = {
    **dict.fromkeys(("ms", "msec", "millisecond"), 0.001),
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hour"), 3600),
}
_NUMBER: Final = r"(\d{1,9}(?:[.,]\d{1,9})?)"
_UNIT: Final = rf"({'|'.join(_UNITS)})?s?"
_DURATION: Final = re.compile(rf"{_NUMBER} ?{_UNIT}", re.IGNORECASE)
_DURATIONS: Final = re.compile(rf"{_NUMBER} ?{_UNIT}{_TO}{_NUMBER} ?{_UNIT}", re.IGNORECASE)


def result_meant(value: object) -> str | None:
    """Return the result that a text names, or nearly names."""
    guesses = nearest(value, _RESULTS, f"{RESULT_TYPE}_") if isinstance(value, str) else ()
    return guesses[0] if guesses else None


def failure_meant(value: object) -> tuple[str, str] | None:
    """Return the key and value of the failure that was probably meant by a fault, a status or a message alone."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if re.fullmatch("[2-5][0-9][0-9]", text):
        return "status", text
    for fault in nearest(text, _FAULTS):
        return "connection", fault
    return ("exception", text) if text else None


def format_failure(failure: tuple[str, str]) -> str:
    """Return a failure as it is written in a scenario: ``{connection: reset}``."""
    key, value = failure
    over = ", over: 10s" if value == ConnectionFault.TRICKLE.value else ""
    return f"{{{key}: {quote_value(value) if key == 'exception' else value}{over}}}"


def duration_meant(value: object) -> str | None:
    """Return the duration that was probably meant by a text such as ``5 min``, or both by a number without a unit."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    found = _DURATION.fullmatch(str(value)) if is_number or isinstance(value, str) else None
    if found is None:
        return None
    return f"'{_duration(*found.groups())}'" if found[2] else f"'{found[1]}s' or '{found[1]}ms'"


def delay_meant(value: object) -> str | None:
    """Return the random delay that was probably meant by a text such as ``1-2s``, or by a list of two durations."""
    if isinstance(value, list | tuple):
        value = "-".join(map(str, value)) if len(value) == len(("from", "to")) else None
    found = _DURATIONS.fullmatch(value) if isinstance(value, str) else None
    if found is None or not found[4]:
        return None
    low, high = _duration(found[1], found[2] or found[4]), _duration(found[3], found[4])
    return f"{{from: {low}, to: {high}}}"


def _duration(number: str, unit: str) -> str:
    number, factor = number.replace(",", "."), _UNITS[unit.lower()]
    return f"{number}ms" if factor < 1 else f"{float(number) * factor:.10g}s"


def number_condition_meant(value: object) -> str | None:
    """Return the condition that was probably meant by a text such as ``1-9`` or ``> 5``, or by a Python range."""
    if isinstance(value, range) and value.step == 1 and value:
        return f"{{from: {value[0]}, to: {value[-1]}}}"
    if not isinstance(value, str):
        return None
    if found := _RANGE.fullmatch(value):
        low, high = sorted(map(int, found.groups()))
        return f"{{from: {low}, to: {high}}}"
    if found := _COMPARISON.fullmatch(value):
        sign, number = found[1], int(found[2])
        if sign in ("!=", "not"):
            return f"{{not: {number}}}"
        return f"{{from: {number + (sign == '>')}}}" if sign[0] == ">" else f"{{to: {number - (sign == '<')}}}"
    return f"[{', '.join(re.findall(_INT, value))}]" if _SEVERAL.fullmatch(value) else None


# Validators that refuse what was meant in another way; whatever else is wrong, the validator after them says.


def no_condition(value: object) -> object:
    """Refuse a condition in a list; elsewhere a mapping is read as a condition, and never as a single value."""
    if isinstance(value, dict):
        raise invalid("a condition cannot stand in a list; a list holds single values only")
    return value


def no_number_condition(value: object) -> object:
    if isinstance(value, str):
        if value.isdecimal():
            return value
        if value in _ANY:
            raise invalid(f"must be a whole number, not {quote_value(value)}; leave the key out to accept every number")
    if meant := number_condition_meant(value):
        raise invalid(f"{quote_value(value)} is not a whole number; did you mean {meant}?")
    return no_condition(value)


def no_list_of_bindings(value: object) -> object:
    if isinstance(value, str) and "," in value:
        parts = re.split(" *, *", value)
        if _BINDINGS.issuperset(parts):
            raise invalid(f"{quote_value(value)} is not a binding; did you mean [{', '.join(parts)}]?")
    return no_condition(value)


def no_random_delay(value: object) -> object:
    if meant := delay_meant(value):
        raise invalid(f"{quote_value(value)} is not a duration; did you mean {meant}?")
    return value


def no_failure(template: str) -> BeforeValidator:
    """Return a validator that refuses a failure, or several replies, where a result is read.

    The ``template`` is how a failure is written instead.
    """

    def check(value: object) -> object:
        if isinstance(value, list | tuple):
            raise invalid("must be a result, not a list; replies that are given in turn are written as 'replies'")
        if isinstance(value, dict):
            raise invalid("must be a result, not a mapping; a failure is written as 'fail' instead of 'return'")
        failure = None if value in _RESULTS or result_meant(value) else failure_meant(value)
        if failure and failure[0] != "exception":
            meant = template.format(format_failure(failure))
            raise invalid(f"{quote_value(value)} is not a result; did you mean {meant}?")
        return value

    return BeforeValidator(check)


def list_of_replies(value: object) -> object:
    if isinstance(value, str | dict):
        kind = "a mapping" if isinstance(value, dict) else "a text"
        raise invalid(f"must be a list, not {kind}; a single reply is written as 'return' or 'fail'")
    return value


# Misuse of the fluent API


def refuse_unnamed(method: str, given: Sequence[object]) -> None:
    """Raise ScenarioError for values without their names, and say which name was probably meant."""
    if not given:
        return
    meant = "session=..., auth_code=..."  # a value is not repeated: it may be an auth code
    if method == "fails":
        key, value = failure_meant(given[0]) or ("connection", "reset")
        meant = f"{key}={value}" if key == "status" else f"{key}={value!r}"
    raise misused(method, f"takes its values by name; did you mean {method}({meant})?")


def refuse_second(method: str, first: object, given: Sequence[object]) -> None:
    """Raise ScenarioError for values behind a result."""
    if given:
        second = f"delay={given[0]!r}" if duration_meant(given[0]) else ""
        meant = f"{method}({first!r}, {second})" if second else f"{method}({first!r}).then({given[0]!r})"
        raise misused(method, f"takes one result; did you mean {meant}?")


def misused(method: str, message: str) -> ScenarioError:
    return ScenarioError([Problem(method, 0, 0, message)])
