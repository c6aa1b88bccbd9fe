"""The command that serves a scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from emulator.cli.options import COUNT, FILE, SECONDS, Command, Seconds, fail, loaded, token
from emulator.errors import EmulatorError
from emulator.escaping import visible
from emulator.logs import FORMATS, log_to_stderr
from emulator.process import ended_at_once_by_signals, garbage_kept, keep_all, say, take_the_place_of_closed_streams
from emulator.scenario.files import DEFAULT_SCENARIO, default_scenario
from emulator.server.limits import HttpLimits
from emulator.server.tls import NAMES, Certificate, CertificateFiles, MadeCertificate

_TLS_OPTIONS: Final = (
    click.option("--tls", is_flag=True, help="Serve over TLS, by a certificate made now, and a CA made for it alone."),
    click.option(
        "--tls-name",
        multiple=True,
        metavar="NAME",
        help=f"A name that --tls makes the certificate for, in place of {' and '.join(NAMES)}; can be repeated.",
    ),
    click.option(
        "--tls-ca",
        type=FILE,
        metavar="FILE",
        help="Where --tls writes the CA certificate for clients; left out, a temporary file that the ready line names.",
    ),
    click.option("--tls-cert", type=FILE, metavar="FILE", help="Serve over TLS, by the certificate in this PEM file."),
    click.option("--tls-key", type=FILE, metavar="FILE", help="The key of --tls-cert, a PEM file without passphrase."),
)


def with_certificate(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, and in their place one argument, ``certificate``: None to serve without TLS."""

    @wraps(command)
    def called(tls: bool, tls_name: tuple[str, ...], tls_ca: Path | None, **others: Any) -> None:
        files = others.pop("tls_cert"), others.pop("tls_key")
        if any(files):
            if tls or tls_name or tls_ca:
                raise click.UsageError("--tls makes a certificate, --tls-cert and --tls-key name one: give either")
            command(certificate=_certificate_files(*files), **others)
        elif tls:
            command(certificate=MadeCertificate(tls_name or NAMES, tls_ca), **others)
        elif tls_name or tls_ca:
            raise click.UsageError("--tls-name and --tls-ca tell what --tls is to make: give that too")
        else:
            command(certificate=None, **others)

    for option in reversed(_TLS_OPTIONS):
        called = option(called)
    return called


def _certificate_files(cert: Path | None, key: Path | None) -> Certificate:
    if cert is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key belong together: give both")
    return CertificateFiles(cert, key)


_SOME: Final = click.IntRange(min=1)
_A_WHILE: Final = Seconds(min=0, min_open=True)

_LIMIT_OPTIONS: Final = {
    "request_line": ("--max-request-line", _SOME, "BYTES", "The longest request line that is read; 414 past it."),
    "headers": ("--max-headers", _SOME, "COUNT", "How many headers a request may have; 400 past it."),
    "header_bytes": ("--max-header-bytes", _SOME, "BYTES", "How long they may be, all in all; 400 past it."),
    "body": ("--max-body", _SOME, "BYTES", "The longest body that is read; ASP.NET's error page past it."),
    "head_within": ("--head-timeout", _A_WHILE, "SECONDS", "How long a client may take to send a head; 408 past it."),
    "body_within": (
        "--body-timeout",
        _A_WHILE,
        "SECONDS",
        "How long it may take to send a body, 408 past it, or to read an answer.",
    ),
    "idle": ("--idle-timeout", _A_WHILE, "SECONDS", "When a connection ends on which nothing is asked."),
    "connections": (
        "--max-connections",
        _SOME,
        "COUNT",
        "How many connections are open at a time; the next one waits.",
    ),
}


def with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, and in their place one argument, ``limits``."""

    @wraps(command)
    def called(**values: Any) -> None:
        limits = HttpLimits(**{name: values.pop(_parameter(option)) for name, (option, *_) in _LIMIT_OPTIONS.items()})
        command(limits=limits, **values)

    for field in reversed(fields(HttpLimits)):
        option, kind, metavar, text = _LIMIT_OPTIONS[field.name]
        called = click.option(option, type=kind, default=field.default, show_default=True, metavar=metavar, help=text)(
            called
        )
    return called


def _parameter(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


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
            from emulator.emulator import Emulator, Options

            options = Options(control=not no_control, **others)  # type: ignore[arg-type]
            try:
                emulator = Emulator(in_force, options, file=scenario, watch=watch)
            except EmulatorError as error:
                fail(str(error))
        keep_all()
        ca = f" ca={emulator.ca_file}" if emulator.ca_file else ""
        ready = f"ready {emulator.url} scenario={in_force.name} rules={len(in_force.rules)}{ca}"
        emulator.run(lambda: say(visible(ready)))
