"""Makes requests of the bytes that come through a connection, and says of those that are none what is wrong."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from emulator.http.limits import HttpLimits

_DRAINED: Final = 16
"""How much of a body that is too long is read and dropped, in longest bodies: most clients read once all is sent, not
before."""

_CHUNKED: Final = b"chunked"
_SPOKEN: Final = ("1.1", "1.0")
_TLS: Final = b"\x16\x03"  # how it begins

_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]+)(?![^/?#])", re.IGNORECASE)
_CONTROL: Final = re.compile(rb"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)

Headers = list[tuple[bytes, bytes]]


class Stage(Enum):
    """What comes next through a connection."""

    START = "the start of a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


class Malformed(Exception):
    """Bytes that are no request, or one that goes beyond a limit: the ``status`` of its answer, and what is wrong."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(slots=True)
class Request:
    """One request as it was sent; of its ``target``, ``path`` and ``query`` are what it asks of this server.

    ``host`` is the one that its target names, if that does; it counts in place of the one in its headers.
    ``keeps`` says that its connection may stay. ``length`` is that of its body; one that is longer than is accepted is
    not kept, and ``too_long`` then. ``expects`` says that its client sends the body once it is told to.
    """

    method: bytes
    target: bytes
    path: bytes
    query: bytes
    version: str
    headers: Headers
    keeps: bool
    expects: bool
    body: bytes | bytearray = b""
    length: int = 0
    too_long: bool = False
    host: bytes | None = None


class Reader:
    """Reads requests; those that are here whole are in ``requests``, in the order in which they came.

    ``stage`` is what comes next, and ``steps`` how often that has changed. Nothing is read any more once something is
    ``malformed``, which stands for a last request then, or once a request was ``last``.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self.requests: deque[Request] = deque()
        self.stage = Stage.START
        self.steps = 0
        self.malformed: Malformed | None = None
        self.ended = False
        self._limits = limits
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._headers: Headers = []
        self._came = 0  # bytes of a head or of trailers on their way, without those that came as they began; then -1
        self._trailing = 0  # bytes of trailers so far
        self._request: Request | None = None

    @property
    def awaited(self) -> Request | None:
        """The request whose body its client sends once it is told to."""
        request = self._request
        return request if request is not None and request.expects else None

    def feed(self, data: bytes) -> None:
        """Reads bytes.

        A request that offers another protocol is read again without its offer, as any other: Java's client offers
        HTTP/2 with the first request of each connection, and httptools would drop its body.
        """
        while data and not self.ended:
            data = self._rest_of(data)

    def _rest_of(self, data: bytes) -> bytes:
        """Reads bytes, and returns those that are to be read again or were not read yet."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as offer:
            head = self._head_without_offer()
            self._parser = HttpRequestParser(self)
            return head + data[offer.args[0] :]
        except HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Malformed) else _no_http(data, error))
        else:
            if self.stage is not Stage.START:
                self._came = 0 if self._came < 0 else self._came + len(data)
                if self._came > self._limits.request_line + self._limits.header_bytes:
                    self._refuse(self._too_long())
        return b""

    def give_up(self) -> None:
        """What is on its way takes too long."""
        in_head = self.stage is Stage.HEAD
        within = self._limits.head_within if in_head else self._limits.body_within
        option = "--head-timeout" if in_head else "--body-timeout"
        self._refuse(
            Malformed(
                408, f"Request Timeout: {self.stage.value} did not come within {within:g} s; serve takes {option}"
            )
        )

    def _refuse(self, malformed: Malformed) -> None:
        self.malformed, self.ended = malformed, True

    def _too_long(self) -> Malformed:
        most = self._limits
        why = f"Request Too Long: at most {most.headers:,} headers of {most.header_bytes:,} bytes in all are read"
        return Malformed(400, f"{why}; serve takes --max-headers and --max-header-bytes")

    def _head_without_offer(self) -> bytes:
        headers = [(name, value) for name, value in self._headers if name.lower() != b"upgrade"]
        line = b"%b %b HTTP/%b" % (self._parser.get_method(), self._target, self._parser.get_http_version().encode())
        return b"\r\n".join([line, *(b"%b: %b" % header for header in headers), b"", b""])

    # What the parser tells.

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        self._target = b""
        self._headers = []
        self._came = -1
        self._turn(Stage.HEAD)

    def on_url(self, part: bytes) -> None:
        """A part of the target has come."""
        self._target += part
        if len(self._target) > self._limits.request_line:
            most = f"URI Too Long: at most {self._limits.request_line:,} bytes of a request line are read"
            raise Malformed(414, f"{most}; serve takes --max-request-line")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is here, or a trailer, which nobody needs."""
        if self.stage is Stage.HEAD:
            self._headers.append((name, value.rstrip(b" \t")))
            return
        self._trailing += len(name) + len(value)
        if self._trailing > self._limits.header_bytes:
            raise self._too_long()

    def on_headers_complete(self) -> None:
        """The head of a request is here."""
        parser, headers = self._parser, self._headers
        method, version = parser.get_method(), parser.get_http_version()
        names = [name.lower() for name, _ in headers]
        self._check(names, version)
        if parser.should_upgrade():
            if method == b"CONNECT":
                raise Malformed(400, "CONNECT is for proxies")
            return
        expects = version == "1.1" and b"expect" in names and _last(headers, b"expect").lower() == b"100-continue"
        path, query, host = _asked(self._target, method)
        keeps = parser.should_keep_alive()
        request = Request(method, self._target, path, query, version, headers, keeps, expects, host=host)
        self._request = request
        self._trailing = 0
        self._came = -1
        self._turn(Stage.BODY)
        if expects and b"content-length" in names and int(_last(headers, b"content-length")) > self._limits.body:
            self._is_last(request)

    def _check(self, names: list[bytes], version: str) -> None:
        if len(names) > self._limits.headers or sum(map(len, chain(*self._headers))) > self._limits.header_bytes:
            raise self._too_long()
        if version not in _SPOKEN:
            raise Malformed(505, f"HTTP Version Not Supported: HTTP/{version}; this server speaks HTTP/1.1")
        if names.count(b"host") > 1:
            raise Malformed(400, "Invalid Hostname: there are two Host headers")
        if b"transfer-encoding" in names:
            listed = b",".join(_values(self._headers, b"transfer-encoding")).lower().split(b",")
            codings = [coding.strip(b" \t") for coding in listed]
            if version == "1.0" or codings != [_CHUNKED]:
                raise _undecodable(codings)

    def on_body(self, part: bytes) -> None:
        """A part of a body has come."""
        request = self._request
        assert request is not None
        self._came = -1
        request.expects = False
        request.length += len(part)
        if request.length > self._limits.body:
            request.body, request.too_long, request.keeps = b"", True, False
            if request.length > self._limits.body * _DRAINED:
                self._is_last(request)
        elif not request.body:
            request.body = part
        else:
            if isinstance(request.body, bytes):
                request.body = bytearray(request.body)
            request.body += part

    def on_message_complete(self) -> None:
        """A request is here, whole."""
        request = self._request
        if request is None or self.ended:  # it is read again, or was answered already
            return
        request.expects = False
        self._come(request)

    def _is_last(self, request: Request) -> None:
        """What follows a request is not read: the rest of its body, which is too long."""
        if not self.ended:
            request.too_long, request.keeps, request.expects, self.ended = True, False, False, True
            self._come(request)

    def _come(self, request: Request) -> None:
        self._request = None
        self._turn(Stage.START)
        self.requests.append(request)

    def _turn(self, stage: Stage) -> None:
        self.stage = stage
        self.steps += 1


def _asked(target: bytes, method: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Path, query and host of a target, which need not name the host."""
    host, rest = None, target
    if not target.startswith(b"/"):
        if target == b"*" and method == b"OPTIONS":
            return target, b"", None
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise Malformed(400, "Invalid URL: the target of a request is a path, or begins with http:// and a host")
        host, rest = absolute[1], target[absolute.end() :]
    if b"#" in rest:
        rest = rest.partition(b"#")[0]
    path, _, query = rest.partition(b"?")
    if b"%" in path and _CONTROL.search(path):
        raise Malformed(400, "Invalid URL: there is a control character in the path")
    return path or b"/", query, host


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name.lower() == wanted]


def _last(headers: Headers, wanted: bytes) -> bytes:
    return _values(headers, wanted)[-1]


def _undecodable(codings: list[bytes]) -> Malformed:
    """Where a body ends is unknown, or it is coded in a way that nobody here decodes."""
    if codings[-1] == _CHUNKED and codings.count(_CHUNKED) < len(codings):
        return Malformed(501, "Not Implemented: of the codings in Transfer-Encoding only chunked is read")
    return Malformed(400, "Transfer-Encoding is chunked, once, in HTTP/1.1, or it does not tell where a body ends")


def _no_http(data: bytes, error: HttpParserError) -> Malformed:
    if data.startswith(_TLS):
        return Malformed(400, "this is TLS, and the port speaks plain HTTP: ask with http:// in place of https://")
    return Malformed(400, f"this is no HTTP: {error}")
