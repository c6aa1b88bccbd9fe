"""Any bytes through a connection: whatever the pieces in which they come, they are the same requests, or none."""

from __future__ import annotations

from asyncio import BaseTransport
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from emulator.server.limits import HttpLimits
from emulator.server.parser import Reader, Request
from emulator.server.wsgi import Bridge
from tests.fuzz.target import Target, in_time
from tests.helpers.recorded_cases import load_cases

WORDS: Final = (
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /API/API.asmx HTTP/1.1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: ",
    "Connection: close\r\n",
    "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "Expect: 100-continue\r\n",
    "Host: ",
    "\r\n0\r\n\r\n",
    "\r\n\r\n",
    "HTTP/1.0",
    "HTTP/2.0",
    "http://a:1/",
    "%00",
    "\t",
    "\0",
)
USUAL: Final = HttpLimits()
TIGHT: Final = HttpLimits(request_line=40, headers=3, header_bytes=80, body=30)
BRIDGE: Final = Bridge(lambda _environ, _start: [b""], limits=USUAL, max_delay=0.0)
BASE: Final = BRIDGE.base(BaseTransport())


def seeds() -> Iterator[bytes]:
    """Every recorded request, and each with the one before it on the same connection."""
    before = b""
    for case in load_cases():
        seed = case.request.head + case.request.content
        yield seed
        yield before + seed
        before = seed


def check(data: bytes) -> None:
    """Every promise, for what a client sends on one connection."""
    with in_time(0.5):
        whole = read([data], USUAL)
    chance = Random(data)
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 6)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert told(whole) == told(read(pieces, USUAL))
    for request in whole.requests:
        environ = BRIDGE.environ(request, BASE)
        assert environ["REQUEST_METHOD"]
        assert len(request.body) == request.length
    for request in read(pieces, TIGHT).requests:
        assert len(request.target) <= TIGHT.request_line
        assert len(request.headers.sent) <= TIGHT.headers
        assert len(request.body) <= TIGHT.body
        assert request.keeps is False or not request.too_long


def read(pieces: Sequence[bytes], limits: HttpLimits) -> Reader:
    """What is read of pieces that come one after the other."""
    reader = Reader(limits)
    for piece in pieces:
        reader.feed(piece)
        if reader.awaited is not None:
            reader.awaited.expects = False
    assert reader.malformed is None or reader.ended
    return reader


def told(reader: Reader) -> tuple[list[Request], int | None]:
    """The requests, and the status of the refusal that ends them, if there is one."""
    return [*reader.requests], None if reader.malformed is None else reader.malformed.status


TARGET: Final = Target(seeds, WORDS, check)
