"""The commands that ask a running service: one that calls it, one that waits for it, one that verifies what came."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import OpenerDirector, Request

import click

from emulator.cli.options import BINDING, COUNT, FAILED, FILE, INT32, TIMEOUT, Command, fail, tell, text, token
from emulator.cli.reaching import NO_ANSWER, address, reason_of, service_at, within
from emulator.client.control_api import opener, root_of
from emulator.core.call import Call
from emulator.core.contract import SERVICE_PATH, Binding, Result
from emulator.errors import EmulatorError, RemoteError

_FAULT: Final = 3
_NO_ANSWER: Final = 4
_PAUSE: Final = 0.05  # seconds between two looks
_LEAST: Final = 1.0  # seconds for a look, so that the last one tells more than that it was cut short

_URL = click.argument("url", callback=address)
_TOKEN = click.option(
    "--control-token",
    callback=token,
    metavar="TOKEN",
    help="The --control-token of the emulator, if it has one.",
)

_CACERT = click.option(
    "--cacert",
    type=FILE,
    metavar="FILE",
    help="The CA certificate to trust over TLS, as of serve --tls; left out, those of the system.",
)


@click.command(cls=Command)
@_URL
@click.option("--session", type=INT32, required=True, help="The session to start.")
@click.option("--node", type=INT32, required=True, help="The node that starts it.")
@click.option(
    "--auth-code", callback=text, help="The auth code; left out, none is sent, and over GET and POST an empty one."
)
@click.option("--binding", type=BINDING, default="soap11", show_default=True, help="How the call is sent.")
@click.option(
    "--timeout",
    type=TIMEOUT,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it waits for all of it.",
)
@_CACERT
def call(
    url: str, session: int, node: int, auth_code: str | None, binding: str, timeout: float, cacert: Path | None
) -> None:
    """Send one real call to the service at URL, any such service, and print the result.

    Exits with 0 for startSessionRet_OK, 1 for any other result, 3 for a fault, 4 for no answer.
    """
    from emulator.client.soap import fault_in, result_in

    service = service_at(url)
    sent = Call(session, node, auth_code, Binding(binding))
    try:
        asked = opener(service, cacert)
        status, body = within(timeout, lambda: _answer(asked, service, sent, timeout))
    except RemoteError as error:
        fail(str(error), _NO_ANSWER)
    except NO_ANSWER as error:
        fail(f"no answer from {service}: {reason_of(error)}", _NO_ANSWER)
    result = result_in(body) if status == 200 else None
    if result is None:
        fail(f"fault {status}: {fault_in(body, auth_code)}", _FAULT)
    click.echo(result.value)
    sys.exit(0 if result is Result.OK else FAILED)


@click.command(cls=Command)
@_URL
@click.option("--timeout", type=TIMEOUT, default=30.0, show_default=True, metavar="SECONDS", help="How long it waits.")
@_CACERT
def wait(url: str, timeout: float, cacert: Path | None) -> None:
    """Wait until the emulator at URL can answer.

    Exits with 0 once it can, with 1 if it cannot in time.
    """
    root = root_of(url)
    until = time.monotonic() + timeout
    while (trouble := _trouble(root, cacert, max(_LEAST, min(5.0, until - time.monotonic())))) is not None:
        if time.monotonic() >= until:
            fail(f"not ready after {timeout:g} s: {trouble}")
        time.sleep(_PAUSE)


@click.command(cls=Command)
@_URL
@click.option("--session", type=INT32, help="The session of the calls that are counted.")
@click.option("--node", type=INT32, help="Their node.")
@click.option("--auth-code", callback=text, help="Their auth code.")
@click.option("--binding", type=BINDING, help="How they came.")
@click.option("--times", type=COUNT, help="Exactly so many should have come.")
@click.option("--at-least", type=COUNT, help="So many or more; 1 when nothing is said.")
@click.option("--at-most", type=COUNT, help="So many or fewer.")
@click.option("--never", is_flag=True, help="None should have come.")
@_TOKEN
@_CACERT
def verify(url: str, control_token: str | None, cacert: Path | None, never: bool, **words: object) -> None:
    """Ask the journal of the emulator at URL whether calls came as often as they should.

    Exits with 0 if they did, with 1 if they did not, and then tells what came near; with 4 for no answer.
    """
    from emulator.client.remote import RemoteEmulator
    from emulator.fluent import asked_of

    given = {name: value for name, value in words.items() if value is not None} | ({"never": True} if never else {})
    try:
        verified, told = RemoteEmulator(url, token=control_token, ca_file=cacert).verification(asked_of(given))
    except RemoteError as error:
        fail(str(error), _NO_ANSWER)
    except EmulatorError as error:
        raise click.UsageError(str(error)) from None
    if not verified:
        fail(told)
    tell(told)


def _answer(asked: OpenerDirector, service: str, sent: Call, timeout: float) -> tuple[int, bytes]:
    """Status and body of the answer to a call."""
    from emulator.client.soap import written

    request = written(sent)
    calling = Request(service + request.path, request.body, request.headers, method=request.method)
    try:
        with asked.open(calling, timeout=timeout) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def _trouble(root: str, cacert: Path | None, timeout: float) -> str | None:
    """Why the emulator at a root cannot answer yet. One whose control API is off is asked for its WSDL."""
    trouble = None
    try:
        asked = opener(root, cacert)
    except RemoteError as error:  # it may be about to write the file
        return str(error)
    for path in ("/__admin/health", f"{SERVICE_PATH}?wsdl"):
        url = root + path
        try:
            status, detail = within(timeout, lambda url=url: _look(asked, url, timeout))  # type: ignore[misc]
        except NO_ANSWER as error:
            return f"no answer from {url}: {reason_of(error)}"
        if status < 300:
            return None
        trouble = f"{url} answers {status}{detail and f': {detail}'}"
        if status != 404:
            break
    return trouble


def _look(asked: OpenerDirector, url: str, timeout: float) -> tuple[int, str]:
    """Status of the answer to a look at a URL, and what a control API says in words that is wrong."""
    try:
        with asked.open(url, timeout=timeout) as answer:
            return answer.status, ""
    except HTTPError as error:
        with error:
            content = error.read()
        try:
            return error.code, str(json.loads(content)["detail"])
        except (ValueError, LookupError, TypeError):
            return error.code, ""
