"""unittest: a TestCase gets the emulator by a fixture that applies to all its tests."""

import unittest

import pytest
from application import start_session


@pytest.mark.rescue({"otherwise": "startSessionRet_ActionFailed"})
class Sessions(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _rescue(self, rescue):
        self.rescue = rescue

    def test_a_rule(self):
        self.rescue.when(session=1).returns("startSessionRet_OK")
        assert start_session(self.rescue.url, 1) == "OK"

    def test_the_scenario(self):
        assert start_session(self.rescue.url, 1) == "ActionFailed"
        self.rescue.verify(times=1)
