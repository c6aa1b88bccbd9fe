"""Takes connections in over TLS: who speaks plain HTTP is told so, and who says nothing is dropped after a while.

The event loop would do the handshakes by itself, but without a word of those that fail.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Final

_AFTER_TROUBLE: Final = 0.5  # seconds before the next connection when one could not be had, as without a free file
_DISTRUST: Final = {"TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_BAD_CERTIFICATE"}
_PIECE: Final = 64 * 1024  # bytes, of what is read to be dropped

_BY_TLS: Final = b"This port speaks TLS alone: ask with https:// in place of http://.\n"
_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%b" % (len(_BY_TLS), _BY_TLS)
)

_logger = logging.getLogger(__name__)


class Handshakes:
    """Takes in whoever comes to a listening socket, from ``begin`` to ``end``.

    ``protocol`` makes what talks on a connection. ``within`` bounds the time for the first byte, and then for the rest
    of the handshake, in seconds.
    """

    def __init__(
        self, listening: socket.socket, context: ssl.SSLContext, protocol: Callable[[], asyncio.Protocol], within: float
    ) -> None:
        self._listening = listening
        self._context = context
        self._protocol = protocol
        self._within = within
        self._waiting: set[socket.socket] = set()  # those that have not said yet what they speak
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Begins, in the loop that runs."""
        self._listening.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    async def end(self) -> None:
        """Takes nobody more in, and breaks off the handshakes under way."""
        asyncio.get_running_loop().remove_reader(self._listening)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for client in self._waiting:  # some tasks may have had no turn
            client.close()

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            client, address = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return  # it has left already
        except OSError as error:
            _logger.warning("cannot take a connection in: %s", error.strerror)
            loop.remove_reader(self._listening)
            self._do(self._begin_later())
            return
        client.setblocking(False)
        self._waiting.add(client)
        self._do(self._take_in(client, address[0]))

    async def _begin_later(self) -> None:
        await asyncio.sleep(_AFTER_TROUBLE)
        self.begin()

    def _do(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_in(self, client: socket.socket, who: str) -> None:
        speaks_tls = False
        try:
            speaks_tls = await asyncio.wait_for(_speaks_tls(client, who), self._within)
        except asyncio.TimeoutError:
            _logger.info("%s did not say all in %g s", who, self._within)
        except OSError:
            pass  # it has left
        finally:
            self._waiting.discard(client)
            if not speaks_tls:
                client.close()
        if speaks_tls:
            await self._shake_hands(client, who)

    async def _shake_hands(self, client: socket.socket, who: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._protocol, client, ssl=self._context, ssl_handshake_timeout=self._within
            )
        except ssl.SSLError as error:
            _logger.warning("no TLS with %s: %s", who, _words(error))
        except OSError:
            _logger.info("no TLS with %s: it left, or did not say all in %g s", who, self._within)


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


def _words(error: ssl.SSLError) -> str:
    """Why there was no handshake, for a person."""
    if error.reason in _DISTRUST:
        return "it does not trust the certificate; give it the CA's"
    return (error.reason or str(error)).replace("_", " ").lower()
