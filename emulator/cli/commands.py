"""The commands beside ``serve``: those that need no server, and those for a running one."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

import click

from emulator.cli.environment import CONTEXT, Command
from emulator.cli.options import COUNT, FAILED, FILE, Seconds, fail, load_or_fail, text, token, write
from emulator.core.contract import INT32_MAX, INT32_MIN, SERVICE_PATH, Binding, Call, Result
from emulator.errors import EmulatorError, RemoteError, ScenarioError
from emulator.escaping import visible

_FAULT: Final = 3
_NO_ANSWER: Final = 4
_POLL_INTERVAL: Final = 0.05  # seconds
_MIN_TIMEOUT: Final = 1.0  # seconds for one poll, so that the last one says more than that time was up

_INT32: Final = click.IntRange(INT32_MIN, INT32_MAX)
_BINDING: Final = click.Choice([binding.value for binding in Binding])


def _check_url(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """Return a URL argument; a wrong one is a usage error."""
    from emulator.client.control_api import split_url

    try:
        split_url(value)
    except RemoteError as error:
        raise click.BadParameter(str(error)) from None
    return value


_URL = click.argument("url", callback=_check_url)
_TOKEN = click.option(
    "--control-token", callback=token, metavar="TOKEN", help="The --control-token of the emulator, if it has one."
)
_CACERT = click.option(
    "--cacert",
    type=FILE,
    metavar="FILE",
    help="The CA certificate to trust over TLS, such as that of serve --tls. [default: well-known CAs]",
)
_TIMEOUT = click.option(
    "--timeout", type=Seconds(min=0, max=24 * 60 * 60), default=30.0, help="The time limit in total."
)


@click.command(cls=Command, context_settings=CONTEXT)
def scenarios() -> None:
    """List the shipped scenarios, each with its description and its file; 'serve NAME' serves one."""
    from emulator.scenario.files import shipped_scenarios

    for name, file in shipped_scenarios().items():
        write(f"{name}: {load_or_fail(file).description}\n    {file}")


@click.command(cls=Command, context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
def check(files: tuple[Path, ...]) -> None:
    """Check scenario files.

    Prints every problem as file:line:column: message. Exits with 1 when there is any, else with 0. What is valid but
    rarely meant is printed with "remark:" before the message, and is no problem.
    """
    from emulator.scenario.loading import load

    failed = False
    for file in files:
        try:
            found = load(file).remarks
        except ScenarioError as error:
            failed = True
            found = error.problems
        for problem in found:
            write(visible(str(problem)))
    if failed:
        sys.exit(FAILED)


@click.command(cls=Command, context_settings=CONTEXT)
@click.argument("file", type=FILE)
@click.option("--session", type=_INT32, required=True, help="The session of the call.")
@click.option("--node", type=_INT32, required=True, help="The node of the call.")
@click.option("--auth-code", callback=text, help="The auth code of the call. [default: none]")
@click.option("--binding", type=_BINDING, default="soap11", help="How the call arrives.")
def explain(file: Path, session: int, node: int, auth_code: str | None, binding: str) -> None:
    """Explain what a call would get from the scenario FILE, and why.

    Names the rule that answers, why each rule before it did not, and the near misses if none does.
    """
    from emulator.core.engine import Engine

    call = Call(session, node, auth_code, Binding(binding))
    write(Engine(load_or_fail(file)).explain(call).text())


@click.command(cls=Command, context_settings=CONTEXT)
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from emulator.scenario.schema import schema as scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=2))


@click.command(cls=Command, context_settings=CONTEXT)
@click.option(
    "--address",
    metavar="URL",
    callback=text,
    default=f"http://127.0.0.1:8085{SERVICE_PATH}",
    help="The address of the service in the WSDL.",
)
def wsdl(address: str) -> None:
    """Print the WSDL of the service."""
    from emulator.wire.wsdl import wsdl as document

    click.echo(document(address), nl=False)


@click.command(cls=Command, context_settings=CONTEXT)
@_URL
@click.option("--session", type=_INT32, required=True, help="The session to start.")
@click.option("--node", type=_INT32, required=True, help="The node of the technician.")
@click.option(
    "--auth-code", callback=text, help="The auth code. Without it none is sent; over GET and POST, an empty one."
)
@click.option("--binding", type=_BINDING, default="soap11", help="How the call is sent.")
@_TIMEOUT
@_CACERT
def call(
    url: str, session: int, node: int, auth_code: str | None, binding: str, timeout: float, cacert: Path | None
) -> None:
    """Send one real call to the service at URL, any such service, and print the result.

    Exits with 0 for startSessionRet_OK, 1 for another result, 3 for a fault, 4 for no answer.
    """
    from emulator.client.control_api import send_within, service_url
    from emulator.client.soap import build_request, find_fault_text, find_result

    request = build_request(Call(session, node, auth_code, Binding(binding)))
    address = service_url(url) + request.path
    try:
        response = send_within(
            timeout, request.method, address, headers=request.headers, body=request.body, ca_file=cacert
        )
    except RemoteError as error:
        fail(str(error), _NO_ANSWER)
    result = find_result(response.content) if response.status_code == 200 else None
    if result is None:
        fail(f"fault {response.status_code}: {find_fault_text(response.content)}", _FAULT)
    click.echo(result.value)
    sys.exit(0 if result is Result.OK else FAILED)


@click.command(cls=Command, context_settings=CONTEXT)
@_URL
@_TIMEOUT
@_CACERT
def wait(url: str, timeout: float, cacert: Path | None) -> None:
    """Wait until the emulator at URL can answer, whatever else answers there before.

    Exits with 0 once it can, with 1 if it cannot within the time limit, and then prints why, or what answers there.
    """
    from emulator.client.control_api import root_url

    root = root_url(url)
    deadline = time.monotonic() + timeout
    while (problem := _problem(root, cacert, max(_MIN_TIMEOUT, min(5.0, deadline - time.monotonic())))) is not None:
        if time.monotonic() >= deadline:
            fail(f"not ready after {timeout:g} s: {problem}")
        time.sleep(_POLL_INTERVAL)


@click.command(cls=Command, context_settings=CONTEXT)
@_URL
@click.option("--session", type=_INT32, help="Count only calls for this session.")
@click.option("--node", type=_INT32, help="Count only calls with this node.")
@click.option("--auth-code", callback=text, help="Count only calls with this auth code.")
@click.option("--binding", type=_BINDING, help="Count only calls over this binding.")
@click.option("--times", type=COUNT, help="Expect exactly N calls.")
@click.option("--at-least", type=COUNT, help="Expect at least N calls. [default: 1]")
@click.option("--at-most", type=COUNT, help="Expect at most N calls.")
@click.option("--never", is_flag=True, help="Expect no call.")
@click.option(
    "--within",
    callback=text,
    metavar="TIME",
    help="Wait for the calls, such as 250ms or 2s, at most 60s; --never and --at-most watch the whole time.",
)
@_TOKEN
@_CACERT
def verify(url: str, control_token: str | None, cacert: Path | None, never: bool, **words: object) -> None:
    """Verify by the journal of the emulator at URL that calls came as often as expected.

    Exits with 0 if they did, with 1 and the near misses if they did not, with 4 for no answer.
    """
    from emulator.client.remote import RemoteEmulator
    from emulator.fluent import verification_data

    given = {name: value for name, value in words.items() if value is not None} | ({"never": True} if never else {})
    try:
        emulator = RemoteEmulator(url, token=control_token, ca_file=cacert)
        verified, explanation = emulator.verification(verification_data(given))
    except RemoteError as error:
        fail(str(error), _NO_ANSWER)
    except EmulatorError as error:
        raise click.UsageError(str(error)) from None
    if not verified:
        fail(explanation)
    write(explanation)


def _problem(root: str, cacert: Path | None, timeout: float) -> str | None:
    """Return why the emulator cannot answer yet, or what answers in its place; None once it can."""
    from emulator.client.control_api import ask_health

    try:
        health = ask_health(root, timeout, cacert)
    except RemoteError as error:
        return str(error)
    if health.status_code == 200:
        return None
    return f"{health.url} answers {health.status_code}: {health.json().get('detail')}"
