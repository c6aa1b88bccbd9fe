"""Options from the environment: the prefix and the name of the option, such as RESCUE_EMULATOR_PORT for ``--port``."""

from __future__ import annotations

import os
import re
from typing import Any, Final

import click
from click.core import ParameterSource

PREFIX: Final = "RESCUE_EMULATOR"

CONTEXT: Final = {"auto_envvar_prefix": PREFIX}
"""Settings of each command."""

# What Kubernetes sets for a Service named rescue-emulator, or rescue-emulator-web.
_SERVICE_PORT: Final = re.compile(r"(tcp|udp|sctp)://")
_SERVICE_NAME: Final = re.compile(
    r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)


class Command(click.Command):
    """A command whose usage errors name the environment variable of a wrong value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            if error.param is not None and _is_from_environment(ctx, error.param):
                error.param_hint = _variable(error.param)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message}{used_variables(ctx)}", error.ctx) from None


class PortOption(click.Option):
    """The option ``--port``: for a Service of that name, Kubernetes sets its variable to ``tcp://10.0.0.1:8085``."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        value = super().resolve_envvar_value(ctx)
        return None if value and _SERVICE_PORT.match(value) else value


def used_variables(ctx: click.Context) -> str:
    """Return the end of an error message: the variables from which options of the command came."""
    names = [_variable(parameter) for parameter in ctx.command.params if _is_from_environment(ctx, parameter)]
    return f"\noptions from the environment: {', '.join(names)}" if names else ""


def unknown_variables(program: click.Group) -> list[str]:
    """Return a warning for each variable with the prefix that is no option of any command."""
    from emulator.scenario.suggestions import either, nearest  # imported late: needed for a mistake only

    known = {_variable(parameter) for command in program.commands.values() for parameter in command.params}
    warnings = []
    for name, value in sorted(os.environ.items()):
        word = name.removeprefix(f"{PREFIX}_")
        if word == name or name in known or _is_of_service(word, value):
            continue
        guesses = nearest(name, tuple(sorted(known)), f"{PREFIX}_")
        hint = f"did you mean {either(guesses)}?" if guesses else "the help of each command lists its options"
        warnings.append(f"the environment variable {name} is ignored, since there is no such option; {hint}")
    return warnings


def _is_of_service(word: str, value: str) -> bool:
    is_url = word.endswith("PORT") and _SERVICE_PORT.match(value)
    return bool(is_url or _SERVICE_NAME.fullmatch(word))


def _is_from_environment(ctx: click.Context, parameter: click.Parameter) -> bool:
    return ctx.get_parameter_source(parameter.name or "") is ParameterSource.ENVIRONMENT


def _variable(parameter: click.Parameter) -> str:
    return f"{PREFIX}_{(parameter.name or '').upper()}"
