"""Spaces: open, list and end them. Each has a service, a control API and a WSDL of its own under its root."""

from __future__ import annotations

import re

from werkzeug.exceptions import BadRequest, Conflict, NotFound

from emulator.core.contract import SERVICE_PATH
from emulator.scenario.control_shapes import SpaceJson, SpaceListJson
from emulator.web.control.dispatch import ControlRequest, json_response
from emulator.web.request import Response
from emulator.web.spaces import PREFIX, SPACE_NAME, Spaces, SpaceStatus, TooManySpaces


def list_all(control: ControlRequest) -> SpaceListJson:
    """Return the open spaces."""
    spaces = _spaces(control)
    return {
        "spaces": [_data(control, spaces, status) for status in spaces.list()],
        "most": spaces.max,
        "idle_s": spaces.idle,
    }


def put(control: ControlRequest) -> Response:
    """Open a space, or replace the scenario of an open one if the body has one."""
    spaces, name = _spaces(control), control.values["name"]
    if not re.fullmatch(SPACE_NAME, name):
        raise BadRequest(
            f"'{name}' cannot name a space: 1 to 64 letters, digits, '.', '_' and '-', the first a letter or a digit"
        )
    try:
        is_new = spaces.put(name, control.body)
    except TooManySpaces:
        raise Conflict(
            f"{spaces.max} spaces are open, and no more can be: DELETE some; idle ones end after {spaces.idle:g} s"
        ) from None
    status = next((each for each in spaces.list() if each.name == name), None)
    if status is None:
        raise Conflict(f"another client deleted the space '{name}' just now")
    return json_response(_data(control, spaces, status), 201 if is_new else 200)


def drop(control: ControlRequest) -> None:
    """End a space and forget all that was in it."""
    name = control.values["name"]
    if not _spaces(control).drop(name):
        raise NotFound(f"there is no space '{name}'; GET {PREFIX}/spaces lists the open ones")


def _spaces(control: ControlRequest) -> Spaces:
    spaces = control.space.spaces
    assert spaces is not None, "the routes are not for requests inside a space"
    return spaces


def _data(control: ControlRequest, spaces: Spaces, status: SpaceStatus) -> SpaceJson:
    root = spaces.address(status.name, control.request.server_url)
    return {
        "name": status.name,
        "url": root + SERVICE_PATH,
        "wsdl_url": f"{root}{SERVICE_PATH}?wsdl",
        "control_url": root + PREFIX,
        "scenario": status.engine.scenario.name,
        "idle_s": round(status.idle, 3),
    }
