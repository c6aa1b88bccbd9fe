"""Parses the bytes of one connection into requests, on llhttp; stricter than it where RFC 9112 leaves a choice."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from time import perf_counter
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from emulator.network import VALID_HOST, is_valid_host
from emulator.server import HttpLimits
from emulator.server.advice import refusal
from emulator.server.headers import ParsedHeaders, ProtocolError, RawHeaders, headers_too_long

_NOT_ASCII_AS_X: Final = bytes(range(128)) + b"x" * 128
# Also the start of a version, and a request line that is incomplete or has no version.
_TARGET_START: Final = re.compile(rb" (?:/|(?i:http))|[A-Z] [^ \r\n]*(?: (?:HT{0,2})?)?(?:\r?\n|\r?\Z)")
_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#@]+)(?![^/?#])", re.IGNORECASE)


@dataclass(slots=True)
class ParsedRequest:
    """One request. ``path`` and ``query`` are parts of its ``target``, not unquoted; they may hold any byte above 127.

    ``host`` is that of a target in absolute form and replaces the Host header. ``length`` is the number of body bytes
    received; if the body is longer than the limit, ``body_limit`` is the limit in bytes and ``body`` is empty.
    ``received_at`` is when its last byte was read, in the seconds of ``perf_counter``; ``began`` is what ``on_begin``
    returned when its first byte was.
    """

    method: bytes
    target: bytes
    path: bytes
    query: bytes
    version: str
    headers: ParsedHeaders
    keep_alive: bool
    host: bytes | None = None
    body_limit: int | None = None
    body: bytes | bytearray = b""
    length: int = 0
    received_at: float = field(default=0.0, compare=False)
    began: Any = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """The number of bytes that it holds, head and body."""
        return len(self.target) + self.headers.size + len(self.body)


def _split_target(target: bytes, method: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Return the path, query and host of a target; the host is None unless the target is in absolute form."""
    host, rest = None, target
    if not target.startswith(b"/"):
        if target == b"*" and method == b"OPTIONS":
            return target, b"", None
        # RFC 9112, 3.2.2: "a server MUST accept the absolute-form in requests", and its host replaces the header's.
        absolute = _ABSOLUTE_FORM.match(target)
        if absolute is None:
            raise ProtocolError("Invalid URL: the target has to be a path, or to begin with http:// and a host")
        host, rest = absolute[1], target[absolute.end() :]
    path, _, query = rest.partition(b"#")[0].partition(b"?")
    return path or b"/", query, host


def _end_of_line(data: bytes, start: int) -> int:
    return data.find(b"\n", start) + 1 or len(data)


class ParserState(Enum):
    """What the parser reads next, worded for messages."""

    START = "the start of a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


class RequestParser:
    """Parses requests; complete ones are appended to ``requests``.

    ``transitions`` counts the changes of ``state``. ``waits_for_continue`` is True if the client sends a body only
    after 100 Continue; set it to False when that is sent. Parsing is ``finished`` after an ``error``, which stands for
    the last request, after a request whose body is too long, which is complete once that is known, or after ``stop``.
    ``on_begin`` is called with the first byte of each request; ``began`` is what it returned for an incomplete one.
    """

    def __init__(self, limits: HttpLimits, on_begin: Callable[[], Any] = lambda: None) -> None:
        self.began: Any = None
        self._on_begin = on_begin
        self.requests: deque[ParsedRequest] = deque()
        self.state = ParserState.START
        self.transitions = 0
        self.waits_for_continue = False
        self.error: ProtocolError | None = None
        self.finished = False
        self._limits = limits
        self._parser = self._new_parser()
        self._target = b""
        self._in_request_line = False
        self._line = b""  # the piece of a request line that is being parsed, if it is not ASCII
        self._raw_headers: RawHeaders = []
        self._headers: ParsedHeaders | None = None  # of the last request: most clients repeat theirs
        self._request: ParsedRequest | None = None  # whose body is being read
        self._trailer_bytes = 0
        self._unparsed = 0  # bytes since the last callback, without those of the feed() in which it came: that is -1

    def close(self) -> None:
        """Release what was parsed; nothing can be fed any more.

        httptools' parser and this one refer to each other: a partial body would stay until a garbage collection.
        """
        self.requests.clear()
        self.finished = True
        self._request = None
        del self._parser

    def _new_parser(self) -> HttpRequestParser:
        parser = HttpRequestParser(self)
        # RFC 9110, 2.5: a recipient of a "higher minor version [...] SHOULD process the message as if it were [...]
        # the highest minor version within that major version"; other major versions are refused below.
        parser.set_dangerous_leniencies(lenient_version=True)
        return parser

    def feed(self, data: bytes) -> None:
        """Parse bytes.

        HTTP.sys takes bytes above 127 in a URL as they are, llhttp refuses them. So it gets letters in their place,
        and each request line that has them is a piece of its own.
        """
        if data.isascii() or self._has_ascii_targets(data):
            self._feed(data)
            return
        start = 0
        while start < len(data) and not self.finished:
            in_line = self.state is ParserState.START or self._in_request_line
            end = _end_of_line(data, start) if in_line else self._end_of_part(data, start)
            piece = data[start:end]
            if in_line and not piece.isascii():
                self._line, piece = piece, piece.translate(_NOT_ASCII_AS_X)
            self._feed(piece)
            self._line, start = b"", end

    def _has_ascii_targets(self, data: bytes) -> bool:
        """Return True if data certainly has no request line but an ASCII one at its start; most calls are like that."""
        end = _end_of_line(data, 0) if self.state is ParserState.START or self._in_request_line else 0
        return data[:end].isascii() and _TARGET_START.search(data, end) is None

    def _end_of_part(self, data: bytes, start: int) -> int:
        """Return an index up to which there is no request line: the end of a body, or of a possible head or trailer."""
        request = self._request
        if request is not None and not request.headers.is_chunked:
            rest = int(request.headers.environ.get("CONTENT_LENGTH", 0)) - request.length
            return start + rest if rest > 0 else len(data)
        if data.startswith((b"\n", b"\r\n"), start):  # the piece before may end with the rest of an empty line
            return _end_of_line(data, start)
        end = data.find(b"\r\n\r\n", start)
        return end + 4 if end >= 0 else len(data)

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse bytes in which llhttp refuses nothing that HTTP.sys accepts.

        A request that offers to upgrade is parsed again without its offer, since httptools would drop its body.
        Java's HttpClient offers HTTP/2 with the first request of each connection; RFC 9110, 7.8: "A server MAY
        ignore a received Upgrade header field". What follows is a view: a copy for each of many offers takes long.
        """
        while data and not self.finished:
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as offer:
                head = self._head_without_upgrade()
                self._parser = self._new_parser()
                self._feed(head)
                data = memoryview(data)[offer.args[0] :]
                continue
            except HttpParserError as error:
                cause = error.__context__
                if not isinstance(cause, ProtocolError):
                    cause = refusal(self._line or bytes(data), self._parser.get_method(), str(error))
                self._fail(cause)
            if self._in_request_line and self._target and b"\n" in (rest := bytes(data)):
                before = rest.removesuffix(self._target)
                self._in_request_line = before != rest and before.rstrip(b" ").endswith(self._parser.get_method())
            if self.state is not ParserState.START:  # llhttp buffers a line of a head or trailer without a limit
                self._unparsed = 0 if self._unparsed < 0 else self._unparsed + len(data)
                if self._unparsed > self._limits.request_line + self._limits.header_bytes and not self.finished:
                    self._fail(headers_too_long(self._limits))
            return

    def stop(self) -> None:
        """Parse nothing more, and drop what is incomplete."""
        self.finished, self._request = True, None

    @property
    def unanswered(self) -> int:
        """The size of what was read but is not taken from ``requests``, in bytes."""
        partial = self._request.length if self._request is not None else 0
        return partial + sum([request.size for request in self.requests])

    def time_out(self) -> None:
        """Fail because the rest of the current request did not arrive in time."""
        in_head = self.state is ParserState.HEAD
        seconds = self._limits.head_within if in_head else self._limits.body_within
        option = "--head-timeout" if in_head else "--body-timeout"
        reason = f"Request Timeout: {self.state.value} did not come within {seconds:g} s; serve takes {option}"
        self._fail(ProtocolError(reason, "408 Request Timeout"))

    def _fail(self, error: ProtocolError) -> None:
        self.error, self.finished = error.with_traceback(None), True  # whose frames refer to this parser
        if self.began is None:
            self.began = self._on_begin()

    @property
    def head(self) -> tuple[str, RawHeaders]:
        """The first line and the headers of the last request, as far as they were read; "" and none before its URL."""
        line = self._request_line if self._target else b""
        return line.decode("utf-8", "backslashreplace"), self._raw_headers

    @property
    def _request_line(self) -> bytes:
        return b"%b %b HTTP/%b" % (self._parser.get_method(), self._target, self._parser.get_http_version().encode())

    def _head_without_upgrade(self) -> bytes:
        headers = [(name, value) for name, value in self._raw_headers if name.lower() != b"upgrade"]
        self._line = self._request_line
        line = self._line.translate(_NOT_ASCII_AS_X)
        return b"\r\n".join([line, *(b"%b: %b" % header for header in headers), b"", b""])

    # Parser callbacks; httptools wraps what they raise in an HttpParserError

    def on_message_begin(self) -> None:
        if self.began is None:  # it is not for an offer to upgrade, which is parsed twice
            self.began = self._on_begin()
        self._target = b""
        self._in_request_line = True
        self._raw_headers = []
        self._unparsed = -1
        self._change_state(ParserState.HEAD)

    def on_url(self, part: bytes) -> None:
        if self._line:
            start = self._line.translate(_NOT_ASCII_AS_X).find(part)
            part = self._line[start : start + len(part)]
        self._target += part
        if len(self._target) > self._limits.request_line:
            reason = f"URI Too Long: at most {self._limits.request_line:,} bytes of a request line are read"
            raise ProtocolError(f"{reason}; serve takes --max-request-line", "414 URI Too Long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.state is ParserState.HEAD:
            self._raw_headers.append((name, value.rstrip(b" \t")))
            return
        # RFC 9112, 7.1.2: a recipient "MAY selectively retain or discard the received trailer fields".
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > self._limits.header_bytes:
            raise headers_too_long(self._limits)

    def on_headers_complete(self) -> None:
        self._in_request_line, self._line = False, b""
        if self._parser.should_upgrade():
            if self._parser.get_method() == b"CONNECT":
                raise ProtocolError("CONNECT is for proxies")
            return  # feed() parses this request again
        request = self._parse_head()
        self._request = request
        self._trailer_bytes = 0
        self._unparsed = -1
        self._change_state(ParserState.BODY)
        if request.headers.content_length > self._limits.body:
            self._refuse_body(request)

    def on_body(self, part: bytes) -> None:
        request = self._request
        if request is None:  # the rest of a body that is too long
            return
        self._unparsed = -1
        self.waits_for_continue = False
        request.length += len(part)
        if request.length > self._limits.body:
            self._refuse_body(request)
        elif not request.body:
            request.body = part
        else:
            if isinstance(request.body, bytes):
                request.body = bytearray(request.body)
            request.body += part

    def on_message_complete(self) -> None:
        if self._request is not None:  # None: an upgrade that feed() parses again, or a body too long
            self._complete(self._request)

    # Steps of the callbacks

    def _parse_head(self) -> ParsedRequest:
        parser, limits = self._parser, self._limits
        method, version = parser.get_method(), parser.get_http_version()
        headers = self._headers
        if headers is None or headers.raw != self._raw_headers:
            headers = self._headers = ParsedHeaders(self._raw_headers, limits)
        if not version.startswith("1."):
            reason = f"HTTP Version Not Supported: HTTP/{version}; this server speaks HTTP/1.1"
            raise ProtocolError(reason, "505 HTTP Version Not Supported")
        if headers.is_chunked and version == "1.0":
            # RFC 9112, 6.1: such a message MUST be treated "as if the framing is faulty".
            raise ProtocolError("Transfer-Encoding needs HTTP/1.1: in HTTP/1.0 the end of the body is unknown")
        path, query, host = _split_target(self._target, method)
        # RFC 9112, 3.2: 400 to any request "that contains [...] a Host header field with an invalid field value", also
        # where the target's host replaces it. In all other cases the application refuses the host.
        if host is not None and not is_valid_host(headers.environ.get("HTTP_HOST") or "localhost"):
            raise ProtocolError(f"Invalid Hostname: {VALID_HOST}")
        self.waits_for_continue = headers.expects_continue and version != "1.0"
        return ParsedRequest(method, self._target, path, query, version, headers, parser.should_keep_alive(), host)

    def _refuse_body(self, request: ParsedRequest) -> None:
        """Complete a request whose body is too long, as the last one; the rest of the body is not parsed."""
        request.body, request.body_limit, request.keep_alive = b"", self._limits.body, False
        self._complete(request)
        self.finished = True

    def _complete(self, request: ParsedRequest) -> None:
        self._request = None
        self.waits_for_continue = False
        self._change_state(ParserState.START)
        if not self.finished:
            request.received_at = perf_counter()
            request.began, self.began = self.began, None
            self.requests.append(request)

    def _change_state(self, state: ParserState) -> None:
        self.state = state
        self.transitions += 1
