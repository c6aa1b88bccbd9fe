"""The scenario files that lie beside the one that is served: what they are called, and which of them is in force."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.scenario import load
from emulator.watching import Watcher

_ENDINGS: Final = frozenset({".yaml", ".yml"})
_MOST: Final = 500  # names, of more than anybody would choose from


class Folder:
    """The folder of a scenario file. ``watcher`` is the one that looks after the file in force, if any does."""

    def __init__(self, file: Path, engine: Engine, watcher: Watcher | None = None) -> None:
        self._file = file
        self._engine = engine
        self._watcher = watcher

    @property
    def in_force(self) -> str:
        """The name of the file that was put in force last."""
        return self._file.name

    def names(self) -> list[str]:
        """The names of the scenario files, in order."""
        try:
            found = (path.name for path in self._file.parent.iterdir() if path.suffix in _ENDINGS and path.is_file())
            return sorted(found)[:_MOST]
        except OSError:
            return []

    def use(self, name: str) -> Scenario:
        """Put the scenario in a file in force; ScenarioError when it is wrong, and then nothing changes."""
        file = self._file.with_name(name)
        scenario = load(file)
        self._file = file
        if self._watcher is not None:
            self._watcher.follow(file, scenario)
        else:
            self._engine.replace(scenario)
        return scenario
