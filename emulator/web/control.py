"""The control API: JSON for programs, under ``/__admin``, beside the service and out of its way."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from time import monotonic
from typing import Any, Final

from emulator.core.engine import Engine
from emulator.web.visit import Answer, Visit

PREFIX: Final = "/__admin"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_FRESH: Final = (("Cache-Control", "no-store"),)

Trouble = Callable[[], str | None]
"""What is wrong with the emulator as a whole, in words for a person; None when nothing is."""


class Control:
    """Answers the requests under ``PREFIX``. ``trouble`` is asked anew for each look at the health."""

    def __init__(self, engine: Engine, trouble: Trouble) -> None:
        self._engine = engine
        self._trouble = trouble
        self._began = monotonic()
        self._routes = {("GET", f"{PREFIX}/health"): self._health, ("HEAD", f"{PREFIX}/health"): self._health}

    def answer(self, visit: Visit) -> Answer:
        """The answer to one request."""
        route = self._routes.get((visit.method, visit.path))
        if route is not None:
            return route()
        allowed = sorted(method for method, path in self._routes if path == visit.path)
        if allowed:
            return _problem(405, f"{visit.path} takes {' and '.join(allowed)}", ("Allow", ", ".join(allowed)))
        paths = ", ".join(sorted({path for _, path in self._routes}))
        return _problem(404, f"there is no {visit.path}; there is {paths}")

    def _health(self) -> Answer:
        trouble = self._trouble()
        if trouble is not None:
            return _problem(503, trouble)
        return _json(
            {
                "status": "ready",
                "version": version("rescue-emulator"),
                "scenario": self._engine.scenario.name,
                "uptime_s": round(monotonic() - self._began, 3),
            }
        )


def _json(value: Any) -> Answer:
    return Answer(200, _JSON, json.dumps(value), _FRESH)


_TITLES = {404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


def _problem(status: int, detail: str, *headers: tuple[str, str]) -> Answer:
    """An error as RFC 9457 writes it."""
    body = json.dumps({"title": _TITLES[status], "status": status, "detail": detail})
    return Answer(status, _PROBLEM, body, (*_FRESH, *headers))
