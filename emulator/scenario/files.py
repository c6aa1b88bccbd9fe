"""Scenario files on disk: those of a folder, the watcher that reloads an edited file, and the default scenario."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.errors import ScenarioError
from emulator.logs import WITH_LINES
from emulator.scenario.loading import load, loads

_SUFFIXES: Final = (".yaml", ".yml")

_PACKAGE: Final = Path(__file__).parent.parent
_INSTALLED: Final = _PACKAGE / "scenarios"

SCENARIOS: Final = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "scenarios"
DEFAULT_SCENARIO: Final = SCENARIOS / "default.yaml"

_STOP_TIMEOUT: Final = 5.0  # seconds, for a reload in progress
_POLL_INTERVAL: Final = 0.5  # seconds
_MAX_REMARKS: Final = 20  # in the log

_logger = logging.getLogger(__name__)


@cache
def _shipped() -> dict[str, bytes]:
    """Return the shipped scenarios by name, read once: a server offers them after its files are gone."""
    return {path.name: path.read_bytes() for path in sorted(SCENARIOS.iterdir()) if path.suffix in _SUFFIXES}


def default_scenario() -> Scenario:
    """Load the default scenario. The sources of its rules have the name of the file without its folder."""
    return loads(_shipped()[DEFAULT_SCENARIO.name], DEFAULT_SCENARIO.name)


def log_remarks(scenario: Scenario) -> None:
    """Log the remarks on a scenario that was put in force."""
    for remark in scenario.remarks[:_MAX_REMARKS]:
        _logger.warning("%s", remark)
    if (more := len(scenario.remarks) - _MAX_REMARKS) > 0:
        _logger.warning("%d more remarks on %s; the command check prints all", more, scenario.name)


def shipped_scenarios() -> dict[str, Path]:
    """Return the files of the shipped scenarios by name."""
    return {file.stem: file for file in sorted(SCENARIOS.glob("*.yaml"))}


class ScenarioFolder:
    """The folder of a scenario file, from which an engine gets its scenario.

    Between ``start`` and ``stop`` a thread reloads the scenario when its file changes, all or nothing. The folder is
    watched and the content compared, so that replacing the file or retargeting a symbolic link counts as an edit.
    ``error`` is what is wrong with the file now, while the engine keeps the scenario loaded before; else None.
    ``watching`` is how changes are found, None while nothing is watched; ``died`` is why the watcher ended, else None.
    """

    def __init__(self, file: Path, engine: Engine) -> None:
        self.error: ScenarioError | None = None
        self.watching: str | None = None
        self.died: str | None = None
        self._shipped = _shipped() if file.parent == SCENARIOS else {}
        self._file = file
        self._engine = engine
        self._text = engine.scenario.source
        self._stat: tuple[int, ...] | None = ()  # unlike any file, even a missing one: the first look counts
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def current(self) -> str:
        """The name of the file that was loaded last."""
        return self._file.name

    def names(self) -> list[str]:
        """Return the names of the scenario files, sorted; at most 500."""
        if self._shipped:
            return [*self._shipped]
        try:
            paths = (path for path in self._file.parent.iterdir() if path.suffix in _SUFFIXES and path.is_file())
            return sorted(path.name for path in paths)[:500]
        except OSError:
            return []

    def use(self, name: str) -> Scenario:
        """Load a file and replace the scenario; raise ScenarioError, and change nothing, if the file is invalid."""
        file = self._file.with_name(name)
        text = self._shipped.get(name)
        scenario = load(file) if text is None else loads(text, str(file))
        with self._lock:
            self._file = file
            self._replace(scenario)
        return scenario

    def start(self) -> None:
        self._shipped = {}  # edits of them count
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watcher")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT)

    def reload(self) -> None:
        """Load the file, and replace the scenario if it is valid and has changed."""
        with self._lock:
            stat = _stat(self._file)
            try:
                scenario = load(self._file)
            except ScenarioError as error:
                if self.error is None or self.error.problems != error.problems:
                    _logger.error(
                        "%s is invalid; the scenario loaded before stays:\n%s", self._file, error, extra=WITH_LINES
                    )
                self.error = error
            else:
                if scenario.source != self._text or self.error is not None:
                    self._replace(scenario)
            self._stat = stat  # at last: after an unexpected error the change is still to be loaded

    def _replace(self, scenario: Scenario) -> None:
        self._engine.replace(scenario)
        self._text, self.error = scenario.source, None
        _logger.info("loaded %s: scenario=%s rules=%d", self._file, scenario.name, len(scenario.rules))
        log_remarks(scenario)

    def _watch(self) -> None:
        """Reload after each change until ``stop``: by notifications, and by polling where these fail."""
        self.watching = "notifications"
        error = self._follow(self._notifications())
        if error is not None:
            _logger.warning("notifications of changes failed, polling %s instead: %s", self._file, _describe(error))
            self.watching = f"polling, since notifications failed: {_describe(error)}"
            error = self._follow(self._polls())
        self.watching = None
        if error is not None:
            self.died = _describe(error)
            _logger.error("the watcher died, and edits are no longer loaded: %s", self.died, exc_info=error)

    def _follow(self, changes: Iterator[None]) -> BaseException | None:
        """Reload at each change; return the error that ended this, None after ``stop``."""
        error: BaseException = RuntimeError("it ended by itself")
        try:
            for _ in changes:
                self.reload()
        except BaseException as raised:  # a panic in watchfiles' Rust is no Exception
            error = raised
        return None if self._stop.is_set() else error

    def _notifications(self) -> Iterator[None]:
        from watchfiles import watch  # slow to import, and needed for --watch only

        for changes in watch(
            self._file.parent,
            stop_event=self._stop,
            step=50,  # milliseconds without another change, after which an edit counts as finished
            debounce=200,  # milliseconds by which continuous changes can delay a reload
            rust_timeout=int(_POLL_INTERVAL * 1000),  # in milliseconds; for changes that the OS does not report
            yield_on_timeout=True,
            recursive=False,
            watch_filter=None,
        ):
            if changes or _stat(self._file) != self._stat:
                yield

    def _polls(self) -> Iterator[None]:
        while not self._stop.wait(_POLL_INTERVAL):
            if _stat(self._file) != self._stat:
                yield


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _stat(file: Path) -> tuple[int, ...] | None:
    """Return what differs after the file was written or replaced; None if there is no file."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
