"""The reference of the scenario language, scenarios/README.md, has every key, value and shipped file."""

from __future__ import annotations

import json
from enum import Enum

import pytest
import yaml
from jsonschema import Draft202012Validator

from emulator.core.contract import Binding, Call, Result
from emulator.core.desk import AccountStatus, Role, SessionStatus, TechnicianStatus
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy
from emulator.delivery import ConnectionFault
from emulator.scenario.files import DEFAULT_SCENARIO, SCENARIOS
from emulator.scenario.loading import load, loads
from emulator.scenario.schema import schema
from tests.helpers.calling import run
from tests.helpers.documents import PAGES, blocks, commands, quoted, table

PAGE = "scenarios/README.md"
MODELS = {"key of the file": None, "key of a rule": "RuleModel"}
STATUSES: dict[str, type[Enum]] = {
    "`status` of an administrator": AccountStatus,
    "`role` of an administrator": Role,
    "`status` of a technician": TechnicianStatus,
    "`status` of a session": SessionStatus,
}
YAML = [
    pytest.param(page, number, id=f"{page}-{number}") for page in PAGES for number in range(len(blocks(page, "yaml")))
]


@pytest.mark.parametrize("head", MODELS)
def test_each_key_of_the_file_and_of_a_rule_is_in_its_table(head: str) -> None:
    model = MODELS[head]
    described = schema()["$defs"][model] if model else schema()
    assert {quoted(name)[0] for name, *_ in table(PAGE, head)} == {*described["properties"]}


def test_each_default_of_a_rule_is_right() -> None:
    properties = schema()["$defs"]["RuleModel"]["properties"]
    defaults = {quoted(key)[0]: quoted(default) for key, _, default in table(PAGE, "key of a rule")}
    assert defaults["per"] == [properties["per"]["default"]]
    loaded = loads("rules: [{return: startSessionRet_OK}]")
    assert defaults["name"] == [loaded.rules[0].name.replace("1", "N")]


def test_each_condition_and_failure_of_the_tables_loads() -> None:
    for condition, _ in table(PAGE, "condition"):
        (written,) = quoted(condition)
        field = "auth_code" if "matches" in written or "absent" in written else "session"
        assert loads(f"rules: [{{when: {{{field}: {written}}}, return: startSessionRet_OK}}]").rules
    failures = [quoted(failure)[0] for failure, _ in table(PAGE, "failure | what the client sees")]
    for failure in failures:
        assert loads(f"rules: [{{fail: {failure}}}]").rules
    assert [fault for fault in ConnectionFault if not any(fault.value in failure for failure in failures)] == []
    for delay, _ in table(PAGE, "delay"):
        assert loads(f"rules: [{{return: startSessionRet_OK, delay: {quoted(delay)[0]}}}]").rules


def test_each_result_is_in_both_tables() -> None:
    for head in ("result | means, as Rescue publishes it", "result | auth code"):
        assert {quoted(result)[0] for result, *_ in table(PAGE, head)} == {result.value for result in Result}


def test_the_desk_that_is_shown_has_every_key_with_its_default() -> None:
    (shown,) = (block.text for block in blocks(PAGE, "yaml") if block.text.startswith("desk:"))
    for kind, (written,) in yaml.safe_load(shown)["desk"].items():
        described = schema()["$defs"][f"{kind.removesuffix('s').title()}Model"]["properties"]
        assert written.keys() == described.keys()
        defaults = {key: value["default"] for key, value in described.items() if value.get("default")}
        assert {key: written[key] for key in defaults} == defaults


def test_each_status_of_the_desk_is_in_the_table() -> None:
    rows = {key: quoted(values) for key, values in table(PAGE, "key | values")}
    assert rows == {key: [member.value for member in members] for key, members in STATUSES.items()}


DESK = """
otherwise: {fail: {status: 599}}
desk:
  administrators:
    - {name: Ann, auth_code: ann}
    - {name: Bob, auth_code: bob, status: disabled, role: technician}
    - {name: Tim, auth_code: tim, role: technician}
  technicians: [{name: Tess, node: 1}, {name: Omar, node: 2, status: offline}]
  sessions: [{id: 1}, {id: 2, status: closed}]
"""
# A call for each check of the table; it would fail the later ones too, as far as one call can.
CALLS = ["9 9", "9 9 eve", "9 9 bob", "9 9 tim", "9 2 ann", "9 1 ann", "1 1 ann", "2 1 ann"]


def test_the_desk_checks_in_the_order_of_the_table() -> None:
    engine = Engine(loads(DESK))
    outcomes = []
    for session, node, *auth_code in map(str.split, CALLS):
        call = Call(int(session), int(node), auth_code[0] if auth_code else None, Binding.GET)
        outcomes.append(str(engine.answer(call).outcome))
    shown = [quoted(result)[0] for _, result in table(PAGE, "check")]
    assert [outcome.replace("status 599", "otherwise") for outcome in outcomes] == shown


@pytest.mark.parametrize(("result", "auth_code", "session"), table(PAGE, "result | auth code"))
def test_a_well_known_code_and_session_get_their_result(result: str, auth_code: str, session: str) -> None:
    engine = Engine(load(DEFAULT_SCENARIO))
    for call in (Call(1, 2, quoted(auth_code)[0], Binding.GET), Call(int(session), 2, "another", Binding.GET)):
        assert str(engine.answer(call).outcome) == quoted(result)[0]


def test_a_well_known_code_and_session_get_the_same_failure() -> None:
    rows = table(PAGE, "failure | auth code")
    assert len(rows) == 10
    for _, auth_code, session in rows:
        engine = Engine(load(DEFAULT_SCENARIO))
        by_code = engine.answer(Call(1, 2, quoted(auth_code)[0], Binding.GET))
        by_session = engine.answer(Call(int(session), 2, "another", Binding.GET))
        assert by_code.decided_by is by_session.decided_by is DecidedBy.RULE
        assert (by_code.outcome, by_code.delay) == (by_session.outcome, by_session.delay)


def test_each_shipped_scenario_is_in_the_table() -> None:
    named = [file.partition("](")[2].rstrip(")") for file, _ in table(PAGE, "file")]
    assert sorted(named) == sorted(path.name for path in SCENARIOS.glob("*.yaml"))


@pytest.mark.parametrize(("page", "number"), YAML)
def test_the_schema_for_editors_accepts_what_a_page_shows_and_refuses_what_is_wrong(page: str, number: int) -> None:
    block = blocks(page, "yaml")[number]
    is_valid = Draft202012Validator(json.loads(run("schema").output)).is_valid(yaml.safe_load(block.text))
    assert is_valid == (block.kind != "wrong")


def test_the_line_for_editors_names_the_schema_that_the_command_writes() -> None:
    (written,) = (command.split()[-1] for command, _ in commands(PAGE) if " schema " in command)
    (named,) = (block.text for block in blocks(PAGE, "yaml") if "yaml-language-server" in block.text)
    assert named.startswith(f"# yaml-language-server: $schema={written}\n")
    assert (SCENARIOS / written).exists()
