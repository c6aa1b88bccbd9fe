"""The rules of the control API: list, add, change, remove."""

from __future__ import annotations

import pytest

from tests.helpers.control import RULE, Emulated, detail


def test_a_rule_is_added_before_all_others() -> None:
    emulated = Emulated()
    rule = {"when": {"session": 1001}, "return": "startSessionRet_ActionFailed"}
    response = emulated.request("POST", "/rules", rule)
    assert (response.status_code, response.headers["Location"]) == (201, "/__admin/rules/1")
    assert b"ActionFailed" in emulated.call().data
    added = {
        "id": 1, "name": "when session 1001", "source": None, "hits": 0, "last": None, "times": None, "per": "rule",
        "chance": None,
        "when": {"session": "1001"}, "replies": ["startSessionRet_ActionFailed"], "next": 0, "rule": rule,
        "text": "session 1001: startSessionRet_ActionFailed",
    }  # fmt: skip
    assert response.json == added
    assert emulated.get("/rules/1") == {**added, "hits": 1, "last": 1}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, [0, 1, 2, 2, 2]),
        ({"times": 2}, [0, 1, None, None, None]),
        ({"per": "session"}, [None] * 5),
    ],
    ids=["in turn", "spent", "per"],
)
def test_a_rule_says_which_of_its_replies_comes_next(words: dict[str, object], expected: list[int | None]) -> None:
    emulated = Emulated()
    replies = ["startSessionRet_Error", "startSessionRet_Error", "startSessionRet_OK"]
    emulated.post("/rules", {"when": {"session": 1001}, "replies": replies, **words})
    following = []
    for _ in expected:
        following.append(emulated.get("/rules/1")["next"])
        emulated.call()
    assert following == expected


def test_a_rule_shows_its_chance_in_its_text_and_as_it_was_given() -> None:
    emulated = Emulated()
    rule = {"return": "startSessionRet_OK", "chance": "12.50%"}
    shown = emulated.post("/rules", rule)
    assert (shown["rule"], shown["chance"]) == (rule, "12.5%")
    assert shown["text"] == "any values: startSessionRet_OK; chance 12.5%"


def test_rules_are_listed_in_order_of_precedence() -> None:
    emulated = Emulated()
    emulated.post("/rules", RULE)
    emulated.post("/rules", {**RULE, "name": "newer"})
    listed = emulated.get("/rules")
    assert [(rule["id"], rule["name"]) for rule in listed["rules"]] == [
        (2, "newer"), (1, "mine"), (None, "Ann"), (None, "twice"), (None, "reset"),
    ]  # fmt: skip
    assert listed["rules"][2]["source"] == "front-desk.yaml:5"
    assert (len(emulated.get("/rules?limit=2")["rules"]), listed["total"]) == (2, 5)


def test_a_rule_is_changed_in_its_place_and_counts_anew() -> None:
    emulated = Emulated()
    emulated.post("/rules", RULE)
    emulated.call(7)
    response = emulated.request("PUT", "/rules/1", {**RULE, "return": "startSessionRet_ActionFailed"})
    assert response.json is not None
    assert (response.status_code, response.json["hits"]) == (200, 0)
    assert b"ActionFailed" in emulated.call(7).data


def test_rules_are_removed_one_by_one_or_all() -> None:
    emulated = Emulated()
    for _ in range(3):
        emulated.post("/rules", RULE)
    assert emulated.request("DELETE", "/rules/2").status_code == 204
    assert [rule["id"] for rule in emulated.get("/rules")["rules"]][:2] == [3, 1]
    assert emulated.request("DELETE", "/rules").status_code == 204
    assert emulated.get("/rules")["total"] == 3


def test_an_unknown_rule_is_not_found() -> None:
    emulated = Emulated()
    for response in (
        emulated.request("GET", "/rules/9"),
        emulated.request("PUT", "/rules/9", RULE),
        emulated.request("DELETE", "/rules/9"),
    ):
        assert detail(response, 404) == "there is no runtime rule 9; GET /__admin/rules lists their ids"
