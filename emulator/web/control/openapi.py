"""The OpenAPI 3.1 description of the control API, made from the routes and the models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, get_args

from pydantic import TypeAdapter

from emulator.core.contract import INT32_MAX
from emulator.scenario import control_shapes as shapes
from emulator.scenario.fields import MAX_ENTRY_ID, SPACE_NAME, package_version
from emulator.scenario.schema import components
from emulator.web.control.dispatch import JSON, PROBLEM, YAML, Route
from emulator.web.spaces import PREFIX

_SCHEMAS: Final = "#/components/schemas/"
_PATH_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "id": {"type": "integer", "minimum": 0, "maximum": MAX_ENTRY_ID},
    "name": {"type": "string", "pattern": f"^{SPACE_NAME}$"},
    "node": {"type": "integer", "minimum": 0, "maximum": INT32_MAX},
    "file": {"type": "string"},
}
_PROBLEMS: Final = {
    400: "The query or the JSON cannot be read.",
    401: "The token is missing or wrong.",
    403: "A foreign Host or Origin, or a server without a token that other machines can reach.",
    404: "It does not exist.",
    405: "The path does not take this method.",
    409: "The present state does not allow it, or a reset came after the request began; of a verification: not as many "
    "calls came, or the journal cannot tell.",
    413: "The body is too long.",
    415: "The body has another media type.",
    422: "The body is wrong; `problems` lists every reason.",
    503: "Not healthy: the last edit of the scenario was refused, or the watcher died. Of a call: it cannot be sent.",
}
_OVERLOADED: Final = "Too many requests of this kind are in progress; try again after `Retry-After`."
_PROBLEM_CONTENT: Final = {"content": {PROBLEM: {"schema": {"$ref": f"{_SCHEMAS}ProblemJson"}}}}
_COMMON_PROBLEMS: Final = (400, 401, 403, 405)
_BODY_PROBLEMS: Final = (413, 415, 422)  # of every request with a body
_PLAIN_SCHEMAS: Final[dict[type, dict[str, Any]]] = {
    dict: {"type": "object"},
    bytes: {"type": "object"},  # of YAML
    str: {"type": "string"},
}
_NEW_RULE: Final = {"id": "$response.body#/id"}
_LINKS: Final[dict[tuple[str, str], dict[str, dict[str, str]]]] = {
    ("POST", "/rules"): dict.fromkeys(("rules.show.get", "rules.change.put", "rules.remove.delete"), _NEW_RULE),
    ("GET", "/calls"): {"calls.show.get": {"id": "$response.body#/calls/0/id"}},
    ("GET", "/desk"): {
        "desk.set_technician.put": {"node": "$response.body#/technicians/0/node"},
        "desk.set_session.put": {"id": "$response.body#/sessions/0/id"},
    },
    ("PUT", "/spaces/<name>"): {"spaces.drop.delete": {"name": "$request.path.name"}},
}
"""The values in a response that other operations take."""


@lru_cache(maxsize=1)
def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the description of all routes as data."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        item = paths.setdefault(PREFIX + route.template, {})
        item[route.method.lower()] = _operation(route)
        if names := re.findall(r"{(\w+)}", route.template):
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]} for name in names
            ]
    returned = {route.returns for route in routes} - {None, *_PLAIN_SCHEMAS} | {shapes.ProblemJson}
    adapters: Any = [(str(shape), "serialization", TypeAdapter(shape)) for shape in returned]
    _, response_schemas = TypeAdapter.json_schemas(adapters, ref_template=f"{_SCHEMAS}{{model}}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of rescue-emulator",
            "version": package_version(),
            "description": f"Scenario, rules, journal and spaces of a running emulator. All but {PREFIX}/spaces exists "
            "again under /spaces/{name} of each space. HEAD works where GET does.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components(f"{_SCHEMAS}{{model}}"), **response_schemas["$defs"]},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    resource = re.split(r"\W", route.path)[1]
    operation: dict[str, Any] = {
        "operationId": f"{resource}.{route.handler.__name__}.{route.method.lower()}",
        "summary": route.summary,
    }
    problems = {*_COMMON_PROBLEMS, *route.problems}
    if route.is_server_only or "<" in route.path:
        problems.add(404)
    if route.changes_state:
        problems.add(409)
    if route.query:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": it.schema} for name, it in route.query.items()
        ]
    if route.body is not None:
        problems.update(_BODY_PROBLEMS)
        content: dict[str, Any] = {JSON: {"schema": {"$ref": _SCHEMAS + route.body.schema}}}
        if YAML in route.body.media_types:  # in which texts need no quotes, which a schema for JSON does not allow
            content[YAML] = {"schema": {"type": "object", "description": f"{route.body.schema} in YAML."}}
        operation["requestBody"] = {"required": route.body.is_required, "content": content}
    described = {str(status): {"description": _PROBLEMS[status], **_PROBLEM_CONTENT} for status in sorted(problems)}
    described["503"] = _with_overload(described.get("503", {}))
    operation["responses"] = {**_responses(route), **described}
    return operation


def _with_overload(unavailable: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a 503 with that of the server, which has no JSON."""
    description = " ".join(filter(None, (unavailable.get("description"), _OVERLOADED)))
    content = {**unavailable.get("content", {}), "text/plain": {"schema": {"type": "string"}}}
    return {"description": description, "content": content}


def _responses(route: Route) -> dict[str, Any]:
    if route.returns is None:
        return {"204": {"description": "Done."}}
    schema = _PLAIN_SCHEMAS.get(route.returns)
    if schema is None:
        variants = [{"$ref": _SCHEMAS + each.__name__} for each in get_args(route.returns) or (route.returns,)]
        schema = variants[0] if len(variants) == 1 else {"oneOf": variants}
    response: dict[str, Any] = {"description": route.summary, "content": {route.produces: {"schema": schema}}}
    if links := _LINKS.get((route.method, route.path)):
        response["links"] = {target: {"operationId": target, "parameters": values} for target, values in links.items()}
    return {str(status): response for status in route.statuses}
