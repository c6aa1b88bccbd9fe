"""Reading back is lossless: what the control API returns of scenarios and rules can be sent back, and is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from emulator import Emulator, RemoteEmulator
from emulator.core.contract import Binding, Call, Result
from emulator.core.engine import Engine
from emulator.core.rules import Rule
from emulator.errors import ScenarioError
from emulator.scenario.loading import from_data, loads, rule_from_data
from tests.helpers.control import Emulated
from tests.helpers.paths import ROOT

SHIPPED: Final = sorted((ROOT / "scenarios").glob("*.yaml"))

ODD_YAML: Final = """\
# Kept: comments, order, anchors, and\tspaces at the end  \r
name: 2024-01-02
description: "a\\u2028b \\x07 \\0 \\U0001F600"
otherwise: {fail: {exception: 1:30}, delay: {median: 10ms, p99: 0.1s}}
rules:
  - {name: 1_000, when: {session: +1, auth_code: 0123}, return: startSessionRet_OK, times: 2, per: session, chance: 10%}
  - when: {session: [2, 3], auth_code: [2024-01-02, 1:30, .nan, 1_000, 0x1F, yes, 1e3, "null"]}
    return: startSessionRet_OK
  - &base
    when: {session: {from: 4, to: 5}, auth_code: {not: {not: {matches: 10+}}}}
    replies: [startSessionRet_OK, &slow {return: startSessionRet_Error, delay: 1500ms}, *slow]
  - <<: *base
    when: {session: {not: {from: 1, to: 9}}, node: {matches: 1.*}, auth_code: {absent: false}}
  - when: {session: 6, auth_code: {absent: true}}
    fail: {status: 503, headers: {Retry-After: 1, session: 5, not: 1, absent: true}, body: 007, content_type: text/html}
    delay: {from: 1ms, to: 2ms}
  - {when: {session: 7, binding: [soap11, get]}, fail: {connection: trickle, over: 1.5s}}
  - {when: {session: 8, binding: {not: soap12}}, fail: {exception: true}}
  - when: {session: 9, auth_code: "a\\"b"}
    return: startSessionRet_OK
desk:
  administrators: [{auth_code: 1_0, name: 12}, {auth_code: 12e03}]
  technicians: [{node: -5}]
  sessions: [{id: 7, customer: =}]
"""


# Scenarios and rules in the language


TEXTS: Final = st.text(
    st.sampled_from("aZ09 _-:#'\"\\/{}[]&*!|>%@`,.?\n\t\x00\x7f\x85\xa0\u2028\ufeff\ufffeé€\U0001f600"), max_size=8
)
CODES: Final = st.text(st.sampled_from("aZ09 _-:#'\"\\/{}[]&*!|>%@`,.?é€\U0001f600"), max_size=8).filter(
    lambda code: not code.endswith("***")
)
NUMBERS: Final = st.integers(1, 9)
PATTERNS: Final = st.sampled_from(["1.*", "10+", "a|b", r"\d+", ".*\u2028", "(?i)DEMO", "7"])


def conditions(values: st.SearchStrategy[Any], more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for the conditions on a field."""
    base = values | st.lists(values, min_size=1, max_size=3) | st.lists(values, min_size=1, max_size=2).map(tuple)
    simple = base | st.builds(lambda pattern: {"matches": pattern}, PATTERNS) | more
    return simple | simple.map(lambda inner: {"not": inner}) | simple.map(lambda inner: {"not": {"not": inner}})


DURATIONS: Final = st.sampled_from(["0ms", "1ms", "1500ms", "1.5s", "0.25s"])
DELAYS: Final = DURATIONS | st.sampled_from([{"from": "1ms", "to": "1.0s"}, {"median": "10ms", "p99": "1s"}])
HEADERS: Final = st.dictionaries(st.sampled_from(["Retry-After", "session", "not", "when", "X-1"]), NUMBERS.map(str))
FAILURES: Final = (
    st.fixed_dictionaries({"exception": st.sampled_from(["down", "1:30", "a\u2028b\ufeff", ""])})
    | st.fixed_dictionaries({"status": st.sampled_from([200, 503])}, optional={"headers": HEADERS, "body": TEXTS})
    | st.sampled_from([{"connection": "reset"}, {"connection": "trickle", "over": "1.5s"}])
)
RESULTS: Final = st.sampled_from([result.value for result in Result])
LONG_REPLIES: Final = st.fixed_dictionaries({"return": RESULTS}, optional={"delay": DELAYS}) | st.fixed_dictionaries(
    {"fail": FAILURES}, optional={"delay": DELAYS}
)
REPLIES: Final = LONG_REPLIES | st.fixed_dictionaries(
    {"replies": st.lists(RESULTS | LONG_REPLIES, min_size=1, max_size=3)}
)
WHENS: Final = st.fixed_dictionaries(
    {"session": conditions(NUMBERS, st.sampled_from([{"from": 2}, {"to": 5}, {"from": 1, "to": 3}]))},
    optional={
        "node": conditions(NUMBERS, st.just({"from": 2, "to": 5})),
        "auth_code": conditions(CODES | st.sampled_from(["0123", "1e3", "true"]), st.just({"absent": True})),
        "binding": conditions(st.sampled_from([binding.value for binding in Binding]), st.nothing()),
    },
)
RULES: Final = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.fixed_dictionaries({"when": WHENS}, optional={"name": st.sampled_from(["a", "007", "x: y", "\ufeff"])}),
    REPLIES,
    st.fixed_dictionaries(
        {},
        optional={
            "times": NUMBERS,
            "per": st.sampled_from(["rule", "session", "auth_code"]),
            "chance": st.sampled_from(["10%", "0.05%"]),
        },
    ),
)
SCENARIOS: Final = st.fixed_dictionaries(
    {"rules": st.lists(RULES, min_size=1, max_size=3)},
    optional={
        "description": TEXTS,
        "otherwise": RESULTS | LONG_REPLIES,
        "desk": st.fixed_dictionaries(
            {"administrators": st.lists(st.fixed_dictionaries({"auth_code": CODES.filter(bool)}), max_size=1)}
        ),
    },
)
CALLS: Final = [
    Call(session, node, code, binding)
    for session in (1, 5, 9)
    for node in (1, 7)
    for code in (None, "", "demo-ann", "0123")
    for binding in Binding
]


def behaviour(engine: Engine) -> list[object]:
    """Return what the engine says of many calls, one after another: replies in turn are among them."""
    told: list[object] = []
    for call in CALLS:
        explained = engine.explain(call)
        told += [(explained.decided_by, explained.reply, explained.reason, explained.rule and unplaced(explained.rule))]
        told += [[miss.mismatches for miss in explained.near_misses]]
        with suppress(ValueError):
            told.append(engine.answer(call).outcome)
    return told


def unplaced(rule: Rule) -> Rule:
    return replace(rule, name="", source=None)


def assert_same_rules(given: Engine, again: Engine) -> None:
    assert [unplaced(each.rule) for each in again.rules()] == [unplaced(each.rule) for each in given.rules()]
    assert behaviour(again) == behaviour(given)


def put_back(emulated: Emulated, file: str = "") -> None:
    """PUT the scenario as GET returned it, with the media type that GET named."""
    answer = emulated.request("GET", "/scenario")
    assert answer.content_type == "application/yaml"
    query = f"?file={file}" if file else ""
    again = emulated.request("PUT", f"/scenario{query}", answer.data, content_type=answer.content_type)
    assert again.status_code == 200, again.text


def copied(emulated: Emulated) -> Emulated:
    """Return an emulator without rules of its own, to which every ``rule`` of another was added."""
    copy = Emulated("name: empty")
    copy.engine.replace(replace(copy.engine.scenario, otherwise=emulated.engine.scenario.otherwise))
    for entry in reversed(emulated.get("/rules")["rules"]):
        copy.post("/rules", entry["rule"])
    return copy


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_a_shipped_scenario_is_the_same_when_it_is_put_back(file: Path) -> None:
    text = file.read_text("utf-8")
    emulated = Emulated()
    emulated.engine.replace(given := loads(text, file.name))
    put_back(emulated, file.name)
    assert emulated.request("GET", "/scenario").text == text
    assert emulated.engine.scenario == given  # with the names and places of its rules
    assert_same_rules(Engine(given, seed=1), emulated.engine)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_rules_of_a_shipped_scenario_are_the_same_when_they_are_added_by_hand(file: Path) -> None:
    emulated = Emulated()
    emulated.engine.replace(replace(loads(file.read_bytes(), file.name), desk=None))
    assert_same_rules(emulated.engine, copied(emulated).engine)


def test_values_that_yaml_or_json_read_differently_keep_their_type() -> None:
    emulated = Emulated()
    emulated.engine.replace(given := replace(loads(ODD_YAML, "odd.yaml"), desk=None))
    assert_same_rules(Engine(given, seed=1), copied(emulated).engine)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_returned_as_it_was_written_in_utf_8(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_bytes(ODD_YAML.encode(encoding))
    with Emulator.start(file) as emulator:
        url = emulator.url.replace("/API/API.asmx", "/__admin/scenario")
        answer = requests.get(url, timeout=20)
        assert (answer.content, answer.headers["Content-Type"]) == (ODD_YAML.encode(), "application/yaml")
        given = emulator.engine.scenario
        requests.put(f"{url}?file={file}", answer.content, headers=answer.headers, timeout=20).raise_for_status()
        assert emulator.engine.scenario == given


def valid(data: dict[str, Any]) -> Emulated:
    """Return an emulator that got the scenario as JSON; other data is rejected: rules that cannot be reached."""
    emulated = Emulated()
    try:
        from_data(data)
    except ScenarioError:
        assume(False)
    answer = emulated.request("PUT", "/scenario", data)
    assert answer.status_code == 200, answer.text
    return emulated


SLOWLY: Final = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"fail": {"status": 200, "headers": {"X" * 201: "1"}}}, "longer than 200 characters"),
        ({"when": {"auth_code": {"matches": "\ud800"}}, "return": "startSessionRet_OK"}, "half of a surrogate pair"),
    ],
    ids=["a key too long for YAML", "no text"],
)
def test_what_could_not_be_returned_is_refused(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        rule_from_data(rule)


@given(SCENARIOS)
@SLOWLY
def test_a_scenario_of_json_is_the_same_when_it_is_put_back_as_yaml(data: dict[str, Any]) -> None:
    emulated = valid(data)
    given = emulated.engine.scenario
    put_back(emulated)
    assert replace(emulated.engine.scenario, rules=()) == replace(given, rules=())
    assert_same_rules(Engine(given, seed=1), emulated.engine)


@given(SCENARIOS)
@SLOWLY
def test_rules_of_json_are_the_same_when_they_are_added_by_hand(data: dict[str, Any]) -> None:
    emulated = valid({**data, "desk": {}})
    assert_same_rules(Engine(replace(emulated.engine.scenario, desk=None), seed=1), copied(emulated).engine)


@given(RULES)
@SLOWLY
def test_a_runtime_rule_is_returned_as_it_was_sent(rule: dict[str, Any]) -> None:
    emulated = Emulated("name: empty")
    added = emulated.post("/rules", rule)
    assert added["rule"] == emulated.get(f"/rules/{added['id']}")["rule"] == as_json(rule)
    before = emulated.get("/rules")
    assert emulated.request("PUT", f"/rules/{added['id']}", added["rule"]).json == added
    assert emulated.get("/rules") == before
    assert emulated.engine.rules()[0].rule == rule_from_data(rule)


def as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Emulator, RemoteEmulator]]:
    """An emulator for given scenarios, and a space on it that gets what it returns."""
    with Emulator.start({"name": "empty"}) as emulator, RemoteEmulator(emulator.url, space="again") as remote:
        yield emulator, remote


@given(data=SCENARIOS)
@SLOWLY
def test_a_mapping_is_the_same_in_a_remote_emulator_that_gets_it_or_its_rules(
    pair: tuple[Emulator, RemoteEmulator], data: dict[str, Any]
) -> None:
    local, remote = pair
    with suppress(ScenarioError):
        local.use(data)
        remote.use(data)
        sent = requests.get(remote.url.replace("/API/API.asmx", "/__admin/rules"), timeout=20).json()["rules"]
        remote.use(local.engine.scenario)
        again = requests.get(remote.url.replace("/API/API.asmx", "/__admin/rules"), timeout=20).json()["rules"]
        assert [{**rule, "source": None} for rule in again] == sent
        remote.use({"name": "empty"})
        for rule in reversed(sent):
            remote.add_rule(rule["rule"])
        added = requests.get(remote.url.replace("/API/API.asmx", "/__admin/rules"), timeout=20).json()["rules"]
        assert [(rule["rule"], rule["text"]) for rule in added] == [(rule["rule"], rule["text"]) for rule in sent]
        remote.reset()
