"""Any bytes on a connection: the parser's promises, whatever pieces the bytes come in."""

from __future__ import annotations

from asyncio import BaseTransport
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from emulator.delivery import RECEIVED
from emulator.server import HttpLimits
from emulator.server.parser import ParsedRequest, RequestParser
from emulator.server.wsgi import connection_environ, request_environ
from tests.fuzz.timing import in_time
from tests.helpers.recorded_cases import load_cases

WORDS: Final = (
    *("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /API/API.asmx HTTP/1.1\r\n", "HTTP/1.0", "HTTP/2.0"),
    *("Host: ", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n"),
    *("Connection: close\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    *("\r\n0\r\n\r\n", "\r\n\r\n", "http://a:1/", "%00", "\t", "\0"),
)
USUAL: Final = HttpLimits()
TIGHT: Final = HttpLimits(request_line=40, headers=3, header_bytes=80, body=30)
ENVIRON: Final = connection_environ(BaseTransport())


def seeds() -> Iterator[bytes]:
    """Yield every recorded request, and each with the one before it on the same connection."""
    before = b""
    for case in load_cases():
        seed = case.request.head + case.request.content
        yield seed
        yield before + seed
        before = seed


def check(data: bytes) -> None:
    """Check every promise for what a client sends on one connection."""
    with in_time(0.5):
        whole = parse([data], USUAL)
    chance = Random(data)
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 6)))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert outcome(whole) == outcome(parse(pieces, USUAL))
    for request in whole.requests:
        environ = request_environ(request, ENVIRON)
        assert environ["REQUEST_METHOD"]
        assert environ[RECEIVED].body_limit is None
        assert len(environ["wsgi.input"].read()) == request.length
    for request in parse(pieces, TIGHT).requests:
        assert len(request.target) <= TIGHT.request_line
        assert len(request.headers.raw) <= TIGHT.headers
        assert len(request.body) <= TIGHT.body
        assert request.keep_alive is False or request.body_limit is None


def parse(pieces: Sequence[bytes], limits: HttpLimits) -> RequestParser:
    """Parse pieces that arrive one after the other."""
    parser = RequestParser(limits)
    for piece in pieces:
        parser.feed(piece)
        parser.waits_for_continue = False
    assert parser.error is None or parser.finished
    return parser


def outcome(parser: RequestParser) -> tuple[list[ParsedRequest], int | None]:
    """Return the requests, and the status of the error that ends them.

    It depends on the pieces whether a method is refused as unknown or, like rubbish, as malformed.
    """
    status = None if parser.error is None else int(parser.error.status[:3])
    return [*parser.requests], 400 if status == 501 else status
