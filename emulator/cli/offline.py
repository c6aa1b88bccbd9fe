"""The commands that need no server: check and explain files, print the JSON Schema or the WSDL."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from emulator.cli.options import BINDING, FAILED, FILE, INT32, Command, load_or_fail, write
from emulator.core.contract import SERVICE_PATH, Binding, Call
from emulator.errors import ScenarioError
from emulator.escaping import visible


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
def check(files: tuple[Path, ...]) -> None:
    """Check scenario files.

    Prints every problem as file:line:column: message. Exits with 1 when there is any, else with 0.
    """
    from emulator.scenario.loading import load

    failed = False
    for file in files:
        try:
            load(file)
        except ScenarioError as error:
            failed = True
            for problem in error.problems:
                write(visible(str(problem)))
    if failed:
        sys.exit(FAILED)


@click.command(cls=Command)
@click.argument("file", type=FILE)
@click.option("--session", type=INT32, required=True, help="The session of the call.")
@click.option("--node", type=INT32, required=True, help="The node of the call.")
@click.option("--auth-code", help="The auth code of the call. [default: none]")
@click.option("--binding", type=BINDING, default="soap11", show_default=True, help="How the call arrives.")
def explain(file: Path, session: int, node: int, auth_code: str | None, binding: str) -> None:
    """Explain what a call would get from the scenario FILE, and why.

    Names the rule that answers, why each rule before it did not, and the near misses if none does.
    """
    from emulator.core.engine import Engine

    call = Call(session, node, auth_code, Binding(binding))
    write(Engine(load_or_fail(file)).explain(call).text())


@click.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from emulator.scenario.schema import schema as scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=2))


@click.command(cls=Command)
@click.option(
    "--address",
    metavar="URL",
    default=f"http://127.0.0.1:8085{SERVICE_PATH}",
    show_default=True,
    help="The address of the service in the WSDL.",
)
def wsdl(address: str) -> None:
    """Print the WSDL of the service."""
    from emulator.wire.wsdl import wsdl as document

    click.echo(document(address), nl=False)
