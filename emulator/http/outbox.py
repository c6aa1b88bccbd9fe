"""Answers on their way out: each at once while few clients ask, those of one turn of the loop together once many do.

A client that waits has to be woken for its answer, which costs the system more than carrying it. Clients in one process
that are answered together are woken once.
"""

from __future__ import annotations

import asyncio
from typing import Final

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
