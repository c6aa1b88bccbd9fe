"""WSGI: the environ of a request, the response of the application, and thread pools for work that it defers.

The application is called in the event loop and must not block there: it hands slow work over with ``Delivery.defer``.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from emulator.delivery import DELIVERY, RECEIVED, Delivery, Received, WSGIApplication
from emulator.server.parser import ParsedRequest

Environ = dict[str, Any]

_WORK_THREADS: Final = 8
_WORK_QUEUE: Final = 256
_WAIT_THREADS: Final = 64


def connection_environ(transport: asyncio.BaseTransport) -> Environ:
    """Return what the environs of all requests on a connection have in common."""
    server, client = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": server[0] if server else "localhost",
        "SERVER_PORT": str(server[1] if server else 80),
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http" if transport.get_extra_info("sslcontext") is None else "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,  # deferred work
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def request_environ(request: ParsedRequest, common: Environ) -> Environ:
    """Return the environ of a request; ``common`` is that of its connection."""
    path, headers = request.path, request.headers
    environ = common | headers.environ
    environ["REQUEST_METHOD"] = request.method.decode("ascii")
    environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
    environ["QUERY_STRING"] = request.query.decode("latin-1")
    environ["SERVER_PROTOCOL"] = f"HTTP/{request.version}"
    if request.host is not None:
        environ["HTTP_HOST"] = request.host.decode("latin-1")
    if headers.is_chunked:
        environ["CONTENT_LENGTH"] = str(request.length)
    environ["wsgi.input"] = io.BytesIO(request.body)
    environ[RECEIVED] = Received(request.target.decode("utf-8", "backslashreplace"), headers.raw, request.body_limit)
    environ[DELIVERY] = Delivery()
    return environ


class WsgiResponse:
    """The response of a WSGI application."""

    __slots__ = ("_names", "body", "headers", "status")

    def __init__(self) -> None:
        self.status = "500 Internal Server Error"
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self._names: list[str] = []  # of the headers, in lower case

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], object]:
        self.status, self.headers = status, headers
        self._names = [name.lower() for name, _ in headers]
        return _write

    def head(self, date: str, connection: str) -> bytes:
        """Return the status line and headers as sent; the lines ``date`` and ``connection`` unless it has its own."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        if "date" in self._names:
            date = ""
        if "connection" in self._names:
            connection = ""
        return f"HTTP/1.1 {self.status}\r\n{lines}{date}{connection}\r\n".encode("latin-1")

    @property
    def closes(self) -> bool:
        """True if the response has the header ``Connection: close``."""
        if "connection" not in self._names:
            return False
        return any(name.lower() == "connection" and "close" in value.lower() for name, value in self.headers)


def _write(_data: bytes) -> None:  # PEP 3333 has it for old frameworks only
    raise NotImplementedError("return the body from the application instead of writing it")


def text_response(status: str, text: str, *headers: tuple[str, str]) -> WsgiResponse:
    response = WsgiResponse()
    response.body = text.encode()
    length = ("Content-Length", str(len(response.body)))
    response.start_response(status, [("Content-Type", "text/plain; charset=utf-8"), length, *headers])
    return response


def call_application(application: WSGIApplication, environ: Environ) -> WsgiResponse:
    response = WsgiResponse()
    chunks = application(environ, response.start_response)
    try:
        response.body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return response


class DeferredWork:
    """Two bounded thread pools: one for work, one for work that waits, so that neither kind starves the other.

    They belong to one event loop and are used from it only.
    """

    def __init__(self) -> None:
        self._capacity = {False: _WORK_THREADS + _WORK_QUEUE, True: _WAIT_THREADS}  # the key is Delivery.waits
        self._pending = {False: 0, True: 0}
        self._executors = {
            False: ThreadPoolExecutor(_WORK_THREADS, "rescue-emulator-work"),
            True: ThreadPoolExecutor(_WAIT_THREADS, "rescue-emulator-wait"),
        }

    async def run(self, delivery: Delivery, environ: Environ) -> WsgiResponse:
        """Run the deferred work and return its response, or a 503 if the pool is full."""
        work, waits = delivery.deferred, delivery.waits
        assert work is not None
        delivery.deferred = None  # it refers to the request, and that to the delivery: its body would stay in memory
        capacity = self._capacity[waits]
        if self._pending[waits] >= capacity:
            what = "are waiting for something" if waits else "are in progress or queued"
            text = f"Service Unavailable: {capacity} requests of this kind {what}, the maximum; try again later.\n"
            return text_response("503 Service Unavailable", text, ("Retry-After", "1"))
        self._pending[waits] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executors[waits], lambda: call_application(work(), environ))
        finally:
            self._pending[waits] -= 1

    def shutdown(self) -> None:
        """Drop queued work and wait for what is in progress, unless it waits for something itself."""
        self._executors[False].shutdown(cancel_futures=True)
        self._executors[True].shutdown(wait=not self._pending[True], cancel_futures=True)
