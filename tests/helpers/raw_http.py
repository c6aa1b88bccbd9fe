"""An HTTP client on a bare socket that sends requests exactly as given and reads whole answers.

The usual libraries correct what they send: they add a missing Host, refuse a bad header, and hide interim answers.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPMessage, parse_headers
from typing import BinaryIO

HOST = "secure.logmeinrescue.com"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, sent ``repeat`` times, pipelined on one connection."""

    method: str
    path: str
    headers: Sequence[Sequence[str]] = ()
    body: str | None = None
    encoding: str = "utf-8"
    version: str = "HTTP/1.1"
    chunked: bool = False
    no_host: bool = False
    raw_no_length: bool = False
    lf: bool = False
    repeat: int = 1

    @property
    def content(self) -> bytes:
        """The body as sent, in two chunks if ``chunked``."""
        content = (self.body or "").encode(self.encoding)
        if not self.chunked:
            return content
        middle = len(content) // 2
        chunks = (content[:middle], content[middle:], b"")
        return b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)

    @property
    def head(self) -> bytes:
        """The request line and the headers, with the empty line after them; lines end in a bare LF if ``lf``."""
        headers = [] if self.no_host else [("Host", HOST)]
        headers += [(name, value) for name, value in self.headers]
        if self.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif self.body is not None and not self.raw_no_length:
            headers.append(("Content-Length", str(len(self.content))))
        lines = [f"{self.method} {self.path} {self.version}", *(f"{name}: {value}" for name, value in headers)]
        return "".join(line + ("\n" if self.lf else "\r\n") for line in (*lines, "")).encode("latin-1")

    @property
    def expects_continue(self) -> bool:
        """True if the body is sent only after an interim answer."""
        return any(name.lower() == "expect" for name, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; ``interim`` has the 1xx statuses before it."""

    status: int
    headers: HTTPMessage
    body: bytes
    interim: tuple[int, ...] = ()


def exchange(request: Request, address: tuple[str, int], *, timeout: float = 5.0) -> list[Answer]:
    """Send a request and return its answers, ``repeat`` of them.

    EOFError if an answer is cut short or followed by more bytes, TimeoutError after ``timeout`` seconds.
    """
    with (
        contextlib.closing(socket.create_connection(address, timeout)) as connection,
        connection.makefile("rb") as stream,
    ):
        waits = request.expects_continue
        connection.sendall(request.head if waits else (request.head + request.content) * request.repeat)
        answers = [
            read_answer(stream, request.method, lambda: connection.sendall(request.content) if waits else None)
            for _ in range(request.repeat)
        ]
        connection.setblocking(False)
        with contextlib.suppress(ConnectionError):
            if surplus := stream.peek():
                raise EOFError(f"bytes after the last answer: {surplus!r}")
        return answers


def read_answer(stream: BinaryIO, method: str = "GET", on_interim: Callable[[], None] = lambda: None) -> Answer:
    """Read one answer; call ``on_interim`` after each 1xx answer before it."""
    interim: list[int] = []
    status, headers = _read_head(stream)
    while status < 200:
        interim.append(status)
        on_interim()
        status, headers = _read_head(stream)
    bodiless = method == "HEAD" or status in (204, 304)
    return Answer(status, headers, b"" if bodiless else _read_body(stream, headers), tuple(interim))


def _read_head(stream: BinaryIO) -> tuple[int, HTTPMessage]:
    line = stream.readline()
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise EOFError(f"no answer but {line!r}")
    return int(rest[:3]), parse_headers(stream)


def _read_body(stream: BinaryIO, headers: HTTPMessage) -> bytes:
    if "Content-Length" not in headers:
        return stream.read()
    size = int(headers["Content-Length"])
    content = stream.read(size)
    if len(content) < size:
        raise EOFError(f"{size} bytes were promised, {len(content)} came")
    return content
