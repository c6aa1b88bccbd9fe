"""pytest-xdist and pytest-randomly: tests in any order and in workers share nothing but the URL of their worker."""

import pytest
from application import start_session


@pytest.fixture(scope="session")
def base_url(rescue_server):
    return rescue_server.url


@pytest.mark.parametrize("number", range(40))
@pytest.mark.rescue({"otherwise": "startSessionRet_ActionFailed"}, strict=True)
def test_of_one_rule(number, base_url, rescue):
    assert (rescue.url, rescue.calls) == (base_url, ())
    rescue.when(session=number, auth_code="demo-ann").returns("startSessionRet_OK")
    assert start_session(base_url, number) == "OK"
    rescue.verify(times=1)


@pytest.mark.parametrize("number", range(10))
def test_of_the_default(number, base_url, rescue):
    assert rescue.engine.scenario.name == "default"
    assert start_session(base_url, 1000 + number % 2) in ("OK", "Error")
    rescue.use({})


@pytest.mark.parametrize("_number", range(10))
def test_of_the_server(_number, rescue_server):
    assert rescue_server.engine.scenario.name == "default"
    assert start_session(rescue_server.url, 1000) == "OK"


@pytest.mark.parametrize("_number", range(5))
def test_that_stops(_number, rescue):
    rescue.stop()
