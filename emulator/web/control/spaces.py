"""Spaces: open, list and end them. Each has a service, a control API and a WSDL of its own under its root."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest, Conflict, NotFound

from emulator.core.contract import SERVICE_PATH
from emulator.scenario.control_shapes import AddressesJson, SpaceJson, SpaceListJson
from emulator.scenario.fields import check_space_name
from emulator.scenario.files import log_remarks
from emulator.web.control.dispatch import ControlRequest, json_response
from emulator.web.request import Response
from emulator.web.spaces import PREFIX, Space, TooManySpaces


def list_all(control: ControlRequest) -> SpaceListJson:
    return {
        "spaces": [_data(control, space) for space in control.space.spaces.list()],
        "most": control.space.spaces.max,
        "idle_s": control.space.settings.space_idle,
    }


def put(control: ControlRequest) -> Response:
    """Open a space, or replace the scenario of an open one if the body has one."""
    spaces, name = control.space.spaces, control.values["name"]
    try:
        check_space_name(name)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    try:
        space, is_new = spaces.put(name, control.body)
    except TooManySpaces:
        raise Conflict(
            f"{spaces.max} spaces are open, and no more can be: DELETE some; "
            f"idle ones end after {control.space.settings.space_idle:g} s"
        ) from None
    if control.body is not None:
        log_remarks(control.body)
    return json_response(_data(control, space), 201 if is_new else 200)


def drop(control: ControlRequest) -> None:
    name = control.values["name"]
    if not control.space.spaces.drop(name):
        raise NotFound(f"there is no space '{name}'; GET {PREFIX}/spaces lists the open ones")


def addresses(control: ControlRequest, space: Space) -> AddressesJson:
    """Return the URLs of a space, or of the server, for clients."""
    server_url = space.settings.public_url or control.request.server_url
    root = server_url.removesuffix(SERVICE_PATH) + space.root
    return {"url": root + SERVICE_PATH, "wsdl_url": f"{root}{SERVICE_PATH}?wsdl", "control_url": root + PREFIX}


def _data(control: ControlRequest, space: Space) -> SpaceJson:
    return {
        "name": space.name,
        **addresses(control, space),
        "scenario": space.engine.scenario.name,
        "idle_s": round(space.spaces.clock() - space.used_at, 3),
    }
