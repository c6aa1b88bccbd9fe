"""Spaces: opened, listed and ended. Each has a service, a control API and a WSDL of its own under its root."""

from __future__ import annotations

import re
from typing import Any

from emulator.core.contract import SERVICE_PATH
from emulator.web.control.asked import Asked, done, said
from emulator.web.control.controlled import NAME, PREFIX, SpaceNews, SpacesBeside, TooManySpaces
from emulator.web.control.problems import Refused
from emulator.web.control.scenarios import FILE, scenario_in
from emulator.web.request import Answer


def show_all(asked: Asked) -> Answer:
    """The spaces that are open."""
    asked.query(())
    spaces = _spaces(asked)
    shown = [_as_data(asked, spaces, news) for news in spaces.news()]
    return said({"spaces": shown, "most": spaces.most, "idle_s": spaces.idle})


def put(asked: Asked) -> Answer:
    """A space of this name is open; the scenario in the body, if there is one, is in force there."""
    query = asked.query((FILE,))
    spaces, name = _spaces(asked), asked.path["name"]
    if not re.fullmatch(NAME, name):
        raise Refused(
            400, f"'{name}' cannot name a space: 1 to 64 letters, digits, '.', '_' and '-', the first no sign"
        )
    scenario = scenario_in(asked, query) if asked.body else None
    try:
        new = spaces.put(name, scenario)
    except TooManySpaces:
        raise Refused(
            409,
            f"{spaces.most} spaces are open, and no more can be: DELETE some; idle ones end after {spaces.idle:g} s",
        ) from None
    news = next((each for each in spaces.news() if each.name == name), None)
    if news is None:
        raise Refused(409, f"somebody else deleted the space '{name}' just now")
    return said(_as_data(asked, spaces, news), 201 if new else 200)


def drop(asked: Asked) -> Answer:
    """The space is no more, with all that was in it."""
    asked.query(())
    name = asked.path["name"]
    if not _spaces(asked).drop(name):
        raise Refused(404, f"there is no space '{name}'; GET /__admin/spaces shows those that are open")
    return done()


def _spaces(asked: Asked) -> SpacesBeside:
    spaces = asked.about.spaces
    if spaces is None:
        raise Refused(404, "there are no spaces inside a space; ask at /__admin/spaces of the server")
    return spaces


def _as_data(asked: Asked, spaces: SpacesBeside, news: SpaceNews) -> dict[str, Any]:
    root = spaces.address(news.name, asked.visit.origin)
    return {
        "name": news.name,
        "url": root + SERVICE_PATH,
        "wsdl_url": f"{root}{SERVICE_PATH}?wsdl",
        "control_url": root + PREFIX,
        "scenario": news.engine.scenario.name,
        "idle_s": round(news.idle, 3),
    }
