"""One client's connection: its requests are answered in their order, and none of them waits for another connection.

An answer that neither waits nor fails is sent in the same turn of the loop in which its request was read; any other
has a task, which knows while it waits whether the client left.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, Final

from emulator.server.connection_faults import fail
from emulator.server.parser import Malformed, Reader, Request, Stage
from emulator.server.transport import Channel, Presence, happened
from emulator.server.wsgi import Answer

if TYPE_CHECKING:
    from emulator.server.acceptor import Clients
    from emulator.server.wsgi import Bridge


HALF_CLOSED_WITHIN: Final = 0.05
"""Seconds after its request in which a client that ends its sending still wants the answer; later it has given up."""

_READ_AHEAD: Final = 64  # requests read while one waits; reading on is how a client's leaving is noticed
_IN_A_ROW: Final = 32  # requests of one connection answered before others have their turn
_LINGER: Final = 2.0  # seconds that a client which still sends has for reading why it is refused

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_logger = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """One client's connection, and its ``presence``; ``due`` is when its client's time is up."""

    channel: Channel

    def __init__(self, bridge: Bridge, clients: Clients, loop: asyncio.AbstractEventLoop) -> None:
        self.due = math.inf  # in the loop's time
        self.presence = Presence(loop)
        self._loop = loop
        self._bridge = bridge
        self._clients = clients
        self._limits = bridge.limits
        self._reader = Reader(bridge.limits)
        self._steps = -1  # of the reader, when ``due`` was set
        self._asked_at = 0.0  # when the last request was here, whole
        self._task: asyncio.Task[None] | None = None  # the answer that waits
        self._goes_on = False  # in the next turn of the loop

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        self.channel = Channel(transport, self.presence, self._clients.outbox)
        self._base = self._bridge.base(transport)
        self._clients.enter(self)
        self._set_due()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if not self.channel.is_over:
            self._reader.feed(data)
            self._go_on()

    def eof_received(self) -> bool:
        """The client sends no more: whether it still wants an answer. Nothing but time tells it from one that left."""
        waits = self._task is not None or bool(self._reader.requests)
        if not self.channel.sends_no_more() or not waits:
            return False
        return self._loop.time() - self._asked_at <= HALF_CLOSED_WITHIN

    def connection_lost(self, _error: Exception | None) -> None:
        """It is no more."""
        self._reader.requests.clear()
        self.channel.lost()
        self._clients.leave(self)

    def pause_writing(self) -> None:
        """The client reads nothing just now."""
        self.channel.pause_writing()
        self._set_due()

    def resume_writing(self) -> None:
        """The client has read."""
        self.channel.resume_writing()
        self._set_due()

    # Its requests.

    def _go_on(self) -> None:
        """Answers what is here, until an answer has to wait or it is the turn of others."""
        self._goes_on = False
        requests = self._reader.requests
        if requests:
            self._asked_at = self._loop.time()
        in_a_row = 0
        while requests and self._task is None and not self.channel.is_over:
            if in_a_row == _IN_A_ROW:
                self._go_on_later()
                break
            in_a_row += 1
            self._answer(requests.popleft())
        if self._task is None and not requests and not self.channel.is_over:
            self._after_the_last()
        if self._reader.steps != self._steps:
            self._set_due()
        if len(requests) > _READ_AHEAD:
            self.channel.pause_reading()
        else:
            self.channel.read_on()

    def _after_the_last(self) -> None:
        """All requests that are here are answered."""
        reader = self._reader
        if reader.malformed is not None:
            self._refuse(reader.malformed)
        elif reader.awaited is not None:
            reader.awaited.expects = False
            self.channel.say(_CONTINUE)
        elif self.presence.silent.done():
            self._end()

    def _go_on_later(self) -> None:
        if not self._goes_on:
            self._goes_on = True
            self._loop.call_soon(self._go_on)

    def _answer(self, request: Request) -> None:
        """Answers a request at once, or begins to."""
        answer: Answer | None = None
        try:
            environ = self._bridge.environ(request, self._base)
            if not self._bridge.takes_long(environ):
                answer = self._bridge.answer(environ)
                if answer.at_once and self.channel.writable is None:
                    self._send(request, answer)
                    return
        except Exception:
            self._break_off()
            return
        self._task = self._loop.create_task(self._answer_in_time(request, environ, answer))

    async def _answer_in_time(self, request: Request, environ: dict[str, Any], answer: Answer | None) -> None:
        """Answers a request from a thread, after a while, or not at all."""
        try:
            self._set_due()
            self.channel.read_on()
            if answer is None:
                answer = await asyncio.to_thread(self._bridge.answer, environ)
            if answer.delay and await self.presence.left_within(answer.delay):
                return
            if self.channel.writable is not None:
                await self.channel.writable
            if self.channel.is_closing:
                return
            if answer.failure is None:
                self._send(request, answer)
            else:
                head = answer.head(self._clients.date, "Connection: close\r\n")
                await fail(self.channel, answer.failure, head, answer.body, self._bridge.max_delay)
        except Exception:
            self._break_off()
        finally:
            self._task = None
            self._steps = -1
            self._go_on_later()

    def _send(self, request: Request, answer: Answer) -> None:
        """Sends a whole answer in one piece."""
        connection = ""
        is_last = not self._reader.requests and (self.presence.stopping.done() or self._clients.are_too_many)
        keeps = request.keeps and not is_last
        if not keeps:
            connection = "Connection: close\r\n"
        elif answer.closes:
            keeps = False
        elif request.version == "1.0":
            connection = "Connection: keep-alive\r\n"
        head = answer.head(self._clients.date, connection)
        data = head if request.method == b"HEAD" else head + answer.body
        if keeps:
            self.channel.send(data)
        else:
            self.channel.say(data)
            self._end()

    def _refuse(self, malformed: Malformed) -> None:
        """The last answer, to what is no request."""
        _logger.warning("refused a request from %s: %s", self._base["REMOTE_ADDR"], malformed)
        answer = Answer()
        answer.body = f"{malformed}.\n".encode()
        length = ("Content-Length", str(len(answer.body)))
        status = f"{malformed.status} {_PHRASES[malformed.status]}"
        answer.start(status, [("Content-Type", "text/plain; charset=utf-8"), length])
        self.channel.say(answer.head(self._clients.date, "Connection: close\r\n") + answer.body)
        self._end()

    def _break_off(self) -> None:
        """Something is wrong here; who asked shall not wait for it."""
        _logger.exception("answering %s failed", self._base["REMOTE_ADDR"])
        self.channel.close()

    # Its end.

    def _end(self) -> None:
        """All is said."""
        self._reader.requests.clear()
        if self._reader.ended:
            self.channel.end()
        else:
            self.channel.close()
        self._set_due()

    def _set_due(self) -> None:
        """The client's time for what it has to do next runs from now."""
        self._steps = self._reader.steps
        limits = self._limits
        if self.channel.is_unread:
            within = limits.body_within
        elif self._task is not None or self._reader.requests:
            within = math.inf
        elif self.channel.is_over:
            within = _LINGER
        elif self._reader.stage is Stage.START:
            within = limits.idle
        else:
            within = limits.head_within if self._reader.stage is Stage.HEAD else limits.body_within
        self.due = self._loop.time() + within

    def overdue(self) -> None:
        """The client's time is up."""
        who = self._base["REMOTE_ADDR"]
        if self.channel.writable is not None:
            _logger.warning("%s did not read its answer within %g s", who, self._limits.body_within)
            self.channel.reset()
        elif self.channel.is_over:
            self.channel.abort()
        elif self._reader.stage is Stage.START:
            level = logging.DEBUG if self._asked_at else logging.INFO  # it is the usual end of one that was used
            _logger.log(level, "%s asked nothing for %g s, and its connection ends", who, self._limits.idle)
            self.channel.close()
            self._set_due()
        else:
            self._reader.give_up()
            self._go_on()

    def shutdown(self) -> None:
        """The server stops: an answer under way is the last, and waits no longer; without one, the connection ends."""
        happened(self.presence.stopping)
        if self._task is None and not self._reader.requests and self._reader.stage is not Stage.BODY:
            self.channel.close()


_PHRASES: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}
