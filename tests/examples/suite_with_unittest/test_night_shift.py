"""A suite of tests for unittest, as you would write it for your own client; copy it and change what you need.

``python -m unittest discover suite_with_unittest`` runs it.
"""

# ruff: noqa: PT009, PT027 - unittest's own words

from __future__ import annotations

import unittest

import requests

from emulator import Emulator

SCENARIO = {
    "name": "night-shift",
    "otherwise": "startSessionRet_ActionFailed",
    "rules": [
        {
            "name": "Ann starts what waits for her",
            "when": {"auth_code": "demo-ann", "session": {"from": 1000, "to": 1999}, "node": 337366},
            "return": "startSessionRet_OK",
        }
    ],
}


def start_session(base_url: str, session: int, node: int, auth_code: str) -> str:
    """Ask Rescue to start a session, and once more if that fails; stands for your own client."""
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
    """Each test finds the emulator as it was when it started."""

    rescue: Emulator

    @classmethod
    def setUpClass(cls) -> None:
        cls.rescue = Emulator.start(SCENARIO)  # on a free port; the path of a file would do too
        cls.addClassCleanup(cls.rescue.stop)

    def setUp(self) -> None:
        self.rescue.reset()

    def test_the_scenario_decides_what_comes_back(self) -> None:
        self.assertEqual(start_session(self.rescue.url, 1001, 337366, "demo-ann"), "OK")
        self.assertEqual(start_session(self.rescue.url, 2001, 337366, "demo-ann"), "ActionFailed")

    def test_a_rule_made_in_a_test_comes_before_those_of_the_scenario(self) -> None:
        self.rescue.when(session=1001).returns("startSessionRet_NotLoggedInAsAdmin")
        self.assertEqual(start_session(self.rescue.url, 1001, 337366, "demo-ann"), "NotLoggedInAsAdmin")

    def test_the_client_tries_once_more(self) -> None:
        self.rescue.when(session=1001).fails(connection="reset").then("startSessionRet_OK")
        self.assertEqual(start_session(self.rescue.url, 1001, 337366, "demo-ann"), "OK")
        self.rescue.verify(session=1001, times=2)

    def test_the_client_gives_up_after_the_second_failure(self) -> None:
        self.rescue.when(session=1001).fails(status=503)
        with self.assertRaises(requests.HTTPError):
            start_session(self.rescue.url, 1001, 337366, "demo-ann")
        self.rescue.verify(session=1001, times=2)

    def test_the_client_sends_what_it_was_asked_to(self) -> None:
        start_session(self.rescue.url, 1001, 337366, "demo-ann")
        self.rescue.verify(session=1001, node=337366, auth_code="demo-ann", binding="post", times=1)


if __name__ == "__main__":
    unittest.main()
