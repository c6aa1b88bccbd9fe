"""Keeps the rules in force like the file that they came from: a good edit is taken over whole, a bad one not at all."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfiles import watch

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.errors import ScenarioError
from emulator.scenario import load

if TYPE_CHECKING:
    from emulator.core.rules import Scenario


_SETTLED: Final = 50  # milliseconds without another change, after which an edit is taken for finished
_AT_MOST: Final = 200  # milliseconds that a storm of changes can put it off
_UNTOLD: Final = 500  # milliseconds, after which a change of which the system told nothing is found

_logger = logging.getLogger(__name__)


class Watcher:
    """Watches one scenario file between ``start`` and ``stop``, from a thread of its own.

    The folder is watched, and the content is what counts: an editor that replaces the file, and a link that is turned
    to another file, are edits too. Not every change is told (none before the watching began, on some mounts none at
    all), so the file's stamp is compared as well. ``refused`` holds what is wrong with the file now, while an older
    state of it stays in force; None when the file is in force.
    """

    def __init__(self, file: Path, engine: Engine) -> None:
        self.refused: ScenarioError | None = None
        self._file = file
        self._engine = engine
        self._text = engine.scenario.source
        self._stamp: tuple[int, ...] | None = None
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watcher")

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Takes the file over if it has changed."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        self._stamp = _stamp(self._file)
        try:
            scenario = load(self._file)
        except ScenarioError as error:
            if self.refused is None or self.refused.problems != error.problems:
                _logger.error("%s is refused, and the rules in force stay:\n%s", self._file, error)
            self.refused = error
            return
        if scenario.source != self._text or self.refused is not None:
            self._take_over(scenario)

    def follow(self, file: Path, scenario: Scenario) -> None:
        """Takes a scenario over from another file of the folder, and looks after that file from now on."""
        with self._looking:
            self._file = file
            self._take_over(scenario)

    def _take_over(self, scenario: Scenario) -> None:
        self._engine.replace(scenario)
        self._text, self.refused = scenario.source, None
        _logger.info("%s is in force: scenario=%s rules=%d", self._file, scenario.name, len(scenario.rules))

    def _watch(self) -> None:
        for changes in watch(
            self._file.parent,
            stop_event=self._stop,
            debounce=_AT_MOST,
            step=_SETTLED,
            rust_timeout=_UNTOLD,
            yield_on_timeout=True,
            recursive=False,
            watch_filter=None,
        ):
            if changes or _stamp(self._file) != self._stamp:
                self.look()


def _stamp(file: Path) -> tuple[int, ...] | None:
    """What differs once a file was written or replaced; None where there is no file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


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


_PACKAGE: Final = Path(__file__).parent.parent
_INSTALLED: Final = _PACKAGE / "scenarios"

SCENARIOS: Final = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "scenarios"
DEFAULT_SCENARIO: Final = SCENARIOS / "default.yaml"


def default_scenario() -> Scenario:
    """The scenario that is served when nobody names one; its rules are told by its name alone, not by where it lies."""
    from emulator.scenario import loads

    return loads(DEFAULT_SCENARIO.read_bytes(), DEFAULT_SCENARIO.name)
