"""The command line: one function a command, with its options, what it prints and the status with which it exits.

What serving needs is imported by the command that serves, so that the others and ``--help`` answer at once.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from emulator.core.call import Call
from emulator.core.contract import INT32_MAX, INT32_MIN, SERVICE_PATH, Binding
from emulator.errors import EmulatorError, ScenarioError
from emulator.logs import FORMATS, log_to_stderr
from emulator.shipped import DEFAULT_SCENARIO

if TYPE_CHECKING:
    from emulator.core.rules import Scenario

_FAILED: Final = 1
_ENVIRONMENT: Final = "RESCUE_EMULATOR"
_FILE: Final = click.Path(path_type=Path)
_INT32: Final = click.IntRange(INT32_MIN, INT32_MAX)
_BINDINGS: Final = tuple(binding.value for binding in Binding)


class _Command(click.Command):
    """A command whose options can be given in the environment too: ``--port`` as ``RESCUE_EMULATOR_PORT``."""

    def make_context(self, *args: object, **kwargs: object) -> click.Context:
        kwargs["auto_envvar_prefix"] = _ENVIRONMENT
        return super().make_context(*args, **kwargs)  # type: ignore[arg-type]


class _Group(click.Group):
    command_class = _Command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("rescue-emulator"), prog_name="rescue-emulator")
def main() -> None:
    """Stand in for LogMeIn Rescue's startSession web service, answering as a YAML scenario says.

    Every option can also be given in the environment: --port as RESCUE_EMULATOR_PORT, --log-format as
    RESCUE_EMULATOR_LOG_FORMAT.
    """


def _web_address(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A URL as an option's value, without the slash at its end."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"{value!r} does not begin with http:// or https://")
    return value and value.rstrip("/")


@main.command()
@click.argument("scenario", type=_FILE, default=DEFAULT_SCENARIO, required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8085,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--watch", is_flag=True, help="Take over each good edit of SCENARIO; a bad one changes nothing.")
@click.option(
    "--public-url",
    metavar="URL",
    callback=_web_address,
    help="Where clients reach it, for the addresses in the WSDL behind a proxy.",
)
@click.option(
    "--max-delay",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="The longest that any answer waits, whatever the scenario says.",
)
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True, help="How log lines look.")
def serve(
    scenario: Path, host: str, port: int, watch: bool, public_url: str | None, max_delay: float, log_format: str
) -> None:
    """Serve SCENARIO, or the shipped default, until Ctrl-C or SIGTERM.

    Prints one line, beginning with "ready", on standard output once it can answer. Logs go to standard error.
    """
    log_to_stderr(log_format)
    loaded = _loaded(scenario)
    from emulator.server import Emulator, Options

    options = Options(host=host, port=port, public_url=public_url, max_delay=max_delay)
    try:
        emulator = Emulator(loaded, options, watched=scenario if watch else None)
    except EmulatorError as error:
        _fail(str(error))
    emulator.run(lambda: click.echo(f"ready {emulator.url} scenario={loaded.name} rules={len(loaded.rules)}"))


@main.command()
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
def check(files: tuple[Path, ...]) -> None:
    """Check scenario files.

    Prints every problem as file:line:column: message. Exits with 1 when there is any, else with 0.
    """
    problems = [problem for file in files for problem in _problems(file)]
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(_FAILED)


@main.command()
@click.argument("file", type=_FILE)
@click.option("--session", type=_INT32, required=True, help="The session of the call.")
@click.option("--node", type=_INT32, required=True, help="The node of the call.")
@click.option("--auth-code", help="The auth code of the call; left out, the call has none.")
@click.option(
    "--binding", type=click.Choice(_BINDINGS), default="soap11", show_default=True, help="How it would arrive."
)
def explain(file: Path, session: int, node: int, auth_code: str | None, binding: str) -> None:
    """Tell what a call would get from the scenario FILE, and why.

    Names the rule that answers, why each rule before it did not, and the nearest misses when none does.
    """
    from emulator.core.engine import Engine

    call = Call(session, node, auth_code, Binding(binding))
    click.echo(Engine(_loaded(file)).explain(call).text())


@main.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from emulator.scenario.schema import schema as scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=2))


@main.command()
@click.option(
    "--address",
    metavar="URL",
    default=f"http://127.0.0.1:8085{SERVICE_PATH}",
    show_default=True,
    help="The address of the service that the WSDL tells.",
)
def wsdl(address: str) -> None:
    """Print the WSDL of the service."""
    from emulator.wire.documents import wsdl as document

    click.echo(document(address), nl=False)


def _problems(file: Path) -> list[str]:
    from emulator.scenario import load

    try:
        load(file)
    except ScenarioError as error:
        return [str(problem) for problem in error.problems]
    return []


def _loaded(file: Path) -> Scenario:
    from emulator.scenario import load

    try:
        return load(file)
    except ScenarioError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    """Ends the program with a message for a person, and status 1."""
    click.echo(message, err=True)
    sys.exit(_FAILED)
