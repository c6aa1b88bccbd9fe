"""Accepts connections up to the limit, with a TLS handshake if needed, and checks their deadlines."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from typing import Any, Final

from emulator.process import close_in_forks
from emulator.server.protocol import HttpProtocol, ServerState
from emulator.server.tls_transport import TlsTransport
from emulator.server.wsgi import text_response

_MAX_ACCEPTS: Final = 64  # connections accepted before the open ones get their turn
_RETRY_AFTER: Final = 0.5  # seconds after an error of accept(), such as too many open files
_MAX_TICK: Final = 1.0  # seconds between two checks of the deadlines
_HANDSHAKE_TIMEOUT: Final = 10.0  # seconds for the first byte of a TLS handshake, and for the rest of it
_STOP_TIMEOUT: Final = 0.5  # seconds for responses in progress when the server stops
_UNTRUSTED: Final = {"TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_BAD_CERTIFICATE"}
_READ_SIZE: Final = 64 * 1024  # bytes
_PLAIN_HTTP: Final = text_response("400 Bad Request", "This port speaks TLS only: use https:// instead of http://.\n")

_logger = logging.getLogger(__name__)


class Acceptor:
    """Accepts the clients of listening sockets from ``start`` to ``close``.

    When the limit of connections is reached, one more client is accepted but not served, and ``ServerState.is_full``
    set; the system's backlog holds the others. With a ``context`` the clients have to speak TLS.
    """

    def __init__(
        self, listeners: Sequence[socket.socket], state: ServerState, context: ssl.SSLContext | None = None
    ) -> None:
        self._listeners = listeners
        self._state = state
        self._protocol = partial(HttpProtocol, state)
        self._context = context
        self._loop = state.loop
        self._connecting: dict[asyncio.Task[None], socket.socket] = {}
        self._count = 0  # of connections, established or connecting
        self._next: tuple[socket.socket, str] | None = None  # the client that waits for a connection to close
        self._retry: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        state.on_close = self._on_close

    def start(self) -> None:
        self._tick()
        for listener in self._listeners:
            listener.setblocking(False)
            close_in_forks(listener)
        self._resume()

    async def close(self) -> None:
        """Stop accepting, give responses in progress a moment, and close all connections."""
        for timer in (self._retry, self._timer):
            if timer is not None:
                timer.cancel()
        self._pause()
        for listener in self._listeners:
            listener.close()
        if self._next is not None:
            self._next[0].close()
            self._next = None
        connecting = dict(self._connecting)
        if self._context is not None:  # a handshake takes its time; else it is done in a few turns of the loop
            for task in connecting:
                task.cancel()  # never without TLS: uvloop would close a connection without telling its protocol
        await _wait(connecting)
        for task, client in connecting.items():
            if task.cancelled():  # before its first step, it closed nothing
                client.close()
        for _ in range(2):  # turns of the loop, in which requests that have arrived are read
            await asyncio.sleep(0)
        connections = self._state.connections
        for connection in [*connections]:
            connection.shutdown()
        await _wait([connection.transport.closed for connection in connections])
        for connection in [*connections]:
            connection.transport.abort()
        await _wait([connection.transport.closed for connection in connections])

    # Accepting

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_MAX_ACCEPTS):
            try:
                client, address = listener.accept()
            except (BlockingIOError, ConnectionError):
                return  # there is no client, or it has left already
            except OSError as error:
                _logger.warning("cannot accept a connection: %s", error.strerror)
                self._pause()
                self._retry = self._loop.call_later(_RETRY_AFTER, self._resume)
                return
            client.setblocking(False)
            close_in_forks(client)
            if self._count >= self._state.limits.connections:
                _logger.warning("%d connections are open, the maximum: the next client waits", self._count)
                self._next = client, address[0]
                self._state.is_full = True
                self._pause()
                return
            self._add(client, address[0])

    def _pause(self) -> None:
        for listener in self._listeners:
            self._loop.remove_reader(listener)

    def _resume(self) -> None:
        for listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _on_close(self) -> None:
        self._count -= 1
        if self._next is not None and self._count < self._state.limits.connections:
            client, address = self._next
            self._next = None
            self._state.is_full = False
            self._add(client, address)
            self._resume()

    def _add(self, client: socket.socket, address: str) -> None:
        self._count += 1
        task = self._loop.create_task(self._establish(client, address))
        self._connecting[task] = client
        task.add_done_callback(self._connecting.pop)

    async def _establish(self, client: socket.socket, address: str) -> None:
        is_connected = False
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                is_connected = await self._connect_tls(client, address, self._context)
            else:
                await self._loop.connect_accepted_socket(self._protocol, client)
                is_connected = True
        except OSError:
            client.close()  # the client has left
        finally:
            if not is_connected:
                self._on_close()

    async def _connect_tls(self, client: socket.socket, address: str, context: ssl.SSLContext) -> bool:
        """Connect a client if it speaks TLS; return False, and log why, if it does not."""
        speaks_tls = False
        try:
            speaks_tls = await asyncio.wait_for(_speaks_tls(client, address, self._state), _HANDSHAKE_TIMEOUT)
        except asyncio.TimeoutError:
            _logger.info("%s did not begin a TLS handshake within %g s", address, _HANDSHAKE_TIMEOUT)
        if not speaks_tls:
            client.close()
            return False
        tls = TlsTransport(context, self._protocol(), self._loop)
        await self._loop.connect_accepted_socket(lambda: tls, client)
        try:
            await asyncio.wait([tls.handshake], timeout=_HANDSHAKE_TIMEOUT)
            if tls.handshake.done():
                tls.handshake.result()
                return True
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            text = "it does not trust the certificate; give it the CA's" if error.reason in _UNTRUSTED else reason
            _logger.warning("TLS handshake with %s failed: %s", address, text)
            return False
        except OSError:
            pass
        finally:
            if tls.handshake.cancel():
                tls.abort()
        _logger.info("TLS handshake with %s failed: it left, or took longer than %g s", address, _HANDSHAKE_TIMEOUT)
        return False

    # Deadlines

    def _tick(self) -> None:
        """Set the Date header and time out connections whose deadline has passed."""
        limits = self._state.limits
        shortest = min(limits.head_within, limits.body_within, limits.idle)
        self._timer = self._loop.call_later(min(_MAX_TICK, shortest / 4), self._tick)  # first: what follows may fail
        self._state.date = f"Date: {formatdate(usegmt=True)}\r\n"
        now = self._loop.time()
        for connection in [connection for connection in self._state.connections if connection.deadline <= now]:
            try:
                connection.on_timeout()
            except Exception:
                _logger.exception("a time limit could not be enforced; the connection is closed")
                connection.deadline = math.inf
                with suppress(Exception):
                    connection.transport.abort()


async def _wait(awaited: Iterable[asyncio.Future[Any]]) -> None:
    if futures := [*awaited]:
        await asyncio.wait(futures, timeout=_STOP_TIMEOUT)


async def _speaks_tls(client: socket.socket, address: str, state: ServerState) -> bool:
    """Return True if the first byte may begin a TLS record; answer a client that speaks plain HTTP."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(client, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(client)
    first = client.recv(5, socket.MSG_PEEK)
    if not first[:1].isalpha():
        return first != b""
    _logger.warning("%s speaks plain HTTP to a TLS port: it has to use https://", address)
    body = b"" if first == b"HEAD " else _PLAIN_HTTP.body
    await loop.sock_sendall(client, _PLAIN_HTTP.head(state.date, "Connection: close\r\n") + body)
    client.shutdown(socket.SHUT_WR)
    while await loop.sock_recv(client, _READ_SIZE):  # closing with unread input would send RST and lose the response
        pass
    return False
