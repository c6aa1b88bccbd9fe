"""A suite for Django's test runner: copy it and adapt it.

``python -m django test --settings settings`` in this folder runs it.
"""

# ruff: noqa: PT009 - unittest's own assertions

from __future__ import annotations

import unittest
from pathlib import Path

import requests
from django.test import LiveServerTestCase, SimpleTestCase, override_settings

from emulator import Emulator

SCENARIO = Path(__file__).parent.parent / "scenarios" / "night_shift.yaml"


class UsesRescue(unittest.TestCase):
    """One emulator for each class of tests; each test begins with its initial state."""

    rescue: Emulator

    @classmethod
    def setUpClass(cls) -> None:
        cls.rescue = Emulator.start(SCENARIO)
        cls.addClassCleanup(cls.rescue.stop)
        replaced = override_settings(RESCUE_URL=cls.rescue.url)
        replaced.enable()
        cls.addClassCleanup(replaced.disable)
        super().setUpClass()

    def setUp(self) -> None:
        self.rescue.reset()


class Views(UsesRescue, SimpleTestCase):
    """Called with Django's test client."""

    def test_the_scenario_decides_what_comes_back(self) -> None:
        self.assertEqual(self.client.get("/sessions/1001/start").json(), {"result": "OK"})
        self.assertEqual(self.client.get("/sessions/2001/start").json(), {"result": "ActionFailed"})

    def test_an_outage_becomes_an_answer_of_our_own(self) -> None:
        self.rescue.when(session=1001).fails(connection="reset").then("startSessionRet_OK")
        self.assertEqual(self.client.get("/sessions/1001/start").status_code, 503)
        self.assertEqual(self.client.get("/sessions/1001/start").json(), {"result": "OK"})
        self.rescue.verify(session=1001, auth_code="demo-ann", times=2)


class Site(UsesRescue, LiveServerTestCase):
    """Called over HTTP, as a browser does: Django's live server and the emulator have a thread each."""

    databases = frozenset[str]()

    def test_a_visitor_starts_a_session(self) -> None:
        answer = requests.get(f"{self.live_server_url}/sessions/1001/start", timeout=5.0)
        self.assertEqual(answer.json(), {"result": "OK"})
        self.rescue.verify(session=1001, times=1)
