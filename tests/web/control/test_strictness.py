"""Each route is as strict as every other: with its query, its body, and what it refuses leaves all as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.web.control.problems import PROBLEM
from emulator.web.control.route import Route
from emulator.web.control.routes import ROUTES
from emulator.web.request import MAX_BODY
from emulator.web.settings import Settings
from tests.helpers.control import SCENARIO, Emulated

DESK = """
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{name: Tess, node: 1}]
  sessions: [{id: 1}]
"""
IN_PATH = {"{id}": "1", "{node}": "1", "{name}": "new", "{file}": "other.yaml"}
JSON = "application/json"
EACH = [pytest.param(method, route, id=f"{method} {route.path}") for route in ROUTES for method in route.methods]
WITH_BODY = [
    pytest.param(method, route, id=f"{method} {route.path}")
    for route in ROUTES
    for method in route.methods
    if route.body is not None
]
RULE = {"when": {"session": 7}, "return": "startSessionRet_OK"}


def an_emulated() -> Emulated:
    """An emulator in which the first of everything is there: a rule, a call, a technician, a session, a space."""
    emulated = Emulated(SCENARIO + DESK)
    emulated.ask("POST", "/rules", RULE)
    emulated.call(7)
    emulated.ask("PUT", "/spaces/open")
    return emulated


def state(emulated: Emulated) -> Any:
    """All that a request could change."""
    told = [emulated.told(path) for path in ("/rules", "/calls", "/desk")]
    spaces = [each["name"] for each in emulated.told("/spaces")["spaces"]]
    return emulated.engine.scenario, emulated.ask("GET", "/scenario").text, told, spaces


def path_of(route: Route) -> str:
    path = route.path
    for name, value in IN_PATH.items():
        path = path.replace(name, value)
    return path


def assert_refused(emulated: Emulated, method: str, path: str, status: int, detail: str, **options: Any) -> None:
    """It is refused as a problem that says what is wrong, and changes nothing."""
    before = state(emulated)
    answer = emulated.client.open(f"/__admin{path}", method=method, **options)
    assert (answer.status_code, answer.content_type) == (status, PROBLEM)
    if method != "HEAD":
        assert answer.json is not None
        assert detail in answer.json["detail"]
        assert (answer.json["status"], answer.json["title"]) == (status, answer.status.partition(" ")[2])
    assert state(emulated) == before


@pytest.mark.parametrize(("method", "route"), EACH)
def test_a_query_parameter_that_nobody_knows_is_named(method: str, route: Route) -> None:
    wanted = "unknown query parameter 'sesion'; "
    assert_refused(an_emulated(), method, f"{path_of(route)}?sesion=1", 400, wanted)


@pytest.mark.parametrize(("method", "route"), EACH)
def test_whoever_may_not_ask_changes_nothing(method: str, route: Route) -> None:
    emulated = an_emulated()
    if route.path == "/health":
        assert emulated.ask(method, "/health", headers={"Host": "evil.example"}).status_code == 200
    else:
        headers = {"Host": "evil.example"}
        assert_refused(emulated, method, path_of(route), 403, "requests for the host 'evil.example'", headers=headers)


@pytest.mark.parametrize(("method", "route"), EACH)
def test_whoever_lacks_the_token_learns_nothing(method: str, route: Route) -> None:
    emulated = Emulated(settings=Settings(control_token="let-me-in", exposed=True))
    answer = emulated.ask(method, path_of(route))
    assert answer.status_code == (200 if route.path == "/health" else 401)


@pytest.mark.parametrize(("method", "route"), WITH_BODY)
@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        pytest.param(b"{", 400, "the body is not JSON: ", id="cut short"),
        pytest.param(b'{"name": "\xff"}', 400, "it has to be UTF-8", id="no UTF-8"),
        pytest.param(b'{"name": "\xed\xa0\x80"}', 400, "it has to be UTF-8", id="half a character"),
        pytest.param('{"name": "x"}'.encode("utf-16"), 400, "it has to be UTF-8", id="UTF-16"),
        pytest.param(b'{"name": 1, "name": 2}', 400, "the key 'name' is given twice", id="a key twice"),
        pytest.param(b'{"name": Infinity}', 400, "Infinity is no JSON", id="no number"),
        pytest.param(b"[]", 422, "a list", id="a list"),
        pytest.param(b"null", 422, "nothing", id="null"),
        pytest.param(b'{"bogus": 1}', 422, "bogus: unknown key; ", id="an unknown key"),
        pytest.param(b" " * (MAX_BODY + 1), 413, "the body is longer than 4 MB", id="too long"),
    ],
)
def test_a_body_that_is_wrong_is_refused_everywhere(
    method: str, route: Route, body: bytes, status: int, detail: str
) -> None:
    assert_refused(an_emulated(), method, path_of(route), status, detail, data=body, content_type=JSON)


@pytest.mark.parametrize(("method", "route"), WITH_BODY)
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/json/x"]
)
def test_a_body_of_another_type_is_refused_everywhere(method: str, route: Route, content_type: str) -> None:
    detail = f"is '{content_type}'; it has to be " if content_type else "is missing; it has to be "
    body = json.dumps(RULE)
    assert_refused(
        an_emulated(), method, path_of(route), 415, detail, data=body, headers={"Content-Type": content_type}
    )


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/json ;x"])
def test_json_is_taken_under_its_name_however_that_is_written(content_type: str) -> None:
    answer = Emulated().ask("POST", "/rules", json.dumps(RULE), content_type=content_type)
    assert answer.status_code == 201


def test_a_body_as_long_as_can_be_is_read() -> None:
    body = json.dumps(RULE).encode()
    answer = Emulated().ask("POST", "/rules", body + b" " * (MAX_BODY - len(body)), content_type=JSON)
    assert answer.status_code == 201


def test_a_mark_at_the_beginning_of_json_is_passed_over() -> None:
    answer = Emulated().ask("POST", "/rules", b"\xef\xbb\xbf" + json.dumps(RULE).encode(), content_type=JSON)
    assert answer.status_code == 201


@pytest.mark.parametrize("number", [0, -1])
def test_a_call_that_there_can_never_be_was_not_dropped(number: int) -> None:
    answer = Emulated().ask("GET", f"/calls/{number}")
    assert answer.json is not None
    assert answer.json["detail"] == f"there is no call {number} in the journal; GET /__admin/calls shows the ids"


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "OPTIONS", "BOGUS"])
def test_a_method_that_is_not_for_a_path_is_told_those_that_are(method: str) -> None:
    emulated = an_emulated()
    assert_refused(emulated, method, "/rules/1", 405, "/__admin/rules/1 takes GET and PUT and DELETE")
    assert emulated.ask(method, "/rules/1").headers["Allow"] == "GET, PUT, DELETE"


@pytest.mark.parametrize("path", ["/scenario", "/spaces/new"])
@pytest.mark.parametrize("file", ["a%0Ab.yaml", "%00", "x" * 501], ids=["two lines", "a control character", "too long"])
def test_what_cannot_name_a_file_is_refused(path: str, file: str) -> None:
    detail = "the query parameter 'file' is no name of a file: one line of 500 characters at most"
    assert_refused(an_emulated(), "PUT", f"{path}?file={file}", 400, detail, json={"name": "other"})


@pytest.mark.parametrize(
    ("file", "source"),
    [("night.yaml", "night.yaml:1"), ("sc%C3%A9nario%20b.yaml", "sc\u00e9nario b.yaml:1"), ("", "body:1")],
)
def test_the_file_that_a_scenario_came_from_is_named_in_the_places_of_its_rules(file: str, source: str) -> None:
    emulated = Emulated()
    scenario = "rules: [{return: startSessionRet_OK}]"
    emulated.ask("PUT", f"/scenario?file={file}", scenario, content_type="application/yaml")
    assert emulated.told("/rules")["rules"][0]["source"] == source
