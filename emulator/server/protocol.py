"""One client's connection: its requests are answered in order, independently of all other connections."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from emulator.delivery import DELIVERY, NOTHING, WHOLE, Delivery, MalformedRequest, WSGIApplication
from emulator.server import HttpLimits, wsgi
from emulator.server.connection_faults import fail
from emulator.server.headers import ProtocolError
from emulator.server.parser import ParsedRequest, ParserState, RequestParser
from emulator.server.transport import MAX_PIECE, ClientTransport, Outbox, set_once
from emulator.server.wsgi import DeferredWork, Environ, WsgiResponse, call_application, text_response

# Seconds after its request in which a client that ends its sending still gets the response. After that it has given
# up: TCP does not tell a half-close from a close.
HALF_CLOSE_WINDOW: Final = 0.05

_MAX_QUEUED: Final = 64  # requests that are read while one waits; reading on is how a client's leaving is noticed
_MAX_HELD_BACK: Final = 2.0  # seconds without reading; then what comes is dropped, to notice that the client leaves
_MAX_IN_A_ROW: Final = 32  # requests of one connection that are answered before others get their turn
_LINGER_TIMEOUT: Final = 2.0  # seconds without input after a half-close, for a client that is still sending
_SHORT_LINGER: Final = 0.2  # seconds of that while another client waits for the place
# How much of that is dropped before this time is not prolonged any more, as a multiple of the limit of a body: most
# clients read the response only after they have sent everything.
_MAX_DRAINED: Final = 16
_PROGRESS_CHECKS: Final = 4  # looks at what a client has read, per time limit
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE: Final = "Connection: close\r\n"

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ServerState:
    """What the connections of one server share; ``max_delay`` in seconds.

    ``date`` is the current Date header line. ``on_begin`` and ``on_malformed`` are those of HttpServer. ``is_full`` is
    True while a client waits for a connection to close; ``on_close`` is called after each one.
    """

    application: WSGIApplication
    limits: HttpLimits
    max_delay: float
    loop: asyncio.AbstractEventLoop
    outbox: Outbox
    on_malformed: Callable[[MalformedRequest], None] = lambda _request: None
    on_begin: Callable[[], Any] = lambda: None
    deferred_work: DeferredWork = field(default_factory=DeferredWork)
    connections: set[HttpProtocol] = field(default_factory=set)
    date: str = ""
    is_full: bool = False
    on_close: Callable[[], None] = lambda: None


class HttpProtocol(asyncio.Protocol):
    """The protocol of one connection; ``deadline`` (in the loop's time) is when ``on_timeout`` is to be called.

    A response without a delay or fault is sent in the turn of the loop that read its request; any other has a task.
    """

    transport: ClientTransport

    def __init__(self, state: ServerState) -> None:
        self.deadline = math.inf
        self._state = state
        self._loop = state.loop
        self._parser = RequestParser(state.limits, state.on_begin)
        self._environ: Environ = {}  # common to all requests
        self._transitions = -1  # of the parser, when the deadline was set
        self._requested_at = 0.0  # when the last request was complete
        self._unsent = 0  # bytes at the last look at a client that does not read
        self._progress_at = 0.0  # when these became fewer
        self._drained = 0  # bytes dropped after the last response
        self._linger_until = math.inf
        self._task: asyncio.Task[None] | None = None  # of a response that waits
        self._is_scheduled = False  # to answer requests in the next turn of the loop

    # Protocol interface

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = ClientTransport(transport, self._state.outbox, self._loop)
        self._environ = wsgi.connection_environ(transport)
        self._state.connections.add(self)
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_finished:
            self._drain(data)
        else:
            self._parser.feed(data)
            self._answer_requests()

    def eof_received(self) -> bool:
        """Return True, to keep the sending side open, if a response is pending that the client may still want."""
        is_pending = self._task is not None or bool(self._parser.requests)
        if not self.transport.eof_received() or not is_pending:
            return False
        return self.transport.is_sending or self._loop.time() - self._requested_at <= HALF_CLOSE_WINDOW

    def connection_lost(self, _error: Exception | None) -> None:
        self._parser.close()
        self.transport.connection_lost()
        self._state.connections.discard(self)
        self._state.on_close()

    # Flow control

    def pause_writing(self) -> None:
        self.transport.writable.clear()
        self._set_deadline()

    def resume_writing(self) -> None:
        self.transport.writable.set()
        self._set_deadline()

    # Requests

    def _answer_requests(self) -> None:
        """Answer requests until one has to wait, or other connections get their turn."""
        self._is_scheduled = False
        requests = self._parser.requests
        if requests:
            self._requested_at = self._loop.time()
        count = 0
        while requests and self._task is None and not self.transport.is_finished:
            if count == _MAX_IN_A_ROW:
                self._schedule()
                break
            count += 1
            self._answer(requests.popleft())
        if self._task is None and not requests and not self.transport.is_finished:
            self._on_all_answered()
        if self._parser.transitions != self._transitions:
            self._set_deadline()
        if requests or self._task is not None or self.transport.is_reading_paused:
            self._limit_read_ahead()

    def _limit_read_ahead(self) -> None:
        """Pause reading while too much is read behind a response that waits; resume it after that."""
        parser, limits = self._parser, self._state.limits
        is_much = len(parser.requests) > _MAX_QUEUED or parser.unanswered > (limits.read_ahead or limits.body)
        if is_much and not parser.finished and (parser.requests or self._task is not None):
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
        self._set_deadline()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._answer_requests)

    def _on_all_answered(self) -> None:
        if self._parser.error is not None:
            self._refuse(self._parser.error)
        elif self._parser.finished:
            self._finish(in_stages=True)
        elif self._parser.waits_for_continue:
            self._parser.waits_for_continue = False
            self.transport.write_now(_CONTINUE)
        elif self.transport.eof.done():
            self._finish(in_stages=False)

    def _answer(self, request: ParsedRequest) -> None:
        """Answer a request now, or start a task for it."""
        environ = wsgi.request_environ(request, self._environ)
        delivery: Delivery = environ[DELIVERY]
        try:
            response = call_application(self._state.application, environ)
            is_plain = delivery.deferred is None and not delivery.delay and delivery.fault is None
            if is_plain and self._can_send_now(response, delivery):
                data, keep_alive = self._message(request, response)
                delivery.report(data, WHOLE)
                self._send(data, request, keep_alive)
                return
        except Exception:
            self._abandon()
            delivery.report(b"", NOTHING)
            return
        self._task = self._loop.create_task(self._answer_later(request, environ, response, delivery))

    async def _answer_later(
        self, request: ParsedRequest, environ: Environ, response: WsgiResponse, delivery: Delivery
    ) -> None:
        """Answer a request with deferred work, a delay or a fault, or once the client reads again."""
        try:
            self._set_deadline()
            if delivery.deferred is not None:
                ends = self.transport.eof, self.transport.stopping
                response = await self._state.deferred_work.run(delivery, environ, *ends)
            request.began = delivery.began = None  # what it refers to is not needed during the delay
            max_delay = self._state.max_delay
            delay = min(delivery.delay, max_delay)
            if delay and await self.transport.wait(delay, self.transport.closed, self.transport.stopping):
                return
            await self.transport.writable.wait()
            if self.transport.is_closing:
                return
            if delivery.fault is None:
                data, keep_alive = self._message(request, response)
                rest = await self.transport.write_all_but_end(data, WHOLE, delivery)
                if rest:
                    self._send(rest, request, keep_alive)
            else:
                self._parser.stop()
                self._parser.requests.clear()
                self.transport.resume_reading()
                over = min(delivery.over or max_delay, max_delay)
                head = response.head(self._state.date, _CLOSE)
                await fail(self.transport, delivery, over, head, response.body, max_delay)
        except Exception:
            self._abandon()
        finally:
            self.transport.report_incomplete(b"", delivery)
            self._task = None
            self._transitions = -1
            self._schedule()

    def _can_send_now(self, response: WsgiResponse, delivery: Delivery) -> bool:
        """Return True if a response can be written without waiting; where it is reported, the system has to take it."""
        transport = self.transport
        if delivery.on_delivered is None:
            return transport.writable.is_set()
        return transport.is_drained and len(response.body) <= MAX_PIECE

    def _message(self, request: ParsedRequest, response: WsgiResponse) -> tuple[bytes, bool]:
        """Return a whole response, and True if the connection stays open after it."""
        connection = ""
        state, parser = self._state, self._parser
        if state.is_full or self.transport.stopping.done():
            parser.stop()
        is_last = parser.finished and not parser.requests and parser.error is None
        keep_alive = request.keep_alive and not is_last and not response.closes
        if not keep_alive:
            connection = _CLOSE
        elif request.version == "1.0":
            connection = "Connection: keep-alive\r\n"
        head = response.head(state.date, connection)
        return head if request.method == b"HEAD" else head + response.body, keep_alive

    def _send(self, data: bytes, request: ParsedRequest, keep_alive: bool) -> None:
        """Write the end of a response, and close the connection if it is the last one."""
        if keep_alive:
            self.transport.write(data)
        else:
            self.transport.write_now(data)
            is_chosen_here = request.keep_alive and not self.transport.stopping.done()
            self._finish(in_stages=is_chosen_here or request.body_limit is not None)

    def _refuse(self, error: ProtocolError) -> None:
        """Send the response to bytes that are no acceptable request; it is the last one."""
        _logger.warning("refused a request from %s: %s", self._environ["REMOTE_ADDR"], error)
        response = text_response(error.status, f"{error}.\n")
        start, headers = self._parser.head
        body = b"" if start.startswith("HEAD ") else response.body
        data = response.head(self._state.date, _CLOSE) + body
        status = int(response.status.partition(" ")[0])
        self._state.on_malformed(MalformedRequest(str(error), start, headers, status, data, self._parser.began))
        self.transport.write_now(data)
        self._finish(in_stages=True)

    def _abandon(self) -> None:
        """Close the connection after an unexpected error."""
        _logger.exception("answering %s failed", self._environ["REMOTE_ADDR"])
        self.transport.close()

    def _finish(self, *, in_stages: bool) -> None:
        """Close the connection after the last response; in stages for a client that may still be sending."""
        self._parser.stop()
        self._parser.requests.clear()
        if in_stages:
            self.transport.half_close()
        else:
            self.transport.close()
        self._linger_until = self._loop.time() + self._state.limits.body_within
        if self._state.is_full:
            self._loop.call_later(_SHORT_LINGER, self._give_way)
        self._set_deadline()

    def _give_way(self) -> None:
        """Close the connection if its client neither sends nor has to read on."""
        if not self._drained and not self.transport.is_write_blocked:
            self.transport.abort()

    def _drain(self, data: bytes) -> None:
        """Drop input behind the last response, and wait on for its end, within limits."""
        self._drained += len(data)
        if self._task is None and self._drained <= _MAX_DRAINED * self._state.limits.body:
            self.deadline = min(self._loop.time() + _LINGER_TIMEOUT, self._linger_until)

    # Timeouts and shutdown

    def _set_deadline(self) -> None:
        """Restart the client's time limit for what it has to do next."""
        self._transitions = self._parser.transitions
        limits = self._state.limits
        now = self._loop.time()
        if self.transport.is_write_blocked:
            unsent = self.transport.unsent
            if not 0 < self._unsent <= unsent:
                self._progress_at = now
            self._unsent = unsent
            self.deadline = min(now + limits.body_within / _PROGRESS_CHECKS, self._progress_at + limits.body_within)
            return
        self._unsent = 0
        if self._task is not None or self._parser.requests:
            seconds = _MAX_HELD_BACK if self.transport.is_reading_paused else math.inf
        elif self.transport.is_finished:
            seconds = _LINGER_TIMEOUT
        elif self._parser.state is ParserState.START:
            seconds = limits.idle
        else:
            seconds = limits.head_within if self._parser.state is ParserState.HEAD else limits.body_within
        self.deadline = now + seconds

    def on_timeout(self) -> None:
        """Refuse an incomplete request, drop further ones, or close or reset the connection; wait on if it reads."""
        client = self._environ["REMOTE_ADDR"]
        if self.transport.is_write_blocked:
            self._set_deadline()
            if self.deadline <= self._loop.time():
                _logger.warning("%s did not read its response within %g s", client, self._state.limits.body_within)
                self.transport.reset()
        elif self._task is not None or self._parser.requests:
            self._parser.stop()
            self._limit_read_ahead()
        elif self.transport.is_finished:
            self.transport.abort()
        elif self._parser.state is ParserState.START:
            level = logging.DEBUG if self._requested_at else logging.INFO  # it is the usual end of a used connection
            _logger.log(level, "closing an idle connection: %s sent nothing for %g s", client, self._state.limits.idle)
            self.transport.close()
            self._set_deadline()
        else:
            self._parser.time_out()
            self._answer_requests()

    def shutdown(self) -> None:
        """Close an idle connection; else cut the wait of the current response short, which is the last one."""
        set_once(self.transport.stopping)
        if self._task is None and not self._parser.requests and self._parser.state is not ParserState.BODY:
            self.transport.close()
