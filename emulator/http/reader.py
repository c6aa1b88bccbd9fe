"""Makes requests of the bytes that come through a connection, and says of those that are none what is wrong."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from emulator.http.limits import HttpLimits

_DRAINED: Final = 16
"""How much of a body that is too long is read and dropped, in longest bodies: most clients read once all is sent, not
before."""

_LENGTH: Final = b"content-length"

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
        self._came = 0  # bytes of a head, or behind a body, without those in which it began: -1 while they are read
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
        if self.ended:
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as offer:
            head = self._head_without_offer()
            self._parser = HttpRequestParser(self)
            self.feed(head + data[offer.args[0] :])
        except HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Malformed) else Malformed(400, f"this is no HTTP: {error}"))
        else:
            if self.stage is not Stage.START:
                self._came = 0 if self._came < 0 else self._came + len(data)
                if self._came > self._limits.request_line + self._limits.header_bytes:
                    self._refuse(self._too_long())

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
        """A header is here; those behind a chunked body tell nothing that is wanted here."""
        if self.stage is Stage.HEAD:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head of a request is here."""
        parser = self._parser
        method = parser.get_method()
        if parser.should_upgrade():
            if method == b"CONNECT":
                raise Malformed(400, "CONNECT is for proxies")
            return
        headers, version = self._headers, parser.get_http_version()
        names = [name.lower() for name, _ in headers]
        self._check(names)
        expects = b"expect" in names and version == "1.1"
        path, query = _path_and_query(self._target)
        request = Request(method, self._target, path, query, version, headers, parser.should_keep_alive(), expects)
        self._request = request
        self._turn(Stage.BODY)
        if expects and any(int(value) > self._limits.body for name, value in headers if name.lower() == _LENGTH):
            self._is_last(request)

    def _check(self, names: list[bytes]) -> None:
        if len(names) > self._limits.headers or sum(map(len, chain(*self._headers))) > self._limits.header_bytes:
            raise self._too_long()
        if names.count(b"host") > 1:
            raise Malformed(400, "Invalid Hostname: there are two Host headers")

    def on_body(self, part: bytes) -> None:
        """A part of a body has come."""
        request = self._request
        assert request is not None
        request.expects = False
        self._came = -1
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


def _path_and_query(target: bytes) -> tuple[bytes, bytes]:
    """Path and query of a target, which may name the host, too."""
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    if target == b"*":
        return target, b""
    try:
        url = parse_url(target)
    except HttpParserError:
        raise Malformed(400, "Invalid URL: the target of a request is a path, or begins with http://") from None
    return url.path or b"/", url.query or b""
