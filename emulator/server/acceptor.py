"""Takes in whoever comes to a listening socket, as many at a time as may be, and looks after their time."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from email.utils import formatdate
from typing import Final

from emulator.server.limits import HttpLimits
from emulator.server.protocol import Connection
from emulator.server.transport import Outbox

_AT_A_TIME: Final = 64  # connections taken in before those that are open have their turn
_AFTER_TROUBLE: Final = 0.5  # seconds before the next connection when one could not be had, as without a free file
_TICK: Final = 1.0  # seconds, at most, between two looks at the clock
_GRACE: Final = 0.5  # seconds that answers under way are given when the server stops

_logger = logging.getLogger(__name__)

TakeIn = Callable[[socket.socket, str, Callable[[], Connection]], Awaitable[bool]]
"""Makes a connection of a socket and its client's address, and says whether that client is served."""


class Clients:
    """The clients of a server in a loop that runs, from ``begin`` to ``end``.

    ``date`` is the line of a head that tells it. Of those that are too many the first is taken in to wait, and
    ``are_too_many`` says so; the system keeps the others.
    """

    def __init__(
        self,
        listening: socket.socket,
        limits: HttpLimits,
        take_in: TakeIn,
        connection: Callable[[Clients], Connection],
    ) -> None:
        self.limits = limits
        self.date = ""
        self._listening = listening
        self._take_in = take_in
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self.outbox = Outbox(self._loop)
        self._connections: set[Connection] = set()
        self._arriving: dict[asyncio.Task[None], socket.socket] = {}
        self._inside = 0  # of those that arrive or have a connection
        self._next: tuple[socket.socket, str] | None = None
        self._trouble: asyncio.TimerHandle | None = None
        self._clock: asyncio.TimerHandle | None = None

    @property
    def are_too_many(self) -> bool:
        """Whether somebody waits until somebody leaves."""
        return self._next is not None

    def begin(self) -> None:
        """Takes clients in from now on."""
        self._tick()
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening, self._accept)

    async def end(self) -> None:
        """Takes nobody more in, lets the answers under way go out for a moment, and ends what is left."""
        for timer in (self._trouble, self._clock):
            if timer is not None:
                timer.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        arriving = dict(self._arriving)
        for task in arriving:
            task.cancel()
        await _done(arriving)
        for client in arriving.values():  # some tasks may have had no turn
            client.close()
        if self._next is not None:
            self._next[0].close()
        for _ in range(2):  # turns of the loop, in which what has come by now is read
            await asyncio.sleep(0)
        for connection in [*self._connections]:
            connection.shutdown()
        await _done([each.presence.lost for each in self._connections])
        for connection in [*self._connections]:
            connection.channel.abort()
        await _done([each.presence.lost for each in self._connections])

    def enter(self, connection: Connection) -> None:
        """A connection is open."""
        self._connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """A connection is no more."""
        self._connections.discard(connection)
        self._inside -= 1
        self._take_next()

    def _accept(self) -> None:
        for _ in range(_AT_A_TIME):
            try:
                client, address = self._listening.accept()
            except (BlockingIOError, ConnectionError):
                return  # nobody is there, or it has left already
            except OSError as error:
                _logger.warning("cannot take a connection in: %s", error.strerror)
                self._loop.remove_reader(self._listening)
                self._trouble = self._loop.call_later(_AFTER_TROUBLE, self._accept_again)
                return
            client.setblocking(False)
            if self._are_many():
                _logger.warning("%d connections are open, as many as may be: the next one waits", self._inside)
                self._next = client, address[0]
                self._loop.remove_reader(self._listening)
                return
            self._let_in(client, address[0])

    def _accept_again(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _are_many(self) -> bool:
        return self._inside >= self.limits.connections

    def _take_next(self) -> None:
        if self._next is not None and not self._are_many():
            client, who = self._next
            self._next = None
            self._let_in(client, who)
            self._accept_again()

    def _let_in(self, client: socket.socket, who: str) -> None:
        self._inside += 1
        task = self._loop.create_task(self._taken_in(client, who))
        self._arriving[task] = client
        task.add_done_callback(self._arrived)

    async def _taken_in(self, client: socket.socket, who: str) -> None:
        is_served = False
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_served = await self._take_in(client, who, lambda: self._connection(self))
        except OSError:
            client.close()  # it has left
        finally:
            if not is_served:
                self._inside -= 1

    def _arrived(self, task: asyncio.Task[None]) -> None:
        del self._arriving[task]
        self._take_next()

    def _tick(self) -> None:
        self.date = f"Date: {formatdate(usegmt=True)}\r\n"
        now = self._loop.time()
        for connection in [each for each in self._connections if each.due <= now]:
            connection.overdue()
        limits = self.limits
        shortest = min(limits.head_within, limits.body_within, limits.idle)
        self._clock = self._loop.call_later(min(_TICK, shortest / 4), self._tick)


async def _done(awaited: Iterable[asyncio.Future[None]] | Iterable[asyncio.Task[None]]) -> None:
    if futures := [*awaited]:
        await asyncio.wait(futures, timeout=_GRACE)


async def over_plain_http(client: socket.socket, _who: str, connection: Callable[[], Connection]) -> bool:
    """Takes a client in as it is."""
    await asyncio.get_running_loop().connect_accepted_socket(connection, client)
    return True


_DISTRUST: Final = {"TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_BAD_CERTIFICATE"}
_PIECE: Final = 64 * 1024  # bytes, of what is read to be dropped

_BY_TLS: Final = b"This port speaks TLS alone: ask with https:// in place of http://.\n"
_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%b" % (len(_BY_TLS), _BY_TLS)
)


class Handshakes:
    """Takes clients in over TLS; ``within`` bounds the time for the first byte, and then for the rest, in seconds."""

    def __init__(self, context: ssl.SSLContext, within: float) -> None:
        self._context = context
        self._within = within

    async def take_in(self, client: socket.socket, who: str, connection: Callable[[], asyncio.Protocol]) -> bool:
        """Shakes hands with a client that speaks TLS; whether that is done."""
        speaks_tls = False
        try:
            speaks_tls = await asyncio.wait_for(_speaks_tls(client, who), self._within)
        except asyncio.TimeoutError:
            _logger.info("%s did not say all in %g s", who, self._within)
        finally:
            if not speaks_tls:
                client.close()
        return speaks_tls and await self._shake_hands(client, who, connection)

    async def _shake_hands(self, client: socket.socket, who: str, connection: Callable[[], asyncio.Protocol]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                connection, client, ssl=self._context, ssl_handshake_timeout=self._within
            )
        except ssl.SSLError as error:
            _logger.warning("no TLS with %s: %s", who, _tls_reason(error))
        except OSError:
            _logger.info("no TLS with %s: it left, or did not say all in %g s", who, self._within)
        else:
            return True
        return False


async def _speaks_tls(client: socket.socket, who: str) -> bool:
    """Whether a client seems to, by its first byte; one that begins with a word, as HTTP does, is told to."""
    first = await _first_byte(client)
    if not first.isalpha():
        return first != b""
    _logger.warning("%s speaks plain HTTP to a port for TLS: it has to ask with https://", who)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, _ANSWER)
    client.shutdown(socket.SHUT_WR)
    while await loop.sock_recv(client, _PIECE):  # what is not read when it ends would take the answer back
        pass
    return False


async def _first_byte(client: socket.socket) -> bytes:
    """The first byte, which stays to be read; none of a client that leaves without one."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(client, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(client)
    return client.recv(1, socket.MSG_PEEK)


def _tls_reason(error: ssl.SSLError) -> str:
    """Why there was no handshake, for a person."""
    if error.reason in _DISTRUST:
        return "it does not trust the certificate; give it the CA's"
    return (error.reason or str(error)).replace("_", " ").lower()
