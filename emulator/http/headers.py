"""The headers of a request: what is wrong with them, and what they are in WSGI's environment."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Final

from emulator.http.limits import HttpLimits
from emulator.http.malformed import Malformed, head_too_long

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
