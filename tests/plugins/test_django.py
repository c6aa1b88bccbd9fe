"""pytest-django: live_server, the test client, and settings; Django's own server runs beside the emulator."""

from urllib.request import urlopen

import pytest


@pytest.fixture(autouse=True)
def rescue_url(settings, rescue):
    settings.RESCUE_URL = rescue.url


@pytest.mark.parametrize("result", ["OK", "ActionFailed"])
def test_the_live_server_calls_the_emulator(result, live_server, rescue):
    rescue.when(session=7).returns(f"startSessionRet_{result}")
    with urlopen(f"{live_server.url}/start/7") as answer:
        assert answer.read().decode() == result
    rescue.verify(session=7, times=1)


@pytest.mark.rescue({"otherwise": "startSessionRet_Error"})
def test_the_client_calls_the_emulator(client, rescue):
    assert client.get("/start/8").content == b"Error"
    rescue.verify(session=8, times=1)
