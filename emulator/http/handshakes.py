"""Takes clients in over TLS: who speaks plain HTTP is told so, and who says nothing is dropped after a while.

The event loop would do the handshakes by itself, but without a word of those that fail.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

_DISTRUST: Final = {"TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_BAD_CERTIFICATE"}
_PIECE: Final = 64 * 1024  # bytes, of what is read to be dropped

_BY_TLS: Final = b"This port speaks TLS alone: ask with https:// in place of http://.\n"
_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%b" % (len(_BY_TLS), _BY_TLS)
)

_logger = logging.getLogger(__name__)


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
            _logger.warning("no TLS with %s: %s", who, _words(error))
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


def _words(error: ssl.SSLError) -> str:
    """Why there was no handshake, for a person."""
    if error.reason in _DISTRUST:
        return "it does not trust the certificate; give it the CA's"
    return (error.reason or str(error)).replace("_", " ").lower()
