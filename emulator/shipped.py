"""Where the scenarios that come with the program are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent
_INSTALLED: Final = _PACKAGE / "scenarios"

SCENARIOS: Final = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "scenarios"
DEFAULT_SCENARIO: Final = SCENARIOS / "default.yaml"
