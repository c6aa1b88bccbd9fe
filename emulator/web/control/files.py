"""The scenario files in the folder that is served, and switching among them."""

from __future__ import annotations

from emulator.errors import ScenarioError
from emulator.scenario.words import hint
from emulator.web.control.asked import Asked, said
from emulator.web.control.problems import Refused, unprocessable
from emulator.web.visit import Answer


def show_all(asked: Asked) -> Answer:
    """The names of the files, and which of them is in force; none where no file is served."""
    asked.query(())
    files = asked.about.files
    names = files.names() if files else []
    return said({"files": names, "in_force": files.in_force if files else None})


def use(asked: Asked) -> Answer:
    """The scenario in one of the files, from the next call on; a bad one changes nothing."""
    asked.query(())
    files, name = asked.about.files, asked.path["file"]
    names = files.names() if files else []
    if files is None or name not in names:
        near = hint(name, tuple(names)) if names else "no folder is served here"
        raise Refused(404, f"there is no scenario file '{name}'; {near}")
    try:
        scenario = files.use(name)
    except ScenarioError as error:
        raise unprocessable(error) from None
    return said({"scenario": scenario.name, "rules": len(scenario.rules)})
