"""The desk as it is now, and changes to it: the status of a technician or a session."""

from __future__ import annotations

from dataclasses import asdict

from werkzeug.exceptions import NotFound

from emulator.core.desk import Desk
from emulator.scenario.control_shapes import SessionStatusJson, TechnicianStatusJson
from emulator.web.control.dispatch import ControlRequest


def show(control: ControlRequest) -> dict[str, object]:
    return asdict(control.space.engine.desk() or Desk())


def set_technician(control: ControlRequest) -> TechnicianStatusJson:
    node = control.values["node"]
    if not control.space.engine.set_technician(node, control.body.status):
        raise NotFound(f"there is no technician at node {node}; GET {control.path('/desk')} lists them")
    return {"node": node, "status": control.body.status}


def set_session(control: ControlRequest) -> SessionStatusJson:
    session = control.values["id"]
    if not control.space.engine.set_session(session, control.body.status):
        raise NotFound(f"the desk has no session {session}; GET {control.path('/desk')} lists them")
    return {"id": session, "status": control.body.status}
