"""How the control API says no: an error that a person can act on, as RFC 9457 writes it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from emulator.errors import Problem, ScenarioError
from emulator.web.request import Answer

PROBLEM: Final = "application/problem+json"
PRIVATE: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", "frame-ancestors 'none'"),
)
"""Headers of whatever is told: it is for who asked alone, and becomes no part of a page of another origin."""


class Refused(Exception):
    """A request to the control API that changes nothing: ``detail`` says what is wrong, and what would be right."""

    def __init__(self, status: int, detail: str, *headers: tuple[str, str], **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers, more

    def answer(self) -> Answer:
        """The answer that says so."""
        title = HTTPStatus(self.status).phrase
        body = json.dumps({"title": title, "status": self.status, "detail": self.detail, **self.more})
        return Answer(self.status, PROBLEM, body, (*PRIVATE, *self.headers))


def unprocessable(error: ScenarioError) -> Refused:
    """The refusal of a body that says what cannot be; all that is wrong with it comes at once."""
    return Refused(422, str(error), problems=[_as_data(problem) for problem in error.problems])


def _as_data(problem: Problem) -> dict[str, object]:
    place = {"line": problem.line, "column": problem.column} if problem.line else {}
    return {**place, "message": problem.message}
