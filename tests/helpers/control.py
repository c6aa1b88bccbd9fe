"""The application without a port, and short ways to ask its control API."""

from __future__ import annotations

from typing import Any

from werkzeug.test import Client, TestResponse

from emulator.client.soap import written
from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.core.journal import JournalLimits
from emulator.scenario import loads
from emulator.web.app import Application
from emulator.web.settings import Settings

SCENARIO = """
name: front-desk
otherwise: startSessionRet_Error
rules:
  - {name: Ann, when: {session: 1001, auth_code: demo-ann}, return: startSessionRet_OK}
  - {name: twice, when: {session: 2}, times: 2, return: startSessionRet_ActionFailed}
  - {name: reset, when: {session: 3}, fail: {connection: reset}}
"""
SERVICE = "/API/API.asmx"


class Emulated:
    """An application around an engine that a test can look at."""

    def __init__(
        self, scenario: str = SCENARIO, settings: Settings | None = None, *, trouble: str | None = None
    ) -> None:
        settings = settings or Settings()
        self.engine = Engine(loads(scenario, "front-desk.yaml"), limits=settings.journal)
        self.client = Client(Application(self.engine, settings, trouble=lambda: trouble))

    def call(
        self,
        session: int = 1001,
        node: int = 5,
        auth_code: str | None = "demo-ann",
        binding: Binding = Binding.GET,
        root: str = "",
    ) -> TestResponse:
        """The answer to a call."""
        request = written(Call(session, node, auth_code, binding))
        path, _, query = (root + SERVICE + request.path).partition("?")
        return self.client.open(
            path, method=request.method, query_string=query, data=request.body, headers=request.headers
        )

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """The answer of the control API; a body that is data is sent as JSON."""
        if body is not None:
            options |= {"data": body} if isinstance(body, bytes | str) else {"json": body}
        return self.client.open(f"{options.pop('root', '')}/__admin{path}", method=method, **options)

    def told(self, path: str, **options: Any) -> Any:
        """What a GET tells."""
        answer = self.ask("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json


def limited(entries: int = 1000, size: int = 16_000_000) -> Settings:
    """Settings for a small journal."""
    return Settings(journal=JournalLimits(entries, size))
