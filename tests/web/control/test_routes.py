"""What each request to the control API does and tells."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emulator.core.contract import Binding
from tests.helpers.calling import ALL_BINDINGS
from tests.helpers.control import SCENARIO, Emulated, limited

RULE = {"name": "mine", "when": {"session": 7}, "return": "startSessionRet_OK"}


def test_health_tells_that_it_is_ready_and_what_is_in_force() -> None:
    told = Emulated().told("/health")
    assert (told["status"], told["scenario"]) == ("ready", "front-desk")
    assert told["uptime_s"] >= 0


def test_health_tells_what_is_wrong() -> None:
    answer = Emulated(trouble="the last edit is refused").ask("GET", "/health")
    assert (answer.status_code, answer.json["detail"]) == (503, "the last edit is refused")  # type: ignore[index]


def test_the_health_answers_a_head_too() -> None:
    assert Emulated().ask("HEAD", "/health").status_code == 200


def test_the_scenario_is_told_as_it_was_written_but_for_auth_codes() -> None:
    answer = Emulated().ask("GET", "/scenario")
    assert answer.content_type == "application/yaml"
    assert answer.text == SCENARIO.replace("demo-ann", '"de***"')


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("name: other\notherwise: startSessionRet_OK\n", "application/yaml"),
        ("name: other\notherwise: startSessionRet_OK\n", "text/yaml; charset=utf-8"),
        ('{"name": "other", "otherwise": "startSessionRet_OK"}', "application/json"),
    ],
    ids=["yaml", "yaml by another name", "json"],
)
def test_another_scenario_is_put_in_force(body: str, content_type: str) -> None:
    emulated = Emulated()
    answer = emulated.ask("PUT", "/scenario", body, content_type=content_type)
    assert (answer.status_code, answer.json) == (200, {"scenario": "other", "rules": 0})
    assert b"startSessionRet_OK" in emulated.call(99).data


def test_a_rule_is_added_before_all_others_and_told() -> None:
    emulated = Emulated()
    answer = emulated.ask("POST", "/rules", {"when": {"session": 1001}, "return": "startSessionRet_ActionFailed"})
    assert (answer.status_code, answer.headers["Location"]) == (201, "/__admin/rules/1")
    assert b"ActionFailed" in emulated.call().data
    assert emulated.told("/rules/1") == {
        "id": 1,
        "name": "when session 1001",
        "source": None,
        "hits": 1,
        "last": 1,
        "when": {"session": "1001"},
        "replies": ["startSessionRet_ActionFailed"],
        "times": None,
        "per": "rule",
    }


def test_rules_are_listed_in_the_order_in_which_they_are_asked() -> None:
    emulated = Emulated()
    emulated.ask("POST", "/rules", RULE)
    emulated.ask("POST", "/rules", {**RULE, "name": "newer"})
    told = emulated.told("/rules")
    assert [(rule["id"], rule["name"]) for rule in told["rules"]] == [
        (2, "newer"), (1, "mine"), (None, "Ann"), (None, "twice"), (None, "reset"),
    ]  # fmt: skip
    assert told["rules"][2]["source"] == "front-desk.yaml:5"
    assert (len(emulated.told("/rules?limit=2")["rules"]), told["total"]) == (2, 5)


def test_a_rule_is_changed_in_its_place() -> None:
    emulated = Emulated()
    emulated.ask("POST", "/rules", RULE)
    answer = emulated.ask("PUT", "/rules/1", {**RULE, "return": "startSessionRet_ActionFailed"})
    assert answer.status_code == 200
    assert b"ActionFailed" in emulated.call(7).data


def test_rules_are_removed_one_by_one_or_all() -> None:
    emulated = Emulated()
    for _ in range(3):
        emulated.ask("POST", "/rules", RULE)
    assert emulated.ask("DELETE", "/rules/2").status_code == 204
    assert [rule["id"] for rule in emulated.told("/rules")["rules"]][:2] == [3, 1]
    assert emulated.ask("DELETE", "/rules").status_code == 204
    assert emulated.told("/rules")["total"] == 3


def test_the_journal_lists_calls_and_refusals_newest_last() -> None:
    emulated = Emulated()
    emulated.call(1001)
    emulated.call(99)
    emulated.client.get("/API/API.asmx/startSession?iSession=1")
    told = emulated.told("/calls")
    assert [(each["id"], each["kind"]) for each in told["calls"]] == [(1, "exchange"), (2, "exchange"), (3, "refusal")]
    ann, other, refusal = told["calls"]
    assert ann | {"time": 0, "seconds": 0} == {
        "kind": "exchange", "id": 1, "time": 0, "seconds": 0, "binding": "get", "session": 1001, "node": 5,
        "auth_code": "de***", "decided_by": "rule", "rule": "Ann", "source": "front-desk.yaml:5",
        "reply": {"return": "startSessionRet_OK"}, "delay_s": 0.0,
    }  # fmt: skip
    assert (other["decided_by"], other["rule"]) == ("otherwise", None)
    assert (refusal["binding"], refusal["status"], refusal["reason"]) == ("get", 500, "Missing parameter: iNode.")
    assert (told["totals"], told["dropped"], told["found"]) == ({"calls": 2, "refusals": 1}, 0, 3)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("session=1001", [1, 4]),
        ("node=6", [2]),
        ("auth_code=demo-ann", [1, 2, 3]),
        ("binding=soap12", [3]),
        ("rule=Ann", [1]),
        ("rule=otherwise", [3, 4]),
        ("matched=true", [1, 2]),
        ("matched=false", [3, 4]),
        ("session=1001&matched=true", [1]),
        ("after=2", [3, 4, 5]),
        ("after=2&limit=2", [3, 4]),
        ("limit=2", [4, 5]),
        ("limit=0", []),
    ],
)
def test_the_journal_is_filtered(query: str, ids: list[int]) -> None:
    emulated = Emulated()
    emulated.call(1001)
    emulated.call(2, node=6)
    emulated.call(99, binding=Binding.SOAP12)
    emulated.call(1001, auth_code="demo-bob")
    emulated.client.get("/nowhere")
    assert [each["id"] for each in emulated.told(f"/calls?{query}")["calls"]] == ids


@ALL_BINDINGS
def test_one_entry_is_told_with_all_that_travelled(binding: Binding) -> None:
    emulated = Emulated()
    answer = emulated.call(99, auth_code="demo-bob", binding=binding)
    told = emulated.told("/calls/1")
    get = binding is Binding.GET
    path = "/startSession" if binding in (Binding.GET, Binding.POST) else ""
    query = "?iSession=99&iNode=5&sAuthCode=de***" if get else ""
    assert told["request"]["start"] == f"{'GET' if get else 'POST'} /API/API.asmx{path}{query} HTTP/1.1"
    assert ("" if get else "99") in told["request"]["body"]
    assert ["host", "localhost"] in told["request"]["headers"]
    assert told["answer"]["start"] == "HTTP/1.1 200 OK"
    assert told["answer"]["body"] == answer.text
    assert ["X-Emulator-Call", "1"] in told["answer"]["headers"]
    assert told["near_misses"][0] == {
        "rule": "twice",
        "source": "front-desk.yaml:6",
        "spent": False,
        "mismatches": [{"field": "session", "expected": "2", "actual": "99"}],
        "reason": "session is 99, the rule wants 2",
        "times": 2,
        "per": "rule",
    }


def test_a_call_whose_connection_was_reset_has_no_answer() -> None:
    emulated = Emulated()
    emulated.call(3)
    assert emulated.told("/calls/1")["answer"] is None


def test_the_journal_is_cleared_and_nothing_else() -> None:
    emulated = Emulated()
    emulated.call(2)
    assert emulated.ask("DELETE", "/calls").status_code == 204
    told = emulated.told("/calls")
    assert (told["calls"], told["first"], told["last"], told["totals"]["calls"]) == ([], 2, 1, 1)
    assert emulated.told("/rules")["rules"][1]["hits"] == 1


@pytest.mark.parametrize(
    ("wanted", "verified"),
    [
        ({}, True),
        ({"when": {}, "times": 3}, True),
        ({"when": {"session": 1001}, "times": 2}, True),
        ({"when": {"session": 1001}, "times": 1}, False),
        ({"when": {"session": [1001, 2]}, "at_least": 3}, True),
        ({"when": {"session": {"from": 3}}, "at_most": 2}, True),
        ({"when": {"session": 1001}, "at_least": 1, "at_most": 1}, False),
        ({"when": {"session": 5}, "never": True}, True),
        ({"when": {"session": 2}, "never": True}, False),
        ({"when": {"session": 1001}, "after": 1, "times": 1}, True),
        ({"when": {"auth_code": {"matches": "demo-.*"}}, "times": 0}, False),
    ],
)
def test_calls_are_verified(wanted: dict[str, Any], verified: bool) -> None:
    emulated = Emulated()
    for session in (1001, 1001, 2):
        emulated.call(session)
    told = emulated.ask("POST", "/verify", wanted).json
    assert told is not None
    assert told["verified"] is verified
    assert told["text"].startswith("wanted ")


def test_a_verification_tells_which_calls_came_near() -> None:
    emulated = Emulated()
    emulated.call(1001, node=5)
    told = emulated.ask("POST", "/verify", {"when": {"session": 1001, "node": 6}}).json
    assert told is not None
    assert (told["count"], told["near_misses"]) == (
        0,
        [{"id": 1, "mismatches": [{"field": "node", "expected": "6", "actual": "5"}]}],
    )


def test_a_call_is_explained_without_being_made() -> None:
    emulated = Emulated()
    told = emulated.ask("POST", "/explain", {"session": 2, "node": 1, "binding": "soap12"}).json
    assert told is not None
    assert (told["rule"]["rule"], told["reply"]) == ("twice", "startSessionRet_ActionFailed")
    assert told["passed_over"][0]["mismatches"][0]["field"] == "session"
    assert emulated.told("/calls")["calls"] == []


def test_a_reset_forgets_all_but_the_scenario_and_the_totals() -> None:
    emulated = Emulated()
    emulated.ask("POST", "/rules", RULE)
    emulated.call(2)
    assert emulated.ask("POST", "/reset").status_code == 204
    assert emulated.told("/rules")["total"] == 3
    told = emulated.told("/calls")
    assert (told["calls"], told["totals"]) == ([], {"calls": 1, "refusals": 0})
    assert emulated.told("/rules")["rules"][1]["hits"] == 0


def test_the_desk_is_told_and_changed_by_hand() -> None:
    emulated = Emulated(
        "desk:\n  administrators: [{name: Ann, auth_code: demo-ann}]\n"
        "  technicians: [{name: Tess, node: 5}]\n  sessions: [{id: 1001, customer: Printer}]\n"
    )
    assert emulated.told("/desk") == {
        "administrators": [{"name": "Ann", "auth_code": "de***", "status": "active", "role": "administrator"}],
        "technicians": [{"name": "Tess", "node": 5, "status": "online"}],
        "sessions": [{"id": 1001, "customer": "Printer", "status": "waiting", "node": None}],
    }
    assert emulated.ask("PUT", "/desk/technicians/5", {"status": "offline"}).json == {"node": 5, "status": "offline"}
    assert b"ActionFailed" in emulated.call().data
    emulated.ask("PUT", "/desk/technicians/5", {"status": "busy"})
    emulated.call()
    assert emulated.told("/desk")["sessions"][0]["status"] == "active"
    emulated.ask("PUT", "/desk/sessions/1001", {"status": "on_hold"})
    assert emulated.told("/desk")["sessions"][0] == {
        "id": 1001,
        "customer": "Printer",
        "status": "on_hold",
        "node": None,
    }


def test_metrics_count_calls_refusals_and_seconds() -> None:
    emulated = Emulated()
    emulated.call(1001)
    emulated.call(1001)
    emulated.client.get("/API/API.asmx/startSession?iSession=1")
    answer = emulated.ask("GET", "/metrics")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["rescue_emulator_calls_total", "get", "startSessionRet_OK", "Ann"] == 2
    assert samples["rescue_emulator_refusals_total", "get", "500"] == 1
    assert samples["rescue_emulator_seconds_count",] == samples["rescue_emulator_seconds_bucket", "+Inf"] == 3
    assert samples["rescue_emulator_journal_entries",] == 3


def test_dropped_entries_are_counted_and_told() -> None:
    emulated = Emulated(settings=limited(entries=2))
    for session in (1001, 2, 3, 99):
        emulated.call(session)
    told = emulated.told("/calls")
    assert ([each["id"] for each in told["calls"]], told["dropped"], told["first"]) == ([3, 4], 2, 3)
    assert told["totals"] == {"calls": 4, "refusals": 0}


def test_the_bytes_of_what_travels_are_bounded() -> None:
    emulated = Emulated(settings=limited(size=20_000))
    for _ in range(50):
        emulated.call(auth_code="x" * 5000, binding=Binding.POST)
    told = emulated.told("/calls")
    assert (len(told["calls"]), told["dropped"]) == (3, 47)
