"""What the commands share: types of values, and how a command prints and fails."""

from __future__ import annotations

import math
import re
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

_MAX_PORT: Final = 65535

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


class Ports(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.4
    """A port, or several in a row such as ``8085-8095``; the value is a range."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value), re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (-1, -1)
        if not 0 <= first <= last <= _MAX_PORT or 0 == first < last:
            self.fail(f"{value!r} is neither a port from 0 to {_MAX_PORT} nor several such as 8085-8095", param, ctx)
        return range(first, last + 1)


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


def load_or_fail(file: Path) -> Scenario:
    """Return the scenario in a file; exit with every problem if it is wrong."""
    from emulator.scenario.loading import load

    try:
        return load(file)
    except ScenarioError as error:
        fail(str(error))


def write(text: str, *, err: bool = False) -> None:
    """Print lines, with escaped control characters."""
    click.echo(visible(text, keep="\n"), sys.stderr if err else sys.stdout)


def fail(message: str, status: int = FAILED) -> NoReturn:
    write(message, err=True)
    sys.exit(status)
