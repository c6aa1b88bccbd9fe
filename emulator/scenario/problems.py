"""From the errors of the models to problems that a person understands, at their places and in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from emulator.errors import Problem
from emulator.scenario.source import Path, Source, problem
from emulator.scenario.strict_model import AT_KEY, NO_VALUE
from emulator.scenario.suggestions import kind

_KEY_OF_MAPPING: Final = "[key]"


def problems_of(error: ValidationError, source: Source) -> Iterator[Problem]:
    """What is wrong, one problem for each mistake."""
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and details["input"]:
            continue  # nothing is left of the list, since all in it is wrong
        path = _path(details, source.data)
        at_key = details["type"] == AT_KEY or details["loc"][-1:] == (_KEY_OF_MAPPING,)
        yield problem(source, path, _message(details), key=at_key)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems in the order of the text; where aliases lead to one mistake by many paths, it is told once."""
    told: dict[tuple[int, int, str], Problem] = {}
    for found in sorted(problems, key=lambda found: (found.line, found.column)):
        without_path = found.message.partition(": ")[2] if found.line else found.message
        told.setdefault((found.line, found.column, without_path or found.message), found)
    return list(told.values())


def _path(details: ErrorDetails, data: Any) -> Path:
    """The place of an error as a path in the data: without the names of the shapes that a value was told by."""
    path: list[str | int] = []
    for step in details["loc"]:
        inside = step in data if isinstance(data, dict) else isinstance(data, list | tuple) and isinstance(step, int)
        if inside:
            path.append(step)
            data = data[step]
    if details["type"] == "missing":
        path.append(details["loc"][-1])
    return tuple(path)


def _message(details: ErrorDetails) -> str:
    value = details["input"]
    match details["type"]:
        case "at_key" | "at_value":
            return details["msg"]
        case "missing":
            return "missing"
        case _ if value is None:
            return NO_VALUE
        case "string_type":
            return f"a text is wanted here, not {kind(value)}"
        case "string_too_short":
            return "an empty text cannot be right here"
        case "dict_type":
            return f"a mapping is wanted here, not {kind(value)}"
        case "list_type" | "tuple_type":
            return f"a list is wanted here, not {kind(value)}"
        case "too_short":
            return "an empty list; write at least one, or leave the key out"
        case "union_tag_invalid":
            return f"{kind(value)} cannot stand here"
        case _:
            return details["msg"]
