"""The command line: the program and its commands.

A command imports what serving needs only when it serves, so that the others and ``--help`` answer at once.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from emulator.cli.commands import call, check, explain, scenarios, schema, verify, wait, wsdl
from emulator.cli.environment import unknown_variables
from emulator.cli.options import fail, write
from emulator.cli.serve import serve
from emulator.process import escape_output


class Program(click.Group):
    """The group of the commands, which prints in any encoding: click itself writes UTF-8 where that is ASCII."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        escape_output()
        try:
            status = super().main(*args, standalone_mode=False, **extra)  # type: ignore[call-overload]  # the first is Never
        except click.ClickException as error:
            if not standalone_mode:
                raise
            error.show(sys.stderr)
            status = error.exit_code
        except click.Abort:
            if not standalone_mode:
                raise
            fail("aborted")
        return sys.exit(status) if standalone_mode else status


def _print_version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    """Print the version; click's own option raises an error in a copy that is not installed."""
    from emulator.scenario.fields import package_version

    if value:
        click.echo(f"rescue-emulator, version {package_version()}")
        context.exit()


@click.group(
    cls=Program,
    commands=[serve, scenarios, check, explain, call, wait, verify, schema, wsdl],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Emulate LogMeIn Rescue's startSession web service, with the answers of a YAML scenario.

    Every option can also be given in the environment: --port as RESCUE_EMULATOR_PORT, --log-format as
    RESCUE_EMULATOR_LOG_FORMAT; SCENARIO of serve as RESCUE_EMULATOR_SCENARIO.
    """
    if ctx.invoked_subcommand != serve.name:  # which logs them
        for warning in unknown_variables(main):
            write(f"warning: {warning}", err=True)
