"""A WSGI application on a port: in a thread of its own, or in the foreground until a signal stops it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import closing, suppress
from typing import Any, Final

from emulator.delivery import MalformedRequest, WSGIApplication
from emulator.errors import StartError
from emulator.network import ANY_ADDRESS, host_port
from emulator.process import raise_file_limit, stop_on_signals
from emulator.server import HttpLimits
from emulator.server.acceptor import Acceptor
from emulator.server.listeners import listen
from emulator.server.protocol import ServerState
from emulator.server.tls import Certificate, TlsSetup, set_up_tls
from emulator.server.transport import Outbox

try:
    from uvloop import new_event_loop
except ImportError:  # it does not exist for Windows and PyPy
    new_event_loop = asyncio.SelectorEventLoop  # type: ignore[assignment]  # the loop of asyncio with add_reader

_START_TIMEOUT: Final = 30.0  # seconds
_STOP_TIMEOUT: Final = 30.0  # seconds; far less is enough unless the event loop is stuck, as in a regular expression
_CATCH_UP_TIMEOUT: Final = 1.0  # seconds
# Turns of the loop in which what has come is read: from a new client, it takes one each to accept it, to make its
# transport, to start reading and to read.
_CATCH_UP_TURNS: Final = 6

_logger = logging.getLogger(__name__)


class HttpServer:
    """A WSGI application on a port, which is bound at once; StartError if that fails. Port 0 is any free one.

    Several hosts, and all addresses of each, share one port: of several ports the first that is free on all of them.

    With a ``certificate`` it speaks TLS only: ``ca_file`` is the CA certificate for clients if it was made here, and
    ``certificate_names`` are the host names of one that gives none. ``origin`` is the URL of the first address for
    clients on this machine, such as ``http://127.0.0.1:8085``. ``max_delay`` limits delays and faults, in seconds like
    all times. ``on_malformed`` is called, in the event loop, with each request that does not reach the application, and
    ``on_begin`` when the first byte of any request is read; what it returns is the ``began`` of both.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str | Sequence[str],
        port: int | Sequence[int],
        max_delay: float,
        certificate: Certificate | None = None,
        certificate_names: Sequence[str] = ("localhost",),
        limits: HttpLimits | None = None,
        on_malformed: Callable[[MalformedRequest], None] = lambda _request: None,
        on_begin: Callable[[], Any] = lambda: None,
    ) -> None:
        self._application = application
        self._on_malformed, self._on_begin = on_malformed, on_begin
        self._max_delay = max_delay
        self._limits = limits or HttpLimits()
        self._hosts = [host] if isinstance(host, str) else host
        self._listeners, self._skipped = listen(self._hosts, [port] if isinstance(port, int) else port)
        own = [listener.getsockname()[0] for listener in self._listeners]
        self._tls: TlsSetup | None = None
        if certificate is not None:
            try:
                self._tls = set_up_tls(certificate, own, certificate_names)
            except StartError:
                self._close_listeners()
                raise
        self._port = self._listeners[0].getsockname()[1]
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # while it serves
        self._stop_requested: Future[None] = Future()
        address = host_port(ANY_ADDRESS.get(own[0], own[0]), self._port)
        self.origin = f"{'https' if self._tls else 'http'}://{address}"
        self.ca_file = self._tls.ca_file if self._tls else None

    def start(self) -> None:
        """Serve in a thread of its own; return once the first request can be answered."""
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run_thread, args=(started,), name="rescue-emulator", daemon=True)
        self._thread.start()
        try:
            started.result(_START_TIMEOUT)
        except FutureTimeoutError:
            self._request_stop()
            raise StartError(f"the server's thread did not begin to serve within {_START_TIMEOUT:g} s") from None

    def stop(self) -> None:
        """Stop serving; return once the port is free. Can be called repeatedly, and before ``start``."""
        self._request_stop()
        if self._thread is None:
            self._close_listeners()
        else:
            self._thread.join(_STOP_TIMEOUT)
            if self._thread.is_alive():
                _logger.error("the server's thread did not end within %g s; its port may stay in use", _STOP_TIMEOUT)

    def catch_up(self) -> None:
        """Return once all is read that clients have sent by now; after ``_CATCH_UP_TIMEOUT`` in any case."""
        loop, done = self._loop, threading.Event()
        if loop is None:
            return

        def turn(left: int) -> None:
            if left:
                loop.call_soon(turn, left - 1)
            else:
                done.set()

        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(turn, _CATCH_UP_TURNS)
            done.wait(_CATCH_UP_TIMEOUT)

    def restart(self) -> None:
        """Serve again after ``stop``, on the same port and with the same certificate; StartError if that fails."""
        self._listeners, _ = listen(self._hosts, [self._port])
        self._stop_requested = Future()
        if self._tls is not None:
            self._tls.restore()
        self.start()

    def run(self, ready: Callable[[], None]) -> None:
        """Serve in this thread, which is the main one, until SIGINT or SIGTERM; a second signal exits at once.

        ``ready`` is called once the first request can be answered.
        """
        raise_file_limit()
        with stop_on_signals(self._request_stop):
            self._run_loop(ready)

    def _request_stop(self) -> None:
        """Let the event loop stop; can be called from any thread and from a signal handler."""
        if self._tls is not None:
            self._tls.clean_up()
        with suppress(InvalidStateError):  # it was requested before
            self._stop_requested.set_result(None)

    def _run_thread(self, started: Future[None]) -> None:
        try:
            self._run_loop(lambda: started.set_result(None))
        except Exception as error:
            self._close_listeners()
            if started.done():
                raise
            started.set_exception(StartError(f"cannot start to serve: {error}"))

    def _run_loop(self, ready: Callable[[], None]) -> None:
        with closing(new_event_loop()) as loop:
            loop.run_until_complete(self._serve(ready))

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()

    async def _serve(self, ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        state = ServerState(
            self._application, self._limits, self._max_delay, loop, Outbox(loop), self._on_malformed, self._on_begin
        )
        context = self._tls.context if self._tls else None
        acceptor = Acceptor(self._listeners, state, context)
        acceptor.start()
        for address in self._skipped:
            _logger.info("not listening on %s: this machine has no such addresses", address)
        try:
            self._loop = loop
            ready()
            await asyncio.wrap_future(self._stop_requested)
        finally:
            self._loop = None
            await acceptor.close()
            state.deferred_work.shutdown()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}  # they wait for deferred work
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
