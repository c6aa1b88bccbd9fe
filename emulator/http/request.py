"""A request as it was sent, and what is wrong with a head that makes none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final

from emulator.http.limits import HttpLimits

_CHUNKED: Final = b"chunked"
_SPOKEN: Final = ("1.1", "1.0")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]+)(?![^/?#])", re.IGNORECASE)

Headers = list[tuple[bytes, bytes]]


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


def request_of(
    method: bytes, target: bytes, version: str, headers: Headers, keeps: bool, limits: HttpLimits
) -> Request:
    """The request with a head, its body still to come; Malformed when that is none."""
    names = [name.lower() for name, _ in headers]
    _check(names, headers, version, limits)
    path, query, host = _asked(target, method)
    expects = version == "1.1" and b"expect" in names and _last(headers, b"expect").lower() == b"100-continue"
    too_long = expects and b"content-length" in names and int(_last(headers, b"content-length")) > limits.body
    return Request(method, target, path, query, version, headers, keeps, expects, host=host, too_long=too_long)


def head_too_long(limits: HttpLimits) -> Malformed:
    """There are more headers, or longer ones, than are read."""
    why = f"Request Too Long: at most {limits.headers:,} headers of {limits.header_bytes:,} bytes in all are read"
    return Malformed(400, f"{why}; serve takes --max-headers and --max-header-bytes")


def target_too_long(limits: HttpLimits) -> Malformed:
    """The target is longer than is read."""
    why = f"URI Too Long: at most {limits.request_line:,} bytes of a request line are read"
    return Malformed(414, f"{why}; serve takes --max-request-line")


def _check(names: list[bytes], headers: Headers, version: str, limits: HttpLimits) -> None:
    if len(names) > limits.headers or sum(map(len, chain(*headers))) > limits.header_bytes:
        raise head_too_long(limits)
    if version not in _SPOKEN:
        raise Malformed(505, f"HTTP Version Not Supported: HTTP/{version}; this server speaks HTTP/1.1")
    if names.count(b"host") > 1:
        raise Malformed(400, "Invalid Hostname: there are two Host headers")
    if b"transfer-encoding" in names:
        listed = b",".join(_values(headers, b"transfer-encoding")).lower().split(b",")
        codings = [coding.strip(b" \t") for coding in listed]
        if version == "1.0" or codings != [_CHUNKED]:
            raise _undecodable(codings)


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


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name.lower() == wanted]


def _last(headers: Headers, wanted: bytes) -> bytes:
    return _values(headers, wanted)[-1]


def _undecodable(codings: list[bytes]) -> Malformed:
    """Where a body ends is unknown, or it is coded in a way that nobody here decodes."""
    if codings[-1] == _CHUNKED and codings.count(_CHUNKED) < len(codings):
        return Malformed(501, "Not Implemented: of the codings in Transfer-Encoding only chunked is read")
    return Malformed(400, "Transfer-Encoding is chunked, once, in HTTP/1.1, or it does not tell where a body ends")
