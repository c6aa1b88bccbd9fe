"""Parses the bytes of one connection into requests, on llhttp; stricter than it where RFC 9112 leaves a choice."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from emulator.server import HttpLimits

# How much of a body that is too long is read and dropped, as a multiple of the limit: most clients read the response
# only after they have sent everything.
_MAX_DRAINED: Final = 16
_SUPPORTED_VERSIONS: Final = ("1.1", "1.0")
_TLS_HANDSHAKE: Final = b"\x16\x03"  # the first bytes of a TLS record of a handshake
_TLS: Final = "this is TLS, and the port speaks plain HTTP: use http:// instead of https://"
_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#@]+)(?![^/?#])", re.IGNORECASE)
_CHUNKED: Final = b"chunked"
_CGI_KEYS: Final = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}

RawHeaders = list[tuple[bytes, bytes]]  # names and values as sent, in order


class ProtocolError(Exception):
    """Bytes that are no acceptable request, with the ``status`` of the response."""

    def __init__(self, reason: str, status: str = "400 Bad Request") -> None:
        super().__init__(reason)
        self.status = status


def _headers_too_long(limits: HttpLimits) -> ProtocolError:
    reason = f"Request Too Long: at most {limits.headers:,} headers of {limits.header_bytes:,} bytes in all are read"
    return ProtocolError(f"{reason}; serve takes --max-headers and --max-header-bytes")


class ParsedHeaders:
    """The headers of a request; ProtocolError if they are not acceptable.

    ``environ`` has them as WSGI keys, without Transfer-Encoding. ``content_length`` is set (else 0) if the client
    ``expects_continue``.
    """

    __slots__ = ("content_length", "environ", "expects_continue", "is_chunked", "raw")

    def __init__(self, raw: RawHeaders, limits: HttpLimits) -> None:
        if len(raw) > limits.headers or sum(map(len, chain(*raw))) > limits.header_bytes:
            raise _headers_too_long(limits)
        values: dict[bytes, list[bytes]] = {}
        for name, value in raw:
            values.setdefault(name.lower(), []).append(value)
        # RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status code to [...] any request message
        # that contains more than one Host header field line". One without Host is refused by the application.
        if len(values.get(b"host", ())) > 1:
            raise ProtocolError("Invalid Hostname: there are two Host headers")
        self.raw = raw
        self.is_chunked = _is_chunked(values.pop(b"transfer-encoding", None))
        self.expects_continue = values.get(b"expect", [b""])[-1].lower() == b"100-continue"
        self.content_length = int(values.get(b"content-length", [b"0"])[-1]) if self.expects_continue else 0
        self.environ: dict[str, str] = {}
        for name, field_values in values.items():
            key, text = _environ_key(name), b",".join(field_values).decode("latin-1")
            self.environ[key] = f"{self.environ[key]},{text}" if key in self.environ else text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParsedHeaders) and self.raw == other.raw


def _is_chunked(transfer_encoding: list[bytes] | None) -> bool:
    """Return True for a chunked body; raise ProtocolError for any other transfer coding."""
    if transfer_encoding is None:
        return False
    codings = [coding.strip(b" \t") for coding in b",".join(transfer_encoding).lower().split(b",")]
    if codings == [_CHUNKED]:
        return True
    # RFC 9112, 6.1: "A server that receives a request message with a transfer coding it does not understand SHOULD
    # respond with 501"; and 6.3: if chunked is not the final one, "the server MUST respond with the 400".
    if codings[-1] == _CHUNKED and codings.count(_CHUNKED) < len(codings):
        reason = "Not Implemented: of the codings in Transfer-Encoding only chunked is supported"
        raise ProtocolError(reason, "501 Not Implemented")
    raise ProtocolError("Transfer-Encoding has to be chunked, once: else the end of the body is unknown")


@lru_cache(maxsize=1024)
def _environ_key(name: bytes) -> str:
    return _CGI_KEYS.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")


@dataclass(slots=True)
class ParsedRequest:
    """One request. ``path`` and ``query`` are parts of its ``target``, not unquoted.

    ``host`` is that of a target in absolute form and replaces the Host header. ``length`` is the number of body bytes
    received; if the body is longer than the limit, ``body_limit`` is the limit in bytes and ``body`` is empty.
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


class ParserState(Enum):
    """What the parser reads next, worded for messages."""

    START = "the start of a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


class RequestParser:
    """Parses requests; complete ones are appended to ``requests``.

    ``transitions`` counts the changes of ``state``. ``waits_for_continue`` is True if the client sends a body only
    after 100 Continue; set it to False when that is sent. Parsing is ``finished`` after an ``error``, which stands for
    the last request, or when a body is too long to be drained.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self.requests: deque[ParsedRequest] = deque()
        self.state = ParserState.START
        self.transitions = 0
        self.waits_for_continue = False
        self.error: ProtocolError | None = None
        self.finished = False
        self._limits = limits
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._raw_headers: RawHeaders = []
        self._headers: ParsedHeaders | None = None  # of the last request: most clients repeat theirs
        self._request: ParsedRequest | None = None  # whose body is being read
        self._trailer_bytes = 0
        self._unparsed = 0  # bytes since the last callback, without those of the feed() in which it came: that is -1

    def feed(self, data: bytes) -> None:
        """Parse bytes.

        A request that offers to upgrade is parsed again without its offer, since httptools would drop its body.
        Java's HttpClient offers HTTP/2 with the first request of each connection; RFC 9110, 7.8: "A server MAY
        ignore a received Upgrade header field".
        """
        while data and not self.finished:
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as offer:
                head = self._head_without_upgrade()
                self._parser = HttpRequestParser(self)
                data = head + data[offer.args[0] :]
                continue
            except HttpParserError as error:
                cause = error.__context__
                if not isinstance(cause, ProtocolError):
                    cause = ProtocolError(_TLS if data.startswith(_TLS_HANDSHAKE) else f"this is no HTTP: {error}")
                self._fail(cause)
            if self.state is not ParserState.START:  # llhttp buffers a line of a head or trailer without a limit
                self._unparsed = 0 if self._unparsed < 0 else self._unparsed + len(data)
                if self._unparsed > self._limits.request_line + self._limits.header_bytes and not self.finished:
                    self._fail(_headers_too_long(self._limits))
            return

    def time_out(self) -> None:
        """Fail because the rest of the current request did not arrive in time."""
        in_head = self.state is ParserState.HEAD
        seconds = self._limits.head_within if in_head else self._limits.body_within
        option = "--head-timeout" if in_head else "--body-timeout"
        reason = f"Request Timeout: {self.state.value} did not come within {seconds:g} s; serve takes {option}"
        self._fail(ProtocolError(reason, "408 Request Timeout"))

    def _fail(self, error: ProtocolError) -> None:
        self.error, self.finished = error, True

    def _head_without_upgrade(self) -> bytes:
        headers = [(name, value) for name, value in self._raw_headers if name.lower() != b"upgrade"]
        line = b"%b %b HTTP/%b" % (self._parser.get_method(), self._target, self._parser.get_http_version().encode())
        return b"\r\n".join([line, *(b"%b: %b" % header for header in headers), b"", b""])

    # Parser callbacks; httptools wraps what they raise in an HttpParserError

    def on_message_begin(self) -> None:
        self._target = b""
        self._raw_headers = []
        self._unparsed = -1
        self._change_state(ParserState.HEAD)

    def on_url(self, part: bytes) -> None:
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
            raise _headers_too_long(self._limits)

    def on_headers_complete(self) -> None:
        request = self._parse_head()
        if self._parser.should_upgrade():
            if request.method == b"CONNECT":
                raise ProtocolError("CONNECT is for proxies")
            return  # feed() parses this request again
        self._request = request
        self._trailer_bytes = 0
        self._unparsed = -1
        self._change_state(ParserState.BODY)
        if request.body_limit is not None:
            self._complete(request)
            self.finished = True

    def on_body(self, part: bytes) -> None:
        request = self._request
        if request is None:  # the rest of a body that is not drained
            return
        self._unparsed = -1
        self.waits_for_continue = False
        request.length += len(part)
        limit = self._limits.body
        if request.length > limit:
            request.body, request.body_limit, request.keep_alive = b"", limit, False
            if request.length > limit * _MAX_DRAINED:
                self._complete(request)
                self.finished = True
        elif not request.body:
            request.body = part
        else:
            if isinstance(request.body, bytes):
                request.body = bytearray(request.body)
            request.body += part

    def on_message_complete(self) -> None:
        if self._request is not None:  # None: an upgrade that feed() parses again, or an undrained body
            self._complete(self._request)

    # Steps of the callbacks

    def _parse_head(self) -> ParsedRequest:
        parser, limits = self._parser, self._limits
        method, version = parser.get_method(), parser.get_http_version()
        headers = self._headers
        if headers is None or headers.raw != self._raw_headers:
            headers = self._headers = ParsedHeaders(self._raw_headers, limits)
        if version not in _SUPPORTED_VERSIONS:
            reason = f"HTTP Version Not Supported: HTTP/{version}; this server speaks HTTP/1.1"
            raise ProtocolError(reason, "505 HTTP Version Not Supported")
        if headers.is_chunked and version == "1.0":
            # RFC 9112, 6.1: such a message MUST be treated "as if the framing is faulty".
            raise ProtocolError("Transfer-Encoding needs HTTP/1.1: in HTTP/1.0 the end of the body is unknown")
        path, query, host = _split_target(self._target, method)
        self.waits_for_continue = headers.expects_continue and version == "1.1"
        body_limit = limits.body if self.waits_for_continue and headers.content_length > limits.body else None
        keep_alive = body_limit is None and parser.should_keep_alive()
        return ParsedRequest(method, self._target, path, query, version, headers, keep_alive, host, body_limit)

    def _complete(self, request: ParsedRequest) -> None:
        self._request = None
        self.waits_for_continue = False
        self._change_state(ParserState.START)
        if not self.finished:
            self.requests.append(request)

    def _change_state(self, state: ParserState) -> None:
        self.state = state
        self.transitions += 1
