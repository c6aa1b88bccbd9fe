"""Odd requests, each a named shape: which answers it gets, whether its connection stays, and that others are served."""

from __future__ import annotations

import logging
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

import pytest

from emulator.core.contract import SERVICE_PATH
from tests.helpers.calling import Address, AttentiveEngine, a_request, call, everything, result, sent, serving

SCENARIO: Final = """
otherwise: startSessionRet_OK
rules:
  - {when: {session: 3}, delay: 3600s, return: startSessionRet_OK}
"""
PATH: Final = f"{SERVICE_PATH}/startSession".encode()
FORM: Final = b"iSession=1&iNode=2&sAuthCode=ok"
TARGET: Final = PATH + b"?" + FORM
ENCODED: Final = b"Content-Type: application/x-www-form-urlencoded"
CHUNKED: Final = b"Transfer-Encoding: chunked"
IN_CHUNKS: Final = b"%x\r\n%b\r\n0\r\n\r\n" % (len(FORM), FORM)
LENGTH: Final = b"Content-Length: %d" % len(FORM)
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def head(*lines: bytes) -> bytes:
    """Lines, and the empty one after them."""
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def get(*headers: bytes, target: bytes = TARGET, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    """A request with a Host and more headers."""
    return head(b"%b %b %b" % (method, target, version), b"Host: x", *headers)


def post(*headers: bytes, body: bytes = FORM, version: bytes = b"HTTP/1.1") -> bytes:
    """A form that is sent as its headers say."""
    return get(ENCODED, *headers, target=PATH, method=b"POST", version=version) + body


def chunks(body: bytes) -> bytes:
    """A form whose chunks are as written."""
    return post(CHUNKED, body=body)


LAST: Final = get(b"Connection: close")


class Shape(NamedTuple):
    """What is sent, and the statuses of its answers; ``stays`` when the connection is good for one more request."""

    sent: bytes
    statuses: tuple[int, ...] = (400,)
    stays: bool = False


def answered(data: bytes, *statuses: int) -> Shape:
    """Good in its way: with 200 if nothing else is said."""
    return Shape(data, statuses or (200,), stays=True)


refused = Shape

LENGTHS = {
    "length and chunks": refused(post(LENGTH, CHUNKED, body=IN_CHUNKS)),
    "chunks and length": refused(post(CHUNKED, LENGTH, body=IN_CHUNKS)),
    "chunks and a length that hides a request": refused(
        post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED)
    ),
    "a length that is repeated": refused(post(LENGTH, LENGTH)),
    "two lengths": refused(post(LENGTH, b"Content-Length: 0")),
    "two lengths, the smaller first": refused(post(b"Content-Length: 0", LENGTH)),
    "a length with a plus": refused(post(b"Content-Length: +%d" % len(FORM))),
    "a negative length": refused(post(b"Content-Length: -1")),
    "a list of lengths": refused(post(b"Content-Length: %d, %d" % (len(FORM), len(FORM)))),
    "a list of one length": refused(post(b"Content-Length: %d," % len(FORM))),
    "a hexadecimal length": refused(post(b"Content-Length: 0x1f")),
    "a length with a space in it": refused(post(b"Content-Length: 3 1")),
    "a length in quotes": refused(post(b'Content-Length: "31"')),
    "a length of 20 digits": refused(post(b"Content-Length: 99999999999999999999")),
    "a length with zeros in front": answered(post(b"Content-Length: %020d" % len(FORM))),
    "an empty length": refused(post(b"Content-Length:")),
    "an empty length and another": refused(post(b"Content-Length:", LENGTH)),
    "a length with spaces around": answered(post(b"Content-Length: \t %d \t" % len(FORM))),
    "no length": answered(post(body=b""), 411),
    "no length before a body": refused(post(), (411, 400)),
    "a body to be ignored": answered(get(LENGTH) + FORM),
    "a body that looks like a request, to be ignored": answered(get(b"Content-Length: %d" % len(LAST)) + LAST),
}

CHUNKS = {
    "chunks": answered(chunks(IN_CHUNKS)),
    "many chunks": answered(chunks(b"".join(b"1\r\n%c\r\n" % byte for byte in FORM) + b"0\r\n\r\n")),
    "a chunk with an extension": answered(chunks(IN_CHUNKS.replace(b"\r\n", b";a=b\r\n", 1))),
    "a chunk with an extension in quotes": answered(chunks(IN_CHUNKS.replace(b"\r\n", b';a="b;c"\r\n', 1))),
    "a chunk with a size in capitals": answered(chunks(IN_CHUNKS.upper().replace(FORM.upper(), FORM))),
    "a chunk with zeros in front of its size": answered(chunks(b"000" + IN_CHUNKS)),
    "a chunk without a size": refused(chunks(b"\r\n" + IN_CHUNKS)),
    "a chunk with an extension but no size": refused(chunks(b";a=b\r\n" + IN_CHUNKS)),
    "a chunk of a negative size": refused(chunks(b"-" + IN_CHUNKS)),
    "a chunk of a size with a plus": refused(chunks(b"+" + IN_CHUNKS)),
    "a chunk of a size with 0x": refused(chunks(b"0x" + IN_CHUNKS)),
    "a chunk of a size with a space in front": refused(chunks(b" " + IN_CHUNKS)),
    "a chunk of a size with a space behind": refused(chunks(IN_CHUNKS.replace(b"\r\n", b" \r\n", 1))),
    "a chunk of a size that is too large": refused(chunks(b"F" * 17 + b"\r\n" + FORM)),
    "a chunk with no end of line": refused(chunks(b"%x\r\n%b0\r\n\r\n" % (len(FORM), FORM))),
    "a chunk that is longer than its size": refused(chunks(b"5\r\n%b\r\n0\r\n\r\n" % FORM)),
    "a chunk whose size ends in LF alone": refused(chunks(IN_CHUNKS.replace(b"\r\n", b"\n", 1))),
    "a chunk that ends in LF alone": refused(chunks(IN_CHUNKS.replace(FORM + b"\r\n", FORM + b"\n"))),
    "a chunk whose extension has an LF": refused(chunks(IN_CHUNKS.replace(b"\r\n", b";a\nb\r\n", 1))),
    "a trailer": answered(chunks(IN_CHUNKS[:-2] + head(b"X-A: 1"))),
    "a trailer that would be a second Host": answered(chunks(IN_CHUNKS[:-2] + head(b"Host: y"))),
    "a trailer that would be a length": refused(chunks(IN_CHUNKS[:-2] + head(b"Content-Length: 5"))),  # by llhttp
    "a trailer without end": refused(chunks(IN_CHUNKS[:-2] + b"X-A: " + b"1" * 100_000)),
    "more trailers than headers": refused(chunks(IN_CHUNKS[:-2] + b"X-A: 1234567890\r\n" * 10_000)),
    "a trailer that is no header": refused(chunks(IN_CHUNKS[:-2] + head(b"rubbish"))),
}

CODINGS = {
    "gzip": refused(post(b"Transfer-Encoding: gzip")),
    "identity": refused(post(b"Transfer-Encoding: identity")),
    "identity and a length": refused(post(LENGTH, b"Transfer-Encoding: identity")),
    "no coding": refused(post(b"Transfer-Encoding:")),
    "chunked, then gzip": refused(post(b"Transfer-Encoding: chunked, gzip", body=IN_CHUNKS)),
    "gzip, then chunked": refused(post(b"Transfer-Encoding: gzip, chunked", body=IN_CHUNKS), (501,)),
    "gzip, then chunked, in two headers": refused(post(b"Transfer-Encoding: gzip", CHUNKED, body=IN_CHUNKS), (501,)),
    "Chunked": answered(post(b"Transfer-Encoding: Chunked", body=IN_CHUNKS)),
    "chunked with spaces around": answered(post(b"Transfer-Encoding: \t chunked ", body=IN_CHUNKS)),
    "chunked before a tab": refused(post(b"Transfer-Encoding: chunked\t", body=IN_CHUNKS)),  # llhttp skips spaces alone
    "chunked, twice": refused(post(CHUNKED, CHUNKED, body=IN_CHUNKS)),
    "chunked twice in one header": refused(post(b"Transfer-Encoding: chunked, chunked", body=IN_CHUNKS)),
    "chunked behind a vertical tab": refused(post(b"Transfer-Encoding: \x0bchunked", body=IN_CHUNKS)),
    "chunked before a vertical tab": refused(post(b"Transfer-Encoding: chunked\x0b", body=IN_CHUNKS)),
    "xchunked": refused(post(b"Transfer-Encoding: xchunked", body=IN_CHUNKS)),
    "chunked with a parameter": refused(post(b"Transfer-Encoding: chunked;q=1", body=IN_CHUNKS)),
    "chunked in quotes": refused(post(b'Transfer-Encoding: "chunked"', body=IN_CHUNKS)),
    "a comma and chunked": refused(post(b"Transfer-Encoding: ,chunked", body=IN_CHUNKS), (501,)),
    "chunked in HTTP/1.0": refused(post(CHUNKED, body=IN_CHUNKS, version=b"HTTP/1.0")),
    "chunked in HTTP/1.0 that stays": refused(
        post(CHUNKED, b"Connection: keep-alive", body=IN_CHUNKS, version=b"HTTP/1.0")
    ),
}

LINES = {
    "lines that end in LF alone": refused(get(b"X-A: 1").replace(b"\r\n", b"\n")),  # they may be read: RFC 9112, 2.2
    "one line that ends in LF alone": refused(get(b"X-A: 1\nX-B: 2")),
    "lines that end in CR alone": refused(get(b"X-A: 1").replace(b"\r\n", b"\r")),
    "one line that ends in CR alone": refused(get(b"X-A: 1\rX-B: 2")),
    "a CR in a value": refused(get(b"X-A: 1\r2")),
    "two CRs at the end of a line": refused(get(b"X-A: 1\r")),
    "a NUL in a value": refused(get(b"X-A: 1\x002")),
    "a control byte in a value": refused(get(b"X-A: 1\x012")),
    "a DEL in a value": refused(get(b"X-A: 1\x7f2")),
    "a tab in a value": answered(get(b"X-A: 1\t2")),
    "bytes that are no ASCII in a value": answered(get(b"X-A: \xff\xc3\xa4")),
    "a line that goes on in the next": refused(get(b"X-A: 1", b" 2")),
    "a line that goes on after a tab": refused(get(b"X-A: 1", b"\t2")),
    "a coding that goes on in the next line": refused(post(b"Transfer-Encoding:", b" chunked", body=IN_CHUNKS)),
    "a first header after a space": refused(head(b"GET %b HTTP/1.1" % TARGET, b" Host: x")),
    "a space before a colon": refused(get(b"X-A : 1")),
    "a tab before a colon": refused(get(b"X-A\t: 1")),
    "a length with a space before its colon": refused(post(b"Content-Length : %d" % len(FORM))),
    "a space in a name": refused(get(b"X A: 1")),
    "a name of no bytes": refused(get(b": 1")),
    "a name of other bytes": refused(get(b"X-\xc3\xa4: 1")),
    "a name with a NUL": refused(get(b"X-\x00: 1")),
    "a name in brackets": refused(get(b"X(A): 1")),
    "no colon": refused(get(b"X-A")),
    "an empty value": answered(get(b"X-A:", b"X-B: 1")),
    "empty lines in front": answered(b"\r\n\r\n\n" + get()),
    "a space in front": refused(b" " + get()),
    "two spaces before the target": answered(get(target=b" " + TARGET)),  # they may be read as one: RFC 9112, 3
    "a tab in the request line": refused(get().replace(b"GET ", b"GET\t")),
    "a space behind the request line": refused(get(version=b"HTTP/1.1 ")),
    "a NUL in the method": refused(get(method=b"G\0T")),
    "a CR in the request line": refused(get(target=TARGET + b"\rx")),
    "an LF in the request line": refused(get(target=TARGET + b"\nx")),
    "no target": refused(get(target=b"")),
    "nothing but a method": refused(b"GET\r\n\r\n"),
    "TLS": refused(bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) * 6),
    "another protocol": refused(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "zeros": refused(bytes(4096)),
}

VERSIONS = {
    "HTTP/1.1 without a Host": answered(head(b"GET %b HTTP/1.1" % TARGET), 400),
    "HTTP/1.1 with an empty Host": answered(head(b"GET %b HTTP/1.1" % TARGET, b"Host:"), 400),
    "two Hosts": refused(get(b"Host: y")),
    "the same Host, twice": refused(get(b"Host: x")),
    "HTTP/0.9": refused(b"GET %b\r\n" % TARGET),
    "HTTP/0.9, and an empty line": refused(b"GET %b\r\n\r\n" % TARGET, (505,)),
    "HTTP/0.9 by name": refused(get(version=b"HTTP/0.9"), (505,)),
    "HTTP/1.0": Shape(get(version=b"HTTP/1.0"), (200,)),
    "HTTP/1.0 without a Host": Shape(head(b"GET %b HTTP/1.0" % TARGET), (200,)),
    "HTTP/1.0 that stays": answered(get(b"Connection: keep-alive", version=b"HTTP/1.0")),
    "HTTP/1.0 that does not": Shape(get(b"Connection: close", version=b"HTTP/1.0"), (200,)),
    "HTTP/1.1 that does not stay": Shape(get(b"Connection: close"), (200,)),
    "HTTP/1.1 that does not stay, in a list": Shape(get(b"Connection: x, Close"), (200,)),
    "HTTP/1.2": refused(get(version=b"HTTP/1.2")),  # RFC 9110 would have it read as 1.1; llhttp does not know it
    "HTTP/2.0": refused(get(version=b"HTTP/2.0"), (505,)),
    "HTTP/3.0": refused(get(version=b"HTTP/3.0")),
    "HTTP/11.1": refused(get(version=b"HTTP/11.1")),
    "HTTP/1": refused(get(version=b"HTTP/1")),
    "http/1.1": refused(get(version=b"http/1.1")),
    "the preface of HTTP/2": refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    # llhttp reads these, too, and does not tell: they are answered as HTTP/1.0, and end.
    "RTSP": Shape(get(version=b"RTSP/1.0", method=b"DESCRIBE"), (405,)),
    "RTSP with a method of HTTP": Shape(get(version=b"RTSP/1.0"), (200,)),
    "ICE": Shape(get(version=b"ICE/1.0", method=b"SOURCE"), (405,)),
}

METHODS = {
    "get": refused(get(method=b"get")),  # methods are as they are written, and llhttp knows those that there are
    "Get": refused(get(method=b"Get")),
    "a method that nobody knows": refused(get(method=b"FETCH")),
    "the beginning of a method": refused(get(method=b"GE")),
    "more than a method": refused(get(method=b"GETS")),
    "CONNECT": refused(get(method=b"CONNECT", target=b"example.com:443")),
    "CONNECT with a path": refused(get(method=b"CONNECT")),
    "TRACE": answered(get(method=b"TRACE"), 501),
    "OPTIONS": answered(get(method=b"OPTIONS")),
    "PUT": answered(get(b"Content-Length: 0", method=b"PUT"), 405),
    "HEAD": answered(get(method=b"HEAD", target=SERVICE_PATH.encode() + b"?wsdl"), 405),
}

TARGETS = {
    "%": answered(get(target=PATH + b"%"), 400),
    "%2": answered(get(target=PATH + b"%2"), 400),
    "%zz": answered(get(target=PATH + b"%zz"), 400),
    "%00": answered(get(target=PATH + b"%00"), 400),  # HTTP.sys takes no control characters
    "%0d%0a": answered(get(target=PATH + b"%0d%0a"), 400),
    "%7F": answered(get(target=b"http://x" + PATH + b"%7F"), 400),
    "%c0%af": answered(get(target=PATH + b"%c0%af"), 500),  # characters, to HTTP.sys, in the name of a method
    "% in a query": answered(get(target=TARGET + b"%")),
    "%2 in a query": answered(get(target=TARGET + b"%2")),
    "%zz in a query": answered(get(target=TARGET + b"%zz")),
    "%00 in a query": answered(get(target=TARGET + b"%00")),
    "%c0%af in a query": answered(get(target=TARGET + b"%c0%af")),
    "escapes of what needs none": answered(get(target=TARGET.replace(b"startSession", b"%73tartSession"))),
    "a whole address": answered(get(target=b"http://x" + TARGET)),
    "a whole address with HTTPS": answered(get(target=b"https://x" + TARGET)),
    "a whole address in capitals": answered(get(target=b"HTTP://X:80" + TARGET)),
    "a whole address of something else": refused(get(target=b"ftp://x" + TARGET)),
    "a whole address with a user": refused(get(target=b"http://a:b@x" + TARGET)),
    "a whole address without a host": refused(get(target=b"http://" + TARGET)),
    "a file": refused(get(target=b"file:///etc/passwd")),
    "* with OPTIONS": answered(get(target=b"*", method=b"OPTIONS"), 404),
    "* with GET": refused(get(target=b"*")),
    "*x with OPTIONS": refused(get(target=b"*x", method=b"OPTIONS")),
    "a host and a port": refused(get(target=b"example.com:80")),
    "a path without a slash": refused(get(target=TARGET[1:])),
    "a query alone": refused(get(target=b"?" + FORM)),
    "a fragment": answered(get(target=TARGET + b"#x")),
    "two slashes in front": answered(get(target=b"/" + TARGET), 404),
    "a control byte": refused(get(target=TARGET + b"\x01")),
    "a DEL": refused(get(target=TARGET + b"\x7f")),
    "a NUL": refused(get(target=TARGET + b"\0")),
    "a tab": refused(get(target=TARGET + b"\t")),
    "a form feed": refused(get(target=TARGET + b"\f")),
    "bytes that are no ASCII": refused(get(target=TARGET + b"\xc3\xa4\xff")),
    "bytes that are no ASCII, in a path": refused(get(target=PATH + b"\xc3\xa4\xff")),
}

OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAA")
WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
OFFERS = {
    "an offer of HTTP/2": answered(get(*OFFER)),
    "an offer of HTTP/2 with a body": answered(post(LENGTH, *OFFER)),
    "an offer of HTTP/2 with chunks": answered(post(CHUNKED, *OFFER, body=IN_CHUNKS)),
    "an offer of a web socket": answered(get(*WEBSOCKET)),
    "an offer of a web socket with a body": answered(post(LENGTH, *WEBSOCKET)),
    "an offer in HTTP/1.0": Shape(get(*OFFER, version=b"HTTP/1.0"), (200,)),
    "an offer without its connection": answered(get(b"Upgrade: h2c")),
    "a connection without its offer": answered(get(b"Connection: Upgrade")),
    "two offers": answered(get(*OFFER, *WEBSOCKET)),
    "an offer and the end": Shape(post(LENGTH, *OFFER, b"Connection: close"), (200,)),
    "an offer and two lengths": refused(post(LENGTH, LENGTH, *OFFER)),
    "an offer, chunks and a length": refused(post(LENGTH, CHUNKED, *OFFER, body=IN_CHUNKS)),
    "an offer and a coding": refused(post(b"Transfer-Encoding: gzip, chunked", *OFFER, body=IN_CHUNKS), (501,)),
    "an offer, then rubbish": refused(get(*OFFER) + b"rubbish\r\n\r\n", (200, 400)),
    "an offer, then a path that is too long": refused(get(*OFFER) + get(target=b"/" * 20_000), (200, 414)),
    "2,000 offers": answered(get(*OFFER) * 2000, *[200] * 2000),
    "100-continue, and the body at once": answered(post(LENGTH, b"Expect: 100-continue")),
    "100-Continue, and the body at once": answered(post(LENGTH, b"Expect: 100-Continue")),
    "an expectation that nobody knows": answered(post(LENGTH, b"Expect: 200-ok")),
    "100-continue without a body": answered(get(b"Expect: 100-continue")),
}

ROWS = {
    "two": answered(get() + post(LENGTH), 200, 200),
    "1,000": answered(get() * 1000, *[200] * 1000),
    "1,000 with bodies": answered(post(LENGTH) * 1000, *[200] * 1000),
    "good, then rubbish": refused(get() + b"rubbish\r\n\r\n", (200, 400)),
    "rubbish, then good": refused(b"rubbish\r\n\r\n" + get()),
    "good, bad, good": refused(get() + get(b"X-A : 1") + get(), (200, 400)),
    "good, the last, rubbish": Shape(get() + LAST + b"rubbish\r\n\r\n", (200, 200)),
}

SHAPES = {
    f"{kind}: {name}": shape
    for kind, shapes in {
        "length": LENGTHS,
        "chunks": CHUNKS,
        "coding": CODINGS,
        "lines": LINES,
        "version": VERSIONS,
        "method": METHODS,
        "target": TARGETS,
        "offer": OFFERS,
        "row": ROWS,
    }.items()
    for name, shape in shapes.items()
}
PIECES = {"at once": 1 << 20, "byte by byte": 1}


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    with serving(SCENARIO, loop=request.param) as found:
        yield found


def answers_to(data: bytes, address: Address, size: int = 1 << 20) -> bytes:
    """All that comes back when data is sent in pieces of a size, however much of it is read."""
    with sent(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            for start in range(0, len(data), size):
                connection.sendall(data[start : start + size])
        return everything(connection)


def statuses(received: bytes) -> tuple[int, ...]:
    return tuple(int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", received) if found != b"100")


@pytest.mark.parametrize("size", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shape_is_answered_as_it_must_be(
    shape: Shape, size: int, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    data = shape.sent + LAST
    if size == 1 and len(data) > 5000:
        size = 1000
    received = answers_to(data, address, size)
    assert statuses(received) == shape.statuses + (200,) * shape.stays
    assert result(call(address, a_request())) == "OK"
    by_us = [record for record in caplog.records if record.name == "emulator.server.protocol"]
    if shape.stays or shape.statuses[-1] in (200, 405):
        assert by_us == []
    else:
        last = received[received.rindex(b"HTTP/1.1 ") :]
        assert b"\r\nConnection: close\r\n" in last
        (record,) = by_us
        told = last.partition(b"\r\n\r\n")[2].decode().rstrip().removesuffix(".")
        assert (record.levelno, record.getMessage()) == (
            logging.WARNING,
            f"refused a request from 127.0.0.1: {told}",
        )
    assert [record for record in caplog.records if record.exc_info] == []


def test_the_host_of_a_whole_address_counts_in_place_of_the_header(address: Address) -> None:
    target = b"http://example.com:81" + SERVICE_PATH.encode() + b"?wsdl"
    wsdl = answers_to(get(b"Connection: close", target=target), address)
    assert b'location="http://example.com:81/API/API.asmx"' in wsdl
    assert statuses(answers_to(head(b"GET %b HTTP/1.1" % target) + LAST, address)) == (400, 200)


def test_a_trailer_is_no_header_of_its_request_or_the_next(address: Address) -> None:
    accepting = b"Content-Type: text/xml"  # over POST the real service refuses it
    data = chunks(IN_CHUNKS[:-2] + head(accepting)) + post(LENGTH, b"Connection: close")
    assert statuses(answers_to(data, address)) == (200, 200)


def test_the_length_of_a_trailer_is_limited_wherever_it_comes(address: Address) -> None:
    with sent(address) as connection:
        connection.sendall(chunks(IN_CHUNKS[:-2] + b"X-A: "))
        with suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(b"1" * 1000)
        assert statuses(everything(connection)) == (400,)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param(get(), (200,), id="after a request"),
        pytest.param(post(LENGTH), (200,), id="after a body"),
        pytest.param(chunks(IN_CHUNKS), (200,), id="after chunks"),
        pytest.param(post(LENGTH, *OFFER), (200,), id="after an offer"),
        pytest.param(get() * 500, (200,) * 500, id="after many requests"),
        pytest.param(get() + get()[:-1], (200,), id="in a second head"),
        pytest.param(post(b"Content-Length: 99"), (), id="in a body"),
        pytest.param(chunks(IN_CHUNKS[:-1]), (), id="in chunks"),
        pytest.param(chunks(IN_CHUNKS[:-2] + b"X-A"), (), id="in a trailer"),
        pytest.param(post(b"Expect: 100-continue", LENGTH, body=b""), (), id="asked to go on"),
        pytest.param(b"rubbish", (400,), id="after rubbish"),
        pytest.param(b"", (), id="at once"),
    ],
)
def test_a_client_that_sends_no_more_gets_what_it_has_asked_for(
    data: bytes, wanted: tuple[int, ...], address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with sent(address) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert statuses(everything(connection)) == wanted
    assert result(call(address, a_request())) == "OK"
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(get()[:-1], id="in a head"),
        pytest.param(post(b"Content-Length: 99"), id="in a body"),
        pytest.param(chunks(IN_CHUNKS[:-1]), id="in chunks"),
        pytest.param(get() * 500, id="before many answers"),
        pytest.param(get(target=TARGET.replace(b"=1", b"=3")), id="while an answer waits"),
        pytest.param(get(target=TARGET.replace(b"=1", b"=3")) + get()[:-1], id="in a head while an answer waits"),
        pytest.param(b"rubbish", id="after rubbish"),
    ],
)
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_client_that_resets_its_connection_harms_nobody(
    data: bytes, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = AttentiveEngine(SCENARIO)
    with serving(engine, loop=loop) as address:
        with sent(address) as connection:
            connection.sendall(data)
            if b"=3" in data:
                engine.wait_for(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert result(call(address, a_request())) == "OK"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info] == []
