"""Why the desk decided so, or left a call to ``otherwise``, is said wherever a call is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import pytest
import requests

from emulator import Emulator, RemoteEmulator
from emulator.fluent import account
from emulator.scenario.loading import loads

SCENARIO: Final = """
rules:
  - {name: Bob only, when: {auth_code: demo-bob}, return: startSessionRet_OK}
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{name: Lena Lünd, node: 5, status: offline}, {name: Tess, node: 6}]
  sessions: [{id: 1001, status: active}]
"""
TECHNICIAN: Final = (1001, 5, "desk", "Lena Lünd is offline")  # session, node, decider, reason
SESSION: Final = (1001, 6, "desk", "session 1001 is active already")
UNKNOWN: Final = (7, 6, "otherwise", "the desk has no session 7")
NEAR: Final = "Bob only"  # the rule that comes nearest


def control(emulator: Emulator, path: str, body: object = None) -> Any:
    url = emulator.url.replace("/API/API.asmx", f"/__admin{path}")
    return (requests.get(url, timeout=20) if body is None else requests.post(url, json=body, timeout=20)).json()


def arguments(emulator: Emulator) -> dict[str, object]:
    call = emulator.calls[0].call
    return {"session": call.session, "node": call.node, "auth_code": call.auth_code}


def journal(emulator: Emulator) -> tuple[str, object]:
    (call,) = emulator.calls
    return f"{call.decider} ({call.reason})", call.near_misses()


def remote_journal(emulator: Emulator) -> tuple[str, object]:
    (call,) = RemoteEmulator(emulator.url).calls
    return f"{call.decider} ({call.reason})", call.near_misses()


def control_list(emulator: Emulator) -> tuple[str, object]:
    (call,) = control(emulator, "/calls")["calls"]
    return f"{call['decided_by']} ({call['reason']})", ()


def control_entry(emulator: Emulator) -> tuple[str, object]:
    call = control(emulator, "/calls/1?near_misses=all")
    return f"{call['decided_by']} ({call['reason']})", call["near_misses"]


def control_explanation(emulator: Emulator) -> tuple[str, object]:
    found = control(emulator, "/explain", arguments(emulator))
    return f"{found['decided_by']} ({found['reason']})", found["near_misses"]


def report(emulator: Emulator) -> tuple[str, object]:
    line, *near = account(emulator).splitlines()
    return line.rpartition(", by ")[2], near


def remote_report(emulator: Emulator) -> tuple[str, object]:
    line, *near = account(RemoteEmulator(emulator.url)).splitlines()
    return line.rpartition(", by ")[2], near


@pytest.mark.parametrize(("session", "node", "decider", "reason"), [TECHNICIAN, SESSION, UNKNOWN])
@pytest.mark.parametrize(
    "channel",
    [journal, remote_journal, control_list, control_entry, control_explanation, report, remote_report],
    ids=lambda channel: channel.__name__,
)
def test_the_reason_is_shown_and_near_misses_only_of_calls_that_otherwise_answered(
    channel: Callable[[Emulator], tuple[str, object]], session: int, node: int, decider: str, reason: str
) -> None:
    with Emulator.start(loads(SCENARIO)) as emulator:
        called(emulator, session, node)
        text, near_misses = channel(emulator)
    assert text == f"{decider} ({reason})"
    assert bool(near_misses) is (decider == "otherwise" and channel is not control_list)


@pytest.mark.parametrize(("session", "node", "decider", "reason"), [TECHNICIAN, SESSION, UNKNOWN])
def test_the_log_has_the_reason(
    session: int, node: int, decider: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Emulator.start(loads(SCENARIO)) as emulator, caplog.at_level(logging.INFO, "emulator.calls"):
        called(emulator, session, node)
    assert f"{decider} ({reason})" in caplog.text
    assert (NEAR in caplog.text) is (decider == "otherwise")


@pytest.mark.parametrize(("session", "node", "decider", "reason"), [TECHNICIAN, SESSION, UNKNOWN])
def test_the_header_has_the_reason_escaped_as_names_of_rules_are(
    session: int, node: int, decider: str, reason: str
) -> None:
    with Emulator.start(loads(SCENARIO)) as emulator:
        header = called(emulator, session, node).headers["X-Emulator-Rule"]
    assert header == f"{decider} ({reason})".replace("ü", "%C3%BC")


def test_what_a_rule_or_a_scenario_without_a_desk_decides_has_no_reason() -> None:
    with Emulator.start({"rules": [{"when": {"session": 1}, "return": "startSessionRet_OK"}]}) as emulator:
        assert called(emulator, 1, 2).headers["X-Emulator-Rule"] == "rule 1"
        assert called(emulator, 2, 2).headers["X-Emulator-Rule"] == "otherwise"
        assert [call.reason for call in emulator.calls] == ["", ""]


def called(emulator: Emulator, session: int, node: int) -> requests.Response:
    query: dict[str, str | int] = {"iSession": session, "iNode": node, "sAuthCode": "demo-ann"}
    return requests.get(f"{emulator.url}/startSession", query, timeout=20)
