"""Values in a query, read as strictly as those in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from emulator.core.matching import FIELDS, When
from emulator.errors import ScenarioError
from emulator.scenario import when_from_data
from emulator.scenario.fields import MOST_ENTRIES
from emulator.scenario.source import UnquotedStr
from emulator.scenario.suggestions import shown
from emulator.web.control.problems import Refused

_TRUTHS: Final = {"true": True, "false": False}


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number from 0 on."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) > MOST_ENTRIES:
        raise Refused(400, f"{name}={shown(text)} is not a whole number from 0 to {MOST_ENTRIES}")
    return int(text)


def truth(query: Mapping[str, str], name: str) -> bool | None:
    """true or false; None when nothing is said."""
    text = query.get(name)
    if text is None:
        return None
    if text not in _TRUTHS:
        raise Refused(400, f"{name}={shown(text)} is neither true nor false")
    return _TRUTHS[text]


def when(query: Mapping[str, str]) -> When:
    """The conditions on the call: one value for each field that is mentioned."""
    data = {name: UnquotedStr(query[name]) for name in FIELDS if name in query}
    try:
        return when_from_data(data, "query")
    except ScenarioError as error:
        raise Refused(400, str(error)) from None
