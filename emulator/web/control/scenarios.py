"""The scenario in use and its replacement, and the scenario files of the folder."""

from __future__ import annotations

from werkzeug.exceptions import NotFound

from emulator.core.rules import Scenario
from emulator.scenario.control_shapes import ScenarioFilesJson, ScenarioSummaryJson
from emulator.scenario.suggestions import hint
from emulator.web.control.dispatch import PRIVATE, YAML, ControlRequest
from emulator.web.request import Response


def show(control: ControlRequest) -> Response:
    source = control.space.engine.scenario.source
    if source is None:
        raise NotFound("the scenario was made by a program, and has no text")
    return Response(source, 200, PRIVATE, YAML)


def replace(control: ControlRequest) -> ScenarioSummaryJson:
    control.space.engine.replace(control.body)
    return _summary(control.body)


def list_files(control: ControlRequest) -> ScenarioFilesJson:
    files = control.space.files
    return {"files": files.names() if files else [], "in_force": files.current if files else None}


def use_file(control: ControlRequest) -> ScenarioSummaryJson:
    """Use the scenario in one of the files from the next call on; a wrong one changes nothing."""
    files, name = control.space.files, control.values["file"]
    names = files.names() if files else []
    if files is None or name not in names:
        near = hint(name, tuple(names)) if names else "no folder is served here"
        raise NotFound(f"there is no scenario file '{name}'; {near}")
    return _summary(files.use(name))


def _summary(scenario: Scenario) -> ScenarioSummaryJson:
    return {"scenario": scenario.name, "rules": len(scenario.rules)}
