"""The service address: what each method, path and query gets; what a call gets is the engine's decision.

Source: ``System.Web.Services`` (WebServiceHandlerFactory, DiscoveryServerProtocol, DocumentationServerProtocol). What
IIS answers before ASP.NET sees the request is in the table at the end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from typing_extensions import assert_never
from werkzeug.exceptions import RequestEntityTooLarge

from emulator.core.contract import OPERATION, SERVICE_PATH, Binding, Call, Result
from emulator.core.journal import Exchange, Reason
from emulator.core.replies import ConnectionFailure, HttpFailure, Return, Throw
from emulator.delivery import ConnectionFault
from emulator.web import head_remarks, pages
from emulator.web.request import HTML, PLAIN, XML, Header, Request, Response
from emulator.web.spaces import Space
from emulator.wire import service, wsdl
from emulator.wire.content_type import parse_content_type
from emulator.wire.faults import ServiceException
from emulator.wire.service import WireRequest
from emulator.wire.soap import guessed_version

_logger = logging.getLogger(__name__)

Handler = Callable[[Request, Space], Response]


def respond(request: Request, space: Space) -> Response:
    """Return the response to a request for the service, whose path begins with the service's in any letter case."""
    stopped = _stopped_by_iis(request)
    if stopped is not None:
        return stopped
    handler = _HANDLERS.get((request.method, _path_info_kind(request)), _unrecognized)
    try:
        response = handler(request, space)
        if response.why is not None:
            # What the head tells explains also why characters were lost, as in a compressed body.
            response.remarks = head_remarks.on_refusal(request, response.binding, request.kept_body) or response.remarks
        return response
    except RequestEntityTooLarge as error:
        return _aspnet_error(500, request, Reason(str(error.description)))


class PathInfo(Enum):
    """What follows ``.asmx`` in the path."""

    NOTHING = auto()
    OPERATION = auto()
    SCRIPT = auto()  # a request for the script handler
    SLASH = auto()


def _path_info_kind(request: Request) -> PathInfo:
    info = request.path[len(SERVICE_PATH) :]
    if not info:
        return PathInfo.NOTHING
    if info == "/":
        return PathInfo.SLASH
    if info in ("/js", "/jsdebug") or parse_content_type(_content_type(request)).base == "application/json":
        return PathInfo.SCRIPT
    return PathInfo.OPERATION


def _content_type(request: Request) -> str:
    return request.environ.get("CONTENT_TYPE") or ""


# Calls


def _soap(request: Request, space: Space) -> Response:
    soap_action = request.environ.get("HTTP_SOAPACTION")
    content_type = _content_type(request)
    wire_request = WireRequest(request.body, content_type, soap_action)
    encoding = request.environ.get("HTTP_CONTENT_ENCODING")
    return _invoke(request, space, wire_request, guessed_version(content_type, soap_action), encoding)


def _post(request: Request, space: Space) -> Response:
    operation = request.path[len(SERVICE_PATH) + 1 :]
    return _invoke(request, space, WireRequest(request.body, _content_type(request), None, operation), Binding.POST)


def _get(request: Request, space: Space) -> Response:
    operation = request.path[len(SERVICE_PATH) + 1 :]
    return _invoke(request, space, WireRequest(request.query_string, "", None, operation), Binding.GET)


def _invoke(
    request: Request, space: Space, wire_request: WireRequest, binding: Binding, encoding: str | None = None
) -> Response:
    """Run a request through the wire's protocols and, once it has proved to be a call, the engine.

    The service repeats the Content-Encoding of SOAP on its own answers (S: SoapServerProtocol), but encodes nothing.
    """
    exchange: Exchange | None = None

    def operation(call: Call) -> Result | None:
        nonlocal exchange
        exchange = space.engine.answer(
            call, request.as_received(b"" if binding is Binding.GET else wire_request.payload)
        )
        return _service_result(exchange)

    wire_response = service.respond(wire_request, operation, binding)
    status, content_type, body = wire_response.status, wire_response.content_type, wire_response.body
    repeated = (("Content-Encoding", encoding),) if encoding else ()
    if exchange is None:
        response = _service_response(status, content_type, body, repeated)
        response.why, response.binding = wire_response.why, wire_response.binding
        response.remarks = wire_response.remarks
        return response
    headers = space.call_log.headers(exchange)
    if isinstance(exchange.outcome, HttpFailure):
        failure = exchange.outcome
        response = Response(failure.body, failure.status, (*failure.headers, *headers), failure.content_type)
    else:
        response = _service_response(status, content_type, body, (*repeated, *headers))
    response = _deliver(request, exchange, response, headers)
    response.exchange, response.remarks = exchange, wire_response.remarks
    if encoding:
        response.remarks += head_remarks.on_encoding(encoding, exchange.call.binding, wire_request.payload)
    return response


def _service_result(exchange: Exchange) -> Result | None:
    """Return what the operation returns, None where the service writes no response. Raise what the operation throws."""
    match exchange.outcome:
        case Return(result):
            return result
        case Throw(message):
            raise ServiceException(message)
        case HttpFailure():
            return None
        case ConnectionFailure(fault):
            return Result.OK if fault in (ConnectionFault.TRUNCATE, ConnectionFault.TRICKLE) else None
        case _ as never:
            assert_never(never)


def _deliver(request: Request, exchange: Exchange, response: Response, headers: tuple[Header, ...]) -> Response:
    """Hand the delay and the connection fault to the server. Another WSGI server can only be made to wait."""
    failure = exchange.outcome if isinstance(exchange.outcome, ConnectionFailure) else None
    delivery = request.delivery
    if delivery is None:
        time.sleep(exchange.delay)  # it has a thread for each request
        if failure is None:
            return response
        _logger.error("call %d asks for a connection fault: %s", exchange.id, _CANNOT_BREAK_CONNECTIONS)
        return Response(f"The scenario asks for {failure} here: {_CANNOT_BREAK_CONNECTIONS}\n", 502, headers, PLAIN)
    delivery.delay = exchange.delay
    if failure is not None:
        delivery.fault, delivery.over = failure.fault, failure.over
    return response


_CANNOT_BREAK_CONNECTIONS: Final = "this WSGI server cannot break connections, only rescue-emulator's own can."


# Documents and help pages


def _document(request: Request, space: Space) -> Response:
    """Return the WSDL, the discovery document or a help page, as the query says.

    ASP.NET compares the nameless keys of a query as one text, which werkzeug's ``args`` leaves out.
    """
    parts = request.query_string.decode("latin-1").split("&")
    names = [unquote_plus(part.partition("=")[0]).lower() for part in parts if "=" in part]
    nameless = ",".join(unquote_plus(part) for part in parts if "=" not in part).lower()
    if "wsdl" in names:
        return _refused(500, PLAIN, wsdl.DESCRIPTION_NOT_FOUND, "?wsdl takes no value")
    if "schema" in names:
        return _refused(500, PLAIN, wsdl.SCHEMA_NOT_FOUND, "?schema takes no value")
    if nameless == "wsdl":
        return _service_response(200, XML, wsdl.wsdl(_address(request, space)))
    if nameless == "disco":
        return _service_response(200, XML, wsdl.disco(_address(request, space)))
    return _help_page(request, space)


def _help_page(request: Request, space: Space) -> Response:
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    operations = [value for name, value in query if name.lower() == "op"]
    if not operations:
        response = _service_response(200, HTML, pages.overview(request.whole_path))
        response.remarks = head_remarks.on_help_page(request)
        return response
    name = ",".join(operations)
    if name != OPERATION:
        return _service_response(200, HTML, pages.method_not_found(request.whole_path, name))
    page = pages.operation(request.whole_path, request.uri_host, _address(request, space))
    return _service_response(200, HTML, page)


def _address(request: Request, space: Space) -> str:
    """Return the address of the service for its documents: the public one, else the one that was requested."""
    public = space.settings.public_url or f"{request.scheme}://{request.uri_host}"
    if not public.lower().endswith(".asmx"):
        return public + request.whole_path
    return public.removesuffix(SERVICE_PATH) + request.root_path + SERVICE_PATH if request.root_path else public


# Errors of ASP.NET and of IIS

_SUCCESS: Final = ("Cache-Control", "private, max-age=0")
_ERROR: Final = ("Cache-Control", "private")


def _service_response(status: int, content_type: str, body: bytes | str, headers: tuple[Header, ...] = ()) -> Response:
    """Return a response with the Cache-Control of its status, and more headers."""
    return Response(body, status, (_SUCCESS if status == 200 else _ERROR, *headers), content_type)


def _refused(status: int, content_type: str, body: str, why: str | Reason) -> Response:
    response = _service_response(status, content_type, body)
    response.why = Reason(why) if isinstance(why, str) else why
    return response


def _aspnet_error(status: int, request: Request, why: Reason) -> Response:
    """Return ASP.NET's error page; it names the application, which is the first folder of the path."""
    application = request.path[: request.path.find("/", 1)]
    return _refused(status, HTML, pages.runtime_error(application), why)


def _not_allowed(request: Request, _space: Space) -> Response:
    return _aspnet_error(405, request, Reason(f"{request.method} is not for the service; it takes GET and POST"))


def _unrecognized(request: Request, _space: Space) -> Response:
    why = "{method} with '{path}' behind the service's address is not a request for the service"
    return _aspnet_error(
        500, request, Reason(why, {"method": request.method, "path": request.path[len(SERVICE_PATH) :]})
    )


_HANDLERS: Final[dict[tuple[str, PathInfo], Handler]] = {
    ("POST", PathInfo.NOTHING): _soap,
    ("POST", PathInfo.OPERATION): _post,
    ("GET", PathInfo.OPERATION): _get,
    ("GET", PathInfo.NOTHING): _document,
    ("HEAD", PathInfo.NOTHING): _not_allowed,
}

_METHODS_OF_ASMX: Final = frozenset({"GET", "POST", "HEAD"})
_ALLOWED: Final = "OPTIONS, TRACE, GET, HEAD, POST"
_FORBIDDEN_IN_PATH: Final = frozenset("<>*%&:\\?" + "".join(map(chr, (*range(32), 127))))  # after decoding, by ASP.NET
_LONGEST_QUERY: Final = 2048  # characters; maxQueryString of IIS's request filtering, which answers 404.15
_HTTP_SYS_HTML: Final = "text/html; charset=us-ascii"  # of the pages of HTTP.sys, below IIS


def _stopped_by_iis(request: Request) -> Response | None:
    """Return the response to a request that IIS does not pass on to ASP.NET; None for any other."""
    if request.method not in _METHODS_OF_ASMX:
        match request.method:
            case "OPTIONS":
                response = options()
                response.remarks = head_remarks.on_options(request)
                return response
            case "TRACE":
                return _iis_error(501, "Not Implemented", "TRACE is not implemented here.")
            case _:
                why = f"{request.method} is not for the service; it takes GET and POST"
                response = _iis_error(405, "Method Not Allowed", "This address takes GET and POST.", why=why)
                response.headers["Allow"] = _ALLOWED
                return response
    if request.method == "POST" and request.lacks_length:
        return _iis_error(411, "Length Required", "A POST needs a Content-Length or a chunked body.", _HTTP_SYS_HTML)
    if not _FORBIDDEN_IN_PATH.isdisjoint(request.path):
        text = "None of < > * % & : \\ ? can be part of the path, and no control character."
        found = ", ".join(repr(each) for each in sorted(_FORBIDDEN_IN_PATH.intersection(request.path)))
        why = f"the path has {found}" + ("; the ? before the query is not escaped" if "?" in request.path else "")
        return _iis_error(400, "Bad Request", text, why=why)
    length = len(request.environ.get("QUERY_STRING", ""))
    if length > _LONGEST_QUERY:
        why = f"the query has {length:,} characters, and IIS takes {_LONGEST_QUERY:,}; POST takes longer values"
        return _iis_error(404, "Not Found", "The query is too long for this server.", why=why)
    return None


def options() -> Response:
    """Return what IIS answers to OPTIONS, also to that of the whole server."""
    return Response(status=200, headers=(("Allow", _ALLOWED), ("Public", _ALLOWED)))


def invalid_host(problem: str) -> Response:
    """Return what HTTP.sys answers, before IIS sees the request, if the host is missing or invalid."""
    return _iis_error(400, "Bad Request - Invalid Hostname", problem, _HTTP_SYS_HTML)


def _iis_error(status: int, title: str, text: str, content_type: str = HTML, *, why: str = "") -> Response:
    """Return IIS's small error page."""
    response = Response(pages.plain_error(status, title, text), status, (), content_type)
    response.why = Reason.literal(why or f"{title}: {text}")
    return response
