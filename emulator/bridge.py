"""Runs the WSGI application inside uvicorn's event loop, and lets each answer go the way that its exchange asks for.

The application never blocks: it decides from memory and leaves in a ``Fate`` how long its answer waits and how the
connection fails. The bridge awaits the one and carries out the other, so that no client holds up another. What may take
long all the same, such as reading a large scenario or a long body, runs in a thread beside the loop; an answer that
neither waits nor fails is sent by the connection itself, in the same turn of the loop in which its request was read.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from emulator.breaking import fail
from emulator.connection import CONNECTION, Connection
from emulator.core.replies import ConnectionFailure
from emulator.web.carrying import FATE, Fate
from emulator.web.visit import BODY, HEADERS, MAX_BODY, TARGET

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

__all__ = ["Bridge", "Connection", "WSGIApplication"]

_DRAINED: Final = 16 * MAX_BODY
"""How much of a body that is too long is read and dropped, in bytes: most clients read once all is sent, not before."""

_LONG: Final = 64 * 1024
"""How many bytes of a body make it one for the thread beside the loop."""

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Bridge:
    """The ASGI application around a WSGI application.

    ``max_delay`` bounds every wait, in seconds. ``takes_long`` tells of a path whether others could not wait for it.
    """

    def __init__(
        self, wsgi: WSGIApplication, *, max_delay: float, takes_long: Callable[[str], bool] = lambda _path: False
    ) -> None:
        self._wsgi = wsgi
        self._max_delay = max_delay
        self._takes_long = takes_long

    def takes_long(self, scope: HTTPScope) -> bool:
        """Whether a request is for a thread beside the loop."""
        return self._takes_long(scope["path"])

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answers one request, unless its client leaves before it was all sent."""
        body = b"" if _is_unwanted(scope) else await _body(receive)
        if body is None:
            return
        if self.takes_long(scope) or len(body) > _LONG:
            decided = await asyncio.to_thread(self.decide, scope, body)
        else:
            decided = self.decide(scope, body)
        await decided.carry_out(scope, receive, send)

    def decide(self, scope: HTTPScope, body: bytes) -> Decided:
        """What a request with its whole body gets."""
        environ, fate, answer = _environ(scope), Fate(), Answer()
        environ["wsgi.input"] = io.BytesIO(body)
        unwanted = _is_unwanted(scope)
        if len(body) <= MAX_BODY and not unwanted:
            environ[BODY] = body
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            environ["CONTENT_LENGTH"] = str(len(body))
        environ[FATE] = fate
        answer.body = b"".join(self._wsgi(environ, answer.start))
        if unwanted or len(body) > MAX_BODY:
            answer.headers.append(("connection", "close"))
        return Decided(answer, min(fate.delay, self._max_delay), fate.failure, self._max_delay)


def _is_unwanted(scope: HTTPScope) -> bool:
    """Whether a body that its client offers is too long to be sent at all."""
    found = {name: value for name, value in scope["headers"] if name in (b"expect", b"content-length")}
    return b"expect" in found and int(found.get(b"content-length", 0)) > MAX_BODY


class Answer:
    """What the WSGI application answered."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    def start(self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        """WSGI's ``start_response``; the application does not use the ``write`` that this returns."""
        self.status, self.headers = int(status[:3]), headers
        return io.BytesIO().write

    def head(self, *more: bytes) -> bytes:
        """The answer's head as it goes through the socket, with ``more`` lines of headers before its own."""
        lines = [f"{name.lower()}: {value}\r\n".encode("latin-1") for name, value in self.headers]
        status = b"HTTP/1.1 %d %b\r\n" % (self.status, _PHRASES.get(self.status, b""))
        return b"".join([status, *more, *lines, b"\r\n"])

    @property
    def closes(self) -> bool:
        """Whether its connection ends with it."""
        return any(name.lower() == "connection" and "close" in value.lower() for name, value in self.headers)


@dataclass(slots=True)
class Decided:
    """An answer, the seconds that it waits, and how its connection fails; ``longest`` bounds what a failure waits."""

    answer: Answer
    delay: float
    failure: ConnectionFailure | None
    longest: float

    @property
    def at_once(self) -> bool:
        """Whether the answer goes out as it is."""
        return not self.delay and self.failure is None

    async def carry_out(self, scope: HTTPScope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Waits, unless the client leaves, and lets the answer go out or the connection fail."""
        connection: Connection = scope[CONNECTION]  # type: ignore[typeddict-item]
        if connection.transport.is_closing() or (self.delay and await connection.left_within(self.delay)):
            return
        answer = self.answer
        if self.failure is not None:
            head = answer.head(b"date: %b\r\n" % formatdate(usegmt=True).encode(), b"connection: close\r\n")
            await fail(connection, self.failure, head, answer.body, self.longest)
            return
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})


_PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus}


async def _body(receive: ASGIReceiveCallable) -> bytes | None:
    """The whole body, or a little more than is accepted of it; None when the client left before it was all sent."""
    pieces = []
    length = 0
    while length <= _DRAINED:
        message = await receive()
        if message["type"] != "http.request":
            return None
        if length <= MAX_BODY:
            pieces.append(message["body"])
        length += len(message["body"])
        if not message["more_body"]:
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _environ(scope: HTTPScope) -> dict[str, Any]:
    """The WSGI environment of a request, without its body."""
    server = scope["server"] or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        TARGET: _target(scope),
        HEADERS: scope["headers"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = _key(name)
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def _target(scope: HTTPScope) -> str:
    """Path and query as they were sent."""
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


_KEYS = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """The key of a header in the environment."""
    return _KEYS.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
