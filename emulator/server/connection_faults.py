"""How a connection fails in place of a complete response: one branch for each ``ConnectionFault``."""

from __future__ import annotations

import os
from math import ceil
from typing import Final

from typing_extensions import assert_never

from emulator.delivery import ConnectionFault
from emulator.server.transport import ClientTransport

_GARBAGE_LENGTH: Final = 512  # bytes
_MIN_PIECES: Final = 20  # of a trickled response
_MAX_PAUSE: Final = 0.25  # seconds between two of them


async def fail(
    transport: ClientTransport, fault: ConnectionFault, over: float, head: bytes, body: bytes, max_delay: float
) -> None:
    """Carry out a fault in place of sending the response, and close the connection.

    ``over`` is the duration of a trickle and ``max_delay`` that of a stall, both in seconds.
    """
    transport.is_finished = True
    match fault:
        case ConnectionFault.RESET:
            transport.reset()
        case ConnectionFault.CLOSE:
            pass
        case ConnectionFault.TRUNCATE:
            transport.write_now(head + body[: len(body) // 2])
        case ConnectionFault.GARBAGE:
            transport.write_now(os.urandom(_GARBAGE_LENGTH))
        case ConnectionFault.STALL:
            await transport.wait(max_delay, transport.eof, transport.stopping)
        case ConnectionFault.TRICKLE:
            await _trickle(transport, head + body, over)
        case _ as never:
            assert_never(never)
    transport.close()


async def _trickle(transport: ClientTransport, data: bytes, over: float) -> None:
    """Write data in small pieces, evenly over a duration in seconds; the rest at once when the server stops."""
    size = ceil(len(data) / max(_MIN_PIECES, over / _MAX_PAUSE))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    events = transport.closed, transport.stopping
    for number, piece in enumerate(pieces):
        if number and await transport.wait(over / (len(pieces) - 1), *events):
            return
        transport.write_now(piece)
