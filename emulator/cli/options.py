"""What the commands have in common: options from the environment, the kinds of values, and how a command gives up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding
from emulator.errors import ScenarioError

if TYPE_CHECKING:
    from emulator.core.rules import Scenario

ENVIRONMENT: Final = "RESCUE_EMULATOR"
FAILED: Final = 1

FILE: Final = click.Path(path_type=Path)
INT32: Final = click.IntRange(INT32_MIN, INT32_MAX)
BINDING: Final = click.Choice([binding.value for binding in Binding])
COUNT: Final = click.IntRange(min=0)
SECONDS: Final = click.FloatRange(min=0)


class Command(click.Command):
    """A command whose options can be given in the environment too: ``--port`` as ``RESCUE_EMULATOR_PORT``."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """The context, which knows what the variables begin with."""
        kwargs["auto_envvar_prefix"] = ENVIRONMENT
        return super().make_context(*args, **kwargs)


def loaded(file: Path) -> Scenario:
    """The scenario in a file, or the end of the program with all that is wrong with it."""
    from emulator.scenario import load

    try:
        return load(file)
    except ScenarioError as error:
        fail(str(error))


def fail(message: str, status: int = FAILED) -> NoReturn:
    """Ends the program with a message for a person."""
    click.echo(message, err=True)
    sys.exit(status)
