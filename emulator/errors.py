"""The errors that this package raises on purpose, under one root; each tells a person what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

E = TypeVar("E", bound=BaseException)


class _Raised(Protocol):
    """An exception as pytest has caught it."""

    @property
    def value(self) -> BaseException: ...


class EmulatorError(Exception):
    """The root of every error raised on purpose by this package."""


def on_purpose(raised: _Raised) -> bool:
    """For ``__tracebackhide__`` of modules: whether the message tells all, so that pytest leaves their frames out.

    What these hold, auth codes and the control token among it, would be shown by ``--showlocals``.
    """
    return isinstance(raised.value, EmulatorError)


def frameless(error: E) -> E:
    """An error, to be the cause of one of ours, without the frames of itself and its causes, which hold secrets too."""
    cause: BaseException | None = error
    while cause is not None:
        cause.__traceback__ = None
        cause = cause.__cause__ or cause.__context__
    return error


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a scenario: where (1-based line and column), what, and what would be right.

    What is wrong with a file as a whole is at 1:1. Line and column are 0 in data that a program gave: these have none.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ScenarioError(EmulatorError):
    """A scenario that cannot be used. ``problems`` holds all that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class VerificationError(EmulatorError, AssertionError):
    """Calls did not come as often as they should have; the message says what came instead, and what came near."""


class RemoteError(EmulatorError):
    """An emulator that runs elsewhere could not be reached, or refused what was asked of it."""


class StartError(EmulatorError):
    """The emulator could not begin to serve: the port is taken, the host is unknown, or the like."""
