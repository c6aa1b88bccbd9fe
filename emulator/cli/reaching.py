"""How a command reaches an address: what may be one, an answer in time or none, and why there was none."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, TypeVar
from urllib.error import URLError
from urllib.parse import SplitResult, urlsplit, urlunsplit

import click

from emulator.client.control_api import tls_trouble
from emulator.core.contract import SERVICE_PATH

_A_ROOT: Final = re.compile(r"(/spaces/[^/]+)?/?")
_WRITTEN: Final = re.compile(r"[!-~]+")  # what may stand in a URL: visible ASCII

_Answer = TypeVar("_Answer")


def address(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """A URL as an argument; what can be none is wrong usage."""
    parts = _parts(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{value!r} is no address: it has to begin like http://host or https://host:port")
    if parts.username is not None:
        raise click.BadParameter("a user name and a password in an address are not sent; leave them out")
    if not _WRITTEN.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no address: write spaces and the like in it as %20")
    return value


def service_at(url: str) -> str:
    """The address of the service that a URL leads to: its own, without a query, or the usual one under a root."""
    parts = urlsplit(url)
    at = parts.path.lower().find(SERVICE_PATH.lower())
    if at >= 0:
        path = parts.path[: at + len(SERVICE_PATH)]
    else:
        path = parts.path.rstrip("/") + (SERVICE_PATH if _A_ROOT.fullmatch(parts.path) else "")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def within(seconds: float, ask: Callable[[], _Answer]) -> _Answer:
    """What asking gives; TimeoutError when that takes longer, as where each byte of an answer comes in time alone."""
    outcome: SimpleQueue[_Answer | Exception] = SimpleQueue()

    def asking() -> None:
        try:
            outcome.put(ask())
        except Exception as error:  # whatever it is, it is raised where the answer is waited for
            outcome.put(error)

    Thread(target=asking, daemon=True).start()
    try:
        given = outcome.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(given, Exception):
        raise given
    return given


NO_ANSWER: Final = (OSError, HTTPException, ValueError)
"""What is raised when there is no answer: ValueError for names of hosts that cannot be looked up."""


def reason_of(error: Exception) -> str:
    """Why there was no answer, for a person; nothing of what was sent is in it."""
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    match reason:
        case TimeoutError():
            return "nothing, or not all, came in time"
        case RemoteDisconnected():
            return "the connection was closed before any answer"
        case IncompleteRead():
            return f"the answer broke off after {len(reason.partial)} bytes"
        case HTTPException():
            return "what came is not HTTP"
        case ssl.SSLError():
            return tls_trouble(reason)
        case OSError():
            return reason.strerror or str(reason) or type(reason).__name__
        case _:
            return str(reason)


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL; None when it cannot be taken apart, or names no host or port that could be."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        return None
    return parts
