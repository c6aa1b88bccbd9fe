"""What the commands share: options from the environment, types of values, and how a command prints and fails."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.errors import RemoteError, ScenarioError
from emulator.escaping import visible

if TYPE_CHECKING:
    from emulator.core.rules import Scenario

ENVIRONMENT: Final = "RESCUE_EMULATOR"
FAILED: Final = 1

FILE: Final = click.Path(path_type=Path)
INT32: Final = click.IntRange(INT32_MIN, INT32_MAX)
BINDING: Final = click.Choice([binding.value for binding in Binding])
COUNT: Final = click.IntRange(min=0)


class Seconds(click.FloatRange):
    """A number of seconds in a range; NaN is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds


SECONDS: Final = Seconds(min=0)
TIMEOUT: Final = Seconds(min=0, max=24 * 60 * 60)


class Command(click.Command):
    """A command whose options can also be given in the environment: ``--port`` as ``RESCUE_EMULATOR_PORT``."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        kwargs["auto_envvar_prefix"] = ENVIRONMENT
        return super().make_context(*args, **kwargs)


def text(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse an option that is not text in the encoding of the terminal: Python decodes it to surrogates."""
    if value is not None and any("\ud800" <= char <= "\udfff" for char in value):
        raise click.BadParameter("it is not text in the encoding of this terminal")
    return value


def token(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Return a control token without spaces around it; refuse one that a header cannot carry."""
    if value is not None and (not value.strip() or not value.isascii() or not value.isprintable()):
        raise click.BadParameter("a token is one or more printable ASCII characters")
    return value and value.strip()


def url(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """Return a URL argument; a wrong one is a usage error."""
    from emulator.client.control_api import split_url

    try:
        split_url(value)
    except RemoteError as error:
        raise click.BadParameter(str(error)) from None
    return value


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
    """Print a message on standard error and exit."""
    write(message, err=True)
    sys.exit(status)
