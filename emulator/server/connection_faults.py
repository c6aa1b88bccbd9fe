"""How a connection fails in place of a complete response: one branch for each ``ConnectionFault``."""

from __future__ import annotations

import os
from math import ceil
from typing import Final

from typing_extensions import assert_never

from emulator.delivery import NOTHING, WHOLE, ConnectionFault, Delivery
from emulator.server.transport import ClientTransport

_GARBAGE_LENGTH: Final = 512  # bytes
_MIN_PIECES: Final = 20  # of a trickled response
_MAX_PAUSE: Final = 0.25  # seconds between two of them


async def fail(
    transport: ClientTransport, delivery: Delivery, over: float, head: bytes, body: bytes, max_delay: float
) -> None:
    """Carry out the fault of a delivery in place of sending the response, report it, and close the connection.

    ``over`` is the duration of a trickle and ``max_delay`` that of a stall, both in seconds.
    """
    transport.is_finished = True
    match delivery.fault:
        case ConnectionFault.RESET:
            delivery.report(b"", NOTHING)
            transport.reset()
        case ConnectionFault.CLOSE:
            pass
        case ConnectionFault.TRUNCATE:
            data = head + body[: len(body) // 2]
            transport.write_now(await transport.write_all_but_end(data, f"cut after {len(data)} bytes", delivery))
        case ConnectionFault.GARBAGE:
            data = os.urandom(_GARBAGE_LENGTH)
            transport.write_now(await transport.write_all_but_end(data, f"{len(data)} bytes of garbage", delivery))
        case ConnectionFault.STALL:
            await transport.wait(max_delay, transport.eof, transport.stopping)
            if transport.eof.done():
                transport.client_left()
        case ConnectionFault.TRICKLE:
            await _trickle(transport, delivery, head + body, over)
        case None:
            raise ValueError("there is no fault to carry out")
        case _ as never:
            assert_never(never)
    transport.report_incomplete(b"", delivery)
    transport.close()


async def _trickle(transport: ClientTransport, delivery: Delivery, data: bytes, over: float) -> None:
    """Write data in small pieces, evenly over a duration in seconds; the rest at once when the server stops."""
    size = ceil(len(data) / max(_MIN_PIECES, over / _MAX_PAUSE))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    events = transport.closed, transport.stopping
    for number, piece in enumerate(pieces):
        if number and await transport.wait(over / (len(pieces) - 1), *events):
            transport.report_incomplete(data[: number * size], delivery)
            return
        if number == len(pieces) - 1:
            delivery.report(data, WHOLE)
        transport.write_now(piece)
