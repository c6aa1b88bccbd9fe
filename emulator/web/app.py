"""The product as one WSGI application: its main space, those beside it, and the last answer when all else fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.core.engine import Engine
from emulator.web import pages
from emulator.web.control.controlled import PREFIX, Controlled, ScenarioFiles, Trouble
from emulator.web.control.problems import Refused
from emulator.web.request import HTML, Answer, Visit
from emulator.web.settings import Settings
from emulator.web.space import Space
from emulator.web.spaces import Spaces
from emulator.wire import service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_logger = logging.getLogger(__name__)


class Application:
    """The WSGI application.

    ``trouble`` is asked what is wrong with the emulator as a whole; ``files`` are the scenario files to choose from.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings | None = None,
        *,
        trouble: Trouble = lambda: None,
        files: ScenarioFiles | None = None,
    ) -> None:
        service.prepare()
        settings = settings or Settings()
        self._controlled = settings.control
        self._spaces = Spaces(engine, settings)
        self._main = Space(Controlled(engine, trouble, self._spaces, files), settings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request; never raises."""
        visit = Visit(environ)
        try:
            answer = self._answer(visit)
        except Exception:
            from emulator.web.redaction import shown_path

            _logger.exception("answering %s %s failed", visit.method, shown_path(visit.path))
            answer = Answer(500, HTML, pages.runtime_error("/"))
        return answer.send(start_response)

    @staticmethod
    def takes_long(path: str) -> bool:
        """Whether an answer may take longer than others can wait for: anything of the control API."""
        return PREFIX in path

    def _answer(self, visit: Visit) -> Answer:
        named = self._spaces.named_in(visit.path) if self._controlled else None
        if named is None:
            return self._main.answer(visit)
        space = self._spaces.get(named)
        if space is None:
            return _unknown(named)
        visit.enter(self._spaces.root(named))
        return space.answer(visit)


def _unknown(space: str) -> Answer:
    """What is told at an address in a space that is not open."""
    how = f"PUT {PREFIX}/spaces/{space} opens it; spaces end when they are deleted or have been idle for long"
    return Refused(404, f"there is no space '{space}': {how}").answer()
