"""The commands for a running service: call it, wait for it, verify the calls that it received."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

import click

from emulator.cli.options import BINDING, COUNT, FAILED, FILE, INT32, TIMEOUT, Command, fail, text, token, url, write
from emulator.core.contract import SERVICE_PATH, Binding, Call, Result
from emulator.errors import EmulatorError, RemoteError

_FAULT: Final = 3
_NO_ANSWER: Final = 4
_POLL_INTERVAL: Final = 0.05  # seconds
_MIN_TIMEOUT: Final = 1.0  # seconds for one poll, so that the last one says more than that time was up

_URL = click.argument("url", callback=url)
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
    "--timeout", type=TIMEOUT, default=30.0, show_default=True, metavar="SECONDS", help="The time limit in total."
)


@click.command(cls=Command)
@_URL
@click.option("--session", type=INT32, required=True, help="The session to start.")
@click.option("--node", type=INT32, required=True, help="The node of the technician.")
@click.option(
    "--auth-code", callback=text, help="The auth code. Without it none is sent; over GET and POST, an empty one."
)
@click.option("--binding", type=BINDING, default="soap11", show_default=True, help="How the call is sent.")
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


@click.command(cls=Command)
@_URL
@_TIMEOUT
@_CACERT
def wait(url: str, timeout: float, cacert: Path | None) -> None:
    """Wait until the emulator at URL can answer.

    Exits with 0 once it can, with 1 if it cannot within the time limit.
    """
    from emulator.client.control_api import root_url

    root = root_url(url)
    deadline = time.monotonic() + timeout
    while (problem := _problem(root, cacert, max(_MIN_TIMEOUT, min(5.0, deadline - time.monotonic())))) is not None:
        if time.monotonic() >= deadline:
            fail(f"not ready after {timeout:g} s: {problem}")
        time.sleep(_POLL_INTERVAL)


@click.command(cls=Command)
@_URL
@click.option("--session", type=INT32, help="Count only calls for this session.")
@click.option("--node", type=INT32, help="Count only calls with this node.")
@click.option("--auth-code", callback=text, help="Count only calls with this auth code.")
@click.option("--binding", type=BINDING, help="Count only calls over this binding.")
@click.option("--times", type=COUNT, help="Expect exactly N calls.")
@click.option("--at-least", type=COUNT, help="Expect at least N calls. [default: 1]")
@click.option("--at-most", type=COUNT, help="Expect at most N calls.")
@click.option("--never", is_flag=True, help="Expect no call.")
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
    """Return why the emulator cannot answer yet. One without a control API is asked for its WSDL."""
    from emulator.client.control_api import CONTROL_PATH, send_within

    problem = None
    for path in (f"{CONTROL_PATH}/health", f"{SERVICE_PATH}?wsdl"):
        address = root + path
        try:
            response = send_within(timeout, "GET", address, ca_file=cacert)
        except RemoteError as error:
            return str(error)
        if response.status_code < 300:
            return None
        try:
            detail = f": {response.json()['detail']}"
        except (ValueError, LookupError, TypeError):
            detail = ""
        problem = f"{address} answers {response.status_code}{detail}"
        if response.status_code != 404:
            break
    return problem
