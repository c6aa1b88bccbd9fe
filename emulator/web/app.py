"""The product as one WSGI application: the table of its addresses, and the last answer when all else fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge

from emulator.core.contract import OPERATION, PARAMETERS, SERVICE_PATH
from emulator.core.engine import Engine
from emulator.web import pages
from emulator.web.asmx import ServiceAddress
from emulator.web.control import PREFIX, Control, Trouble
from emulator.web.visit import HTML, PLAIN, Answer, Visit
from emulator.wire import service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_logger = logging.getLogger(__name__)

# Where callers of Rescue's other API, and of the wrong guide, knock: all of it in lower case.
_OTHER_API = ("/api/startsession.aspx", "/api/startsession", "/startsession")


class Application:
    """The WSGI application.

    ``public_url`` is where clients reach it, when that is not where they think. ``trouble`` is asked what is wrong.
    """

    def __init__(self, engine: Engine, *, public_url: str | None = None, trouble: Trouble = lambda: None) -> None:
        service.prepare()
        self._control = Control(engine, trouble)
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
        if visit.path == PREFIX or visit.path.startswith(f"{PREFIX}/"):
            return self._control.answer(visit)
        if visit.path.rstrip("/").lower() in _OTHER_API:
            return Answer(404, PLAIN, f"{visit.path} is not part of this web service. {_directions(visit)}\n")
        return Answer(404, HTML, pages.plain_error(404, "Not Found", f"Nothing is served here. {_directions(visit)}"))


def _directions(visit: Visit) -> str:
    """Where the service is, and what it takes."""
    service = visit.origin + SERVICE_PATH
    query = "&".join(f"{name}=..." for name in PARAMETERS)
    return f"Call {service}/{OPERATION}?{query} or POST SOAP to {service}"
