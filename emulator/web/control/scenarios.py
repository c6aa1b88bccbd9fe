"""The scenario in force, as text, and its replacement."""

from __future__ import annotations

from emulator.core.rules import Scenario
from emulator.errors import ScenarioError
from emulator.scenario import from_data, loads
from emulator.scenario.secrets import with_secrets
from emulator.web.control.asked import JSON, YAML, Asked, said, wrong_type
from emulator.web.control.problems import FRESH, Refused, unprocessable
from emulator.web.visit import Answer

NAME = "body"  # what problems name as their file


def show(asked: Asked) -> Answer:
    """The scenario as it was written, auth codes as they may be shown."""
    asked.query(())
    source = asked.engine.scenario.source
    if source is None:
        raise Refused(404, "the scenario in force was made by a program, and has no text")
    return Answer(200, YAML[0], with_secrets(source, asked.secret), FRESH)


def put(asked: Asked) -> Answer:
    """Another scenario in its place; all or nothing."""
    asked.query(())
    scenario = scenario_in(asked)
    asked.engine.replace(scenario)
    return said({"scenario": scenario.name, "rules": len(scenario.rules)})


def scenario_in(asked: Asked) -> Scenario:
    """The scenario in the body, in YAML or JSON."""
    if asked.media_type not in (JSON, *YAML):
        raise wrong_type(asked.visit.content_type, [JSON, YAML[0]])
    try:
        return from_data(asked.parsed(), NAME) if asked.media_type == JSON else loads(asked.body, NAME)
    except ScenarioError as error:
        raise unprocessable(error) from None
