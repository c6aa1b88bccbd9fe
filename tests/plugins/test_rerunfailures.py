"""pytest-rerunfailures: each attempt begins with a reset emulator, and a strict failure is tried again too."""

import pytest
from application import start_session

pytestmark = pytest.mark.flaky(reruns=2)  # these alone: a failure elsewhere is one

attempts = []


def test_that_passes_at_the_third_attempt(rescue):
    attempts.append(rescue.calls)
    rescue.when(session=1).returns("startSessionRet_OK")
    assert start_session(rescue.url, 1) == "OK"
    assert attempts == [()] * 3


strict = []


@pytest.mark.rescue({}, strict=True)
def test_that_uses_its_rule_at_the_second_attempt(rescue):
    strict.append(True)
    rescue.when(session=1).returns("startSessionRet_OK")
    if len(strict) == 2:
        start_session(rescue.url, 1)
