"""Where the scenarios that come with the program are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from emulator.core.rules import Scenario

_PACKAGE: Final = Path(__file__).parent
_INSTALLED: Final = _PACKAGE / "scenarios"

SCENARIOS: Final = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "scenarios"
DEFAULT_SCENARIO: Final = SCENARIOS / "default.yaml"


def default_scenario() -> Scenario:
    """The scenario that is served when nobody names one; its rules are told by its name alone, not by where it lies."""
    from emulator.scenario import loads

    return loads(DEFAULT_SCENARIO.read_bytes(), DEFAULT_SCENARIO.name)
