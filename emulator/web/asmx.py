"""The service address: which verb, path and query mean what, and the answer to each; what a call gets, the engine says.

Source: ``System.Web.Services`` (WebServiceHandlerFactory, DiscoveryServerProtocol, DocumentationServerProtocol).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from urllib.parse import parse_qsl, unquote_plus

from typing_extensions import assert_never

from emulator.core.call import Call
from emulator.core.contract import OPERATION, SERVICE_PATH, Binding, Result
from emulator.core.engine import Engine
from emulator.core.journal import Exchange
from emulator.core.replies import ConnectionFailure, HttpFailure, Return, Throw
from emulator.web import pages
from emulator.web.call_log import Recorder
from emulator.web.carrying import carry_out
from emulator.web.iis import stopped
from emulator.web.redaction import shown_path
from emulator.web.request import HTML, PLAIN, XML, Answer, Visit
from emulator.wire import service, wsdl
from emulator.wire.content_type import parse_content_type
from emulator.wire.faults import ServiceException
from emulator.wire.service import WireRequest
from emulator.wire.soap import guessed_version


class PathInfo(str, Enum):
    """What follows ``.asmx`` in the path."""

    NOTHING = "nothing"
    NAME = "the name of an operation"
    SCRIPT = "what the script handler takes"
    SLASH = "a slash and nothing more"


class ServiceAddress:
    """Everything under ``/API/API.asmx``, in any letter case.

    ``public_url`` is the address that the documents tell instead of the one that a request was sent to.
    """

    def __init__(self, engine: Engine, recorder: Recorder, *, public_url: str | None = None) -> None:
        self._engine = engine
        self._recorder = recorder
        self._public_url = public_url
        self._routes: dict[tuple[str, PathInfo], Callable[[Visit], Answer]] = {
            ("POST", PathInfo.NOTHING): self._soap,
            ("POST", PathInfo.NAME): self._post,
            ("GET", PathInfo.NAME): self._get,
            ("GET", PathInfo.NOTHING): self._document,
            ("HEAD", PathInfo.NOTHING): _not_allowed,
        }

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path is the service's: its own in any letter case, with or without something behind a slash."""
        return path[: len(SERVICE_PATH)].lower() == _SERVICE_PATH and path[len(SERVICE_PATH) :][:1] in ("", "/")

    def answer(self, visit: Visit) -> Answer:
        """The answer to one request."""
        route = self._routes.get((visit.method, _path_info(visit)), _unrecognized)
        return stopped(visit) or route(visit)

    def _soap(self, visit: Visit) -> Answer:
        soap_action = visit.header("HTTP_SOAPACTION")
        request = WireRequest(visit.body, visit.content_type, soap_action)
        return self._operated(visit, request, guessed_version(request.content_type, soap_action))

    def _post(self, visit: Visit) -> Answer:
        request = WireRequest(visit.body, visit.content_type, operation=_operation(visit))
        return self._operated(visit, request, Binding.POST)

    def _get(self, visit: Visit) -> Answer:
        request = WireRequest(visit.query.encode("latin-1"), operation=_operation(visit))
        return self._operated(visit, request, Binding.GET)

    def _operated(self, visit: Visit, request: WireRequest, binding: Binding) -> Answer:
        """Runs a request through the wire's protocols and, where it proves to be a call, the engine."""
        exchange: Exchange | None = None

        def operation(call: Call) -> Result:
            nonlocal exchange
            exchange = self._engine.answer(call, visit.raw(b"" if binding is Binding.GET else request.payload))
            return _result(exchange)

        written = service.respond(request, operation, binding)
        refused = written.reason if exchange is None else ""
        answer = _fresh_or_stale(written.status, written.content_type, written.body, refused, written.binding)
        if exchange is None:
            return answer
        seconds = visit.seconds
        return self._recorder.exchanged(exchange, carry_out(exchange, answer, visit.environ), written.remarks, seconds)

    def _document(self, visit: Visit) -> Answer:
        """The WSDL, the discovery document or a help page, as the query says."""
        parts = visit.query.split("&")
        names = [unquote_plus(part.partition("=")[0]).lower() for part in parts if "=" in part]
        nameless = ",".join(unquote_plus(part) for part in parts if "=" not in part).lower()
        if "wsdl" in names:
            return _fresh_or_stale(500, PLAIN, wsdl.DESCRIPTION_NOT_FOUND, "?wsdl takes no value")
        if "schema" in names:
            return _fresh_or_stale(500, PLAIN, wsdl.SCHEMA_NOT_FOUND, "?schema takes no value")
        if nameless == "wsdl":
            return _fresh_or_stale(200, XML, wsdl.wsdl(self._address(visit)))
        if nameless == "disco":
            return _fresh_or_stale(200, XML, wsdl.disco(self._address(visit)))
        return _fresh_or_stale(200, HTML, self._help_page(visit))

    def _help_page(self, visit: Visit) -> str:
        operations = [value for name, value in parse_qsl(visit.query, keep_blank_values=True) if name.lower() == "op"]
        if not operations:
            return pages.overview(visit.full_path)
        name = ",".join(operations)
        if name != OPERATION:
            return pages.method_not_found(visit.full_path, name)
        return pages.operation(visit.full_path, visit.host, self._address(visit))

    def _address(self, visit: Visit) -> str:
        public = self._public_url or visit.origin
        if not public.lower().endswith(".asmx"):
            return public + visit.full_path
        return public.removesuffix(SERVICE_PATH) + visit.root + SERVICE_PATH if visit.root else public


_SERVICE_PATH = SERVICE_PATH.lower()


def _path_info(visit: Visit) -> PathInfo:
    info = visit.path[len(SERVICE_PATH) :]
    if not info:
        return PathInfo.NOTHING
    if info == "/":
        return PathInfo.SLASH
    if info in ("/js", "/jsdebug") or parse_content_type(visit.content_type).base == "application/json":
        return PathInfo.SCRIPT
    return PathInfo.NAME


def _operation(visit: Visit) -> str:
    return visit.path[len(SERVICE_PATH) + 1 :]


def _result(exchange: Exchange) -> Result:
    """What the operation gives back, or an exception of the service's. A failure below the service leaves it well."""
    match exchange.outcome:
        case Return():
            return exchange.outcome.result
        case Throw():
            raise ServiceException(exchange.outcome.message)
        case HttpFailure() | ConnectionFailure():
            return Result.OK
        case _ as never:
            assert_never(never)


_FRESH = (("Cache-Control", "private, max-age=0"),)
_STALE = (("Cache-Control", "private"),)


def _fresh_or_stale(
    status: int, content_type: str, body: bytes | str, refused: str = "", binding: Binding | None = None
) -> Answer:
    return Answer(status, content_type, body, _FRESH if status == 200 else _STALE, refused, binding)


def aspnet_page(status: int, path: str, why: str) -> Answer:
    """ASP.NET's page for an error of its own; it names the application, which is the first folder of the path."""
    application = path[: path.find("/", 1)]
    return _fresh_or_stale(status, HTML, pages.runtime_error(application), why)


def _not_allowed(visit: Visit) -> Answer:
    return aspnet_page(405, visit.path, f"{visit.method} is not for the service; it takes GET and POST")


def _unrecognized(visit: Visit) -> Answer:
    info = shown_path(visit.path[len(SERVICE_PATH) :])
    return aspnet_page(
        500, visit.path, f"{visit.method} with '{info}' behind the service's address is no request to it"
    )
