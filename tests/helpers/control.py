"""The application without a port, and short ways to use its control API."""

from __future__ import annotations

from typing import Any, Final

from werkzeug.test import Client, TestResponse

from emulator.client.soap import build_request
from emulator.core.contract import Binding, Call
from emulator.core.engine import Engine
from emulator.core.journal import JournalLimits
from emulator.scenario.loading import loads
from emulator.web.app import Application
from emulator.web.control.dispatch import PROBLEM
from emulator.web.spaces import Settings

SERVICE: Final = "/API/API.asmx"
SCENARIO: Final = """
name: front-desk
otherwise: startSessionRet_Error
rules:
  - {name: Ann, when: {session: 1001, auth_code: demo-ann}, return: startSessionRet_OK}
  - {name: twice, when: {session: 2}, times: 2, return: startSessionRet_ActionFailed}
  - {name: reset, when: {session: 3}, fail: {connection: reset}}
"""
DESK: Final = """
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{name: Tess, node: 5}]
  sessions: [{id: 1001, customer: Printer}]
"""
RULE: Final = {"name": "mine", "when": {"session": 7}, "return": "startSessionRet_OK"}


class Emulated:
    """An application around an engine that a test can look at."""

    def __init__(
        self, scenario: str = SCENARIO, settings: Settings | None = None, *, health_problem: str | None = None
    ) -> None:
        settings = settings or Settings(seed=1)
        self.engine = Engine(loads(scenario, "front-desk.yaml"), settings.seed, limits=settings.journal)
        self.client = Client(Application(self.engine, settings, health_problem=lambda: health_problem))

    def call(
        self,
        session: int = 1001,
        node: int = 5,
        auth_code: str | None = "demo-ann",
        binding: Binding = Binding.GET,
        root: str = "",
    ) -> TestResponse:
        """Make a call and return the answer."""
        request = build_request(Call(session, node, auth_code, binding))
        path, _, query = (root + SERVICE + request.path).partition("?")
        return self.client.open(
            path, method=request.method, query_string=query, data=request.body, headers=request.headers
        )

    def request(self, method: str, path: str, body: Any = None, *, root: str = "", **options: Any) -> TestResponse:
        """Send a request to the control API; a body that is neither text nor bytes is sent as JSON."""
        if body is not None:
            options |= {"data": body} if isinstance(body, bytes | str) else {"json": body}
        return self.client.open(f"{root}/__admin{path}", method=method, **options)

    def get(self, path: str, **options: Any) -> Any:
        """GET data from the control API."""
        response = self.request("GET", path, **options)
        assert response.status_code == 200, response.text
        return response.json

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """POST to the control API and return the data of a success."""
        response = self.request("POST", path, body, **options)
        assert 200 <= response.status_code < 300, response.text
        return response.json if response.data else None

    def state(self) -> Any:
        """Return all that a request to the control API can change."""
        spaces = [each["name"] for each in self.get("/spaces")["spaces"]]
        return self.engine.scenario, self.get("/rules"), self.get("/calls"), self.get("/desk"), spaces


def detail(response: TestResponse, status: int) -> str:
    """Return the detail of a problem with this status."""
    problem = response.json
    assert (response.status_code, response.content_type) == (status, PROBLEM), response.text
    assert problem is not None
    assert (problem["status"], problem["title"]) == (status, response.status.partition(" ")[2])
    return str(problem["detail"])


def limited(entries: int) -> Settings:
    """Return settings for a journal of this many entries."""
    return Settings(journal=JournalLimits(entries))
