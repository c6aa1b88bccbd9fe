"""The product as one WSGI application: one Map routes service, documents, pages and control API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import BaseConverter, Map, Rule

from emulator.core.contract import OPERATION, PARAMETERS, SERVICE_PATH
from emulator.core.engine import Engine
from emulator.core.epochs import Epoch
from emulator.core.journal import Reason
from emulator.delivery import MalformedRequest
from emulator.escaping import visible
from emulator.scenario.fields import package_version
from emulator.scenario.files import ScenarioFolder
from emulator.web import asmx, pages
from emulator.web.control import dispatch
from emulator.web.control.routes import HEALTH, PAGES, ROUTES
from emulator.web.request import HTML, PLAIN, Request, Response
from emulator.web.spaces import PREFIX, Settings, Space, Spaces
from emulator.wire import service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_logger = logging.getLogger(__name__)


class _ServicePath(BaseConverter):
    """The path of the service in any letter case, with any path info, or with a question mark that was escaped."""

    part_isolating = False
    regex = rf"(?is:{SERVICE_PATH[1:].replace('.', '[.]')}(?:[/?].*)?)"


class _WrongAddress(BaseConverter):
    """Where callers of Rescue's other API, and of its wrong documentation, look for the operation."""

    part_isolating = False
    regex = rf"(?i:api/{OPERATION}[.]aspx|api/{OPERATION}|{OPERATION})/*"


@cache
def _url_map(has_control: bool) -> Map:
    """Return the routes; made once per process, since werkzeug takes 15 ms to compile them."""
    rules = [
        Rule(SERVICE_PATH, endpoint=asmx.respond),  # a static rule matches faster than a converter
        Rule("/<service_path:_>", endpoint=asmx.respond),
        Rule("/<wrong_address:_>", endpoint=_wrong_address),
        Rule("/", endpoint=_front_page, methods=["GET"]),
        Rule("/favicon.ico", endpoint=_no_icon),
        *(route.rule() for route in ((*PAGES, *ROUTES) if has_control else (HEALTH,))),
    ]
    converters: dict[str, type[BaseConverter]] = {
        "service_path": _ServicePath,
        "wrong_address": _WrongAddress,
        **dispatch.CONVERTERS,
    }
    # The defaults of merge_slashes and strict_slashes would redirect, or accept a path with a slash too many.
    return Map(rules, converters=converters, merge_slashes=False, strict_slashes=True)


class Application:
    """The WSGI application.

    ``health_problem`` and ``files`` are those of :class:`Space`, ``catch_up`` is that of :class:`Spaces`.

    Under our own server, slow work is deferred to a thread: the control API, and calls with a long body.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings | None = None,
        *,
        health_problem: Callable[[], str | None] = lambda: None,
        files: ScenarioFolder | None = None,
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        service.pipelines()  # built now: the first request would wait for it
        package_version()  # read now, like all files of the package: they may be gone later
        settings = settings or Settings()
        self._has_control = settings.control
        self._epochs = engine.epochs
        self._spaces = Spaces(engine, settings, catch_up=catch_up)
        self._main = Space(engine, settings, spaces=self._spaces, files=files, health_problem=health_problem)
        urls = _url_map(settings.control).bind("localhost")  # no rule depends on the host
        self._match = lru_cache(maxsize=64)(urls.match)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; never raise."""
        request = Request(environ)
        space, handler, is_slow = self._route(request)
        work = partial(self._respond, request, space, handler)
        if request.delivery is not None and (is_slow or request.has_long_body):
            request.delivery.defer(work)
            return ()
        return work()(environ, start_response)

    def _route(self, request: Request) -> tuple[Space, asmx.Handler, bool]:
        """Return the space of a request, its handler, and whether that is slow."""
        space = self._main
        problem = request.host_problem
        name = self._spaces.name_in(request.path) if self._has_control else None
        if name is not None:
            found = self._spaces.get(name, request.began)
            if found is not None:
                space = found
                request.enter_space(space.root)
            elif problem is None:
                return space, partial(_unknown_space, name), True
        if problem is not None:
            return space, partial(_invalid_host, problem, self._is_control(request)), False
        try:
            endpoint, values = self._match(request.path, request.method)
        except HTTPException as error:
            if self._is_control(request):
                return space, partial(_refused_by_control, error), True
            if request.method == "OPTIONS" and request.environ["PATH_INFO"] == "*":
                return space, _options, False
            return space, _nothing_here, False
        if isinstance(endpoint, dispatch.Route):
            return space, partial(_control, endpoint, values), True
        return space, endpoint, False

    def _is_control(self, request: Request) -> bool:
        return self._has_control and (request.path == PREFIX or request.path.startswith(f"{PREFIX}/"))

    def begin(self) -> Epoch:
        """Return the current epoch, to which a request belongs whose first byte comes now."""
        return self._epochs.current

    def record_malformed(self, request: MalformedRequest) -> None:
        """Journal a request that the server answered itself, in the journal of the space to which its path leads."""
        path = request.start.partition(" ")[2]
        name = self._spaces.name_in(path) if self._has_control else None
        space = (name and self._spaces.get(name, request.began)) or self._main
        if not path.startswith(f"{space.root}{PREFIX}"):
            space.call_log.record_malformed(request)

    @staticmethod
    def _respond(request: Request, space: Space, handler: asmx.Handler) -> Response:
        """Return the journalled response to a request, whatever goes wrong."""
        try:
            response = handler(request, space)
            space.call_log.record(request, response)
        except Exception:
            _logger.exception("answering %s %s failed", request.method, space.redactor.path(request.path))
            return Response(pages.runtime_error("/"), 500, (), HTML)
        return response


def _control(route: dispatch.Route, values: Mapping[str, Any], request: Request, space: Space) -> Response:
    return dispatch.respond(route, request, space, values)


def _refused_by_control(error: HTTPException, request: Request, space: Space) -> Response:
    return dispatch.refuse(error, request, space, ROUTES)


def _invalid_host(problem: str, is_control: bool, _request: Request, _space: Space) -> Response:
    response = asmx.invalid_host(problem)
    if is_control:
        response.why = None  # a request to the control API is in no journal
    return response


def _options(_request: Request, _space: Space) -> Response:
    """Answer ``OPTIONS *``, which asks about the whole server (RFC 9110, 9.3.7)."""
    return asmx.options()


def _unknown_space(name: str, _request: Request, _space: Space) -> Response:
    how = f"PUT {PREFIX}/spaces/{name} opens it; spaces end when they are deleted or have been idle for long"
    return dispatch.problem(NotFound(f"there is no space '{name}': {how}"))


def _wrong_address(request: Request, _space: Space) -> Response:
    path = request.whole_path
    response = Response(
        visible(f"{path} is not part of this web service. {_directions(request)}") + "\n", 404, (), PLAIN
    )
    response.why = Reason(
        f"{{path}} is not part of this web service: the operation is at {SERVICE_PATH}/{OPERATION}, SOAP at "
        f"{SERVICE_PATH}",
        {"path": path},
    )
    return response


def _nothing_here(request: Request, _space: Space) -> Response:
    page = pages.plain_error(404, "Not Found", f"Nothing is served here. {_directions(request)}")
    response = Response(page, 404, (), HTML)
    response.why = Reason(
        f"nothing is served at {{path}}; the service is at {SERVICE_PATH}", {"path": request.whole_path}
    )
    return response


def _front_page(request: Request, space: Space) -> Response:
    """Redirect to the console, or to the service's help page where the console is off.

    With a query it is a call at the wrong address.
    """
    if request.query_string:
        return _nothing_here(request, space)
    settings = space.settings
    is_off = not settings.control or (settings.exposed and not settings.control_token)
    to = SERVICE_PATH if is_off else f"{PREFIX}/"
    return Response(status=302, headers=(("Cache-Control", "no-store"), ("Location", to[1:])))


def _no_icon(request: Request, space: Space) -> Response:
    """Return the 404 for the icon that browsers ask for; it is not worth a place in the journal."""
    response = _nothing_here(request, space)
    response.why = None
    return response


def _directions(request: Request) -> str:
    """Say where the service is, and what it takes."""
    address = request.server_url + request.root_path + SERVICE_PATH
    query = "&".join(f"{name}=..." for name in PARAMETERS)
    return f"Call {address}/{OPERATION}?{query} or POST SOAP to {address}"
