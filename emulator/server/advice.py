"""What a client has to change if its bytes are no HTTP: llhttp names the rule that they break, but not the cause."""

from __future__ import annotations

from typing import Final

_TLS_HANDSHAKE: Final = b"\x16\x03"  # the first bytes of a TLS record of a handshake
_TLS: Final = "this is TLS, and the port speaks plain HTTP: use http:// instead of https://"
_HTTP2_METHOD: Final = b"PRI"  # RFC 9113, 3.4: the connection preface begins with "PRI * HTTP/2.0"
_HTTP2: Final = (
    "this is HTTP/2 (its preface PRI * HTTP/2.0), and the port speaks HTTP/1.1: set the client to HTTP/1.1, or do not "
    "let it assume HTTP/2 without asking (prior knowledge)"
)
_CONTROL: Final = "a control character in the URL has to be percent-encoded"
_CRLF: Final = "each line of a head has to end in CRLF"

# By the words of llhttp, which are those of its version 9.
_ADVICE: Final = {
    "Unexpected whitespace after header value": "a header goes on in the next line (it is folded), which HTTP/1.1 "
    "forbids: send each header on one line",
    "Unexpected space after start line": "the first header begins with white space",
    "Invalid header token": "a line of the head is no header: it needs a name without spaces and a colon at once",
    "Expected HTTP/, RTSP/ or ICE/": "the URL has to be followed by HTTP/1.1, and a space in the URL is written %20",
    "Invalid char in url query": _CONTROL,
    "Invalid char in url path": _CONTROL,
    "Expected CRLF after version": _CRLF,
    "Missing expected CR after header value": _CRLF,
    "Missing expected LF after header value": _CRLF,
    "Invalid method encountered": "a request begins with a method in capitals, such as POST; behind another request, "
    "the Content-Length of that one may be too small",
    "Invalid character in chunk size": "the body is not chunked, as Transfer-Encoding says",
}


def explain(data: bytes, method: bytes, error: str) -> str:
    """Return what is wrong with bytes in which llhttp found an error, after it had read the method."""
    if data.startswith(_TLS_HANDSHAKE):
        return _TLS
    if method == _HTTP2_METHOD:
        return _HTTP2
    advice = _ADVICE.get(error)
    return f"this is no HTTP: {error}" + (f"; {advice}" if advice else "")
