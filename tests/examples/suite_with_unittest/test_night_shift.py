"""A suite for unittest, as you would write it for your own client: copy it and adapt it.

``python -m unittest discover suite_with_unittest`` runs it.
"""

# ruff: noqa: PT009 - unittest's own assertions

from __future__ import annotations

import unittest

import requests

from emulator import Emulator

SCENARIO = {
    "name": "night-shift",
    "otherwise": "startSessionRet_ActionFailed",
    "rules": [
        {
            "name": "Ann starts the sessions that wait for her",
            "when": {"auth_code": "demo-ann", "session": {"from": 1000, "to": 1999}, "node": 337366},
            "return": "startSessionRet_OK",
        }
    ],
}


def start_session(base_url: str, session: int, node: int, auth_code: str) -> str:
    """Start a session, and try once more if that fails; replace it by your own client."""
    call = {"iSession": session, "iNode": node, "sAuthCode": auth_code}
    for last in (False, True):
        try:
            answer = requests.post(f"{base_url}/startSession", data=call, timeout=2.0)
            answer.raise_for_status()
        except requests.RequestException:
            if last:
                raise
        else:
            break
    return answer.text.partition(">startSessionRet_")[2].partition("<")[0]


class NightShift(unittest.TestCase):
    """Each test begins with the emulator in its initial state."""

    rescue: Emulator

    @classmethod
    def setUpClass(cls) -> None:
        cls.rescue = Emulator.start(SCENARIO)  # on a free port; takes the path of a file too
        cls.addClassCleanup(cls.rescue.stop)

    def setUp(self) -> None:
        self.rescue.reset()

    def test_the_scenario_decides_what_comes_back(self) -> None:
        self.assertEqual(start_session(self.rescue.url, 1001, 337366, "demo-ann"), "OK")
        self.assertEqual(start_session(self.rescue.url, 2001, 337366, "demo-ann"), "ActionFailed")

    def test_the_client_tries_once_more(self) -> None:
        self.rescue.when(session=1001).fails(connection="reset").then("startSessionRet_OK")
        self.assertEqual(start_session(self.rescue.url, 1001, 337366, "demo-ann"), "OK")
        self.rescue.verify(session=1001, times=2)

    def test_the_client_sends_its_arguments(self) -> None:
        start_session(self.rescue.url, 1001, 337366, "demo-ann")
        self.rescue.verify(session=1001, node=337366, auth_code="demo-ann", binding="post", times=1)


if __name__ == "__main__":
    unittest.main()
