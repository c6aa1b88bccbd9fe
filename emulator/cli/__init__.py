"""The command line: the program and its commands.

A command imports what serving needs only when it serves, so that the others and ``--help`` answer at once.
"""

from __future__ import annotations

from typing import Any

import click

from emulator.cli.commands import call, check, explain, scenarios, schema, verify, wait, wsdl
from emulator.cli.environment import unknown_variables
from emulator.cli.options import write
from emulator.cli.serve import serve
from emulator.process import escape_output


class Program(click.Group):
    """The group of the commands, which prints in any encoding of the terminal."""

    def main(self, *args: Any, **extra: Any) -> Any:
        escape_output()
        return super().main(*args, **extra)


@click.group(
    cls=Program,
    commands=[serve, scenarios, check, explain, call, wait, verify, schema, wsdl],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
)
@click.version_option(package_name="rescue-emulator", prog_name="rescue-emulator")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Emulate LogMeIn Rescue's startSession web service, with the answers of a YAML scenario.

    Every option can also be given in the environment: --port as RESCUE_EMULATOR_PORT, --log-format as
    RESCUE_EMULATOR_LOG_FORMAT; SCENARIO of serve as RESCUE_EMULATOR_SCENARIO.
    """
    if ctx.invoked_subcommand != serve.name:  # which logs them
        for warning in unknown_variables(main):
            write(f"warning: {warning}", err=True)
