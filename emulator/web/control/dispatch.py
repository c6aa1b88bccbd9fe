"""The control API as a whole: finds what a request asks for among the routes, once its sender is known to may ask."""

from __future__ import annotations

from typing import Final

from emulator.web.control.asked import Asked
from emulator.web.control.auth import check
from emulator.web.control.controlled import PREFIX, Controlled
from emulator.web.control.problems import Refused
from emulator.web.control.route import Route
from emulator.web.control.routes import OPEN_TO_ALL, PAGES, ROUTES
from emulator.web.request import Answer, Visit
from emulator.web.settings import Settings

_ALL: Final = (*PAGES, *ROUTES)
_SEGMENTS: Final = {route.path: route.path.split("/") for route in _ALL}


class Control:
    """Answers the requests under ``PREFIX``."""

    def __init__(self, controlled: Controlled, settings: Settings) -> None:
        self._about = controlled
        self._settings = settings

    def answer(self, visit: Visit) -> Answer:
        """The answer to one request."""
        try:
            return self._answer(visit)
        except Refused as refused:
            return refused.answer()

    def _answer(self, visit: Visit) -> Answer:
        path = visit.path[len(PREFIX) :]
        found = [(route, values) for route in _ALL if (values := _values(route, path)) is not None]
        try:
            check(visit, self._settings)
            stranger = False
        except Refused:
            if not any(route.handler in OPEN_TO_ALL for route, _ in found):
                raise
            stranger = True
        if not found:
            paths = ", ".join(dict.fromkeys(visit.root + PREFIX + route.path for route in ROUTES))
            raise Refused(404, f"there is no {visit.full_path}; there is {paths}")
        for route, values in found:
            if visit.method in route.methods:
                return route.handler(Asked(visit, self._about, values, self._settings.secret, stranger))
        allowed = [method for route, _ in found for method in route.methods]
        raise Refused(405, f"{visit.full_path} takes {' and '.join(allowed)}", ("Allow", ", ".join(allowed)))


def _values(route: Route, path: str) -> dict[str, str] | None:
    """The values that a path has for the names in braces of a route's path; None when it is not that route's."""
    pattern, segments = _SEGMENTS[route.path], path.split("/")
    if len(pattern) != len(segments):
        return None
    values: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            values[wanted.strip("{}")] = segment
        elif wanted != segment:
            return None
    return values
