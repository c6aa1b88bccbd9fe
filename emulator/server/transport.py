"""The way back to one client: what is sent goes out in order, and it ends well, or as a failure wants it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

Event = asyncio.Future[None]


class Presence:
    """What has happened to a connection so far, as events that can be awaited.

    ``lost``: it is no more. ``silent``: its client sends no more. ``stopping``: the server stops.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lost: Event = loop.create_future()
        self.silent: Event = loop.create_future()
        self.stopping: Event = loop.create_future()

    async def lost_within(self, seconds: float | None) -> bool:
        """Waits, and returns early with True once the connection is no more. None waits for that alone."""
        return await _done_within(seconds, self.lost)

    async def left_within(self, seconds: float) -> bool:
        """Waits as an answer does: as ``lost_within``, but no longer than until the server stops."""
        return await _done_within(seconds, self.lost, self.stopping)

    async def silent_within(self, seconds: float) -> bool:
        """Waits, and returns early with True once the client sends no more; no longer than until the server stops."""
        return await _done_within(seconds, self.silent, self.stopping)


async def _done_within(seconds: float | None, *awaited: Event) -> bool:
    """Whether the first of what is awaited is done after a time, or once any of it is."""
    await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return awaited[0].done()


def happened(event: Event) -> None:
    """Lets an event have happened, if it has not yet."""
    if not event.done():
        event.set_result(None)


MOST_HELD: Final = 32
"""How many answers are held at most: the first of them waits for the others to be made."""

SENT_AT_ONCE: Final = 64
"""How many answers go out at once after one that was held for nothing, before it is tried again."""


class Outbox:
    """What the connections of a loop have still to send."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: list[tuple[asyncio.Transport, bytes]] = []
        self._at_once = 0  # answers yet to be sent so

    def send(self, transport: asyncio.Transport, data: bytes) -> None:
        """Sends data now or at the end of this turn of the loop; who sends by other ways in it flushes before."""
        if self._at_once:
            self._at_once -= 1
            transport.write(data)
            return
        if not self._held:
            self._loop.call_soon(self._end_of_turn)
        self._held.append((transport, data))
        if len(self._held) >= MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Sends all that is held."""
        held, self._held = self._held, []
        for transport, data in held:
            if not transport.is_closing():
                transport.write(data)

    def _end_of_turn(self) -> None:
        if len(self._held) == 1:
            self._at_once = SENT_AT_ONCE
        self.flush()


_DISCARD: Final = struct.pack("ii", 1, 0)  # SO_LINGER: drop what is unsent and reset


class Channel:
    """The sending side of a connection; ``presence`` tells whether its client is there.

    It ``is_over`` once all is said: what still comes is not read. ``writable`` is there while the client reads nothing,
    and done once it does.
    """

    def __init__(self, transport: asyncio.Transport, presence: Presence, outbox: Outbox) -> None:
        self.presence = presence
        self.is_over = False
        self.writable: asyncio.Future[None] | None = None
        self._transport = transport
        self._outbox = outbox
        self._is_secure = transport.get_extra_info("sslcontext") is not None
        self._is_paused = False

    # What goes out.

    def send(self, data: bytes) -> None:
        """Sends data, now or with what others get in this turn of the loop.

        Over TLS it is now: there the client's end may come in the same turn, and takes with it what is not sent.
        """
        if self._is_secure:
            self._transport.write(data)
        else:
            self._outbox.send(self._transport, data)

    def say(self, data: bytes) -> None:
        """Sends data now, behind what was sent before."""
        self._outbox.flush()
        self._transport.write(data)

    @property
    def is_unread(self) -> bool:
        """Whether it is up to the client, who does not read, that nothing goes on."""
        transport = self._transport
        return self.writable is not None or (transport.is_closing() and bool(transport.get_write_buffer_size()))

    def pause_writing(self) -> None:
        """The client reads nothing just now."""
        if self.writable is None:
            self.writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The client has read."""
        if self.writable is not None:
            happened(self.writable)
            self.writable = None

    # What comes in.

    def pause_reading(self) -> None:
        """Takes nothing more from the client for now."""
        self._transport.pause_reading()
        self._is_paused = True

    def read_on(self) -> None:
        """Takes what comes again."""
        if self._is_paused:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def sends_no_more(self) -> bool:
        """The client sends no more. Whether an answer can reach it still."""
        self._outbox.flush()  # uvloop reads on to the end in one turn when it has filled its buffer
        happened(self.presence.silent)
        return not self.is_over and not self._is_secure

    # Its end.

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport.is_closing()

    def close(self) -> None:
        """All is said, and sent before it ends."""
        self.is_over = True
        self._outbox.flush()
        self._transport.close()
        if self.presence.stopping.done():
            self._leave_tls()

    def end(self) -> None:
        """All is said, but who is still sending may read it first: the system takes back what it says at an end."""
        if self._transport.can_write_eof() and not self.presence.silent.done():
            self.is_over = True
            self._outbox.flush()
            self._transport.write_eof()
            self.read_on()
        else:
            self.close()

    def abort(self) -> None:
        """Ends it at once, whatever is unsent."""
        self._transport.abort()

    def reset(self) -> None:
        """Ends it at once with a reset."""
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
        self._transport.abort()

    def lost(self) -> None:
        """It is no more."""
        self.is_over = True
        self._transport.close()  # lest asyncio of Python 3.10 warns that nobody closed it
        happened(self.presence.silent)
        happened(self.presence.lost)
        self.resume_writing()

    def _leave_tls(self) -> None:
        """Waits for no goodbye of a client to which all is said; over TLS it would be waited for."""
        if self._is_secure:
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        if not self.presence.lost.done() and not self._transport.get_write_buffer_size():
            self._transport.abort()
