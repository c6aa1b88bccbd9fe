"""The shipped scenarios: the calls in the comment at the top of each get the documented outcomes, in their order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emulator.core.contract import Binding, Call, Result
from emulator.core.engine import Engine
from emulator.core.replies import ConnectionFailure, HttpFailure, Return, Throw
from emulator.delivery import ConnectionFault
from emulator.scenario.files import DEFAULT_SCENARIO, SCENARIOS
from emulator.scenario.loading import load
from emulator.scenario.schema import schema
from tests.helpers.golden import check_golden

FILES = sorted(SCENARIOS.glob("*.yaml"))
HINT = "# yaml-language-server: $schema=scenario.schema.json\n"
CALL = re.compile(
    r"^#   session=(\d+) node=(\d+)(?: auth_code=(\S+))? -> ([\w ]+?)(?: after (\S+)(?: to (\S+))?)?$", re.M
)
SECONDS = {"ms": 0.001, "s": 1.0}


def seconds(text: str | None) -> float:
    """A duration as a scenario writes it."""
    match = re.fullmatch(r"([\d.]+)(ms|s)", text or "0s")
    assert match is not None
    return float(match[1]) * SECONDS[match[2]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_calls_at_the_top_of_a_scenario_get_the_documented_outcomes(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    calls = CALL.findall(text)
    assert len(calls) >= 5
    assert len(calls) == text.count("\n#   session=")
    engine = Engine(load(file))
    for number, (session, node, auth_code, expected, least, most) in enumerate(calls):
        binding = list(Binding)[number % len(Binding)]  # in turns, since none makes a difference
        exchange = engine.answer(Call(int(session), int(node), auth_code or None, binding))
        assert exchange.outcome.word == expected, f"call {number + 1} of {file.name}"
        low, high = seconds(least), seconds(most or least)
        assert low <= exchange.delay <= high, f"call {number + 1} of {file.name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_names_the_schema_for_editors(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith(HINT)
    assert load(file).name == file.stem


def test_the_schema_beside_the_files_is_the_one_that_the_program_prints() -> None:
    check_golden(SCENARIOS / "scenario.schema.json", json.dumps(schema(), indent=2) + "\n")


def test_the_default_has_a_code_and_a_session_for_each_result_and_each_failure() -> None:
    outcomes = {"code": set(), "session": set()}  # type: dict[str, set[object]]
    for rule in load(DEFAULT_SCENARIO).rules:
        by = rule.name.split()[0]
        for reply in rule.replies:
            match reply.outcome:
                case Return(result):
                    outcomes[by].add(result)
                case Throw():
                    outcomes[by].add("exception")
                case HttpFailure(status):
                    outcomes[by].add(status)
                case ConnectionFailure(fault):
                    outcomes[by].add(fault)
    assert outcomes["code"] == outcomes["session"] == {*Result, *ConnectionFault, "exception", 503}
