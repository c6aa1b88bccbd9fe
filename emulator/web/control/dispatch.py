"""Runs a route of the control API: checks the sender, the query and the body once, and renders result or problem."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    UnprocessableEntity,
    UnsupportedMediaType,
)
from werkzeug.routing import BaseConverter, IntegerConverter, Rule

from emulator.errors import Problem, ScenarioError
from emulator.network import SERVICE_NAME
from emulator.scenario.suggestions import hint
from emulator.web.control.auth import authorize
from emulator.web.request import Request, Response
from emulator.web.spaces import PREFIX, Space

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
YAML: Final = "application/yaml"
_OTHER_NAMES_OF_YAML: Final = ("application/x-yaml", "text/yaml", "text/x-yaml")

PRIVATE: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", "frame-ancestors 'none'"),
)
"""Headers of every JSON response: it is for its client only, and not for pages of another origin."""


class _IdConverter(IntegerConverter):
    """An id: at most 19 ASCII digits, since werkzeug's ``int`` takes the digits of other scripts too."""

    regex = "-?[0-9]{1,19}"


CONVERTERS: Final[Mapping[str, type[BaseConverter]]] = {"id": _IdConverter}


class Parameter(NamedTuple):
    """A query parameter: its JSON Schema and the parser of its text, which raises ValueError or ScenarioError."""

    schema: Mapping[str, object]
    parse: Callable[[str], Any]


class Body(NamedTuple):
    """The body of a request: the name of its schema, the parser of its data, and its media types.

    ``parse`` takes JSON data, or bytes of another media type, and the query by keyword; it raises ScenarioError.
    """

    schema: str
    parse: Callable[..., Any]
    media_types: tuple[str, ...] = (JSON,)
    is_required: bool = True


class ControlRequest(NamedTuple):
    """A checked request: the space that it is about, the values in its path, its query and its parsed body.

    A stranger may not use the control API, and can only use the routes that are open.
    """

    request: Request
    space: Space
    values: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    is_stranger: bool

    def path(self, path: str) -> str:
        """Return the whole path of another route for the same space."""
        return f"{self.request.root_path}{PREFIX}{path}"


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One route. ``path`` follows ``/__admin``, in werkzeug's syntax.

    ``handler`` returns the data of a response in the shape ``returns``, None for a 204, or a whole Response.
    ``statuses`` are those of success with data, and ``problems`` those that do not follow from its path and body.
    ``is_open``: for strangers too. ``is_server_only``: not inside a space. ``waits``: for something else, such as an
    answer of the service.
    """

    method: str
    path: str
    handler: Callable[[ControlRequest], Any]
    summary: str
    returns: Any = None
    statuses: tuple[int, ...] = (200,)
    problems: tuple[int, ...] = ()
    query: Mapping[str, Parameter] = field(default_factory=dict)
    body: Body | None = None
    produces: str = JSON
    is_open: bool = False
    is_server_only: bool = False
    waits: bool = False

    @property
    def template(self) -> str:
        """The path with its values in braces, as in OpenAPI."""
        return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.path)

    def rule(self) -> Rule:
        """Return the rule for the Map of the application."""
        return Rule(PREFIX + self.path, endpoint=self, methods=[self.method])


def respond(route: Route, request: Request, space: Space, values: Mapping[str, Any]) -> Response:
    """Return the response of a route; a refusal is a problem, and a wrong scenario one with all of its mistakes."""
    refusal = _refusal(request, space)
    try:
        if refusal is not None and not route.is_open:
            raise refusal
        if route.is_server_only and space.name:
            raise NotFound(f"there are no spaces inside a space; ask at {PREFIX}/spaces of the server")
        query = _parse_query(route, request)
        body = None if route.body is None else _parse_body(route.body, request, query)
        result = route.handler(ControlRequest(request, space, values, query, body, refusal is not None))
    except HTTPException as error:
        return problem(error)
    except ScenarioError as error:
        return problem(UnprocessableEntity(str(error)), problems=[_problem_data(each) for each in error.problems])
    return result if isinstance(result, Response) else json_response(result)


def refuse(error: HTTPException, request: Request, space: Space, routes: Iterable[Route]) -> Response:
    """Return the problem for a path or method that no route has; only to those who may use the control API."""
    refusal = _refusal(request, space)
    if refusal is not None:
        return problem(refusal)
    if isinstance(error, MethodNotAllowed):
        allowed = sorted(error.valid_methods or ())
        return problem(MethodNotAllowed(allowed, f"{request.whole_path} takes {' and '.join(allowed)}"))
    paths = ", ".join(dict.fromkeys(f"{request.root_path}{PREFIX}{route.template}" for route in routes))
    return problem(NotFound(f"there is no {request.whole_path}; there is {paths}"))


def problem(error: HTTPException, **members: Any) -> Response:
    """Render a refusal as RFC 9457 ``application/problem+json``, with members of its own."""
    status = error.code or 500
    title = HTTPStatus(status).phrase
    content = {"service": SERVICE_NAME, "title": title, "status": status, "detail": error.description, **members}
    headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
    return Response(json.dumps(content), status, (*PRIVATE, *headers), PROBLEM)


def json_response(data: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return data as JSON; a 204 without a body for None."""
    if data is None:
        return Response(status=204, headers=PRIVATE)
    return Response(json.dumps(data), status, (*PRIVATE, *headers), JSON)


def _refusal(request: Request, space: Space) -> HTTPException | None:
    """Return why the sender may not use the control API; None if it may."""
    try:
        authorize(request, space.settings)
    except HTTPException as refusal:
        return refusal
    return None


def _parse_query(route: Route, request: Request) -> dict[str, Any]:
    try:
        pairs = [*request.args.items(multi=True)]
    except UnicodeDecodeError:
        raise BadRequest("the query is not percent-encoded UTF-8") from None
    query: dict[str, Any] = {}
    for name, text in pairs:
        if name not in route.query:
            possible = hint(name, tuple(route.query)) if route.query else "there are none here"
            raise BadRequest(f"unknown query parameter '{name}'; {possible}")
        if name in query:
            raise BadRequest(f"the query parameter '{name}' is given twice")
        try:
            query[name] = route.query[name].parse(text)
        except ScenarioError as error:
            raise BadRequest(str(error)) from None
        except ValueError as error:
            raise BadRequest(f"{name}={text[:40]!r} {error}") from None
    return query


def _parse_body(body: Body, request: Request, query: Mapping[str, Any]) -> Any:
    """Return the parsed body; None for an empty one that is not required."""
    content = request.body
    if not content and not body.is_required:
        return None
    media_type = YAML if request.mimetype in _OTHER_NAMES_OF_YAML else request.mimetype
    if media_type not in body.media_types:
        wrong = f"is '{request.content_type}'" if request.content_type else "is missing"
        raise UnsupportedMediaType(f"the Content-Type {wrong}; it has to be {' or '.join(body.media_types)}")
    return body.parse(_parse_json(content) if media_type == JSON else content, **query)


def _problem_data(each: Problem) -> dict[str, object]:
    place = {"line": each.line, "column": each.column} if each.line else {}
    return {**place, "message": each.message}


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise BadRequest("the body is not JSON: it has to be UTF-8") from None
    except RecursionError:
        raise BadRequest("the body is not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise ValueError(f"the key '{key}' is given twice")
        data[key] = value
    return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
