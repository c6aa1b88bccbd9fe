"""TLS on a plain connection, as a transport of asyncio that the server can close at once and half-close."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Any, Final

_READ_SIZE: Final = 256 * 1024  # bytes


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """The server's side of TLS, between a plain transport and a protocol.

    ``handshake`` is done when the protocol is connected, or fails with an OSError, such as an SSLError. The TLS of
    asyncio and uvloop has no half-close, and keeps TCP open until the client answers close_notify: for 30 s, or for as
    long as the client likes.
    """

    def __init__(self, context: ssl.SSLContext, protocol: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.handshake: asyncio.Future[None] = loop.create_future()
        self._context = context
        self._protocol = protocol
        self._plain: asyncio.Transport
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_connected = False
        self._is_ended = False  # close_notify was written
        self._keeps_open: bool | None = None  # what the protocol answered to the client's EOF

    # Protocol of the plain transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._plain = transport

    def data_received(self, data: bytes) -> None:
        if self._is_ended:  # nobody reads it any more: it is only counted
            self._protocol.data_received(data)
            return
        parts = []
        eof = False
        error: ssl.SSLError | None = None
        self._incoming.write(data)
        try:
            if not self._is_connected:
                self._tls.do_handshake()
                self._connect()
            while not eof and (self._incoming.pending or self._tls.pending()):
                parts.append(self._tls.read(_READ_SIZE))  # one record
                eof = not parts[-1]  # close_notify
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as broken:
            error = broken
        self._flush()
        if received := b"".join(parts):
            self._protocol.data_received(received)
        if error is not None:
            self._break_off(error)
        elif eof and not self.eof_received():
            self._plain.close()

    def eof_received(self) -> bool:
        """Return True to keep the sending side open; EOF is close_notify, or the end of TCP without it."""
        if self._keeps_open is None:
            self._keeps_open = self._is_connected and bool(self._protocol.eof_received())
            if self._is_connected and not self._keeps_open:
                self._end()
        return self._keeps_open

    def connection_lost(self, error: Exception | None) -> None:
        self._is_ended = True
        if self._is_connected:
            self._protocol.connection_lost(error)
            self._protocol = asyncio.Protocol()  # which refers to this: neither waits for a garbage collection
        elif not self.handshake.done():
            self.handshake.set_exception(error if isinstance(error, OSError) else ConnectionResetError())

    def pause_writing(self) -> None:
        if self._is_connected:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._is_connected:
            self._protocol.resume_writing()

    def _connect(self) -> None:
        self._flush()
        self._is_connected = True
        self._protocol.connection_made(self)
        if not self.handshake.done():
            self.handshake.set_result(None)

    def _flush(self) -> None:
        """Write what TLS has to send: records, steps of the handshake, alerts."""
        if self._outgoing.pending:
            self._plain.write(self._outgoing.read())

    def _break_off(self, error: ssl.SSLError) -> None:
        """Close after bytes that are no TLS, behind the alert that says so."""
        self._is_ended = True
        if not self.handshake.done():
            self.handshake.set_exception(error)
        self._plain.close()

    # Transport of the protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_ended:
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]  # one record
        self._flush()

    def write_eof(self) -> None:
        self._end()
        self._plain.write_eof()

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self._end()
        self._plain.close()

    def _end(self) -> None:
        """Write close_notify behind everything else."""
        if not self._is_ended:
            self._is_ended = True
            with suppress(ssl.SSLError):  # it also asks for the client's
                self._tls.unwrap()
            self._flush()

    def abort(self) -> None:
        self._is_ended = True
        self._plain.abort()

    def is_closing(self) -> bool:
        return self._plain.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._context if name == "sslcontext" else self._plain.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return self._plain.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._plain.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        self._plain.resume_reading()
