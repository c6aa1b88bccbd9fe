"""The headers of a request, checked more strictly than by llhttp, and the error for bytes that are not acceptable."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Final

from emulator.server import HttpLimits

_CHUNKED: Final = b"chunked"
_CGI_KEYS: Final = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}

RawHeaders = list[tuple[bytes, bytes]]  # names and values as sent, in order


class ProtocolError(Exception):
    """Bytes that are no acceptable request, with the ``status`` of the response."""

    def __init__(self, reason: str, status: str = "400 Bad Request") -> None:
        super().__init__(reason)
        self.status = status


def headers_too_long(limits: HttpLimits) -> ProtocolError:
    reason = f"Request Too Long: at most {limits.headers:,} headers of {limits.header_bytes:,} bytes in all are read"
    return ProtocolError(f"{reason}; serve takes --max-headers and --max-header-bytes")


class ParsedHeaders:
    """The headers of a request; ProtocolError if they are not acceptable.

    ``environ`` has them as WSGI keys, without Transfer-Encoding. ``content_length`` is 0 if there is none, ``size``
    that of all names and values in bytes.
    """

    __slots__ = ("content_length", "environ", "expects_continue", "is_chunked", "raw", "size")

    def __init__(self, raw: RawHeaders, limits: HttpLimits) -> None:
        self.size = sum(map(len, chain(*raw)))
        if len(raw) > limits.headers or self.size > limits.header_bytes:
            raise headers_too_long(limits)
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
        self.content_length = int(values.get(b"content-length", [b"0"])[-1])
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
