"""The scenario in use, its replacement, the files of the folder, the desk and its changes, and the reset."""

from __future__ import annotations

from dataclasses import asdict

from werkzeug.exceptions import NotFound

from emulator.core.desk import Desk
from emulator.core.rules import Scenario
from emulator.scenario import control_shapes as shapes
from emulator.scenario.files import log_remarks
from emulator.scenario.suggestions import hint
from emulator.web.control.dispatch import PRIVATE, YAML, ControlRequest
from emulator.web.request import Response


def show(control: ControlRequest) -> Response:
    source = control.space.engine.scenario.source
    if source is None:
        raise NotFound("the scenario was made by a program, and has no text")
    return Response(source, 200, PRIVATE, YAML)


def replace(control: ControlRequest) -> shapes.ScenarioSummaryJson:
    control.space.engine.replace(control.body)
    log_remarks(control.body)
    return _summary(control.body)


def list_files(control: ControlRequest) -> shapes.ScenarioFilesJson:
    files = control.space.files
    return {"files": files.names() if files else [], "in_force": files.current if files else None}


def use(control: ControlRequest) -> shapes.ScenarioSummaryJson:
    """Use the scenario in one of the files from the next call on; a wrong one changes nothing."""
    files, name = control.space.files, control.values["file"]
    names = files.names() if files else []
    if files is None or name not in names:
        near = hint(name, tuple(names)) if names else "no folder is served here"
        raise NotFound(f"there is no scenario file '{name}'; {near}")
    return _summary(files.use(name))


def show_desk(control: ControlRequest) -> dict[str, object]:
    return asdict(control.space.engine.desk() or Desk())


def set_technician(control: ControlRequest) -> shapes.TechnicianStatusJson:
    node, status = control.values["node"], control.body.status
    if not control.space.engine.set_technician(node, status):
        raise NotFound(f"there is no technician at node {node}; GET {control.path('/desk')} lists them")
    return {"node": node, "status": status}


def set_session(control: ControlRequest) -> shapes.SessionStatusJson:
    session, status = control.values["id"], control.body.status
    if not control.space.engine.set_session(session, status):
        raise NotFound(f"the desk has no session {session}; GET {control.path('/desk')} lists them")
    return {"id": session, "status": status}


def reset(control: ControlRequest) -> None:
    """Reset, unless another client has done so since this request began."""
    engine = control.space.engine
    control.space.spaces.catch_up()
    if not engine.was_reset_since(control.request.began):
        engine.reset()


def _summary(scenario: Scenario) -> shapes.ScenarioSummaryJson:
    return {"scenario": scenario.name, "rules": len(scenario.rules)}
