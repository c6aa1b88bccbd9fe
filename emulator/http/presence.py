"""Whether a client is there, sends, and is served: what an answer that waits has to know meanwhile."""

from __future__ import annotations

import asyncio

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
