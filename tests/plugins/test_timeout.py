"""pytest-timeout: a test in time passes, and one that hangs is interrupted without an end of the server."""

import pytest
from application import start_session


@pytest.mark.timeout(10)
def test_in_time(rescue):
    rescue.when(session=1).returns("startSessionRet_OK", delay="50ms")
    assert start_session(rescue.url, 1) == "OK"


@pytest.mark.timeout(0.5, method="signal", func_only=True)
@pytest.mark.xfail(strict=True)
def test_that_hangs(rescue):
    rescue.when(session=1).fails(connection="stall")
    start_session(rescue.url, 1)


def test_after_it(rescue):
    rescue.when(session=1).returns("startSessionRet_OK")
    assert start_session(rescue.url, 1) == "OK"
    rescue.verify(times=1)
