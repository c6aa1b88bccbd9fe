"""Sends one call on a connection of its own, and returns every byte that came back, or how the connection failed.

Not with http.client: that drops what is no HTTP or an incomplete head, and its timeout begins anew with each byte.
"""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Final

from emulator.client.soap import build_request
from emulator.core.contract import SERVICE_PATH, Call
from emulator.core.journal import RawMessage
from emulator.errors import RemoteError
from emulator.network import ANY_ADDRESS, host_port

_HEAD: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b.*?\r\n\r\n", re.DOTALL)
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+) *\r\n", re.IGNORECASE)
_WITHOUT_BODY: Final = (b"204", b"304")


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call as it was sent, what came back of the answer, and how the connection failed, None if it did not.

    ``answered_s`` are the seconds from the first byte sent to the last byte received, or to the failure.
    """

    request: RawMessage
    answer: RawMessage | None
    failure: str | None
    answered_s: float


def send_raw(call: Call, scheme: str, host: str, port: int, root: str, timeout: float) -> SentCall:
    """Send a call to the service below a root of a server, once; RemoteError if the server cannot be reached.

    No proxy is used, and no certificate verified: this is for a server that calls itself. ``timeout`` is for all of it,
    in seconds.
    """
    deadline = monotonic() + timeout
    request = build_request(call)
    body = request.body or b""
    headers = [("Host", host_port(host, port)), *request.headers.items()]
    if request.body is not None:
        headers.append(("Content-Length", str(len(body))))
    headers.append(("Connection", "close"))
    message = RawMessage(f"{request.method} {root}{SERVICE_PATH}{request.path} HTTP/1.1", headers, body)
    head = "".join([f"{message.start}\r\n", *(f"{name}: {value}\r\n" for name, value in headers), "\r\n"])
    with _connect(scheme, host, port, timeout) as connection:
        started = perf_counter()
        with suppress(OSError):  # what was received says why
            connection.sendall(head.encode("latin-1") + body)
        received, failure = _receive(connection, deadline, timeout)
    answered_s = perf_counter() - started
    return SentCall(message, RawMessage.parse(received) if received else None, failure, answered_s)


def _connect(scheme: str, host: str, port: int, timeout: float) -> socket.socket:
    try:
        connection = socket.create_connection((ANY_ADDRESS.get(host, host), port), timeout)
        if scheme != "https":
            return connection
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        # Python reports a reset over TLS as an EOF without close_notify, and hides that by default.
        return context.wrap_socket(connection, suppress_ragged_eofs=False)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RemoteError(f"no connection to {scheme}://{host_port(host, port)}: {reason}") from error


def _receive(connection: socket.socket, deadline: float, timeout: float) -> tuple[bytes, str | None]:
    """Return what comes until the answer is complete, and how the connection fails before that."""
    received = bytearray()
    while not _is_complete(received):
        connection.settimeout(max(deadline - monotonic(), 0.001))
        try:
            piece = connection.recv(65536)
        except TimeoutError:
            within = f"within {timeout:g} s"
            came = f"no complete answer {within}: {len(received)} bytes came"
            return bytes(received), came if received else f"no answer {within}"
        except OSError:
            after = f"after {len(received)} bytes" if received else "before any byte"
            return bytes(received), f"the connection was reset {after}"
        if not piece:
            return bytes(received), _failure_at_eof(received)
        received += piece
    return bytes(received), None


def _is_complete(received: bytearray) -> bool:
    """True if a whole answer has come; one without a length ends with the connection."""
    head = _HEAD.match(received)
    if head is None:
        return False
    length = _CONTENT_LENGTH.search(head[0])
    if length is None:
        return head[1] in _WITHOUT_BODY
    return len(received) - head.end() >= int(length[1])


def _failure_at_eof(received: bytearray) -> str | None:
    if not received:
        return "the connection was closed without an answer"
    if not received.startswith(b"HTTP/1."):
        return f"what came is not HTTP: {len(received)} bytes"
    head = _HEAD.match(received)
    if head is not None and _CONTENT_LENGTH.search(head[0]) is None:
        return None
    return f"the answer was cut after {len(received)} bytes"
