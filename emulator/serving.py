"""A WSGI application on a port: in a thread of its own, or in the foreground until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, cast

import uvicorn

from emulator.bridge import Bridge, WSGIApplication
from emulator.connection import Connection
from emulator.errors import StartError
from emulator.handshakes import Handshakes
from emulator.listening import allow_many_connections, bound, joined
from emulator.signals import ended_by_signals
from emulator.tls import Certificate, Identity, identity

_KEEP_ALIVE: Final = 15  # seconds that an idle connection is kept
_GRACE: Final = 0.5  # seconds that answers under way are given when the server stops
_TICK: Final = 1.0  # seconds between two looks at the clock, for the Date header
_HANDSHAKE: Final = 10.0  # seconds that a client has for saying something, and for the handshake after that


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
        handshake_within: float = _HANDSHAKE,
    ) -> None:
        self._socket = bound(host, port)
        self._identity = None if certificate is None else self._known_by(certificate)
        context = None if self._identity is None else self._identity.context
        bridge = Bridge(application, max_delay=max_delay, takes_long=takes_long)
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


class _Server(uvicorn.Server):
    """uvicorn's server, started with a socket and stopped at once by an event instead of a look at a flag.

    With a ``context`` it speaks TLS; ``handshake_within`` bounds the two parts of a handshake, in seconds.
    """

    def __init__(self, app: Any, context: ssl.SSLContext | None, handshake_within: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE,
            )
        )
        self._context = context
        self._handshake_within = handshake_within
        self._handshakes: list[Handshakes] = []
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def serve_on(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Serves on a bound socket until ``stop``; the socket is closed then. ``ready`` is called once it serves."""
        self._ready = ready
        self.run([listening])

    def stop(self) -> None:
        """Ends the serving; from any thread, and from a signal handler."""
        self.should_exit = True
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves without taking over the process's signals."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets if self._context is None else [])
        if self._context is not None:
            self._speak_tls(sockets or [], self._context)
        await self.on_tick(0)
        self._ready()

    def _speak_tls(self, sockets: list[socket.socket], context: ssl.SSLContext) -> None:
        def protocol() -> Connection:
            return Connection(self.config, self.server_state, {})

        self._handshakes = [Handshakes(each, context, protocol, self._handshake_within) for each in sockets]
        for handshakes in self._handshakes:
            handshakes.begin()

    async def main_loop(self) -> None:
        """Waits for ``stop``, and keeps the Date header right meanwhile."""
        assert self._stopping is not None
        while not self.should_exit:
            try:
                await asyncio.wait_for(self._stopping.wait(), _TICK)
            except asyncio.TimeoutError:
                await self.on_tick(0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes no more connections, lets the answers under way go out for a moment, and ends what is left."""
        for server in self.servers:
            server.close()
        for handshakes in self._handshakes:
            await handshakes.end()
        for listening in sockets or []:
            listening.close()
        for _ in range(2):  # turns of the loop, in which what has come by now is read
            await asyncio.sleep(0)
        for connection in self._connections():
            connection.shutdown()
        await _ended(connection.lost for connection in self._connections())
        for connection in self._connections():
            connection.transport.abort()
        await _ended([*self.server_state.tasks, *(connection.lost for connection in self._connections())])

    def _connections(self) -> set[Connection]:
        return cast("set[Connection]", self.server_state.connections.copy())


async def _ended(waiting: Iterable[asyncio.Future[None]]) -> None:
    if futures := [*waiting]:
        await asyncio.wait(futures, timeout=_GRACE)
