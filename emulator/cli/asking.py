"""The commands that ask a running service: one that calls it, one that waits for it, one that verifies what came."""

from __future__ import annotations

import sys
import time
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request

import click

from emulator.cli.options import BINDING, COUNT, FAILED, INT32, SECONDS, Command, fail
from emulator.core.call import Call
from emulator.core.contract import SERVICE_PATH, Binding, Result
from emulator.errors import EmulatorError, RemoteError

_FAULT: Final = 3
_NO_ANSWER: Final = 4
_PAUSE: Final = 0.05  # seconds between two looks

_TOKEN = click.option("--control-token", metavar="TOKEN", help="The --control-token of the emulator, if it has one.")


@click.command(cls=Command)
@click.argument("url")
@click.option("--session", type=INT32, required=True, help="The session to start.")
@click.option("--node", type=INT32, required=True, help="The node that starts it.")
@click.option("--auth-code", help="The auth code; left out, none is sent, and over GET and POST an empty one.")
@click.option("--binding", type=BINDING, default="soap11", show_default=True, help="How the call is sent.")
@click.option("--timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS", help="How long it waits.")
def call(url: str, session: int, node: int, auth_code: str | None, binding: str, timeout: float) -> None:
    """Send one real call to the service at URL, any such service, and print the result.

    Exits with 0 for startSessionRet_OK, 1 for any other result, 3 for a fault, 4 for no answer.
    """
    from emulator.wire.client import fault_in, result_in

    try:
        status, body = _sent(_service(url), Call(session, node, auth_code, Binding(binding)), timeout)
    except EmulatorError as error:
        fail(str(error), _NO_ANSWER)
    result = result_in(body) if status == 200 else None
    if result is None:
        fail(f"fault {status}: {fault_in(body)}", _FAULT)
    click.echo(result.value)
    sys.exit(0 if result is Result.OK else FAILED)


@click.command(cls=Command)
@click.argument("url")
@click.option("--timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS", help="How long it waits.")
def wait(url: str, timeout: float) -> None:
    """Wait until the emulator at URL can answer.

    Exits with 0 once it can, with 1 if it cannot in time.
    """
    from emulator.remote import root_of

    try:
        root = root_of(url)
    except RemoteError as error:
        raise click.UsageError(str(error)) from None
    until = time.monotonic() + timeout
    while (trouble := _trouble(root, max(0.1, min(5.0, until - time.monotonic())))) is not None:
        if time.monotonic() >= until:
            fail(f"not ready after {timeout:g} s: {trouble}")
        time.sleep(_PAUSE)


@click.command(cls=Command)
@click.argument("url")
@click.option("--session", type=INT32, help="The session of the calls that are counted.")
@click.option("--node", type=INT32, help="Their node.")
@click.option("--auth-code", help="Their auth code.")
@click.option("--binding", type=BINDING, help="How they came.")
@click.option("--times", type=COUNT, help="Exactly so many should have come.")
@click.option("--at-least", type=COUNT, help="So many or more; 1 when nothing is said.")
@click.option("--at-most", type=COUNT, help="So many or fewer.")
@click.option("--never", is_flag=True, help="None should have come.")
@_TOKEN
def verify(url: str, control_token: str | None, never: bool, **words: object) -> None:
    """Ask the journal of the emulator at URL whether calls came as often as they should.

    Exits with 0 if they did, with 1 if they did not, and then tells what came near; with 4 for no answer.
    """
    from emulator.remote import RemoteEmulator
    from emulator.rescue import asked_of

    given = {name: value for name, value in words.items() if value is not None} | ({"never": True} if never else {})
    try:
        verified, text = RemoteEmulator(url, token=control_token).verification(asked_of(given))
    except RemoteError as error:
        fail(str(error), _NO_ANSWER)
    except EmulatorError as error:
        raise click.UsageError(str(error)) from None
    if not verified:
        fail(text)
    click.echo(text)


def _service(url: str) -> str:
    """The address of a service; that of the usual path when only a host is named."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"{url!r} is no address: it has to begin with http:// or https:// and a host")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or SERVICE_PATH, "", ""))


def _sent(service: str, sent: Call, timeout: float) -> tuple[int, bytes]:
    """Status and body of the answer to a call."""
    from emulator.remote import opener
    from emulator.wire.client import written

    request = written(sent)
    asked = Request(service + request.path, request.body, request.headers, method=request.method)
    try:
        with opener(service).open(asked, timeout=timeout) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise RemoteError(f"no answer from {service}: {reason or type(error).__name__}") from error


def _trouble(root: str, timeout: float) -> str | None:
    """Why the emulator at a root cannot answer yet. One whose control API is off is asked for its WSDL."""
    from emulator.remote import opener

    reason: object = "it does not answer"
    for path in ("/__admin/health", f"{SERVICE_PATH}?wsdl"):
        try:
            with opener(root).open(f"{root}{path}", timeout=timeout):
                return None
        except HTTPError as error:
            with error:
                reason = f"{root}{path} answers {error.code}"
            if error.code != 404:
                return str(reason)
        except (OSError, HTTPException) as error:
            return str(error.reason if isinstance(error, URLError) else error)
    return str(reason)
