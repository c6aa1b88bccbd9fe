"""The sending side of a connection: writes in order, half-closes, closes or resets, and events to wait for."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from contextlib import suppress
from time import perf_counter
from typing import Any, Final

from emulator.delivery import NOTHING, Delivery

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ

MAX_HELD: Final = 32  # responses at which the outbox is flushed: the first one waits while the others are made
MAX_PIECE: Final = 64 * 1024  # bytes of a response that are written before the operating system has taken all before
_MAX_HELD_SIZE: Final = 4096  # bytes of a response
DIRECT_WRITES: Final = 64  # responses written directly after a turn of the loop in which only one was held
_LINGER_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER with a timeout of 0: close() drops unsent data, sends RST

_logger = logging.getLogger(__name__)


class Outbox:
    """Holds the responses of one event loop until the end of its turn, then writes them together.

    Waking a client costs the system about as much as all the rest of a write: with 8 connections holding gave a fifth
    more requests per second, with 32 two fifths. A single client is served as before.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: list[tuple[asyncio.Transport, bytes]] = []
        self._direct = 0  # responses to write directly before holding is tried again

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write data now or at the end of this turn; flush before writing to the transport in any other way."""
        if self._direct:
            self._direct -= 1
            transport.write(data)
            return
        if not self._held:
            self._loop.call_soon(self._end_turn)
        self._held.append((transport, data))
        if len(self._held) >= MAX_HELD:
            self.flush()

    def flush(self) -> None:
        held, self._held = self._held, []
        for transport, data in held:
            if not transport.is_closing():
                try:
                    transport.write(data)
                except Exception:
                    _logger.exception("a response could not be written; its connection is closed")
                    transport.abort()

    def _end_turn(self) -> None:
        if len(self._held) == 1:  # a single client gains nothing from holding
            self._direct = DIRECT_WRITES
        self.flush()


class ClientTransport:
    """The sending side of one client's connection.

    ``closed``, ``eof`` (the client ended its sending) and ``stopping`` (the server stops) are futures that are done
    once that has happened. ``is_finished`` is True once the last response is written: later input is ignored.
    ``is_sending`` is True while a long one is being written. ``writable`` is set unless the write buffer is above its
    high-water mark. ``left_at`` is when the client left, in the seconds of ``perf_counter``; None if it did not, or if
    the server ended the connection. ``is_reading_paused`` is True from ``pause_reading`` to ``resume_reading``.
    """

    def __init__(self, transport: asyncio.Transport, outbox: Outbox, loop: asyncio.AbstractEventLoop) -> None:
        self.closed: asyncio.Future[None] = loop.create_future()
        self.eof: asyncio.Future[None] = loop.create_future()
        self.stopping: asyncio.Future[None] = loop.create_future()
        self.writable = asyncio.Event()
        self.writable.set()
        self.is_finished = self.is_sending = False
        self.left_at: float | None = None
        self._is_ended = False  # by the server
        self.is_reading_paused = False
        self._transport = transport
        self._outbox = outbox

    # Writing

    def write(self, data: bytes) -> None:
        if len(data) > _MAX_HELD_SIZE:  # is_drained would not see it
            self.write_now(data)
        else:
            self._outbox.write(self._transport, data)

    def write_now(self, data: bytes) -> None:
        """Write data behind all that was written before."""
        self._outbox.flush()
        self._transport.write(data)

    async def write_all_but_end(self, data: bytes, what: str, delivery: Delivery) -> bytes:
        """Write a response except for its last piece, report it as ``what``, and return that piece.

        Where the response is reported, each piece is written once the operating system has taken all before it. If the
        connection ends first, what was taken is reported, and nothing returned.
        """
        if delivery.on_delivered is None:
            return data
        start = taken = 0
        self.is_sending = True
        while await self._drain():
            if len(data) - start <= MAX_PIECE:
                self.is_sending = False
                delivery.report(data, what)
                return data[start:]
            self.write_now(data[start : start + MAX_PIECE])
            start += MAX_PIECE
            taken = max(0, start - self._transport.get_write_buffer_size())  # over TLS a little less than was taken
        self.report_incomplete(data[:taken], delivery)
        return b""

    def report_incomplete(self, sent: bytes, delivery: Delivery) -> None:
        """Report a response of which no more was sent, unless it has been reported."""
        if self.is_closing and not self._is_ended:
            self.client_left()
        if self.left_at is not None:
            what = f"client left after {round(self.left_at - delivery.received_at, 3):g} s"
        else:
            what = f"cut after {len(sent)} bytes" if sent else NOTHING
        delivery.report(sent, what)

    async def _drain(self) -> bool:
        """Wait until the operating system has taken all that was written; return False if the connection ends first."""
        self._outbox.flush()
        if not self.is_drained:
            self._transport.set_write_buffer_limits(high=1, low=0)
            await self.writable.wait()
            if not self.closed.done():
                self._transport.set_write_buffer_limits()
        return not self.is_closing

    @property
    def is_drained(self) -> bool:
        """True if the operating system has taken all that was written, except for what the outbox holds."""
        return not self._transport.get_write_buffer_size()

    @property
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    # Flow control

    @property
    def is_write_blocked(self) -> bool:
        """True while the client has to read on: above the high-water mark, or behind the last response."""
        return not self.writable.is_set() or (self.is_finished and self.unsent > 0)

    @property
    def unsent(self) -> int:
        """The bytes that the client has not received: in the write buffer and, on Linux, in that of the system."""
        return self._transport.get_write_buffer_size() + _unsent_by_system(self._transport.get_extra_info("socket"))

    def pause_reading(self) -> None:
        self._transport.pause_reading()
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        if self.is_reading_paused:
            self.is_reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # Events

    async def wait(self, timeout: float | None, *events: asyncio.Future[None]) -> bool:
        """Wait for the first of the events, at most ``timeout`` seconds; return True if the connection is closed."""
        await asyncio.wait(events, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return self.closed.done()

    def eof_received(self) -> bool:
        """Note that the client ended its sending; return True if it can still receive a response."""
        self._outbox.flush()  # uvloop delivers data and EOF in one turn when the data filled its read buffer
        set_once(self.eof)
        return not self.is_finished

    def connection_lost(self) -> None:
        if not self._is_ended:
            self.client_left()
        self.is_finished = True
        self._transport.close()  # asyncio of Python 3.10 warns of an unclosed transport otherwise
        set_once(self.eof)
        set_once(self.closed)
        self.writable.set()

    def client_left(self) -> None:
        if self.left_at is None:
            self.left_at = perf_counter()

    # Closing

    def close(self) -> None:
        """Close the connection once all data is sent."""
        self.is_finished = self._is_ended = True
        self._outbox.flush()
        self._transport.close()

    def half_close(self) -> None:
        """End the sending but go on reading: closing with unread input would send RST and lose the response.

        RFC 9112, 9.6: "First, the server performs a half-close by closing only the write side".
        """
        if self._transport.can_write_eof() and not self.eof.done():
            self.is_finished = self._is_ended = True
            self._outbox.flush()
            self._transport.write_eof()
            self.resume_reading()
        else:
            self.close()

    def abort(self) -> None:
        """Close at once and drop unsent data."""
        self._is_ended = True
        self._transport.abort()

    def reset(self) -> None:
        """Close at once with a TCP reset."""
        self._is_ended = True
        connection = self._transport.get_extra_info("socket")
        if connection is not None:  # it is open
            with suppress(OSError):  # the client has left
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._transport.abort()


def _unsent_by_system(connection: Any) -> int:
    """Return the bytes in a socket's send buffer; 0 where the system does not tell.

    A client that reads slowly makes room in it for a long time before any more is written to it: 2.5 MB on loopback.
    """
    if sys.platform != "linux" or connection is None:
        return 0
    with suppress(OSError, ValueError):  # it is closed
        return int.from_bytes(ioctl(connection.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0


def set_once(event: asyncio.Future[None]) -> None:
    if not event.done():
        event.set_result(None)
