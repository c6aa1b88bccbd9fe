"""The root leads to the console, and the wrong addresses to the right one."""

from __future__ import annotations

import pytest

from emulator.web.spaces import Settings
from tests.helpers.control import SERVICE, Emulated


@pytest.mark.parametrize(
    ("settings", "target"),
    [
        (Settings(), "__admin/"),
        (Settings(control_token="let-me-in", exposed=True), "__admin/"),
        (Settings(control=False), "API/API.asmx"),
        (Settings(exposed=True), "API/API.asmx"),
    ],
    ids=["on", "token", "no control", "exposed"],
)
def test_the_root_leads_to_the_console_or_where_that_is_off_to_the_service(settings: Settings, target: str) -> None:
    emulated = Emulated(settings=settings)
    for method in ("GET", "HEAD"):
        response = emulated.client.open("/", method=method)
        assert (response.status_code, response.headers["Location"], response.data) == (302, target, b"")
    assert emulated.engine.snapshot().entries == ()


def test_the_root_of_a_space_leads_to_its_console() -> None:
    emulated = Emulated()
    emulated.request("PUT", "/spaces/a")
    response = emulated.client.get("/spaces/a/")
    assert (response.status_code, response.headers["Location"]) == (302, "__admin/")


@pytest.mark.parametrize(("method", "target"), [("GET", "/?iSession=1"), ("POST", "/")])
def test_a_call_to_the_root_is_refused_and_journalled(method: str, target: str) -> None:
    emulated = Emulated()
    assert emulated.client.open(target, method=method).status_code == 404
    assert emulated.get("/calls/1")["reason"] == f"nothing is served at /; the service is at {SERVICE}"


@pytest.mark.parametrize("path", ["/API/startSession.aspx", "/API/startSession", "/startSession"])
def test_a_wrong_address_gets_one_line_with_the_right_one(path: str) -> None:
    response = Emulated().client.get(path)
    (line,) = response.text.splitlines()
    assert response.status_code == 404
    assert f"Call http://localhost{SERVICE}/startSession?" in line
