"""The product as one WSGI application: the table of its addresses, and the last answer when all else fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge

from emulator.core.contract import AUTH_CODE, NODE, OPERATION, SERVICE_PATH, SESSION
from emulator.core.engine import Engine
from emulator.web import pages
from emulator.web.asmx import ServiceAddress
from emulator.web.visit import HTML, PLAIN, Answer, Visit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_logger = logging.getLogger(__name__)

# Where callers of Rescue's other API, and of the wrong guide, knock: all of it in lower case.
_OTHER_API = ("/api/startsession.aspx", "/api/startsession", "/startsession")
_RIGHT_ADDRESS = f"{SERVICE_PATH}/{OPERATION}?{SESSION}=...&{NODE}=...&{AUTH_CODE}=..."


class Application:
    """The WSGI application. ``public_url`` is where clients reach it when that is not where they think."""

    def __init__(self, engine: Engine, *, public_url: str | None = None) -> None:
        self._service = ServiceAddress(engine, public_url=public_url)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request; never raises."""
        visit = Visit(environ)
        try:
            answer = self._answer(visit)
        except RequestEntityTooLarge:
            answer = Answer(500, HTML, pages.runtime_error(visit.path[: visit.path.find("/", 1)]))
        except Exception:
            _logger.exception("answering %s %s failed", visit.method, visit.path)
            answer = Answer(500, HTML, pages.runtime_error("/"))
        return answer.send(start_response)

    def _answer(self, visit: Visit) -> Answer:
        if self._service.serves(visit.path):
            return self._service.answer(visit)
        path = visit.path.rstrip("/").lower()
        if path in _OTHER_API:
            return _not_found(visit, f"is no address of the {SERVICE_PATH} web service")
        return _not_found(visit, "is not served here")


def _not_found(visit: Visit, why: str) -> Answer:
    right = f"{visit.origin}{_RIGHT_ADDRESS}"
    return Answer(404, PLAIN, f"{visit.path} {why}; call {right} or POST SOAP to {visit.origin}{SERVICE_PATH}\n")
