"""Scenarios, rules and conditions from Python data: the same keys and messages as in YAML, without positions."""

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
from emulator.scenario.loading import (
    check_rule_words,
    from_data,
    loads,
    reply_from_data,
    rule_from_data,
    when_from_data,
)
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


def test_conditions_and_replies_can_be_given_as_data() -> None:
    assert when_from_data({"session": [1, 2]}) == when_from_data({"session": (1, 2)}) == When(session=one_of(1, 2))
    assert when_from_data({}) == When()
    assert reply_from_data({"return": Result.OK}) == Reply(Return(Result.OK))


def test_the_words_of_a_rule_can_be_checked_before_it_has_a_reply() -> None:
    check_rule_words({"when": {"session": 1}, "times": 2})
    check_rule_words({})

    with pytest.raises(ScenarioError) as caught:
        check_rule_words({"when": {"sesion": 1}, "per": "sesion", "times": 0})
    assert [str(problem) for problem in caught.value.problems] == [
        "rule: when.sesion: unknown key; did you mean 'session'?",
        "rule: times: 0 is outside 1 to 2147483647",
        "rule: per: 'sesion' is not a value of 'per'; did you mean 'session'?",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"when": {"auth_code": 123}}, "rule: when.auth_code: must be a text, not a number"),
        ({"when": {"session": "1"}}, "rule: when.session: '1' is a text; write the number without quotes"),
        ({"when": {"session": True}}, "rule: when.session: must be a whole number, not true"),
        ({"name": None}, "rule: name: no value; leave the key out, or put a text such as 'null' or '' in quotes"),
        ({"name": "\ud800"}, "rule: name: contains half of a surrogate pair, which is not a character"),
        ({1: 2}, "rule: a key must be a text, not 1"),
        ([], "rule: a rule is a mapping of name, when, return, fail, replies, delay, times, per, chance, not a list"),
    ],
    ids=["number as code", "text as number", "true as number", "None", "lone surrogate", "number as key", "list"],
)
def test_a_mistake_has_a_path_and_no_position(data: Any, message: str) -> None:
    if isinstance(data, dict):
        data = {**data, "return": "startSessionRet_OK"}
    with pytest.raises(ScenarioError) as caught:
        rule_from_data(data)

    assert str(caught.value) == message
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(0, 0)]


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
