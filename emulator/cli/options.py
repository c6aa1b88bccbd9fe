"""What the commands have in common: options from the environment, the kinds of values, and how a command gives up."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.errors import ScenarioError
from emulator.escaping import visible

if TYPE_CHECKING:
    from emulator.core.rules import Scenario

ENVIRONMENT: Final = "RESCUE_EMULATOR"
FAILED: Final = 1

FILE: Final = click.Path(path_type=Path)
INT32: Final = click.IntRange(INT32_MIN, INT32_MAX)
BINDING: Final = click.Choice([binding.value for binding in Binding])
COUNT: Final = click.IntRange(min=0)
_DAY: Final = 24 * 60 * 60


class Seconds(click.FloatRange):
    """A number of seconds within bounds; what is no number is outside of them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


SECONDS: Final = Seconds(min=0)
TIMEOUT: Final = Seconds(min=0, max=_DAY)


class Command(click.Command):
    """A command whose options can be given in the environment too: ``--port`` as ``RESCUE_EMULATOR_PORT``."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """The context, which knows what the variables begin with."""
        kwargs["auto_envvar_prefix"] = ENVIRONMENT
        return super().make_context(*args, **kwargs)


def text(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A text as an option's value; bytes of the command line that are none would show as half characters."""
    if value is not None and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise click.BadParameter("it is no text in the encoding of this terminal")
    return value


def token(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A control token as an option's value: what a header can carry, without spaces around it."""
    if value is not None and (not value.strip() or not value.isascii() or not value.isprintable()):
        raise click.BadParameter("a token is one or more printable ASCII characters")
    return value and value.strip()


def loaded(file: Path) -> Scenario:
    """The scenario in a file, or the end of the program with all that is wrong with it."""
    from emulator.scenario import load

    try:
        return load(file)
    except ScenarioError as error:
        fail(str(error))


def tell(text: str, *, err: bool = False) -> None:
    """Prints lines for a person; nothing in them steers the terminal."""
    click.echo(visible(text, keep="\n"), err=err)


def fail(message: str, status: int = FAILED) -> NoReturn:
    """Ends the program with a message for a person."""
    tell(message, err=True)
    sys.exit(status)
