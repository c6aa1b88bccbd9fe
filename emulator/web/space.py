"""A space: one emulator under one root, with its service, its control API, and what is told at wrong addresses."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from emulator.core.contract import OPERATION, PARAMETERS, SERVICE_PATH
from emulator.core.engine import Engine
from emulator.escaping import visible
from emulator.web import pages
from emulator.web.asmx import ServiceAddress, aspnet_page
from emulator.web.call_log import Recorder
from emulator.web.control.controlled import Controlled, is_controls
from emulator.web.redaction import shown_path
from emulator.web.request import HTML, PLAIN, Answer, BodyTooLong, Visit
from emulator.web.settings import Settings

if TYPE_CHECKING:
    from emulator.web.control.dispatch import Control

# Where callers of Rescue's other API, and of the wrong guide, knock: all of it in lower case.
_OTHER_API: Final = ("/api/startsession.aspx", "/api/startsession", "/startsession")
_ICON: Final = "/favicon.ico"  # browsers ask for it by themselves


class Space:
    """Answers the requests under its root, and remembers them."""

    def __init__(self, controlled: Controlled, settings: Settings) -> None:
        self.engine: Engine = controlled.engine
        self._recorder = Recorder(self.engine, settings)
        self._controlled = controlled
        self._settings = settings
        self._service = ServiceAddress(self.engine, self._recorder, public_url=settings.public_url)

    def answer(self, visit: Visit) -> Answer:
        """The answer to one request, whose path is what follows the root of the space."""
        try:
            answer = self._answer(visit)
            body = visit.body if answer.refused else b""
        except BodyTooLong as error:
            answer, body = aspnet_page(500, visit.path, str(error)), b""
        return self._recorder.refused(visit, answer, body) if answer.refused else answer

    @cached_property
    def _control(self) -> Control:
        """Made when it is first asked, in the thread that answers, since few who start a server ask at once."""
        from emulator.web.control.dispatch import Control

        return Control(self._controlled, self._settings)

    def _answer(self, visit: Visit) -> Answer:
        if self._service.serves(visit.path):
            return self._service.answer(visit)
        if self._settings.control and is_controls(visit.path):
            return self._control.answer(visit)
        if visit.path.rstrip("/").lower() in _OTHER_API:
            why = f"{shown_path(visit.full_path)} is not part of this web service"
            return Answer(404, PLAIN, visible(f"{why}. {_directions(visit)}") + "\n", refused=why)
        why = "" if visit.path == _ICON else f"nothing is served at {shown_path(visit.full_path)}"
        page = pages.plain_error(404, "Not Found", f"Nothing is served here. {_directions(visit)}")
        return Answer(404, HTML, page, refused=why)


def _directions(visit: Visit) -> str:
    """Where the service is, and what it takes."""
    service = visit.origin + visit.root + SERVICE_PATH
    query = "&".join(f"{name}=..." for name in PARAMETERS)
    return f"Call {service}/{OPERATION}?{query} or POST SOAP to {service}"
