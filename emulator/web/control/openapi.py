"""The OpenAPI 3.1 description of the control API, made of the table of routes and of the models of what is written."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from emulator.core.contract import INT32_MAX
from emulator.scenario.schema import components
from emulator.web.control.answers import ANSWERS
from emulator.web.control.asked import JSON
from emulator.web.control.controlled import NAME
from emulator.web.control.problems import PROBLEM
from emulator.web.control.route import Route

_PREFIX: Final = "#/components/schemas/"
_IN_PATH: Final[dict[str, dict[str, Any]]] = {
    "id": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    "name": {"type": "string", "pattern": f"^{NAME}$"},
    "node": {"type": "integer", "minimum": 0, "maximum": INT32_MAX},
    "file": {"type": "string"},
}
_PROBLEMS: Final = {
    400: "The query, or the JSON, cannot be read.",
    401: "The token is missing or wrong.",
    403: "Whoever asks may not: a foreign Host or Origin, or a server that others reach and that has no token.",
    404: "There is no such thing.",
    405: "That cannot be done here.",
    409: "As things stand, that cannot be done or told.",
    413: "The body is too long.",
    415: "The body is of another media type.",
    422: "What the body says is wrong; `problems` holds all that is.",
    503: "It is not ready, or the last edit of the scenario is not in force.",
}
_NEW_RULE: Final = {"id": "$response.body#/id"}
_LINKS: Final[dict[tuple[str, str], dict[str, dict[str, str]]]] = {
    ("POST", "/rules"): dict.fromkeys(("rules.show.get", "rules.change.put", "rules.remove.delete"), _NEW_RULE),
    ("GET", "/calls"): {"calls.show.get": {"id": "$response.body#/calls/0/id"}},
    ("GET", "/desk"): {
        "desk.set_technician.put": {"node": "$response.body#/technicians/0/node"},
        "desk.set_session.put": {"id": "$response.body#/sessions/0/id"},
    },
    ("PUT", "/spaces/{name}"): {"spaces.drop.delete": {"name": "$request.path.name"}},
}
"""What an answer tells that others ask for, by the operations that do."""
_ALWAYS: Final = (400, 401, 403, 405)


def described(routes: Sequence[Route]) -> dict[str, Any]:
    """The description of all routes, as data."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = paths.setdefault(f"/__admin{route.path}", _path(route))
        for method in route.methods:
            path[method.lower()] = _operation(route, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of rescue-emulator",
            "version": version("rescue-emulator"),
            "description": "Scenario, rules, journal and spaces of a running emulator. All but /__admin/spaces is "
            "there again under /spaces/{name} of each space.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components(f"{_PREFIX}{{model}}"), **ANSWERS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _path(route: Route) -> dict[str, Any]:
    names = [name for name in _IN_PATH if f"{{{name}}}" in route.path]
    parameters = [{"name": name, "in": "path", "required": True, "schema": _IN_PATH[name]} for name in names]
    return {"parameters": parameters} if parameters else {}


def _operation(route: Route, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}.{method.lower()}",
        "summary": route.summary,
        "responses": {
            **{str(status): _answer(route, name, method) for status, name in route.answers.items()},
            **{str(status): _problem(status) for status in sorted({*_ALWAYS, *route.problems})},
        },
    }
    if route.query:
        operation["parameters"] = [{"name": name, "in": "query", "schema": it} for name, it in route.query.items()]
    if route.body is not None:
        schemas = {media_type: route.body if media_type == JSON else "ScenarioFile" for media_type in route.media_types}
        content = {media_type: {"schema": {"$ref": _PREFIX + name}} for media_type, name in schemas.items()}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    return operation


def _answer(route: Route, name: str | None, method: str) -> dict[str, Any]:
    if name is None or method == "HEAD":
        return {"description": "Done." if name is None else "It is ready."}
    answer: dict[str, Any] = {
        "description": route.summary,
        "content": {route.produces: {"schema": {"$ref": _PREFIX + name}}},
    }
    found = _LINKS.get((method, route.path), {})
    if found:
        answer["links"] = {target: {"operationId": target, "parameters": values} for target, values in found.items()}
    return answer


def _problem(status: int) -> dict[str, Any]:
    return {"description": _PROBLEMS[status], "content": {PROBLEM: {"schema": {"$ref": f"{_PREFIX}Problem"}}}}
