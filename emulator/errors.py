"""The errors that this package raises on purpose, under one root; each says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


class EmulatorError(Exception):
    """The base class of every error that this package raises on purpose."""


def on_purpose(info: Any) -> bool:
    """Return True for an error of this package, caught as pytest's ``info``: the ``__tracebackhide__`` of modules.

    pytest then leaves out their frames, whose variables, auth codes and tokens among them, ``--showlocals`` prints.
    """
    return isinstance(info.value, EmulatorError)


def without_frames(error: E) -> E:
    """Drop the frames of an error and its causes, whose variables hold secrets, so that it can be a cause of ours."""
    cause: BaseException | None = error
    while cause is not None:
        cause.__traceback__ = None
        cause = cause.__cause__ or cause.__context__
    return error


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem in a scenario: where (1-based line and column), what, and what would be right.

    A problem of the whole file is at 1:1. Line and column are 0 for data that a program passes.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ScenarioError(EmulatorError):
    """A scenario that cannot be used, with all of its ``problems`` in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class VerificationError(EmulatorError, AssertionError):
    """Calls did not come as often as expected; the message says what came instead, and the near misses."""


class RemoteError(EmulatorError):
    """An emulator that runs elsewhere could not be reached, or refused a request."""


class StartError(EmulatorError):
    """The emulator could not start: the port is taken, the host is unknown, or the like."""
