"""Scenarios, rules and conditions that a program gives as data: the same words, the same messages, no places."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.contract import Binding, Result
from emulator.core.matching import When
from emulator.core.replies import Reply, Return
from emulator.errors import ScenarioError
from emulator.scenario import from_data, loads, rule_from_data, when_from_data
from tests.helpers.builders import one_of


def test_a_scenario_can_be_given_as_data() -> None:
    scenario = from_data(
        {"rules": [{"when": {"session": 1, "auth_code": "0123"}, "return": "startSessionRet_OK"}]}, "night"
    )

    assert scenario.name == "night"
    assert scenario.rules[0].when == When(session=one_of(1), auth_code=one_of("0123"))
    assert scenario.rules[0].source is None


def test_the_text_of_given_data_reads_back_as_the_same_scenario() -> None:
    scenario = from_data(
        {"name": "night", "otherwise": Result.OK, "rules": [{"when": {"session": 1}, "fail": {"status": 503}}]}
    )

    assert scenario.source is not None
    again = loads(scenario.source)
    assert (again.name, again.otherwise, again.rules[0].replies) == (
        scenario.name,
        scenario.otherwise,
        scenario.rules[0].replies,
    )


def test_a_rule_can_be_given_as_data() -> None:
    rule = rule_from_data({"when": {"binding": Binding.GET}, "return": Result.OK, "times": 2})

    assert (rule.name, rule.times, rule.replies) == ("when binding get", 2, (Reply(Return(Result.OK)),))
    assert rule.when == When(binding=one_of(Binding.GET))


def test_conditions_can_be_given_as_data() -> None:
    assert when_from_data({"session": [1, 2]}) == When(session=one_of(1, 2))


def test_no_conditions_accept_every_call() -> None:
    assert when_from_data({}) == When()


def test_a_tuple_is_as_good_as_a_list() -> None:
    assert when_from_data({"session": (1, 2)}) == When(session=one_of(1, 2))


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        pytest.param(
            {"whne": {}, "return": "OK"},
            [
                "rule: whne: unknown key; did you mean 'when'?",
                "rule: return: 'OK' is not a result; did you mean 'startSessionRet_OK'?",
            ],
            id="mistakes have a path and no place",
        ),
        pytest.param(
            {"when": {"auth_code": 123}, "return": "startSessionRet_OK"},
            ["rule: when.auth_code: a text is wanted here, not a number"],
            id="a number is no auth code",
        ),
        pytest.param(
            {"when": {"session": "1"}, "return": "startSessionRet_OK"},
            ["rule: when.session: '1' is a text; write the number without quotes"],
            id="a text is no number",
        ),
        pytest.param(
            {"when": {"session": True}, "return": "startSessionRet_OK"},
            ["rule: when.session: a whole number is wanted here, not true"],
            id="true is no number",
        ),
        pytest.param(
            {"name": None, "return": "startSessionRet_OK"},
            ["rule: name: no value; leave the key out, or put a text such as 'null' or '' in quotes"],
            id="None is no value",
        ),
        pytest.param(
            {"name": "\ud800", "return": "startSessionRet_OK"},
            ["rule: name: holds half of a surrogate pair, which is no character"],
            id="a lone surrogate is no character",
        ),
        pytest.param({1: 2}, ["rule: a key must be a text, not 1"], id="a number is no key"),
        pytest.param(
            [],
            ["rule: a rule is a mapping of name, when, return, fail, replies, delay, times, per, not a list"],
            id="a list is no rule",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(data: object, messages: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        rule_from_data(data)

    assert [str(problem) for problem in caught.value.problems] == messages


def endless() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["not"] = data
    return data


def deep(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {"from": 1}
    for _ in range(depth):
        data = {"not": data}
    return data


@pytest.mark.parametrize("condition", [endless(), deep(100_000), deep(50)], ids=["endless", "deep", "just too deep"])
def test_nesting_has_an_end(condition: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match="when: nested more than 50 deep, or inside itself"):
        when_from_data({"session": condition})


def test_nesting_within_reason_is_read() -> None:
    assert when_from_data({"session": deep(40)}).session is not None


# fmt: off
KEYS = st.sampled_from([
    "rules", "when", "session", "auth_code", "not", "return", "fail", "desk", "version", "replies", "delay",
])
# fmt: on
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("read", [from_data, rule_from_data, when_from_data])
@given(data=json_like)
def test_no_data_raises_anything_but_a_scenario_error(read: Callable[[object], object], data: object) -> None:
    with suppress(ScenarioError):
        read(data)
