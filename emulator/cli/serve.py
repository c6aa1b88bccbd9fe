"""The command that serves a scenario."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import click

from emulator.cli.environment import CONTEXT, PREFIX, Command, PortOption, unknown_variables, used_variables
from emulator.cli.options import COUNT, FILE, Ports, Seconds, fail, text, token
from emulator.client.control_api import CONTROL_PATH
from emulator.core.contract import HOST, SERVICE_PATH
from emulator.errors import EmulatorError, Problem, ScenarioError
from emulator.escaping import visible
from emulator.logs import FORMATS, LEVELS, log_to_stderr
from emulator.process import (
    exit_on_signals,
    gc_paused,
    has_stdin,
    print_line,
    reopen_closed_streams,
    stop_with_stdin,
)
from emulator.scenario.files import DEFAULT_SCENARIO, default_scenario, log_remarks, shipped_scenarios
from emulator.scenario.loading import load
from emulator.scenario.suggestions import hint
from emulator.server import HttpLimits
from emulator.server.tls import Certificate, CertificateFiles, MadeCertificate

if TYPE_CHECKING:
    from emulator.emulator import Emulator, Options

_logger = logging.getLogger(__name__)

_LIMIT_OPTIONS: Final = {
    "request_line": ("max_request_line", "BYTES", "The maximum length of a request line; 414 beyond it."),
    "headers": ("max_headers", "COUNT", "The maximum number of headers; 400 beyond it."),
    "header_bytes": ("max_header_bytes", "BYTES", "The maximum size of all headers; 400 beyond it."),
    "body": ("max_body", "BYTES", "The maximum size of a body; ASP.NET's error page beyond it."),
    "read_ahead": (
        "max_read_ahead",
        "BYTES",
        "The maximum size of requests read ahead behind a delayed answer. [default: as --max-body]",
    ),
    "head_within": ("head_timeout", "SECONDS", "The time limit to send a head; 408 beyond it."),
    "body_within": ("body_timeout", "SECONDS", "The time limit to send a body (408 beyond it) or to read an answer."),
    "idle": ("idle_timeout", "SECONDS", "The time after which a connection without a request is closed."),
    "connections": ("max_connections", "COUNT", "The maximum number of open connections; the next one waits."),
}  # fmt: skip
"""The option for each field of ``HttpLimits``: the name of its parameter, its metavar and help."""


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``_LIMIT_OPTIONS``."""
    for field in reversed(fields(HttpLimits)):
        parameter, metavar, words = _LIMIT_OPTIONS[field.name]
        option = "--" + parameter.replace("_", "-")
        kind = Seconds(min=0, min_open=True) if metavar == "SECONDS" else click.IntRange(min=1)
        command = click.option(option, type=kind, default=field.default, metavar=metavar, help=words)(command)
    return command


def _certificate(
    tls: bool, names: tuple[str, ...], ca: Path | None, cert: Path | None, key: Path | None
) -> Certificate | None:
    """Return the certificate that the TLS options ask for; None without TLS."""
    if not cert and not key:
        if not tls and (names or ca):
            raise click.UsageError("--tls-name and --tls-ca require --tls")
        return MadeCertificate(names, ca) if tls else None
    if tls or names or ca:
        raise click.UsageError("--tls makes a certificate, --tls-cert and --tls-key name one: give one or the other")
    if not cert or not key:
        raise click.UsageError("--tls-cert and --tls-key require each other: give both")
    return CertificateFiles(cert, key)


def _web_address(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return a URL without the slash at its end."""
    text(context, option, value)
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter(f"{value!r} does not begin with http:// or https://")
    return value and value.rstrip("/")


@click.command(cls=Command, context_settings=CONTEXT)
@click.argument("scenario", type=FILE, default=DEFAULT_SCENARIO, required=False, envvar=f"{PREFIX}_SCENARIO")
@click.option(
    "--host",
    multiple=True,
    default=["127.0.0.1"],
    help="The address to listen on, * for all, or a name for all of its addresses; can be repeated.",
)
@click.option(
    "--port",
    cls=PortOption,
    type=Ports(),
    default=8085,
    help="The port to listen on; 0 is any free one, 8085-8095 the first free one of these.",
)
@click.option("--tls", is_flag=True, help="Serve over TLS, with a certificate and a CA that are made now.")
@click.option(
    "--tls-name",
    multiple=True,
    metavar="NAME",
    help=f"A host name of the certificate of --tls, instead of localhost and {HOST}; can be repeated.",
)
@click.option(
    "--tls-ca",
    type=FILE,
    metavar="FILE",
    help="Where --tls writes the CA certificate for clients. [default: a temporary file, in the ready line]",
)
@click.option("--tls-cert", type=FILE, metavar="FILE", help="Serve over TLS, with the certificate in this PEM file.")
@click.option("--tls-key", type=FILE, metavar="FILE", help="The key of --tls-cert, a PEM file without a passphrase.")
@click.option("--watch", is_flag=True, help="Reload SCENARIO when it changes; a wrong edit changes nothing.")
@click.option(
    "--public-url",
    metavar="URL",
    callback=_web_address,
    help="The address that clients use, for the WSDL behind a proxy.",
)
@click.option(
    "--max-delay",
    type=Seconds(min=0),
    default=300.0,
    help="The maximum delay of an answer, whatever the scenario says.",
)
@click.option(
    "--journal-size",
    type=COUNT,
    default=1000,
    metavar="ENTRIES",
    help="The maximum number of journal entries; the oldest are dropped.",
)
@click.option(
    "--journal-bytes",
    type=COUNT,
    default=16 * 1024 * 1024,
    metavar="BYTES",
    help="The maximum size of the messages in the journal; all spaces share sixteen times as much.",
)
@click.option("--space-idle", type=Seconds(min=1), default=1800.0, help="The time after which an unused space ends.")
@limit_options
@click.option("--log-format", type=click.Choice(FORMATS), default="text", help="The format of the log.")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    help="The least level that is logged: info has a line per call, debug one more when it arrives.",
)
@click.option("--show-auth-codes", is_flag=True, help="Show all auth codes in full, in the log and the control API.")
@click.option("--no-control", is_flag=True, help="Turn off the control API under /__admin and the X-Emulator headers.")
@click.option(
    "--control-token",
    callback=token,
    metavar="TOKEN",
    help="Required from clients of the control API as 'Authorization: Bearer TOKEN'. Required when --host is not a "
    "loopback address: the API is off there without it.",
)
@click.option("--exit-with-stdin", is_flag=True, help="End when standard input, such as a pipe, is closed.")
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    scenario: Path,
    watch: bool,
    log_format: str,
    log_level: str,
    no_control: bool,
    tls: bool,
    tls_name: tuple[str, ...],
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    exit_with_stdin: bool,
    **options: Any,
) -> None:
    """Serve SCENARIO, a file or the name of a shipped scenario, until Ctrl-C, SIGTERM or SIGHUP.

    Prints one line, beginning with "ready", on standard output once it can answer. The log goes to standard error.
    """
    if exit_with_stdin and not has_stdin():
        raise click.UsageError("--exit-with-stdin needs a standard input, such as a pipe: it is closed or /dev/null")
    certificate = _certificate(tls, tls_name, tls_ca, tls_cert, tls_key)
    limits = HttpLimits(**{field: options.pop(parameter) for field, (parameter, *_) in _LIMIT_OPTIONS.items()})
    reopen_closed_streams()
    log_to_stderr(log_format, log_level)
    with exit_on_signals():  # until it serves; then the server handles them
        if exit_with_stdin:
            stop_with_stdin()
        for warning in unknown_variables(cast(click.Group, ctx.find_root().command)):
            _logger.warning("%s", warning)
        with gc_paused():
            from emulator.emulator import Emulator, Options

            try:
                file = _find(scenario)
                loaded = default_scenario() if file == DEFAULT_SCENARIO else load(file)
                settings = Options(control=not no_control, certificate=certificate, limits=limits, **options)
                emulator = Emulator(loaded, settings, file=file, watch=watch)
            except EmulatorError as error:
                fail(f"{error}{used_variables(ctx)}")
        gc.freeze()  # later collections skip what exists now, and are faster
        ca = f" ca={emulator.ca_file}" if emulator.ca_file else ""
        ready = f"ready {emulator.url} scenario={loaded.name} rules={len(loaded.rules)}{ca}"
        _logger.info("%s", _about_control(emulator, settings))
        first, port = options["port"][0], urlsplit(emulator.url).port
        if port != first != 0:
            _logger.warning("port %d is taken, serving on %d", first, port)
        log_remarks(loaded)
        emulator.run(lambda: print_line(visible(ready)))


def _find(scenario: Path) -> Path:
    """Return the file of a scenario: the one of that name, or else of a shipped scenario."""
    shipped, name = shipped_scenarios(), str(scenario)
    if not scenario.is_file() and name in shipped:
        return shipped[name]
    if name == scenario.stem and not scenario.exists():
        raise ScenarioError([Problem(name, 0, 0, f"no such file or shipped scenario; {hint(name, tuple(shipped))}")])
    return scenario


def _about_control(emulator: Emulator, options: Options) -> str:
    """Return the address of the console, or why there is none and how to switch it on."""
    if not options.control:
        return "the control API and the console are off (--no-control)"
    if options.is_exposed and not options.control_token:
        return (
            "the control API and the console are off, since other machines can reach this server: --control-token "
            f"TOKEN, or {PREFIX}_CONTROL_TOKEN in the environment, switches them on"
        )
    return f"console: {emulator.url.removesuffix(SERVICE_PATH)}{CONTROL_PATH}/"
