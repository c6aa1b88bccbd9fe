"""What holds for every route: methods, query and body are checked, and a refused request changes nothing."""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.web.control.dispatch import Route
from emulator.web.control.routes import ROUTES
from emulator.web.request import MAX_BODY
from tests.helpers.control import DESK, RULE, SCENARIO, Emulated, detail

IN_PATH = {"{id}": "1", "{node}": "5", "{name}": "new", "{file}": "other.yaml"}
JSON = {"content_type": "application/json"}
YAML = {"content_type": "application/yaml"}
EACH = [pytest.param(route, id=f"{route.method} {route.template}") for route in ROUTES]
WITH_BODY = [pytest.param(route, id=f"{route.method} {route.template}") for route in ROUTES if route.body is not None]


def filled() -> Emulated:
    """Return an emulator that has one of everything: a runtime rule, a call, a desk, a space."""
    emulated = Emulated(SCENARIO + DESK)
    emulated.post("/rules", RULE)
    emulated.call(7)
    emulated.request("PUT", "/spaces/open")
    return emulated


def path_of(route: Route) -> str:
    path = route.template
    for name, value in IN_PATH.items():
        path = path.replace(name, value)
    return path


@pytest.mark.parametrize("route", EACH)
def test_every_route_refuses_strangers_and_unknown_query_parameters(route: Route) -> None:
    emulated = filled()
    before = emulated.state()
    stranger = emulated.request(route.method, path_of(route), headers={"Host": "evil.example"})
    if route.is_open:
        assert stranger.status_code == 200
    else:
        assert "requests for the host 'evil.example' are refused" in detail(stranger, 403)
    unknown = emulated.request(route.method, f"{path_of(route)}?sesion=1")
    assert "unknown query parameter 'sesion'; " in detail(unknown, 400)
    assert emulated.state() == before


WRONG_BODIES = [
    (b"{", 400, "the body is not JSON: "),
    (b'{"name": "\xed\xa0\x80"}', 400, "it has to be UTF-8"),
    (b'{"name": 1, "name": 2}', 400, "the key 'name' is given twice"),
    (b"[]", 422, "a list"),
    (b"null", 422, "nothing"),
    (b'{"bogus": 1}', 422, "bogus: unknown key; "),
    (b" " * (MAX_BODY + 1), 413, "the body is longer than 4 MB"),
]


@pytest.mark.parametrize("route", WITH_BODY)
def test_every_route_with_a_body_refuses_a_wrong_one(route: Route) -> None:
    emulated = filled()
    before = emulated.state()
    for body, status, text in WRONG_BODIES:
        assert text in detail(emulated.request(route.method, path_of(route), body, **JSON), status)
    for content_type in ("text/plain", "application/jsonx", "application/json/x", "multipart/form-data; boundary=x"):
        response = emulated.request(route.method, path_of(route), json.dumps(RULE), content_type=content_type)
        assert f"the Content-Type is '{content_type}'; it has to be application/json" in detail(response, 415)
    untyped = emulated.request(route.method, path_of(route), json.dumps(RULE), headers={"Content-Type": ""})
    assert "the Content-Type is missing; it has to be application/json" in detail(untyped, 415)
    assert emulated.state() == before


REFUSED = [
    pytest.param("POST", "/rules", b'{"a": NaN}', JSON, 400, "NaN is not JSON", id="no number"),
    pytest.param("POST", "/rules", b"[" * 100_000, JSON, 400, "nested too deeply", id="nested too deeply"),
    pytest.param("POST", "/rules", b'{"a": %s}' % (b"1" * 5000), JSON, 400, "not JSON", id="a number without end"),
    pytest.param("POST", "/rules", {"whne": {}}, {}, 422, "whne: unknown key; did you mean 'when'?", id="a rule's key"),
    pytest.param("PUT", "/scenario", b"rules: [{retrun: x}]", YAML, 422, "body:1:10: rules[0].retrun: unknown key; did you mean 'return'?", id="a scenario's key"),
    pytest.param("PUT", "/scenario", b"a: [", {"content_type": "text/yaml"}, 422, "body:2:1: not YAML: ", id="no YAML"),
    pytest.param("POST", "/verify", {"when": {"sesion": 1}}, {}, 422, "did you mean 'session'?", id="verify's condition"),
    pytest.param("POST", "/explain", {"session": 1}, {}, 422, "node: missing", id="explain without node"),
    pytest.param("PUT", "/desk/technicians/5", {"status": "ofline"}, {}, 422, "did you mean 'offline'?", id="a technician's status"),
    pytest.param("PUT", "/desk/sessions/1", {"sttus": "active"}, {}, 422, "did you mean 'status'?", id="a session's key"),
    pytest.param("GET", "/calls?sesion=1", None, {}, 400, "unknown query parameter 'sesion'; did you mean 'session'?", id="a query's name"),
    pytest.param("GET", "/calls?session=x", None, {}, 400, "session: must be a whole number, not 'x'", id="a query's number"),
    pytest.param("GET", "/calls?limit=-1", None, {}, 400, "limit='-1' is not a whole number from 0", id="a limit"),
    pytest.param("GET", "/calls?matched=yes", None, {}, 400, "matched='yes' is neither true nor false", id="no boolean"),
    pytest.param("GET", "/calls?binding=soap", None, {}, 400, "did you mean 'soap11' or 'soap12'?", id="a query's binding"),
    pytest.param("GET", "/calls?limit=1&limit=2", None, {}, 400, "the query parameter 'limit' is given twice", id="a query twice"),
    pytest.param("POST", "/reset?hard=1", None, {}, 400, "unknown query parameter 'hard'; there are none here", id="a query where none is"),
    *(
        pytest.param("PUT", f"/scenario?file={file}", {"name": "other"}, {}, 400, "is not a file name: one line of 500 characters at most", id=f"a file name {why}")
        for why, file in {"of two lines": "a%0Ab.yaml", "with a control character": "%00", "too long": "x" * 501}.items()
    ),
    pytest.param("GET", "/nope", None, {}, 404, "there is no /__admin/nope; there is /__admin/health, ", id="an unknown path"),
    pytest.param("GET", "/rules/nine", None, {}, 404, "there is no /__admin/rules/nine; there is ", id="an id of letters"),
    pytest.param("GET", "/calls/%D9%A3", None, {}, 404, "there is no /__admin/calls/", id="an id in other digits"),
    pytest.param("GET", "/calls/" + "1" * 20, None, {}, 404, "/__admin/calls/{id}", id="an id without end"),
    pytest.param("GET", "//calls", None, {}, 404, "there is no /__admin//calls; ", id="a slash too many"),
    pytest.param("GET", "/calls/", None, {}, 404, "there is no /__admin/calls/; ", id="a slash at the end"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "options", "status", "text"), REFUSED)
def test_a_wrong_request_is_refused_with_what_would_be_right(
    method: str, path: str, body: Any, options: dict[str, str], status: int, text: str
) -> None:
    emulated = filled()
    before = emulated.state()
    assert text in detail(emulated.request(method, path, body, **options), status)
    assert emulated.state() == before


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "BOGUS"])
def test_a_wrong_method_is_refused_with_the_right_ones(method: str) -> None:
    response = filled().request(method, "/rules/1")
    assert detail(response, 405) == "/__admin/rules/1 takes DELETE and GET and HEAD and PUT"
    assert response.headers["Allow"] == "DELETE, GET, HEAD, PUT"


def test_strangers_do_not_learn_which_paths_and_methods_there_are() -> None:
    for method, path in (("GET", "/nope"), ("PATCH", "/rules"), ("POST", "/health")):
        assert Emulated().request(method, path, headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("path", ["/health", "/calls", "/scenario", "/metrics", "/"])
def test_head_works_where_get_does(path: str) -> None:
    emulated = Emulated()
    head, get = emulated.request("HEAD", path), emulated.request("GET", path)
    assert (head.status_code, head.data) == (200, b"")
    assert head.content_type == get.content_type


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/json ;x"])
def test_json_is_accepted_with_parameters_and_a_byte_order_mark(content_type: str) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(RULE).encode()
    assert Emulated().request("POST", "/rules", body, content_type=content_type).status_code == 201


@pytest.mark.parametrize(
    "path", ["/calls", "/calls/1", "/metrics", "/scenario", "/openapi.json", "/health", "/nope", "", "/"]
)
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_no_response_can_be_embedded_by_a_page_of_another_origin(path: str, host: str) -> None:
    headers = Emulated().request("GET", path, headers={"Host": host}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == ("no-cache" if path in ("", "/") else "no-store")
    assert not [name for name, _ in headers if name.lower().startswith("access-control-")]
