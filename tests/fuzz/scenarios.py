"""Any bytes as a scenario file: refused with every problem at its place, or loaded, and the same when loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from emulator.core.contract import Binding, Call
from emulator.core.engine import Engine
from emulator.errors import ScenarioError
from emulator.scenario.loading import loads
from emulator.scenario.schema import schema
from tests.fuzz.timing import in_time
from tests.helpers.paths import ROOT

CALLS: Final = [Call(1001, 337366, "demo-ann", binding) for binding in Binding] + [Call(1, 2, None, Binding.GET)]
YAML_WORDS: Final = (
    *("<<: *a", "&a ", "*a", "!!str ", "|-\n  ", ">\n  ", "---\n", "\ufeff"),
    *("250ms", "1.5s", "[", "{", "? "),
)


def seeds() -> Iterator[bytes]:
    """Yield the shipped scenarios and the bad ones, but for the one that is slow on purpose."""
    for folder in ("scenarios", "tests/golden/bad_scenarios", "tests/golden/plugin"):
        for file in sorted((ROOT / folder).glob("*.yaml")):
            if file.stem != "aliases_that_explode":
                yield file.read_bytes()


def check(data: bytes) -> None:
    """Check every promise for one file."""
    try:
        with in_time(5.0):  # aliases may repeat a million values
            scenario = loads(data, "file.yaml")
    except ScenarioError as error:
        problems = error.problems
        assert problems
        assert all(each.line >= 1 and each.column >= 1 and each.message.strip() for each in problems), problems
        return
    engine = Engine(scenario)
    for call in CALLS:
        engine.explain(call)
        assert engine.answer(call).outcome.as_data()
    assert loads(scenario.source or "", "file.yaml") == scenario


def _words(node: Any) -> Iterator[str]:
    """Yield every key and every enumerated value of a JSON Schema."""
    if isinstance(node, dict):
        yield from (f"{key}: " for key in node.get("properties", ()))
        yield from (str(word) for word in node.get("enum", ()))
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _words(child)


WORDS: Final = (*dict.fromkeys(_words(schema())), *YAML_WORDS)
