"""The emulator: an engine, the application that asks it, and the port on which that is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from emulator.core.contract import SERVICE_PATH
from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.serving import Serving
from emulator.watching import Watcher
from emulator.web.app import Application


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. ``port`` 0 takes any free one; ``max_delay`` bounds every wait of an answer, in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None
    max_delay: float = 300.0


class Emulator:
    """One emulator with a port of its own, which it serves from a thread while the ``with`` statement lasts.

    ``watched`` is the file that the scenario came from, when its later edits are to be taken over.
    """

    def __init__(self, scenario: Scenario, options: Options | None = None, *, watched: Path | None = None) -> None:
        options = options or Options()
        self.engine = Engine(scenario)
        self._watcher = Watcher(watched, self.engine) if watched else None
        application = Application(self.engine, public_url=options.public_url, trouble=self._trouble)
        self._serving = Serving(application, host=options.host, port=options.port, max_delay=options.max_delay)

    @property
    def url(self) -> str:
        """The address of the service, with the port that was found."""
        return self._serving.origin + SERVICE_PATH

    def __enter__(self) -> Emulator:
        """Serves; returns once the first request can be answered."""
        self._serving.start()
        if self._watcher:
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it; returns once the port is free."""
        if self._watcher:
            self._watcher.stop()
        self._serving.stop()

    def run(self, ready: Callable[[], None]) -> None:
        """Serves in the foreground until SIGTERM or Ctrl-C, and calls ``ready`` once it does."""
        if self._watcher:
            self._watcher.start()
        try:
            self._serving.run(ready)
        finally:
            if self._watcher:
                self._watcher.stop()

    def _trouble(self) -> str | None:
        """Why the emulator is not healthy: the last edit of the watched file is not in force."""
        refused = self._watcher and self._watcher.refused
        return (
            f"the last edit of the scenario is refused, and the rules before it stay:\n{refused}" if refused else None
        )
