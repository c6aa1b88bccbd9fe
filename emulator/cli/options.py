"""What the commands share: options from the environment, types of values, and how a command prints and fails."""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from emulator.errors import ScenarioError
from emulator.escaping import visible

if TYPE_CHECKING:
    from emulator.core.rules import Scenario

FAILED: Final = 1

CONTEXT: Final = {"auto_envvar_prefix": "RESCUE_EMULATOR"}
"""Settings of each command: its options can also be given in the environment, ``--port`` as RESCUE_EMULATOR_PORT."""

FILE: Final = click.Path(path_type=Path)
COUNT: Final = click.IntRange(min=0)


class Seconds(click.FloatRange):
    """A number of seconds in a range; NaN is refused."""

    name = "seconds"  # the metavar, in lower case

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = math.nan
        with suppress(ValueError):
            seconds = float(value)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return float(super().convert(value, param, ctx))


def token(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Return a control token without spaces around it; refuse one that a header cannot carry."""
    if value is not None and (not value.strip() or not value.isascii() or not value.isprintable()):
        raise click.BadParameter("a token is one or more printable ASCII characters")
    return value and value.strip()


def load_or_fail(file: Path) -> Scenario:
    """Return the scenario in a file; exit with every problem if it is wrong."""
    from emulator.scenario.loading import load

    try:
        return load(file)
    except ScenarioError as error:
        fail(str(error))


def write(text: str, *, err: bool = False) -> None:
    """Print lines, with escaped control characters."""
    click.echo(visible(text, keep="\n"), err=err)


def fail(message: str, status: int = FAILED) -> NoReturn:
    write(message, err=True)
    sys.exit(status)
