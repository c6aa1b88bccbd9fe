"""A suite for an application that is built once, and that calls the service from a thread of its own.

The application gets the address of ``rescue_server``, which is the same in all tests; each test uses ``rescue``, which
is the same emulator in its initial state.
"""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread

import pytest
import requests

from emulator import Rescue

SCENARIO = {
    "name": "help-desk",
    "rules": [{"name": "Ann is at work", "when": {"auth_code": "demo-ann"}, "return": "startSessionRet_OK"}],
}

pytestmark = pytest.mark.rescue(SCENARIO)


class HelpDesk:
    """An application whose customers do not wait for the service; replace it by your own."""

    def __init__(self, base_url: str, auth_code: str) -> None:
        self._base_url = base_url
        self._auth_code = auth_code
        self._sessions: SimpleQueue[int | None] = SimpleQueue()
        self._worker = Thread(target=self._start_sessions)
        self._worker.start()

    def request_help(self, session: int) -> None:
        """Return at once; the worker starts the session."""
        self._sessions.put(session)

    def close(self) -> None:
        self._sessions.put(None)
        self._worker.join()

    def _start_sessions(self) -> None:
        while (session := self._sessions.get()) is not None:
            call = {"iSession": session, "iNode": 337366, "sAuthCode": self._auth_code}
            for _ in range(3):
                answer = requests.post(f"{self._base_url}/startSession", data=call, timeout=2.0)
                if answer.status_code == requests.codes.ok:
                    break


@pytest.fixture(scope="session")
def help_desk(rescue_server: Rescue) -> Iterator[HelpDesk]:
    desk = HelpDesk(rescue_server.url, auth_code="demo-ann")
    yield desk
    desk.close()


def test_the_worker_starts_the_session(help_desk: HelpDesk, rescue: Rescue) -> None:
    help_desk.request_help(1001)
    rescue.verify(session=1001, node=337366, auth_code="demo-ann", times=1, within="5s")


def test_the_worker_tries_again_while_the_service_is_unavailable(help_desk: HelpDesk, rescue: Rescue) -> None:
    rule = rescue.when(session=1002).fails(status=503).then(fail={"status": 503}).then("startSessionRet_OK")
    help_desk.request_help(1002)
    rescue.verify(session=1002, times=3, within="5s")
    assert rule.hits == 3
    assert rescue.calls[-1].result == "startSessionRet_OK"


def test_the_worker_starts_a_session_once(help_desk: HelpDesk, rescue: Rescue) -> None:
    help_desk.request_help(1003)
    rescue.verify(session=1003, within="5s")
    rescue.verify(session=1003, at_most=1, within="200ms")
