"""Any bytes as a scenario file: refused with every problem at its place, or served, and the same when read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.errors import Problem, ScenarioError
from emulator.scenario import loads
from emulator.scenario.schema import schema
from tests.fuzz.target import Target, in_time
from tests.helpers.paths import ROOT

CALLS: Final = [Call(1001, 337366, "demo-ann", binding) for binding in Binding] + [Call(1, 2, None, Binding.GET)]
MORE_WORDS: Final = (
    "<<: *a",
    "&a ",
    "*a",
    "!!str ",
    "|-\n  ",
    ">\n  ",
    "---\n",
    "\ufeff",
    "250ms",
    "1.5s",
    "[",
    "{",
    "? ",
)


def seeds() -> Iterator[bytes]:
    """The shipped scenarios, and those that are wrong in one way each, but for the one that is slow by intention."""
    for folder in ("scenarios", "tests/golden/bad_scenarios", "tests/golden/plugin"):
        for file in sorted((ROOT / folder).glob("*.yaml")):
            if file.stem != "aliases_that_explode":
                yield file.read_bytes()


def check(data: bytes) -> None:
    """Every promise, for one file."""
    with in_time(5.0):  # aliases may repeat a million values
        scenario, problems = _read(data)
    for problem in problems:
        assert problem.line >= 1, problem
        assert problem.column >= 1, problem
        assert problem.message.strip(), problem
    if scenario is None:
        assert problems
        return
    engine = Engine(scenario)
    for call in CALLS:
        engine.explain(call)
        assert engine.answer(call).outcome.as_data()
    assert loads(scenario.source or "", "file.yaml") == scenario


def _read(data: bytes) -> tuple[Scenario | None, tuple[Problem, ...]]:
    try:
        return loads(data, "file.yaml"), ()
    except ScenarioError as error:
        return None, error.problems


def _words(found: Any) -> Iterator[str]:
    """Every key and every word that the schema knows."""
    if isinstance(found, dict):
        yield from (f"{key}: " for key in found.get("properties", ()))
        yield from (str(word) for word in found.get("enum", ()))
    for each in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from _words(each)


TARGET: Final = Target(seeds, (*dict.fromkeys(_words(schema())), *MORE_WORDS), check)
