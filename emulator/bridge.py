"""Runs the WSGI application inside uvicorn's event loop, and lets each answer go the way that its exchange asks for.

The application never blocks: it decides from memory and leaves in a ``Fate`` how long its answer waits and how the
connection fails. The bridge awaits the one and carries out the other, so that no client holds up another. What may take
long all the same, such as reading a large scenario, runs in a thread beside the loop.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from emulator.breaking import CONNECTION, Connection
from emulator.web.carrying import FATE, Fate
from emulator.web.visit import BODY, HEADERS, MAX_BODY, TARGET

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

__all__ = ["Bridge", "Connection", "WSGIApplication"]

_DRAINED: Final = 16 * MAX_BODY
"""How much of a body that is too long is read and dropped, in bytes: most clients read once all is sent, not before."""

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

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answers one request, unless its client leaves."""
        environ, fate, answer = _environ(scope), Fate(), _Answer()
        unwanted = int(environ.get("CONTENT_LENGTH", 0)) > MAX_BODY and "HTTP_EXPECT" in environ
        body = b"" if unwanted else await _body(receive)
        if body is None:
            return
        environ["wsgi.input"] = io.BytesIO(body)
        if len(body) <= MAX_BODY and not unwanted:
            environ[BODY] = body
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            environ["CONTENT_LENGTH"] = str(len(body))
        environ[FATE] = fate
        if self._takes_long(environ["PATH_INFO"]):
            answer.body = b"".join(await asyncio.to_thread(self._wsgi, environ, answer.start))
        else:
            answer.body = b"".join(self._wsgi(environ, answer.start))
        connection: Connection = scope[CONNECTION]  # type: ignore[typeddict-item]
        if fate.delay and await connection.lost_within(min(fate.delay, self._max_delay)):
            return
        if fate.failure is None:
            await answer.send(send, close=unwanted or len(body) > MAX_BODY)
        else:
            await connection.fail(fate.failure, answer.head, answer.body, self._max_delay)


class _Answer:
    """What the WSGI application answered."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    def start(self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        """WSGI's ``start_response``; the application does not use the ``write`` that this returns."""
        self.status, self.headers = int(status[:3]), headers
        return io.BytesIO().write

    @property
    def head(self) -> bytes:
        """The answer's head as it goes through the socket, when its connection is about to end."""
        headers = [("date", formatdate(usegmt=True)), *self.headers, ("connection", "close")]
        status = f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, '')}"
        return "\r\n".join([status, *(f"{name.lower()}: {value}" for name, value in headers), "", ""]).encode("latin-1")

    async def send(self, send: ASGISendCallable, *, close: bool) -> None:
        """Sends it in the two messages of ASGI."""
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        if close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


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


def _key(name: bytes) -> str:
    """The key of a header in the environment."""
    return _KEYS.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
