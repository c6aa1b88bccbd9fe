"""The journal over the control API: list, entries, what is dropped; calls verified and explained."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.client.soap import build_request
from emulator.core.contract import Binding, Call
from tests.helpers.calling import ALL_BINDINGS
from tests.helpers.control import SERVICE, Emulated, detail, limited


def called(*sessions: int, entries: int = 1000) -> Emulated:
    """Return an emulator with calls in a journal of this size."""
    emulated = Emulated(settings=limited(entries))
    for session in sessions:
        emulated.call(session)
    return emulated


def test_calls_and_refusals_are_listed_the_newest_last() -> None:
    emulated = called(1001, 99)
    emulated.client.get(f"{SERVICE}/startSession?iSession=1")
    journal = emulated.get("/calls")
    ann, other, refusal = journal["calls"]
    assert ann | {"time": 0, "decided_s": 0} == {
        "kind": "exchange", "id": 1, "time": 0, "decided_s": 0, "answered_s": None, "delivered": None,
        "binding": "get", "session": 1001, "node": 5,
        "auth_code": "demo-ann", "decided_by": "rule", "rule": "Ann", "source": "front-desk.yaml:5",
        "reason": "", "reply": {"return": "startSessionRet_OK"}, "delay_s": 0.0, "remarks": [],
    }  # fmt: skip
    assert (other["kind"], other["id"], other["decided_by"], other["rule"]) == ("exchange", 2, "otherwise", None)
    assert refusal | {"time": 0, "decided_s": 0} == {
        "kind": "refusal", "id": 3, "time": 0, "decided_s": 0, "answered_s": None, "delivered": None,
        "binding": "get", "status": 500,
        "reason": "Missing parameter: iNode.", "remarks": [],
    }  # fmt: skip
    assert (journal["found"], journal["first"], journal["last"], journal["dropped"]) == (3, 1, 3, 0)
    assert journal["totals"] == {"calls": 2, "refusals": 1}
    counts = journal["timeline"][-1]["counts"]
    assert set(counts) <= {"startSessionRet_OK", "startSessionRet_Error", "refused"}


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
        ("session=1001&matched=false", [4]),
        ("after=2", [3, 4, 5]),
        ("after=2&limit=2", [3, 4]),
        ("after=0&limit=2", [1, 2]),
        ("limit=2", [4, 5]),
        ("limit=0", []),
        ("before=3", [1, 2]),
        ("before=5&limit=2", [3, 4]),
        ("before=5&after=1&limit=2", [2, 3]),
        ("before=1", []),
        ("ids=2,5,9", [2, 5]),
        ("ids=2,5&binding=get", [2]),
        ("outcome=startSessionRet_OK", [1]),
        ("outcome=refused", [5]),
        ("outcome=status+503", []),
    ],
)
def test_the_journal_is_filtered(query: str, ids: list[int]) -> None:
    emulated = called(1001)
    emulated.call(2, node=6)
    emulated.call(99, binding=Binding.SOAP12)
    emulated.call(1001, auth_code="demo-bob")
    emulated.client.get("/nowhere")
    assert [each["id"] for each in emulated.get(f"/calls?{query}")["calls"]] == ids


def test_refusals_are_filtered_by_binding_and_by_time() -> None:
    emulated = called(1001)
    emulated.client.get(f"{SERVICE}/startSession")
    emulated.client.get("/nowhere")
    for entry, seconds in zip(emulated.engine.snapshot().entries, (0.5, 2.0, None), strict=True):
        emulated.engine.complete(entry, b"", "whole", seconds)
    found = {query: [each["id"] for each in emulated.get(f"/calls?{query}")["calls"]]
             for query in ("binding=get", "min_s=0.5", "min_s=5e-1&outcome=refused", "min_s=0")}  # fmt: skip
    assert found == {
        "binding=get": [1, 2],
        "min_s=0.5": [1, 2],
        "min_s=5e-1&outcome=refused": [2],
        "min_s=0": [1, 2, 3],
    }


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("ids=", "ids='' is not 1 to 100 ids with commas between them, such as 3,5,7"),
        ("ids=1,,2", "ids='1,,2' is not 1 to 100 ids"),
        ("ids=" + ",".join(["1"] * 101), "is not 1 to 100 ids"),
        ("min_s=-1", "min_s='-1' is not a number of seconds such as 0.5"),
        ("min_s=nan", "is not a number of seconds"),
        ("min_s=1e", "is not a number of seconds"),
        ("before=x", "before='x' is not a whole number from 0"),
        ("outcome=OK", "outcome='OK' is no outcome; possible here: startSessionRet_Error, startSessionRet_OK"),
        ("outcome=connection+lost", "and such as 'status 503' and 'connection reset'"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_is_right(query: str, wrong: str) -> None:
    assert wrong in detail(Emulated().request("GET", f"/calls?{query}"), 400)


def test_a_restart_and_a_clearing_of_the_journal_can_be_told() -> None:
    emulated = called(1001)
    journal, health = emulated.get("/calls"), emulated.get("/health")
    assert journal["started"] == health["started"]
    emulated.request("POST", "/reset")
    cleared = emulated.get("/calls")
    assert (cleared["started"], cleared["first"]) == (journal["started"], 2)
    assert called().get("/calls")["started"] > journal["started"]
    assert emulated.request("PUT", "/spaces/a").status_code == 201
    assert emulated.get("/calls", root="/spaces/a")["started"] > journal["started"]


@ALL_BINDINGS
def test_an_entry_has_its_messages(binding: Binding) -> None:
    emulated = Emulated()
    answer = emulated.call(99, auth_code="demo-bob", binding=binding)
    entry = emulated.get("/calls/1")
    get = binding is Binding.GET
    path = "/startSession" if binding in (Binding.GET, Binding.POST) else ""
    query = "?iSession=99&iNode=5&sAuthCode=de***" if get else ""
    assert entry["request"]["start"] == f"{'GET' if get else 'POST'} {SERVICE}{path}{query} HTTP/1.1"
    assert ("" if get else "99") in entry["request"]["body"]
    assert ["host", "localhost"] in entry["request"]["headers"]
    assert (entry["answer"]["start"], entry["answer"]["body"]) == ("HTTP/1.1 200 OK", answer.text)
    assert ["X-Emulator-Call", "1"] in entry["answer"]["headers"]


def test_an_entry_has_its_near_misses() -> None:
    emulated = Emulated()
    emulated.call(1001, auth_code="demo-bob")
    assert emulated.get("/calls/1")["near_misses"][0] == {
        "rule": "Ann", "source": "front-desk.yaml:5", "spent": False,
        "mismatches": [{"field": "auth_code", "expected": "demo-ann", "actual": "de***", "differs_at": 6,
                        "difference": "they differ at character 6"}],
        "reason": "auth_code is de***, the rule wants demo-ann (they differ at character 6)",
        "times": None, "per": "rule",
    }  # fmt: skip


def test_rules_that_have_nothing_in_common_with_a_call_are_no_near_misses() -> None:
    emulated = Emulated("""
rules:
  - {name: one, when: {session: 1001}, return: startSessionRet_OK}
  - {name: two, when: {auth_code: demo-ann}, return: startSessionRet_OK}
  - {name: three, when: {binding: soap12}, return: startSessionRet_OK}
  - {name: spent, when: {session: 777777}, times: 1, return: startSessionRet_OK}
  - {name: four, when: {session: 4, node: {from: 900}, auth_code: demo-carl}, return: startSessionRet_OK}
""")
    calls = {
        "nothing": ((55555, 5, "other"), []),
        "a misspelt session": ((1002, 5, "other"), ["one"]),
        "a misspelt code": ((55555, 5, "demo-anm"), ["two"]),
        "one condition of three": ((55555, 901, None), ["four"]),
        "answered": ((777777, 5, None), []),
        "spent": ((777777, 5, None), ["spent"]),
    }
    for number, (call, names) in enumerate(calls.values(), 1):
        emulated.call(*call)
        assert [miss["rule"] for miss in emulated.get(f"/calls/{number}")["near_misses"]] == names
    every = emulated.get("/calls/1?near_misses=all")["near_misses"]
    assert [miss["rule"] for miss in every] == ["one", "two", "three"]


def test_calls_and_refusals_have_their_remarks() -> None:
    emulated = Emulated()
    request = build_request(Call(1001, 5, "demo-ann", Binding.SOAP11))
    headers = {**request.headers, "Content-Encoding": "gzip"}
    for body in (request.body, b"\x1f\x8b"):
        emulated.client.post(SERVICE, data=body, headers=headers)
    called, refused = emulated.get("/calls")["calls"]
    assert called["remarks"][0].startswith("the service repeats Content-Encoding: gzip on its answer")
    assert refused["remarks"] == ["the body is compressed (Content-Encoding: gzip); the service does not decompress"]
    assert emulated.get("/calls/2")["remarks"] == refused["remarks"]


def test_clearing_the_journal_changes_nothing_else() -> None:
    emulated = called(2)
    assert emulated.request("DELETE", "/calls").status_code == 204
    journal = emulated.get("/calls")
    assert (journal["calls"], journal["first"], journal["last"]) == ([], 2, 1)
    assert (journal["dropped"], journal["totals"]["calls"]) == (0, 1)
    assert emulated.get("/rules")["rules"][1]["hits"] == 1
    assert emulated.call().headers["X-Emulator-Call"] == "2"


def test_the_oldest_entries_are_dropped_and_counted() -> None:
    emulated = called(1001, 2, 3, 99, entries=2)
    journal = emulated.get("/calls?after=1")
    assert ([each["id"] for each in journal["calls"]], journal["dropped"], journal["first"]) == ([3, 4], 2, 3)
    assert journal["totals"] == {"calls": 4, "refusals": 0}


def test_a_dropped_call_is_told_apart_from_one_that_never_came() -> None:
    emulated = called(1001, 1001, entries=1)
    dropped = emulated.request("GET", "/calls/1")
    assert detail(dropped, 404) == "there is no call 1 in the journal; the journal dropped it to save memory"
    for number in (3, 0, -1):
        never = detail(emulated.request("GET", f"/calls/{number}"), 404)
        assert never == f"there is no call {number} in the journal; GET /__admin/calls lists the ids"
    emulated.request("DELETE", "/calls")
    assert "dropped" not in detail(emulated.request("GET", "/calls/2"), 404)


def test_a_body_that_was_too_long_is_a_refusal_without_it() -> None:
    emulated = Emulated()
    answer = emulated.client.post(SERVICE, data=b" " * (4 * 1024 * 1024 + 1), content_type="text/xml")
    assert answer.status_code == 500
    assert emulated.get("/calls/1")["reason"] == "the body is longer than 4 MB"
    assert emulated.get("/calls/1")["request"]["body"] == ""


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
    response = emulated.request("POST", "/verify", expected)
    found = response.json
    assert found is not None
    assert (response.status_code, found["verified"]) == ((200, True) if verified else (409, False))
    text = found["text"] if verified else detail(response, 409)
    assert text.startswith("wanted ")


def test_a_verification_has_the_calls_that_came_near() -> None:
    emulated = Emulated()
    emulated.call(1001, node=5)
    found = emulated.request("POST", "/verify", {"when": {"session": 1001, "node": 6}}).json
    assert found is not None
    assert (found["count"], found["dropped"]) == (0, 0)
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
