"""A connection that answers at once what need not wait, and that knows while an answer waits whether its client left.

uvicorn's protocol does the talking. It is mended here where answers that wait make a difference: a client that leaves
is noticed whatever else it sent, and one that only sends no more still gets its answer.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import HTTPScope

CONNECTION: Final = "emulator.connection"
"""The key of the ASGI scope under which a request's ``Connection`` is found."""

HALF_CLOSED_WITHIN: Final = 0.05
"""Seconds after its request in which a client that ends its sending still wants the answer; later it has given up."""

LONGEST_HEAD: Final = 16 * 1024
"""How many bytes the target and the headers of a request may have: HTTP.sys's ``MaxRequestBytes``."""

_PIPELINED: Final = 64  # requests read ahead while one waits; reading on is how a client's leaving is noticed
_SHORT: Final = 32 * 1024  # bytes of a body that are awaited without a task


class AnswerToSend(Protocol):
    """An answer that can be sent as it is."""

    body: bytes

    @property
    def closes(self) -> bool: ...  # noqa: D102
    def head(self, *more: bytes) -> bytes: ...  # noqa: D102


class Decided(Protocol):
    """What was decided of a request, and the rest of the way, as an ASGI application, when it is not sent at once."""

    @property
    def at_once(self) -> bool: ...  # noqa: D102
    @property
    def answer(self) -> AnswerToSend: ...  # noqa: D102
    @property
    def carry_out(self) -> Any: ...  # noqa: D102


class Decider(Protocol):
    """An ASGI application that can also decide at once about a request whose body is here, whole."""

    def takes_long(self, scope: HTTPScope) -> bool: ...  # noqa: D102
    def decide(self, scope: HTTPScope, body: bytes) -> Decided: ...  # noqa: D102


class _TooLong(ValueError):
    """The head of a request is longer than is read."""

    def __init__(self) -> None:
        super().__init__(f"Bad Request - Request Too Long: target and headers have more than {LONGEST_HEAD} bytes.")


class Connection(HttpToolsProtocol):
    """One client's connection. ``lost`` is done once it is no more."""

    lost: asyncio.Future[None]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self.lost = self.loop.create_future()
        self._silent: asyncio.Future[None] = self.loop.create_future()  # done once the client sends no more
        self._stopping: asyncio.Future[None] = self.loop.create_future()  # done once the server stops
        self._unanswered: list[RequestResponseCycle] = []
        self._unread: RequestResponseCycle | None = None  # the one that is next, while its body is on its way
        self._asked_at = 0.0
        self._head: int | None = None  # bytes of a head that is on its way, without those that came as it began

    def data_received(self, data: bytes) -> None:
        """Bytes have come. A request that offers another protocol is read again without its offer, as any other.

        Java's client offers HTTP/2 with the first request of each connection, and httptools would drop its body.
        """
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            head = self._head_without_offer()
            self.parser = HttpRequestParser(self)
            self.data_received(head + data[offer.args[0] :])
        except HttpParserError as error:
            self._refuse(error.__context__ or error)
        else:
            if self._head is not None:
                self._head = 0 if self._head < 0 else self._head + len(data)
                if self._head > LONGEST_HEAD:
                    self._refuse(_TooLong())

    def _refuse(self, error: BaseException) -> None:
        self.logger.info("no HTTP: %s", error)
        too_long = isinstance(error, _TooLong)
        self.send_400_response(str(error) if too_long else "Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        super().on_message_begin()
        self._head = -1

    def _head_without_offer(self) -> bytes:
        headers = [(name, value) for name, value in self.headers if name != b"upgrade"]
        lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url), *(b"%b: %b" % header for header in headers)]
        return b"\r\n".join([*lines, b"", b""])

    def on_headers_complete(self) -> None:
        """A request begins to be answered, or waits for those before it."""
        self._head = None
        if len(self.url) + sum(map(len, chain.from_iterable(self.headers))) > LONGEST_HEAD:
            raise _TooLong
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("CONNECT is for proxies")
            return
        super().on_headers_complete()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        self._unanswered = [cycle for cycle in (*self._unanswered, self.cycle) if not cycle.response_complete]
        if len(self.pipeline) < _PIPELINED:
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        """A request is here, whole."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._asked_at = self.loop.time()
        if self._unread is not None and self._unread is self.cycle:
            self._unread = None
            self._answer(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        """A part of a body has come; a long one is read by the task of its request."""
        super().on_body(body)
        if self._unread is not None and len(self._unread.body) > _SHORT:
            waiting, self._unread = self._unread, None
            super()._start_asgi_task(waiting, self.app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """It is the turn of a request: without a task of its own where nothing has to be waited for."""
        if cycle.waiting_for_100_continue:
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._unread = cycle
        else:
            self.loop.call_soon(self._answer, cycle, app)

    def _answer(self, cycle: RequestResponseCycle, decider: Decider) -> None:
        if self.transport.is_closing():
            return
        app: Any = decider
        try:
            if not decider.takes_long(cycle.scope):
                decided = decider.decide(cycle.scope, bytes(cycle.body))
                if decided.at_once and not self.flow.write_paused:
                    self._send(cycle, decided.answer)
                    return
                app = decided.carry_out
        except Exception:
            self.logger.exception("deciding about a request failed")
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)

    def _send(self, cycle: RequestResponseCycle, answer: AnswerToSend) -> None:
        """Sends a whole answer in one write, and goes on to the next request."""
        closing = answer.closes
        if closing:
            cycle.keep_alive = False
        defaults = [b"%b: %b\r\n" % header for header in cycle.default_headers]
        ending = [] if cycle.keep_alive or closing else [b"connection: close\r\n"]
        head = answer.head(*defaults, *ending)
        self.transport.write(head if cycle.scope["method"] == "HEAD" else head + answer.body)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: whether it still wants an answer. Nothing but time tells it from one that left."""
        self._silence()
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body or self.scheme == "https":
            return False
        if self.loop.time() - self._asked_at > HALF_CLOSED_WITHIN:
            return False
        cycle.keep_alive = False
        return True

    def shutdown(self) -> None:
        """The server stops: an answer under way is the last, and waits no longer; without one, the connection ends."""
        super().shutdown()
        self._stopping.set_result(None)
        if self.scheme == "https" and self.transport.is_closing():
            self.loop.call_soon(self._leave)

    def _leave(self) -> None:
        """Waits for no goodbye of a client to which all is said; over TLS it would be waited for."""
        if not self.lost.done() and not self.transport.get_write_buffer_size():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is no more: every request on it learns that, not the last alone."""
        super().connection_lost(exc)
        for cycle in self._unanswered:
            cycle.disconnected = not cycle.response_complete
            cycle.message_event.set()
        self._silence()
        self.lost.set_result(None)

    def _silence(self) -> None:
        if not self._silent.done():
            self._silent.set_result(None)

    async def lost_within(self, seconds: float | None) -> bool:
        """Waits, and returns early with True once the connection is no more. None waits for that alone."""
        return await self._done_within(seconds, self.lost)

    async def left_within(self, seconds: float) -> bool:
        """Waits as an answer does: as ``lost_within``, but no longer than until the server stops."""
        return await self._done_within(seconds, self.lost, self._stopping)

    async def silent_within(self, seconds: float) -> bool:
        """Waits, and returns early with True once the client sends no more; no longer than until the server stops."""
        return await self._done_within(seconds, self._silent, self._stopping)

    async def _done_within(self, seconds: float | None, *awaited: asyncio.Future[None]) -> bool:
        """Whether the first of what is awaited is done after a time, or once any of it is."""
        if not self.transport.is_closing():
            self.flow.resume_reading()
        await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return awaited[0].done()
