"""Makes requests of the bytes that come through a connection, and says of those that are none what is wrong."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from emulator.server.limits import HttpLimits


class Malformed(Exception):
    """Bytes that are no request, or one that goes beyond a limit: the ``status`` of its answer, and what is wrong."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def head_too_long(limits: HttpLimits) -> Malformed:
    """There are more headers, or longer ones, than are read."""
    why = f"Request Too Long: at most {limits.headers:,} headers of {limits.header_bytes:,} bytes in all are read"
    return Malformed(400, f"{why}; serve takes --max-headers and --max-header-bytes")


def target_too_long(limits: HttpLimits) -> Malformed:
    """The target is longer than is read."""
    why = f"URI Too Long: at most {limits.request_line:,} bytes of a request line are read"
    return Malformed(414, f"{why}; serve takes --max-request-line")


Sent = list[tuple[bytes, bytes]]
"""Names and values as they were sent, in their order."""

_CHUNKED: Final = b"chunked"
_OTHER_KEYS: Final = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


class Headers:
    """Headers that a request may have, read once however many requests of a client repeat them; Malformed for others.

    ``environ`` is what they are in WSGI's environment, but for the coding of the body: ``is_chunked`` tells of that.
    ``expects`` says that the client sends the body once it is told to, and ``length`` how long that will be, 0 when
    it does not say so.
    """

    __slots__ = ("environ", "expects", "is_chunked", "length", "sent")

    def __init__(self, sent: Sent, limits: HttpLimits) -> None:
        if len(sent) > limits.headers or sum(map(len, chain(*sent))) > limits.header_bytes:
            raise head_too_long(limits)
        values: dict[bytes, list[bytes]] = {}
        for name, value in sent:
            values.setdefault(name.lower(), []).append(value)
        if len(values.get(b"host", ())) > 1:
            raise Malformed(400, "Invalid Hostname: there are two Host headers")
        self.sent = sent
        self.is_chunked = _is_chunked(values.pop(b"transfer-encoding", None))
        self.expects = values.get(b"expect", [b""])[-1].lower() == b"100-continue"
        self.length = int(values.get(b"content-length", [b"0"])[-1]) if self.expects else 0
        self.environ: dict[str, str] = {}
        for name, each in values.items():
            key, text = _key(name), b",".join(each).decode("latin-1")
            self.environ[key] = f"{self.environ[key]},{text}" if key in self.environ else text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.sent == other.sent

    def __hash__(self) -> int:
        return hash(tuple(self.sent))


def _is_chunked(transfer_encoding: list[bytes] | None) -> bool:
    """Whether a body is; Malformed when where it ends is unknown, or it is coded in a way that nobody here decodes."""
    if transfer_encoding is None:
        return False
    codings = [coding.strip(b" \t") for coding in b",".join(transfer_encoding).lower().split(b",")]
    if codings == [_CHUNKED]:
        return True
    if codings[-1] == _CHUNKED and codings.count(_CHUNKED) < len(codings):
        raise Malformed(501, "Not Implemented: of the codings in Transfer-Encoding only chunked is read")
    raise Malformed(400, "Transfer-Encoding is chunked, once, or it does not tell where a body ends")


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """The key in the environment of a header with a name in lower case."""
    return _OTHER_KEYS.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")


_SPOKEN: Final = ("1.1", "1.0")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]+)(?![^/?#])", re.IGNORECASE)


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


def request_of(
    method: bytes, target: bytes, version: str, headers: Headers, keeps: bool, limits: HttpLimits
) -> Request:
    """The request with a head, its body still to come; Malformed when that is none."""
    if version not in _SPOKEN:
        raise Malformed(505, f"HTTP Version Not Supported: HTTP/{version}; this server speaks HTTP/1.1")
    if headers.is_chunked and version == "1.0":
        raise Malformed(400, "Transfer-Encoding is for HTTP/1.1; in HTTP/1.0 it does not tell where a body ends")
    path, query, host = _asked(target, method)
    expects = headers.expects and version == "1.1"
    too_long = expects and headers.length > limits.body
    return Request(method, target, path, query, version, headers, keeps, expects, host=host, too_long=too_long)


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
    return path or b"/", query, host


_DRAINED: Final = 16
"""How much of a body that is too long is read and dropped, in longest bodies: most clients read once all is sent, not
before."""

_TLS: Final = b"\x16\x03"  # how it begins


class Stage(Enum):
    """What comes next through a connection."""

    START = "the start of a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


class Reader:
    """Reads requests; those that are here whole are in ``requests``, in the order in which they came.

    ``stage`` is what comes next, and ``steps`` how often that has changed. Reading has ``ended`` once something is
    ``malformed``, which stands for a last request then, or once a body is so long that it is not read on.
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
        self._sent: Sent = []  # the headers so far
        self._headers: Headers | None = None  # of the last request
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
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as offer:
                head = self._head_without_offer()
                self._parser = HttpRequestParser(self)
                data = head + data[offer.args[0] :]
                continue
            except HttpParserError as error:
                cause = error.__context__
                self._refuse(cause if isinstance(cause, Malformed) else _no_http(data, error))
            if self.stage is not Stage.START:
                self._wait_for_more(len(data))
            return

    def _wait_for_more(self, came: int) -> None:
        """Head or trailers are not whole yet: so many bytes of them are here, but not without end."""
        self._came = 0 if self._came < 0 else self._came + came
        if self._came > self._limits.request_line + self._limits.header_bytes and not self.ended:
            self._refuse(head_too_long(self._limits))

    def give_up(self) -> None:
        """What is on its way takes too long."""
        in_head = self.stage is Stage.HEAD
        within = self._limits.head_within if in_head else self._limits.body_within
        option = "--head-timeout" if in_head else "--body-timeout"
        why = f"Request Timeout: {self.stage.value} did not come within {within:g} s; serve takes {option}"
        self._refuse(Malformed(408, why))

    def _refuse(self, malformed: Malformed) -> None:
        self.malformed, self.ended = malformed, True

    def _head_without_offer(self) -> bytes:
        headers = [(name, value) for name, value in self._sent if name.lower() != b"upgrade"]
        line = b"%b %b HTTP/%b" % (self._parser.get_method(), self._target, self._parser.get_http_version().encode())
        return b"\r\n".join([line, *(b"%b: %b" % header for header in headers), b"", b""])

    # What the parser tells.

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        self._target = b""
        self._sent = []
        self._came = -1
        self._turn(Stage.HEAD)

    def on_url(self, part: bytes) -> None:
        """A part of the target has come."""
        self._target += part
        if len(self._target) > self._limits.request_line:
            raise target_too_long(self._limits)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is here, or a trailer, which nobody needs."""
        if self.stage is Stage.HEAD:
            self._sent.append((name, value.rstrip(b" \t")))
            return
        self._trailing += len(name) + len(value)
        if self._trailing > self._limits.header_bytes:
            raise head_too_long(self._limits)

    def on_headers_complete(self) -> None:
        """The head of a request is here."""
        parser, limits = self._parser, self._limits
        method, version, keeps = parser.get_method(), parser.get_http_version(), parser.should_keep_alive()
        headers = self._headers
        if headers is None or headers.sent != self._sent:
            headers = self._headers = Headers(self._sent, limits)
        request = request_of(method, self._target, version, headers, keeps, limits)
        if parser.should_upgrade():
            if method == b"CONNECT":
                raise Malformed(400, "CONNECT is for proxies")
            return
        self._request = request
        self._trailing = 0
        self._came = -1
        self._turn(Stage.BODY)
        if request.too_long:
            self._is_last(request)

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


def _no_http(data: bytes, error: HttpParserError) -> Malformed:
    if data.startswith(_TLS):
        return Malformed(400, "this is TLS, and the port speaks plain HTTP: ask with http:// in place of https://")
    return Malformed(400, f"this is no HTTP: {error}")
