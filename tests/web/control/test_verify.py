"""Verification, explanation and reset over the control API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.control import RULE, Emulated, detail, limited


@pytest.mark.parametrize(
    ("expected", "verified"),
    [
        ({}, True),
        ({"when": {}, "times": 3}, True),
        ({"when": {"session": 1001}, "times": 1}, False),
        ({"when": {"session": [1001, 2]}, "at_least": 3}, True),
        ({"when": {"session": {"from": 3}}, "at_most": 2}, True),
        ({"when": {"session": 1001}, "at_least": 1, "at_most": 1}, False),
        ({"when": {"session": 5}, "never": True}, True),
        ({"when": {"session": 1001}, "after": 1, "times": 1}, True),
    ],
)
def test_calls_are_verified(expected: dict[str, Any], verified: bool) -> None:
    emulated = Emulated()
    for session in (1001, 1001, 2):
        emulated.call(session)
    found = emulated.post("/verify", expected)
    assert found["verified"] is verified
    assert found["text"].startswith("wanted ")


def test_a_verification_has_the_calls_that_came_near() -> None:
    emulated = Emulated()
    emulated.call(1001, node=5)
    found = emulated.post("/verify", {"when": {"session": 1001, "node": 6}})
    assert found["near_misses"] == [{"id": 1, "mismatches": [{"field": "node", "expected": "6", "actual": "5"}]}]


def test_a_verification_that_dropped_entries_could_change_is_a_conflict() -> None:
    emulated = Emulated(settings=limited(entries=1))
    emulated.call()
    emulated.call()
    response = emulated.request("POST", "/verify", {"when": {"session": 1001}, "times": 1})
    text = detail(response, 409)
    assert "the journal has dropped 1 older entries" in text
    assert "--journal-size" in text
    assert response.json is not None
    assert (response.json["count"], response.json["dropped"]) == (1, 1)
    assert emulated.post("/verify", {"when": {"session": 1001}, "times": 1, "after": 1})["verified"]


def test_a_call_is_explained_without_being_made() -> None:
    emulated = Emulated()
    explained = emulated.post("/explain", {"session": 2, "node": 1, "binding": "soap12"})
    assert explained["call"] == {"session": 2, "node": 1, "auth_code": "(none)", "binding": "soap12"}
    assert (explained["rule"]["rule"], explained["reply"]) == ("twice", "startSessionRet_ActionFailed")
    assert explained["passed_over"][0]["mismatches"][0]["field"] == "session"
    assert emulated.get("/calls")["calls"] == []


def test_a_reset_keeps_the_scenario_the_totals_and_the_numbers_of_calls() -> None:
    emulated = Emulated()
    emulated.post("/rules", RULE)
    emulated.call(2)
    assert emulated.request("POST", "/reset").status_code == 204
    rules = emulated.get("/rules")
    assert (rules["total"], rules["rules"][1]["hits"]) == (3, 0)
    journal = emulated.get("/calls")
    assert (journal["calls"], journal["totals"]) == ([], {"calls": 1, "refusals": 0})
    assert emulated.call().headers["X-Emulator-Call"] == "2"
