"""A WSGI application on a port: in a thread of its own, or in the foreground until a signal stops it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import closing, suppress
from typing import Final

from emulator.delivery import MalformedRequest, WSGIApplication
from emulator.errors import StartError
from emulator.network import host_port
from emulator.process import raise_file_limit, stop_on_signals
from emulator.server import HttpLimits
from emulator.server.acceptor import Acceptor
from emulator.server.protocol import ServerState
from emulator.server.tls import Certificate, TlsSetup, set_up_tls
from emulator.server.transport import Outbox

try:
    from uvloop import new_event_loop
except ImportError:  # it does not exist for Windows and PyPy
    new_event_loop = asyncio.SelectorEventLoop  # type: ignore[assignment]  # the loop of asyncio with add_reader

_BACKLOG: Final = 2048


class HttpServer:
    """A WSGI application on a port, which is bound at once; StartError if that fails. Port 0 is any free one.

    With a ``certificate`` it speaks TLS only: ``ca_file`` is the CA certificate for clients if it was made here, and
    ``certificate_names`` are the host names of one that gives none. ``origin`` is the URL for clients on this
    machine, such as ``http://127.0.0.1:8085``. ``max_delay`` limits delays and faults, in seconds like all times.
    ``on_malformed`` is called, in the event loop, with each request that does not reach the application.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str,
        port: int,
        max_delay: float,
        certificate: Certificate | None = None,
        certificate_names: Sequence[str] = ("localhost",),
        limits: HttpLimits | None = None,
        on_malformed: Callable[[MalformedRequest], None] = lambda _request: None,
    ) -> None:
        self._application = application
        self._on_malformed = on_malformed
        self._max_delay = max_delay
        self._limits = limits or HttpLimits()
        self._host = host
        self._listener = bind(host, port)
        self._tls: TlsSetup | None = None
        if certificate is not None:
            try:
                self._tls = set_up_tls(certificate, self._listener.getsockname()[0], certificate_names)
            except StartError:
                self._listener.close()
                raise
        self._port = self._listener.getsockname()[1]
        self._thread: threading.Thread | None = None
        self._stop_requested: Future[None] = Future()
        self.origin = f"{'https' if self._tls else 'http'}://{host_port(*self._listener.getsockname()[:2])}"
        self.ca_file = self._tls.ca_file if self._tls else None

    def start(self) -> None:
        """Serve in a thread of its own; return once the first request can be answered."""
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run_thread, args=(started,), name="rescue-emulator", daemon=True)
        self._thread.start()
        started.result()

    def stop(self) -> None:
        """Stop serving; return once the port is free. Can be called repeatedly, and before ``start``."""
        self._request_stop()
        if self._thread is None:
            self._listener.close()
        else:
            self._thread.join()

    def restart(self) -> None:
        """Serve again after ``stop``, on the same port and with the same certificate; StartError if that fails."""
        self._listener = bind(self._host, self._port)
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
            self._listener.close()
            if started.done():
                raise
            started.set_exception(StartError(f"cannot start to serve: {error}"))

    def _run_loop(self, ready: Callable[[], None]) -> None:
        with closing(new_event_loop()) as loop:
            loop.run_until_complete(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        state = ServerState(self._application, self._limits, self._max_delay, loop, Outbox(loop), self._on_malformed)
        context = self._tls.context if self._tls else None
        acceptor = Acceptor(self._listener, state, context)
        acceptor.start()
        try:
            ready()
            await asyncio.wrap_future(self._stop_requested)
        finally:
            await acceptor.close()
            state.deferred_work.shutdown()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}  # they wait for deferred work
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; StartError if that fails."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address[0], port, *address[2:]))  # the port as given: getaddrinfo cuts it to 16 bits
        listener.listen(_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StartError(f"cannot listen on {host_port(host, port)}: {reason}") from error
    return listener
