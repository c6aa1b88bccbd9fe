"""Scenario files on disk: those of a folder, the watcher that reloads an edited file, and the default scenario."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.errors import ScenarioError
from emulator.scenario.loading import load, loads

_SUFFIXES: Final = (".yaml", ".yml")

_PACKAGE: Final = Path(__file__).parent.parent
_INSTALLED: Final = _PACKAGE / "scenarios"

SCENARIOS: Final = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "scenarios"
DEFAULT_SCENARIO: Final = SCENARIOS / "default.yaml"

_logger = logging.getLogger(__name__)


def default_scenario() -> Scenario:
    """Load the default scenario. The sources of its rules have the name of the file without its folder."""
    return loads(DEFAULT_SCENARIO.read_bytes(), DEFAULT_SCENARIO.name)


def shipped_scenarios() -> dict[str, Path]:
    """Return the files of the shipped scenarios by name."""
    return {file.stem: file for file in sorted(SCENARIOS.glob("*.yaml"))}


class ScenarioFolder:
    """The folder of a scenario file, from which an engine gets its scenario.

    Between ``start`` and ``stop`` a thread reloads the scenario when its file changes, all or nothing. The folder is
    watched and the content compared, so that replacing the file or retargeting a symbolic link counts as an edit.
    ``error`` is what is wrong with the file now, while the engine keeps the scenario loaded before; else None.
    """

    def __init__(self, file: Path, engine: Engine) -> None:
        self.error: ScenarioError | None = None
        self._file = file
        self._engine = engine
        self._text = engine.scenario.source
        self._stat: tuple[int, ...] | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watcher")

    @property
    def current(self) -> str:
        """The name of the file that was loaded last."""
        return self._file.name

    def names(self) -> list[str]:
        """Return the names of the scenario files, sorted; at most 500."""
        try:
            paths = (path for path in self._file.parent.iterdir() if path.suffix in _SUFFIXES and path.is_file())
            return sorted(path.name for path in paths)[:500]
        except OSError:
            return []

    def use(self, name: str) -> Scenario:
        """Load a file and replace the scenario; raise ScenarioError, and change nothing, if the file is invalid."""
        file = self._file.with_name(name)
        scenario = load(file)
        with self._lock:
            self._file = file
            self._replace(scenario)
        return scenario

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def reload(self) -> None:
        """Load the file, and replace the scenario if it is valid and has changed."""
        with self._lock:
            self._stat = _stat(self._file)
            try:
                scenario = load(self._file)
            except ScenarioError as error:
                if self.error is None or self.error.problems != error.problems:
                    _logger.error("%s is invalid; the scenario loaded before stays:\n%s", self._file, error)
                self.error = error
                return
            if scenario.source != self._text or self.error is not None:
                self._replace(scenario)

    def _replace(self, scenario: Scenario) -> None:
        self._engine.replace(scenario)
        self._text, self.error = scenario.source, None
        _logger.info("loaded %s: scenario=%s rules=%d", self._file, scenario.name, len(scenario.rules))

    def _watch(self) -> None:
        from watchfiles import watch  # slow to import, and needed for --watch only

        for changes in watch(
            self._file.parent,
            stop_event=self._stop,
            step=50,  # milliseconds without another change, after which an edit counts as finished
            debounce=200,  # milliseconds by which continuous changes can delay a reload
            rust_timeout=500,  # milliseconds; fallback poll interval for changes that the OS does not report
            yield_on_timeout=True,
            recursive=False,
            watch_filter=None,
        ):
            if changes or _stat(self._file) != self._stat:
                self.reload()


def _stat(file: Path) -> tuple[int, ...] | None:
    """Return what differs after the file was written or replaced; None if there is no file."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
