"""What a client has to change if its bytes are no HTTP: llhttp names the rule that they break, but not the cause."""

from __future__ import annotations

import re
from typing import Final

from httptools import HttpParserError, HttpRequestParser

from emulator.server.headers import ProtocolError

_TLS_HANDSHAKE: Final = b"\x16\x03"  # the first bytes of a TLS record of a handshake
_TLS: Final = "this is TLS, and the port speaks plain HTTP: use http:// instead of https://"
_HTTP2_METHOD: Final = b"PRI"  # RFC 9113, 3.4: the connection preface begins with "PRI * HTTP/2.0"
_HTTP2: Final = (
    "this is HTTP/2 (its preface PRI * HTTP/2.0), and the port speaks HTTP/1.1: set the client to HTTP/1.1, or do not "
    "let it assume HTTP/2 without asking (prior knowledge)"
)
_CONTROL: Final = "a control character in the URL has to be percent-encoded"
_EXTENSION: Final = "no blank may be around the name or the value of a chunk extension, nor an empty extension be there"
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
    "Invalid character in chunk size": "the body is not chunked, as Transfer-Encoding says, or there is a blank before "
    "or behind the size of a chunk, which must not be",
    "Invalid character in chunk extensions": _EXTENSION,
    "Invalid character in chunk extensions name": _EXTENSION,
    "Invalid character in chunk extensions value": _EXTENSION,
    "Invalid character in chunk extensions quote value": _EXTENSION,
    "Request has invalid `Transfer-Encoding`": "it has to be chunked and nothing else, and no tab may follow",
}

_METHOD_ERRORS: Final = (
    "Invalid method encountered",
    "Expected space after method",
    "Invalid method for HTTP/x.x request",
)
_UNKNOWN_METHOD: Final = (
    "Not Implemented: the method of the request is unknown; methods are words such as GET and POST, in capitals"
)
_REQUEST_LINE: Final = re.compile(rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+) [^ \r\n]+ HTTP/[0-9]\.[0-9]\r\n", re.MULTILINE)


def refusal(data: bytes, method: bytes, error: str) -> ProtocolError:
    """Return what is wrong with bytes in which llhttp found an error, after it had read the method."""
    if data.startswith(_TLS_HANDSHAKE):
        return ProtocolError(_TLS)
    if method == _HTTP2_METHOD:
        return ProtocolError(_HTTP2)
    if error in _METHOD_ERRORS and any(not _is_known(line[1]) for line in _REQUEST_LINE.finditer(data)):
        # RFC 9110, 9.1: "An origin server that receives a request method that is unrecognized or not implemented
        # SHOULD respond with the 501 (Not Implemented) status code." The line has to be in one piece: else it is a 400.
        return ProtocolError(_UNKNOWN_METHOD, "501 Not Implemented")
    advice = _ADVICE.get(error)
    return ProtocolError(f"this is no HTTP: {error}" + (f"; {advice}" if advice else ""))


def _is_known(method: bytes) -> bool:
    """Return True if llhttp takes the method with HTTP."""
    try:
        HttpRequestParser(None).feed_data(method + b" / HTTP/1.1\r\n")
    except HttpParserError as error:
        return str(error) not in _METHOD_ERRORS
    return True
