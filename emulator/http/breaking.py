"""How a connection fails in place of an answer, in each way that a scenario can ask for."""

from __future__ import annotations

import os
from math import ceil
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from emulator.core.replies import ConnectionFailure, ConnectionFault

if TYPE_CHECKING:
    from emulator.http.connection import Connection

_GARBAGE_LENGTH: Final = 512  # bytes
_FEWEST_PIECES: Final = 20  # of a trickled answer,
_LONGEST_PAUSE: Final = 0.25  # and seconds between two of them
_FLUSHED_WITHIN: Final = 30.0  # seconds that a client has for reading what was sent before the end


async def fail(connection: Connection, failure: ConnectionFailure, head: bytes, body: bytes, longest: float) -> None:
    """Fails in place of sending an answer; ``longest`` bounds its waits, in seconds. It is no more afterwards."""
    match failure.fault:
        case ConnectionFault.RESET:
            connection.reset()
        case ConnectionFault.CLOSE:
            pass
        case ConnectionFault.TRUNCATE:
            connection.transport.write(head + body[: len(body) // 2])
        case ConnectionFault.GARBAGE:
            connection.transport.write(os.urandom(_GARBAGE_LENGTH))
        case ConnectionFault.STALL:
            await connection.presence.silent_within(longest)
        case ConnectionFault.TRICKLE:
            await _trickle(connection, head + body, min(failure.over or longest, longest))
        case _ as never:
            assert_never(never)
    await _end(connection)


async def _trickle(connection: Connection, data: bytes, over: float) -> None:
    """Writes data a little at a time, evenly over a time in seconds."""
    size = ceil(len(data) / max(_FEWEST_PIECES, over / _LONGEST_PAUSE))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    for number, piece in enumerate(pieces):
        if number and await connection.presence.left_within(over / (len(pieces) - 1)):
            return
        connection.transport.write(piece)


async def _end(connection: Connection) -> None:
    """Closes in good order, or without order when the client does not read what was sent."""
    connection.transport.close()
    if not await connection.presence.lost_within(_FLUSHED_WITHIN):
        connection.transport.abort()
        await connection.presence.lost_within(None)
