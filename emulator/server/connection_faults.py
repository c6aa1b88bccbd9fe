"""How a connection fails in place of an answer, in each way that a scenario can ask for."""

from __future__ import annotations

import os
from math import ceil
from typing import Final

from typing_extensions import assert_never

from emulator.core.replies import ConnectionFailure
from emulator.delivery import ConnectionFault
from emulator.server.transport import Channel

_GARBAGE_LENGTH: Final = 512  # bytes
_FEWEST_PIECES: Final = 20  # of a trickled answer,
_LONGEST_PAUSE: Final = 0.25  # and seconds between two of them
_FLUSHED_WITHIN: Final = 30.0  # seconds that a client has for reading what was sent before the end


async def fail(channel: Channel, failure: ConnectionFailure, head: bytes, body: bytes, longest: float) -> None:
    """Fails in place of sending an answer; ``longest`` bounds its waits, in seconds. It is no more afterwards."""
    channel.is_over = True
    match failure.fault:
        case ConnectionFault.RESET:
            channel.reset()
        case ConnectionFault.CLOSE:
            pass
        case ConnectionFault.TRUNCATE:
            channel.say(head + body[: len(body) // 2])
        case ConnectionFault.GARBAGE:
            channel.say(os.urandom(_GARBAGE_LENGTH))
        case ConnectionFault.STALL:
            await channel.presence.silent_within(longest)
        case ConnectionFault.TRICKLE:
            await _trickle(channel, head + body, min(failure.over or longest, longest))
        case _ as never:
            assert_never(never)
    await _end(channel)


async def _trickle(channel: Channel, data: bytes, over: float) -> None:
    """Writes data a little at a time, evenly over a time in seconds."""
    size = ceil(len(data) / max(_FEWEST_PIECES, over / _LONGEST_PAUSE))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    for number, piece in enumerate(pieces):
        if number and await channel.presence.left_within(over / (len(pieces) - 1)):
            return
        channel.say(piece)


async def _end(channel: Channel) -> None:
    """Closes in good order, or without order when the client does not read what was sent."""
    channel.close()
    if not await channel.presence.lost_within(_FLUSHED_WITHIN):
        channel.abort()
        await channel.presence.lost_within(None)
