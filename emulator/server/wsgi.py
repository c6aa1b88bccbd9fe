"""WSGI: the environ of a request, the response of the application, and thread pools for work that it defers.

The application is called in the event loop and must not block there: it hands slow work over with ``Delivery.defer``.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from emulator.delivery import DELIVERY, RECEIVED, Delivery, Received, WSGIApplication
from emulator.server.parser import ParsedRequest

Environ = dict[str, Any]

_WORK_THREADS: Final = 8
_WORK_QUEUE: Final = 256
_WAIT_THREADS: Final = 64
_STOP_TIMEOUT: Final = 0.5  # seconds for work in progress when the server stops

_logger = logging.getLogger(__name__)


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
    environ[DELIVERY] = Delivery(request.received_at, request.began)
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


class _ThreadPool:
    """Threads that are started as needed, and end with the process: those of ThreadPoolExecutor hold up its exit."""

    def __init__(self, name: str, size: int, capacity: int) -> None:
        self.capacity = capacity
        self.pending = 0  # work in progress or queued
        self._name = name
        self._size = size
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[tuple[Future[WsgiResponse], Callable[[], WsgiResponse]] | None] = SimpleQueue()

    async def run(self, work: Callable[[], WsgiResponse]) -> WsgiResponse:
        """Return what the work returns; there has to be capacity for it."""
        self.pending += 1
        try:
            future: Future[WsgiResponse] = Future()
            self._queue.put((future, work))
            if len(self._threads) < min(self._size, self.pending):
                self._threads.append(threading.Thread(target=self._work, name=self._name, daemon=True))
                self._threads[-1].start()
            return await asyncio.wrap_future(future)
        finally:
            self.pending -= 1

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, work = item
            if future.set_running_or_notify_cancel():
                try:
                    result = work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del item, future, work  # they hold the request while this thread waits

    def shutdown(self, timeout: float) -> None:
        """Drop queued work, and wait for the threads."""
        with suppress(Empty):
            while item := self._queue.get_nowait():
                item[0].cancel()
        for _ in self._threads:
            self._queue.put(None)
        until = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))


class DeferredWork:
    """Two bounded thread pools: one for work, one for work that waits, so that neither kind starves the other.

    They belong to one event loop and are used from it only.
    """

    def __init__(self) -> None:
        self._working = _ThreadPool("rescue-emulator-work", _WORK_THREADS, _WORK_THREADS + _WORK_QUEUE)
        self._waiting = _ThreadPool("rescue-emulator-wait", _WAIT_THREADS, _WAIT_THREADS)

    async def run(self, delivery: Delivery, environ: Environ, *ends: asyncio.Future[None]) -> WsgiResponse:
        """Run the deferred work, and what it defers in turn; return its response, or a 503 if the pool is full.

        The work is cancelled once one of the futures is done.
        """
        while (work := delivery.deferred) is not None:
            pool, cancel = self._waiting if delivery.waits else self._working, delivery.cancel
            # They refer to the request, and that to the delivery: its body would stay in memory.
            delivery.deferred = delivery.cancel = None
            running = asyncio.ensure_future(self._run(pool, work, environ))
            if cancel is not None:
                awaited: list[asyncio.Future[Any]] = [running, *ends]
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    cancel()
            response = await running
        return response

    async def _run(self, pool: _ThreadPool, work: Callable[[], WSGIApplication], environ: Environ) -> WsgiResponse:
        if pool.pending >= pool.capacity:
            what = "are waiting for something" if pool is self._waiting else "are in progress or queued"
            text = f"Service Unavailable: {pool.capacity} requests of this kind {what}, the maximum; try again later.\n"
            return text_response("503 Service Unavailable", text, ("Retry-After", "1"))
        return await pool.run(lambda: call_application(work(), environ))

    def shutdown(self) -> None:
        """Drop queued work and wait a moment for what is in progress, unless it waits for something itself."""
        self._working.shutdown(_STOP_TIMEOUT)
        self._waiting.shutdown(0.0 if self._waiting.pending else _STOP_TIMEOUT)
        if self._working.pending:
            _logger.warning("stopped while %d requests were still being handled in threads", self._working.pending)
