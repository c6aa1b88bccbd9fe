"""The desk as it is now, and changes to it by hand: a technician goes offline, a session waits again."""

from __future__ import annotations

from emulator.core.call import Secret
from emulator.core.desk import Desk
from emulator.errors import ScenarioError
from emulator.scenario.control_models import parse_session_status, parse_technician_status
from emulator.web.control.asked import Asked, said
from emulator.web.control.problems import Refused, unprocessable
from emulator.web.request import Answer


def show(asked: Asked) -> Answer:
    """Everybody at the desk and every session; empty lists where the scenario has no desk."""
    asked.query(())
    return said(_as_data(asked.engine.desk() or Desk(), asked.secret))


def set_technician(asked: Asked) -> Answer:
    """A technician is online, away or the like from now on, until a reset."""
    asked.query(())
    node = asked.number_in_path("node", "technician at node")
    data = asked.json()
    try:
        status = parse_technician_status(data)
    except ScenarioError as error:
        raise unprocessable(error) from None
    if not asked.engine.set_technician(node, status):
        raise Refused(404, f"nobody is at node {node}; GET {asked.at('/desk')} shows who is where")
    return said({"node": node, "status": status.value})


def set_session(asked: Asked) -> Answer:
    """A session waits, is closed or the like from now on, until a call or a reset changes it."""
    asked.query(())
    session = asked.number_in_path("id", "session")
    data = asked.json()
    try:
        status = parse_session_status(data)
    except ScenarioError as error:
        raise unprocessable(error) from None
    if not asked.engine.set_session(session, status):
        raise Refused(404, f"the desk has no session {session}; GET {asked.at('/desk')} shows those that it has")
    return said({"id": session, "status": status.value})


def _as_data(desk: Desk, secret: Secret) -> dict[str, object]:
    return {
        "administrators": [
            {
                "name": owner.name,
                "auth_code": secret(owner.auth_code),
                "status": owner.status.value,
                "role": owner.role.value,
            }
            for owner in desk.administrators
        ],
        "technicians": [{"name": who.name, "node": who.node, "status": who.status.value} for who in desk.technicians],
        "sessions": [
            {"id": each.id, "customer": each.customer, "status": each.status.value, "node": each.node}
            for each in desk.sessions
        ],
    }
