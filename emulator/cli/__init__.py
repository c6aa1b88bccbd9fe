"""The command line: the program and its commands.

A command imports what serving needs only when it serves, so that the others and ``--help`` answer at once.
"""

from __future__ import annotations

import click

from emulator.cli.commands import call, check, explain, schema, verify, wait, wsdl
from emulator.cli.serve import serve


def _print_version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    """Print the version; click's own option raises an error in a copy that is not installed."""
    from emulator.scenario.fields import package_version

    if value:
        click.echo(f"rescue-emulator, version {package_version()}")
        context.exit()


@click.group(
    commands=[serve, check, explain, call, wait, verify, schema, wsdl],
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
def main() -> None:
    """Emulate LogMeIn Rescue's startSession web service, with the answers of a YAML scenario.

    Every option can also be given in the environment: --port as RESCUE_EMULATOR_PORT, --log-format as
    RESCUE_EMULATOR_LOG_FORMAT.
    """
