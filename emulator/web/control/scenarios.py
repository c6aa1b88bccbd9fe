"""The scenario in force, as text, and its replacement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from emulator.core.rules import Scenario
from emulator.errors import ScenarioError
from emulator.scenario import from_data, loads
from emulator.scenario.secrets import with_secrets
from emulator.scenario.suggestions import hint
from emulator.web.control.asked import JSON, YAML, Asked, said, wrong_type
from emulator.web.control.problems import PRIVATE, Refused, unprocessable
from emulator.web.request import Answer

FILE: Final = "file"
"""The query parameter that names the file which the body came from, for messages and for the places of rules."""

FILE_NAME: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,500}"
"""What such a name can be, as a regular expression."""

_BODY: Final = "body"


def show(asked: Asked) -> Answer:
    """The scenario as it was written, auth codes as they may be shown."""
    asked.query(())
    source = asked.engine.scenario.source
    if source is None:
        raise Refused(404, "the scenario in force was made by a program, and has no text")
    return Answer(200, YAML[0], with_secrets(source, asked.secret), PRIVATE)


def put(asked: Asked) -> Answer:
    """Another scenario in its place; all or nothing."""
    scenario = scenario_in(asked, asked.query((FILE,)))
    asked.engine.replace(scenario)
    return said({"scenario": scenario.name, "rules": len(scenario.rules)})


def scenario_in(asked: Asked, query: Mapping[str, str]) -> Scenario:
    """The scenario in the body, in YAML or JSON."""
    name = query.get(FILE) or _BODY
    if not re.fullmatch(FILE_NAME, name):
        raise Refused(400, f"the query parameter '{FILE}' is no name of a file: one line of 500 characters at most")
    if asked.media_type not in (JSON, *YAML):
        raise wrong_type(asked.visit.content_type, [JSON, YAML[0]])
    try:
        return from_data(asked.parsed(), name) if asked.media_type == JSON else loads(asked.body, name)
    except ScenarioError as error:
        raise unprocessable(error) from None


def show_files(asked: Asked) -> Answer:
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
