"""What a control API is about: an emulator, the spaces beside it and its files; known before anybody asks of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple, Protocol

from emulator.core.engine import Engine
from emulator.core.rules import Scenario

PREFIX: Final = "/__admin"
"""What the paths of the control API begin with, after the root of a space."""

NAME: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The names that spaces can have, as a regular expression."""


def is_controls(path: str) -> bool:
    """Whether a path is the control API's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


Trouble = Callable[[], str | None]
"""What is wrong with the emulator as a whole, in words for a person; None when nothing is."""


class TooManySpaces(Exception):
    """As many spaces are open as can be."""


class SpaceNews(NamedTuple):
    """A space that is open: its name, its engine, and the seconds since its last request."""

    name: str
    engine: Engine
    idle: float


class SpacesBeside(Protocol):
    """The spaces of a server, as its control API needs them."""

    most: int

    @property
    def idle(self) -> float: ...
    def address(self, name: str, origin: str) -> str: ...
    def put(self, name: str, scenario: Scenario | None) -> bool: ...
    def drop(self, name: str) -> bool: ...
    def news(self) -> list[SpaceNews]: ...


class ScenarioFiles(Protocol):
    """The scenario files of the folder that is served."""

    @property
    def in_force(self) -> str: ...
    def names(self) -> list[str]: ...
    def use(self, name: str) -> Scenario: ...


@dataclass(frozen=True, slots=True)
class Controlled:
    """What one control API is about.

    ``spaces`` is None inside a space: there are none beside it. ``files`` is None where no file is served.
    """

    engine: Engine
    trouble: Trouble = lambda: None
    spaces: SpacesBeside | None = None
    files: ScenarioFiles | None = None
    began: float = field(default_factory=monotonic)
