"""Runs the WSGI application inside uvicorn's event loop, and does to the connection what an exchange asks for.

The application never blocks: it decides from memory and leaves in a ``Fate`` how long its answer waits and how the
connection fails. The bridge awaits the one and carries out the other, so that no client holds up another.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from typing_extensions import assert_never
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from emulator.core.replies import ConnectionFailure, ConnectionFault
from emulator.web.carrying import FATE, Fate
from emulator.web.visit import MAX_BODY

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

_TRANSPORT: Final = "emulator.transport"
_GARBAGE_LENGTH: Final = 512  # bytes
_TRICKLED_PIECES: Final = 20
_TRICKLED_OVER: Final = 10.0  # seconds, when the failure does not say
_DISCARD: Final = struct.pack("ii", 1, 0)  # SO_LINGER: drop what is unsent and reset


WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, whose requests also tell on which transport they came."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]


class Bridge:
    """The ASGI application around a WSGI application. ``max_delay`` bounds every wait, in seconds."""

    def __init__(self, wsgi: WSGIApplication, *, max_delay: float) -> None:
        self._wsgi = wsgi
        self._max_delay = max_delay

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answers one request."""
        body = await _body(receive)
        if body is None:
            return
        fate, answer = Fate(), _Answer()
        environ = _environ(scope, body)
        environ[FATE] = fate
        answer.body = b"".join(self._wsgi(environ, answer.start))
        if fate.delay:
            await asyncio.sleep(min(fate.delay, self._max_delay))
        if fate.failure is None:
            await answer.send(send, close=len(body) > MAX_BODY)
            return
        transport: asyncio.Transport = scope[_TRANSPORT]  # type: ignore[typeddict-item]
        await self._fail(fate.failure, answer, transport, receive)
        transport.close()
        await _gone(receive)

    async def _fail(
        self, failure: ConnectionFailure, answer: _Answer, transport: asyncio.Transport, receive: ASGIReceiveCallable
    ) -> None:
        match failure.fault:
            case ConnectionFault.RESET:
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
                transport.abort()
            case ConnectionFault.CLOSE:
                pass
            case ConnectionFault.TRUNCATE:
                transport.write(answer.head + answer.body[: len(answer.body) // 2])
            case ConnectionFault.GARBAGE:
                transport.write(os.urandom(_GARBAGE_LENGTH))
            case ConnectionFault.STALL:
                await _within(self._max_delay, _gone(receive))
            case ConnectionFault.TRICKLE:
                over = min(failure.over or _TRICKLED_OVER, self._max_delay)
                await _trickle(answer.head + answer.body, transport, over)
            case _ as never:
                assert_never(never)


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
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        headers = [("Date", formatdate(usegmt=True)), *self.headers, ("Connection", "close")]
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    async def send(self, send: ASGISendCallable, *, close: bool) -> None:
        """Sends it in the two messages of ASGI."""
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        if close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


async def _body(receive: ASGIReceiveCallable) -> bytes | None:
    """The whole body, or a little more than is accepted of it; None when the client left before it was all sent."""
    pieces = []
    length = 0
    while length <= MAX_BODY:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message["body"])
        length += len(message["body"])
        if not message["more_body"]:
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _gone(receive: ASGIReceiveCallable) -> None:
    """Returns once the connection is no more."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _within(seconds: float, waiting: Any) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except asyncio.TimeoutError:
        return


async def _trickle(data: bytes, transport: asyncio.Transport, over: float) -> None:
    """Writes data in a few pieces, evenly over a time in seconds."""
    size = -(-len(data) // _TRICKLED_PIECES)
    for start in range(0, len(data), size):
        if transport.is_closing():
            return
        transport.write(data[start : start + size])
        await asyncio.sleep(over / _TRICKLED_PIECES)


def _environ(scope: HTTPScope, body: bytes) -> dict[str, Any]:
    """The WSGI environment of a request."""
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
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = _key(name)
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    if "HTTP_TRANSFER_ENCODING" in environ:
        environ["wsgi.input_terminated"] = True
    return environ


_KEYS = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def _key(name: bytes) -> str:
    """The key of a header in the environment."""
    return _KEYS.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
