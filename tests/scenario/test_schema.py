"""The JSON Schema accepts what the loader accepts, as far as a schema can."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from emulator.errors import ScenarioError
from emulator.scenario.loading import loads
from emulator.scenario.schema import schema

OK = "startSessionRet_OK"
VALIDATOR = Draft202012Validator(schema())

# fmt: off
RIGHT: dict[str, Any] = {
    "empty": {},
    "top level": {
        "$schema": "a.json", "version": 1, "name": "a", "description": "a", "otherwise": OK, "rules": [], "desk": {},
    },
    "rule": {"rules": [{
        "name": "Ann", "when": {"session": 1}, "return": OK, "delay": "1.5s", "times": 2, "per": "node",
        "chance": "10%",
    }]},
    "when": {"rules": [{"when": {"session": 1, "node": [1, 2], "auth_code": "a", "binding": "get"}, "return": OK}]},
    "lists": {"rules": [{"when": {"session": [1], "auth_code": ["a", "b"], "binding": ["get", "post"]}, "return": OK}]},
    "range": {"rules": [{"when": {"session": {"from": 1, "to": 9}, "node": {"to": 5}}, "return": OK}]},
    "patterns": {"rules": [{"when": {"session": {"matches": "1."}, "auth_code": {"matches": "a+"}}, "return": OK}]},
    "absent": {"rules": [{"when": {"auth_code": {"absent": True}}, "return": OK}]},
    "not": {"rules": [{
        "when": {"session": {"not": 1}, "auth_code": {"not": ["a"]}, "binding": {"not": "get"}}, "return": OK,
    }]},
    "not not": {"rules": [{"when": {"node": {"not": {"not": {"from": 1}}}}, "return": OK}]},
    "replies": {"rules": [{"replies": [OK, {"return": OK, "delay": "1s"}, {"fail": {"status": 503}}]}]},
    "otherwise": {"otherwise": {"fail": {"exception": "Timeout expired."}, "delay": {"from": "1s", "to": "2s"}}},
    "log-normal": {"otherwise": {"return": OK, "delay": {"median": "1s", "p99": "2s"}}},
    "status": {
        "otherwise": {"fail": {"status": 503, "headers": {"A": "b"}, "body": "c", "content_type": "text/html"}},
    },
    "no body": {"otherwise": {"fail": {"status": 204, "body": ""}}},
    "connection": {"otherwise": {"fail": {"connection": "reset"}}},
    "trickle": {"otherwise": {"fail": {"connection": "trickle", "over": "10s"}}},
    "administrators": {
        "desk": {"administrators": [{"name": "Ann", "auth_code": "a", "status": "disabled", "role": "technician"}]},
    },
    "technicians": {"desk": {"technicians": [{"name": "Tess", "node": 1, "status": "busy"}]}},
    "sessions": {"desk": {"sessions": [{"id": 1, "customer": "fire", "status": "on_hold"}]}},
}

OTHERS: list[Any] = [
    None, True, False, 0, 1, -1, 204, 600, 2147483648, 0.5, "", "a", "1", "two\nlines", "a\u0000b", "x" * 201, "日本",
    OK, "get", "1s", "trickle", "text/html",
    "10%", "0%", "de***", [], [1], ["a"], ["get"], [OK], [None], [[]], {}, {"a": "b"}, {"from": 1},
    {"from": "1s", "to": "2s"}, {"matches": "a"}, {"not": 1}, {"absent": False}, {"return": OK}, {"status": 503},
    {"connection": "trickle"},
]
ADDED = {
    "unknown": 1, "from": 1, "matches": "a", "absent": True, "return": OK, "fail": {"status": 503}, "replies": [OK],
    "delay": "1s", "over": "1s", "body": "a", "exception": "e", "p99": "1s", "Content-Length": "1", "not a token": "1",
}
# fmt: on

# What only the loader can know: order, repetition, regular expressions, reach, how long an hour is, what can be seen.
ONLY_THE_LOADER = re.compile(
    "accepts nothing|longer than|not a regular expression|given twice|already used|never be reached|no call can meet"
    "|cannot be seen"
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(value, (*path, key))


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def with_value(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(data)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def changes(data: Any) -> Iterator[Any]:
    """The data with one value replaced, one key left out, or one key added."""
    for path in places(data):
        value = at(data, path)
        for other in OTHERS:
            yield with_value(data, path, other)
        if isinstance(value, dict):
            yield from (with_value(data, path, {k: v for k, v in value.items() if k != key}) for key in value)
            yield from (with_value(data, path, {**value, key: added}) for key, added in ADDED.items())


def refusals(data: Any) -> list[str]:
    try:
        loads(json.dumps(data, ensure_ascii=False).replace("\u0000", "\\u0000"), "x.yaml")
    except ScenarioError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT)
def test_the_schema_and_the_loader_agree_on_valid_data_and_on_each_change_of_it(data: Any) -> None:
    assert refusals(data) == []
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []
    for changed in changes(data):
        messages = [message for message in refusals(changed) if not ONLY_THE_LOADER.search(message)]
        assert VALIDATOR.is_valid(changed) == (not messages), (changed, messages)


def test_the_right_ones_use_every_key() -> None:
    used = {step for data in RIGHT.values() for path in places(data) for step in path if isinstance(step, str)}
    known = {key for described in (schema(), *schema()["$defs"].values()) for key in described.get("properties", ())}

    assert known - used == set()


def test_it_is_a_schema_of_draft_2020_12() -> None:
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema())


def test_every_mapping_and_every_key_is_described() -> None:
    for described in (schema(), *schema()["$defs"].values()):
        assert "enum" in described or described["description"]
        for key, value in described.get("properties", {}).items():
            assert value.get("description"), key


def test_an_auth_code_without_quotes_may_look_like_something_else_to_an_editor() -> None:
    for code in (123, 1e5, True, False, "0123"):
        assert VALIDATOR.is_valid({"rules": [{"when": {"auth_code": code}, "return": OK}]})
