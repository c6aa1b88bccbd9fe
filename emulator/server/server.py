"""A WSGI application on a port: in a thread of its own, or in the foreground until a signal ends it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from emulator.errors import StartError
from emulator.network import joined
from emulator.process import ended_by_signals
from emulator.server.acceptor import Clients, Handshakes, over_plain_http
from emulator.server.limits import HttpLimits
from emulator.server.protocol import Connection
from emulator.server.tls import Certificate, Identity, identity
from emulator.server.wsgi import Bridge, WSGIApplication

_HANDSHAKE_TIMEOUT: Final = 10.0  # seconds that a client has for saying something, and for the handshake after that


class Serving:
    """A WSGI application on a port that is bound at once; StartError when it cannot be had. Port 0 takes a free one.

    With a ``certificate`` it is served over TLS alone, and ``ca`` is the file of the CA that clients are to trust, if
    it was made here. ``origin`` is how it is reached from this machine: ``http://127.0.0.1:8085``.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str,
        port: int,
        max_delay: float,
        takes_long: Callable[[str], bool] = lambda _path: False,
        certificate: Certificate | None = None,
        limits: HttpLimits | None = None,
        handshake_within: float = _HANDSHAKE_TIMEOUT,
    ) -> None:
        self._socket = bound(host, port)
        self._identity = None if certificate is None else self._known_by(certificate)
        context = None if self._identity is None else self._identity.context
        bridge = Bridge(application, limits=limits or HttpLimits(), max_delay=max_delay, takes_long=takes_long)
        self._server = _Server(bridge, context, handshake_within)
        self._thread: threading.Thread | None = None
        self.origin = f"{'https' if context else 'http'}://{joined(*self._socket.getsockname()[:2])}"
        self.ca = None if self._identity is None else self._identity.ca

    def _known_by(self, certificate: Certificate) -> Identity:
        try:
            return identity(certificate, self._socket.getsockname()[0])
        except StartError:
            self._socket.close()
            raise

    def start(self) -> None:
        """Serves in a thread of its own; returns once the first request can be answered."""
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, args=(started,), name="rescue-emulator", daemon=True)
        self._thread.start()
        started.result()

    def _serve(self, started: Future[None]) -> None:
        try:
            self._server.serve_on(self._socket, lambda: started.set_result(None))
        except Exception as error:
            self._socket.close()
            if started.done():
                raise
            started.set_exception(StartError(f"cannot begin to serve: {error}"))

    def stop(self) -> None:
        """Ends the thread; returns once the port is free."""
        self._end()
        if self._thread is None:
            self._socket.close()
        else:
            self._thread.join()

    def _end(self) -> None:
        if self._identity is not None:
            self._identity.forget()
        self._server.stop()

    def run(self, ready: Callable[[], None]) -> None:
        """Serves in this thread, which is the main one, until SIGTERM or Ctrl-C; a second signal ends it at once.

        ``ready`` is called when the first request can be answered. The process is this server's own: it may hold as
        many connections as the system allows, since an answer that waits holds one.
        """
        allow_many_connections()
        with ended_by_signals(self._end):
            self._server.serve_on(self._socket, ready)


class _Server:
    """Serves in an event loop of its own; over TLS with a ``context``."""

    def __init__(self, bridge: Bridge, context: ssl.SSLContext | None, handshake_within: float) -> None:
        self._bridge = bridge
        self._take_in = over_plain_http if context is None else Handshakes(context, handshake_within).take_in
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_to_stop = False

    def serve_on(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Serves on a bound socket until ``stop``; the socket is closed then. ``ready`` is called once it serves."""
        loop = new_event_loop()
        try:
            loop.run_until_complete(self._serve(listening, ready))
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def _serve(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        clients = Clients(listening, self._bridge.limits, self._take_in, self._connection)
        clients.begin()
        try:
            ready()
            if not self._is_to_stop:
                await self._stopping.wait()
        finally:
            await clients.end()

    def _connection(self, clients: Clients) -> Connection:
        assert self._loop is not None
        return Connection(self._bridge, clients, self._loop)

    def stop(self) -> None:
        """Ends the serving; from any thread, and from a signal handler."""
        self._is_to_stop = True
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop that there is here; one that can watch any socket."""
    try:
        from uvloop import new_event_loop
    except ImportError:  # there is none for Windows and PyPy
        return asyncio.SelectorEventLoop()
    loop: asyncio.AbstractEventLoop = new_event_loop()
    return loop


_BACKLOG: Final = 2048


def bound(host: str, port: int) -> socket.socket:
    """A bound socket, or a StartError that says why there is none."""
    listening = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address[0], port, *address[2:]))  # the number as given: the look-up would cut it to 16 bits
        listening.listen(_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        if listening is not None:
            listening.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StartError(f"cannot listen on {joined(host, port)}: {why}") from error
    return listening


def allow_many_connections() -> None:
    """Raises the process's own limit of open files to the one that the system sets it."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # some systems name a limit that they do not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
