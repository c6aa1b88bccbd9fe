"""The command that serves a scenario."""

from __future__ import annotations

from pathlib import Path

import click

from emulator.cli.certificates import with_certificate
from emulator.cli.limits import with_limits
from emulator.cli.options import COUNT, FILE, SECONDS, Command, Seconds, fail, loaded, token
from emulator.cli.streams import say, take_the_place_of_closed_streams
from emulator.errors import EmulatorError
from emulator.garbage import garbage_kept, keep_all
from emulator.logs import FORMATS, log_to_stderr
from emulator.shipped import DEFAULT_SCENARIO, default_scenario
from emulator.signals import ended_at_once_by_signals
from emulator.visible import visible


def _web_address(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """A URL as an option's value, without the slash at its end."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"{value!r} does not begin with http:// or https://")
    return value and value.rstrip("/")


@click.command(cls=Command)
@click.argument("scenario", type=FILE, default=DEFAULT_SCENARIO, required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8085,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@with_certificate
@click.option("--watch", is_flag=True, help="Take over each good edit of SCENARIO; a bad one changes nothing.")
@click.option(
    "--public-url",
    metavar="URL",
    callback=_web_address,
    help="Where clients reach it, for the addresses in the WSDL behind a proxy.",
)
@click.option(
    "--max-delay",
    type=SECONDS,
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="The longest that any answer waits, whatever the scenario says.",
)
@click.option(
    "--journal-size",
    type=COUNT,
    default=1000,
    show_default=True,
    metavar="ENTRIES",
    help="How many calls and refusals the journal keeps; the oldest go first.",
)
@click.option(
    "--journal-bytes",
    type=COUNT,
    default=16 * 1024 * 1024,
    show_default=True,
    metavar="BYTES",
    help="How many bytes of requests and answers it keeps; many spaces share sixteen times as much.",
)
@click.option(
    "--space-idle",
    type=Seconds(min=1),
    default=1800.0,
    show_default=True,
    metavar="SECONDS",
    help="When a space ends that nobody uses.",
)
@with_limits
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True, help="How log lines look.")
@click.option("--show-auth-codes", is_flag=True, help="Show auth codes in full, in the log and the control API.")
@click.option("--no-control", is_flag=True, help="No control API under /__admin, and no X-Emulator headers.")
@click.option(
    "--control-token",
    callback=token,
    metavar="TOKEN",
    help="What users of the control API send as 'Authorization: Bearer TOKEN'; beyond this machine, it is off without.",
)
def serve(scenario: Path, watch: bool, log_format: str, no_control: bool, **others: object) -> None:
    """Serve SCENARIO, or the shipped default, until Ctrl-C or SIGTERM.

    Prints one line, beginning with "ready", on standard output once it can answer. Logs go to standard error.
    """
    take_the_place_of_closed_streams()
    log_to_stderr(log_format)
    with ended_at_once_by_signals():  # until it serves; then it ends in good order
        with garbage_kept():
            in_force = default_scenario() if scenario == DEFAULT_SCENARIO else loaded(scenario)
            from emulator.server import Emulator, Options

            options = Options(control=not no_control, **others)  # type: ignore[arg-type]
            try:
                emulator = Emulator(in_force, options, file=scenario, watch=watch)
            except EmulatorError as error:
                fail(str(error))
        keep_all()
        ca = f" ca={emulator.ca_file}" if emulator.ca_file else ""
        ready = f"ready {emulator.url} scenario={in_force.name} rules={len(in_force.rules)}{ca}"
        emulator.run(lambda: say(visible(ready)))
