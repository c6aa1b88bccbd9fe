"""Shortcuts to load parts of a scenario."""

from __future__ import annotations

import pytest

from emulator.core.rules import Rule, Scenario
from emulator.errors import ScenarioError
from emulator.scenario.loading import loads


def rule(text: str) -> Rule:
    """Return the only rule of a scenario, written as a flow mapping without its braces."""
    return loads(f"rules: [{{{text}}}]", "x.yaml").rules[0]


def problems(text: str | bytes) -> list[str]:
    """Return the problems of a text as printed, without the name of the file."""
    with pytest.raises(ScenarioError) as caught:
        loads(text, "x.yaml")
    return [str(problem).removeprefix("x.yaml:") for problem in caught.value.problems]


def accepted(text: str) -> Scenario:
    """Return the scenario in a valid text."""
    return loads(text, "x.yaml")
