"""A suite for pytest, as you would write it for your own client: copy it and adapt it.

The package rescue-emulator provides the fixture ``rescue``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from emulator import Rescue

pytestmark = pytest.mark.rescue(Path(__file__).parent.parent / "scenarios" / "night_shift.yaml")


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


def test_the_scenario_decides_what_comes_back(rescue: Rescue) -> None:
    assert start_session(rescue.url, 1001, 337366, "demo-ann") == "OK"
    assert start_session(rescue.url, 1001, 337366, "demo-bob") == "User_Deleted_Or_Disabled"
    assert start_session(rescue.url, 2001, 337366, "demo-ann") == "ActionFailed"


def test_a_rule_of_a_test_comes_before_those_of_the_file(rescue: Rescue) -> None:
    rescue.when(auth_code="demo-ann", session=1001).returns("startSessionRet_NotLoggedInAsAdmin")
    assert start_session(rescue.url, 1001, 337366, "demo-ann") == "NotLoggedInAsAdmin"
    assert start_session(rescue.url, 1002, 337366, "demo-ann") == "OK"


@pytest.mark.parametrize(
    "failure",
    [{"connection": "reset"}, {"connection": "truncate"}, {"status": 503, "body": "Service Unavailable"}],
    ids=lambda failure: " ".join(str(word) for word in failure.values()),
)
def test_the_client_tries_once_more(failure: dict[str, Any], rescue: Rescue) -> None:
    rescue.when(session=1001).fails(**failure).then("startSessionRet_OK")
    assert start_session(rescue.url, 1001, 337366, "demo-ann") == "OK"
    rescue.verify(session=1001, times=2)


def test_the_client_gives_up_after_the_second_failure(rescue: Rescue) -> None:
    rescue.when(session=1001).fails(connection="close")
    with pytest.raises(requests.ConnectionError):
        start_session(rescue.url, 1001, 337366, "demo-ann")
    rescue.verify(session=1001, times=2)


def test_the_client_sends_its_arguments(rescue: Rescue) -> None:
    start_session(rescue.url, 1001, 337366, "demo-ann")
    rescue.verify(session=1001, node=337366, auth_code="demo-ann", binding="post", times=1)
    rescue.verify(session=1002, never=True)
