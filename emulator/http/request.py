"""A request as it was sent, and what of its first line makes none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from emulator.http.headers import Headers
from emulator.http.limits import HttpLimits
from emulator.http.malformed import Malformed

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
