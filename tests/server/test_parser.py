"""What the parser accepts and refuses: each shape of bytes by name, and the requests that it makes of them."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import pytest

from emulator.server import HttpLimits
from emulator.server.parser import ParsedRequest, ParserState, RequestParser

PATH: Final = b"/API/API.asmx/startSession"
FORM: Final = b"iSession=1&iNode=2&sAuthCode=ok"
TARGET: Final = PATH + b"?" + FORM
ENCODED: Final = b"Content-Type: application/x-www-form-urlencoded"
CHUNKED: Final = b"Transfer-Encoding: chunked"
IN_CHUNKS: Final = b"%x\r\n%b\r\n0\r\n\r\n" % (len(FORM), FORM)
LENGTH: Final = b"Content-Length: %d" % len(FORM)
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def head(*lines: bytes) -> bytes:
    """Return lines with an empty one after them."""
    return b"".join(line + b"\r\n" for line in (*lines, b""))


def get(*headers: bytes, target: bytes = TARGET, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    """Return a request with a Host and more headers."""
    return head(b"%b %b %b" % (method, target, version), b"Host: x", *headers)


def post(*headers: bytes, body: bytes = FORM, version: bytes = b"HTTP/1.1") -> bytes:
    """Return a form, framed as its headers say."""
    return get(ENCODED, *headers, target=PATH, method=b"POST", version=version) + body


def chunks(body: bytes) -> bytes:
    """Return a form with a chunked body as written."""
    return post(CHUNKED, body=body)


LAST: Final = get(b"Connection: close")


class Shape(NamedTuple):
    """Bytes, the number of requests in them, and the status of the error that ends them."""

    data: bytes
    requests: int = 1
    error: int | None = None
    keep_alive: bool = True


def accepted(data: bytes, requests: int = 1) -> Shape:
    return Shape(data, requests)


def last(data: bytes) -> Shape:
    return Shape(data, keep_alive=False)


def refused(data: bytes, error: int = 400, *, after: int = 0) -> Shape:
    return Shape(data, after, error)


OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAA")
WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
SHAPES: Final = {
    # Content-Length
    "length and chunks": refused(post(LENGTH, CHUNKED, body=IN_CHUNKS)),
    "chunks and length": refused(post(CHUNKED, LENGTH, body=IN_CHUNKS)),
    "chunks and a length that hides a request": refused(
        post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED)
    ),
    "a length that is repeated": refused(post(LENGTH, LENGTH)),
    "a list of lengths": refused(post(b"Content-Length: %d, %d" % (len(FORM), len(FORM)))),
    "a list of one length": refused(post(b"Content-Length: %d," % len(FORM))),
    "a hexadecimal length": refused(post(b"Content-Length: 0x1f")),
    "a length of 20 digits": refused(post(b"Content-Length: 99999999999999999999")),
    "a length with zeros in front": accepted(post(b"Content-Length: %020d" % len(FORM))),
    "an empty length": refused(post(b"Content-Length:")),
    "no length": accepted(post(body=b"")),
    "no length before a body": refused(post(), after=1),
    "a body that looks like a request, to be ignored": accepted(get(b"Content-Length: %d" % len(LAST)) + LAST),
    # Chunks and trailers
    "chunks": accepted(chunks(IN_CHUNKS)),
    "a chunk with an extension": accepted(chunks(IN_CHUNKS.replace(b"\r\n", b";a=b\r\n", 1))),
    "a chunk with an extension in quotes": accepted(chunks(IN_CHUNKS.replace(b"\r\n", b';a="b;c"\r\n', 1))),
    "a chunk with a size in capitals": accepted(chunks(IN_CHUNKS.upper().replace(FORM.upper(), FORM))),
    "a chunk with zeros in front of its size": accepted(chunks(b"000" + IN_CHUNKS)),
    "a chunk with a blank behind its size": refused(chunks(IN_CHUNKS.replace(b"\r\n", b" \r\n", 1))),
    "a chunk with a blank before its extension": refused(chunks(IN_CHUNKS.replace(b"\r\n", b" ;a\r\n", 1))),
    "a chunk with a blank in its extension": refused(chunks(IN_CHUNKS.replace(b"\r\n", b"; a\r\n", 1))),
    "a chunk without a size": refused(chunks(b"\r\n" + IN_CHUNKS)),
    "a chunk of a negative size": refused(chunks(b"-" + IN_CHUNKS)),
    "a chunk of a size with a space in front": refused(chunks(b" " + IN_CHUNKS)),
    "a chunk of a size that is too large": refused(chunks(b"F" * 17 + b"\r\n" + FORM)),
    "a chunk with no end of line": refused(chunks(b"%x\r\n%b0\r\n\r\n" % (len(FORM), FORM))),
    "a chunk that is longer than its size": refused(chunks(b"5\r\n%b\r\n0\r\n\r\n" % FORM)),
    "a chunk whose size ends in LF alone": refused(chunks(IN_CHUNKS.replace(b"\r\n", b"\n", 1))),
    "a chunk whose extension has an LF": refused(chunks(IN_CHUNKS.replace(b"\r\n", b";a\nb\r\n", 1))),
    "a trailer": accepted(chunks(IN_CHUNKS[:-2] + head(b"X-A: 1"))),
    "a trailer that would be a length": refused(chunks(IN_CHUNKS[:-2] + head(b"Content-Length: 5"))),  # by llhttp
    "a trailer without end": refused(chunks(IN_CHUNKS[:-2] + b"X-A: " + b"1" * 100_000)),
    "more trailers than headers": refused(chunks(IN_CHUNKS[:-2] + b"X-A: 1234567890\r\n" * 10_000)),
    # Transfer-Encoding
    "gzip": refused(post(b"Transfer-Encoding: gzip")),
    "no coding": refused(post(b"Transfer-Encoding:")),
    "chunked, then gzip": refused(post(b"Transfer-Encoding: chunked, gzip", body=IN_CHUNKS)),
    "gzip, then chunked": refused(post(b"Transfer-Encoding: gzip, chunked", body=IN_CHUNKS), 501),
    "gzip, then chunked, in two headers": refused(post(b"Transfer-Encoding: gzip", CHUNKED, body=IN_CHUNKS), 501),
    "Chunked": accepted(post(b"Transfer-Encoding: Chunked", body=IN_CHUNKS)),
    "chunked with spaces around": accepted(post(b"Transfer-Encoding: \t chunked ", body=IN_CHUNKS)),
    "chunked before a tab": refused(post(b"Transfer-Encoding: chunked\t", body=IN_CHUNKS)),  # llhttp skips spaces alone
    "chunked, twice": refused(post(CHUNKED, CHUNKED, body=IN_CHUNKS)),
    "chunked before a vertical tab": refused(post(b"Transfer-Encoding: chunked\x0b", body=IN_CHUNKS)),
    "chunked with a parameter": refused(post(b"Transfer-Encoding: chunked;q=1", body=IN_CHUNKS)),
    "a comma and chunked": refused(post(b"Transfer-Encoding: ,chunked", body=IN_CHUNKS), 501),
    "chunked in HTTP/1.0": refused(post(CHUNKED, body=IN_CHUNKS, version=b"HTTP/1.0")),
    # Lines
    "lines that end in LF alone": refused(get(b"X-A: 1").replace(b"\r\n", b"\n")),  # they may be read: RFC 9112, 2.2
    "one line that ends in LF alone": refused(get(b"X-A: 1\nX-B: 2")),
    "lines that end in CR alone": refused(get(b"X-A: 1").replace(b"\r\n", b"\r")),
    "a CR in a value": refused(get(b"X-A: 1\r2")),
    "two CRs at the end of a line": refused(get(b"X-A: 1\r")),
    "a NUL in a value": refused(get(b"X-A: 1\x002")),
    "a DEL in a value": refused(get(b"X-A: 1\x7f2")),
    "a tab in a value": accepted(get(b"X-A: 1\t2")),
    "bytes that are no ASCII in a value": accepted(get(b"X-A: \xff\xc3\xa4")),
    "a line that goes on in the next": refused(get(b"X-A: 1", b" 2")),
    "a coding that goes on in the next line": refused(post(b"Transfer-Encoding:", b" chunked", body=IN_CHUNKS)),
    "a space before a colon": refused(get(b"X-A : 1")),
    "a length with a space before its colon": refused(post(b"Content-Length : %d" % len(FORM))),
    "a name of no bytes": refused(get(b": 1")),
    "a name with a NUL": refused(get(b"X-\x00: 1")),
    "no colon": refused(get(b"X-A")),
    "empty lines in front": accepted(b"\r\n\r\n\n" + get()),
    "a space in front": refused(b" " + get()),
    "two spaces before the target": accepted(get(target=b" " + TARGET)),  # they may be read as one: RFC 9112, 3
    "a tab in the request line": refused(get().replace(b"GET ", b"GET\t")),
    "a space behind the request line": refused(get(version=b"HTTP/1.1 ")),
    "an LF in the request line": refused(get(target=TARGET + b"\nx")),
    "no target": refused(get(target=b"")),
    "nothing but a method": refused(b"GET\r\n\r\n"),
    "TLS": refused(bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) * 6),
    # Versions and Host
    "two Hosts": refused(get(b"Host: y")),
    "HTTP/0.9, and an empty line": refused(b"GET %b\r\n\r\n" % TARGET, 505),
    "HTTP/0.9 by name": refused(get(version=b"HTTP/0.9"), 505),
    "HTTP/1.0": last(get(version=b"HTTP/1.0")),
    "HTTP/1.0 that stays": accepted(get(b"Connection: keep-alive", version=b"HTTP/1.0")),
    "HTTP/1.1 that does not stay, in a list": last(get(b"Connection: x, Close")),
    "HTTP/1.2": accepted(get(version=b"HTTP/1.2")),
    "HTTP/1.9 with chunks": accepted(post(CHUNKED, body=IN_CHUNKS, version=b"HTTP/1.9")),
    "HTTP/1.2 with an offer": accepted(post(LENGTH, *OFFER, version=b"HTTP/1.2")),
    "HTTP/1.10": refused(get(version=b"HTTP/1.10")),
    "HTTP/2.0": refused(get(version=b"HTTP/2.0"), 505),
    "HTTP/2.1": refused(get(version=b"HTTP/2.1"), 505),
    "HTTP/3.0": refused(get(version=b"HTTP/3.0"), 505),
    "HTTP/0.8": refused(get(version=b"HTTP/0.8"), 505),
    "HTTP/1": refused(get(version=b"HTTP/1")),
    "the preface of HTTP/2": refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "RTSP": last(get(version=b"RTSP/1.0")),  # llhttp reads it as HTTP/1.0 and does not tell
    # Methods
    "CONNECT": refused(get(method=b"CONNECT", target=b"example.com:443")),
    # Targets
    "%zz": accepted(get(target=PATH + b"%zz")),
    "a whole address": accepted(get(target=b"http://x" + TARGET)),
    "a whole address and an empty Host": accepted(get(target=b"http://x/").replace(b"Host: x", b"Host:")),
    "a whole address and a Host that is none": refused(get(target=b"http://x/").replace(b"Host: x", b"Host: a b")),
    "a whole address in capitals": accepted(get(target=b"HTTP://X:80" + TARGET)),
    "a whole address of something else": refused(get(target=b"ftp://x" + TARGET)),
    "a whole address with a user": refused(get(target=b"http://a:b@x" + TARGET)),
    "a whole address without a host": refused(get(target=b"http://" + TARGET)),
    "* with OPTIONS": accepted(get(target=b"*", method=b"OPTIONS")),
    "* with GET": refused(get(target=b"*")),
    "*x with OPTIONS": refused(get(target=b"*x", method=b"OPTIONS")),
    "a host and a port": refused(get(target=b"example.com:80")),
    "a query alone": refused(get(target=b"?" + FORM)),
    "a fragment": accepted(get(target=TARGET + b"#x")),
    "a control byte": refused(get(target=TARGET + b"\x01")),
    "a NUL": refused(get(target=TARGET + b"\0")),
    "bytes that are no ASCII": accepted(get(target=TARGET + b"\xc3\xa4\xff")),
    "bytes that are no ASCII in a path": accepted(get(target=b"/\xc3\xa4" + TARGET)),
    "bytes that are no ASCII in a method": refused(get(method=b"G\xc3\xa4T")),
    "bytes that are no ASCII in a version": refused(get(version=b"HTTP/1.\xc3")),
    "bytes that are no ASCII in a header's name": refused(get(b"X-\xc3\xa4: 1")),
    # Offers to upgrade, and expectations
    "an offer of HTTP/2 with a body": accepted(post(LENGTH, *OFFER)),
    "an offer of HTTP/2 with chunks": accepted(post(CHUNKED, *OFFER, body=IN_CHUNKS)),
    "an offer of a web socket": accepted(get(*WEBSOCKET)),
    "an offer of a web socket with a body": accepted(post(LENGTH, *WEBSOCKET)),
    "an offer without its connection": accepted(get(b"Upgrade: h2c")),
    "a connection without its offer": accepted(get(b"Connection: Upgrade")),
    "an offer and the end": last(post(LENGTH, *OFFER, b"Connection: close")),
    "an offer, chunks and a length": refused(post(LENGTH, CHUNKED, *OFFER, body=IN_CHUNKS)),
    "an offer, then a path that is too long": refused(get(*OFFER) + get(target=b"/" * 20_000), 414, after=1),
    "2,000 offers": accepted(get(*OFFER) * 2000, 2000),
    "offers with bodies": accepted(post(LENGTH, *OFFER) * 20, 20),
    "100-continue, and the body at once": accepted(post(LENGTH, b"Expect: 100-continue")),
    "an expectation that nobody knows": accepted(post(LENGTH, b"Expect: 200-ok")),
    "100-continue without a body": accepted(get(b"Expect: 100-continue")),
    # Several requests
    "1,000": accepted(get() * 1000, 1000),
    "1,000 with bodies": accepted(post(LENGTH) * 1000, 1000),
    "good, then rubbish": refused(get() + b"rubbish\r\n\r\n", 400, after=1),
    "good, bad, good": refused(get() + get(b"X-A : 1") + get(), 400, after=1),
}


def parse(data: bytes, *, size: int = 1 << 20, limits: HttpLimits | None = None) -> RequestParser:
    """Feed a parser with pieces of a size."""
    parser = RequestParser(limits or HttpLimits())
    for start in range(0, len(data), size):
        parser.feed(data[start : start + size])
    return parser


def outcome(parser: RequestParser) -> tuple[list[ParsedRequest], int | None]:
    return [*parser.requests], None if parser.error is None else int(parser.error.status[:3])


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shape_is_accepted_or_refused(shape: Shape) -> None:
    data = shape.data + LAST if shape.keep_alive else shape.data
    at_once = parse(data)
    requests, error = outcome(at_once)
    assert error == shape.error
    follows = shape.keep_alive and error is None
    assert [request.keep_alive for request in requests] == [shape.keep_alive] * shape.requests + [False] * follows
    assert at_once.finished == (error is not None)
    assert outcome(parse(data, size=1 if len(data) < 5000 else 997)) == (requests, error)


@pytest.mark.parametrize(
    ("body", "headers"), [(FORM, (LENGTH,)), (IN_CHUNKS, (CHUNKED,))], ids=["with its length", "chunked"]
)
def test_a_request_has_its_parts_as_sent(body: bytes, headers: tuple[bytes, ...]) -> None:
    data = post(*headers, b"X-Two-Words: a", b"x-two-words:  b \t", body=body).replace(PATH, PATH + b"?a%20b#c")
    (request,) = parse(data).requests
    assert (request.method, request.target, request.version) == (b"POST", PATH + b"?a%20b#c", "1.1")
    assert (request.path, request.query, request.host) == (PATH, b"a%20b", None)
    assert (request.body, request.length, request.body_limit) == (FORM, len(FORM), None)
    assert request.headers.raw[-2:] == [(b"X-Two-Words", b"a"), (b"x-two-words", b"b")]
    assert request.headers.environ["HTTP_X_TWO_WORDS"] == "a,b"
    assert request.headers.environ["CONTENT_TYPE"] == "application/x-www-form-urlencoded"
    assert "HTTP_TRANSFER_ENCODING" not in request.headers.environ


def test_a_target_in_absolute_form_names_the_host() -> None:
    (request,) = parse(get(target=b"http://example.com:81?a")).requests
    assert (request.path, request.query, request.host) == (b"/", b"a", b"example.com:81")


def test_a_trailer_is_no_header_of_its_request_or_the_next() -> None:
    first, second = parse(chunks(IN_CHUNKS[:-2] + head(b"X-A: 1")) + get()).requests
    assert "HTTP_X_A" not in first.headers.environ | second.headers.environ


def test_an_offer_to_upgrade_is_no_header_of_its_request() -> None:
    (request,) = parse(get(*OFFER)).requests
    assert "HTTP_UPGRADE" not in request.headers.environ
    assert request.headers.environ["HTTP_CONNECTION"] == "Upgrade, HTTP2-Settings"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(get(version=b"HTTP/2.0"), "HTTP/2.0; this server speaks HTTP/1.1", id="a version"),
        pytest.param(get(b"Host: y"), "there are two Host headers", id="two hosts"),
        pytest.param(post(b"Transfer-Encoding: gzip, chunked"), "only chunked is supported", id="a coding"),
        pytest.param(b"\x16\x03\x01\x00\xc8", "this is TLS, and the port speaks plain HTTP", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "this is HTTP/2", id="HTTP/2 with prior knowledge"),
        pytest.param(get(b"X-A: 1", b" 2"), "send each header on one line", id="a folded header"),
        pytest.param(get(target=TARGET + b" 1"), "a space in the URL is written %20", id="a space"),
        pytest.param(get().replace(b"\r\n", b"\n"), "each line of a head has to end in CRLF", id="LF"),
        pytest.param(post(CHUNKED), "the body is not chunked", id="no chunks"),
        pytest.param(
            chunks(IN_CHUNKS.replace(b"\r\n", b" \r\n", 1)), "a blank before or behind the size", id="a blank"
        ),
        *(
            pytest.param(
                chunks(IN_CHUNKS.replace(b"\r\n", extension + b"\r\n", 1)),
                "no blank may be around the name or the value of a chunk extension",
                id=f"the extension {extension!r}",
            )
            for extension in (b"; a", b";a =b", b";a= b", b";a=b ", b';a="b" ', b";\ta")
        ),
        pytest.param(post(b"Transfer-Encoding: chunked\t"), "nothing else, and no tab may follow", id="a tab"),
        pytest.param(b"rubbish", "a request begins with a method in capitals", id="rubbish"),
    ],
)
def test_an_error_says_what_is_wrong(data: bytes, message: str) -> None:
    assert message in str(parse(data).error)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        # RFC 9110, 9.1: a method is any token (5.6.2), "case-sensitive", and an unrecognized one gets 501.
        pytest.param(get(method=b"FETCH"), 501, id="FETCH"),
        pytest.param(get(method=b"get"), 501, id="get"),
        pytest.param(get(method=b"GETS"), 501, id="one letter more"),
        pytest.param(get(method=b"GE"), 501, id="one letter less"),
        pytest.param(get(method=b"!#$%&'*+-.^_`|~1aZ"), 501, id="every kind of character"),
        pytest.param(get(method=b"DESCRIBE"), 501, id="of RTSP"),
        pytest.param(get(method=b"FETCH", target=b"/\xc3\xa4"), 501, id="before bytes that are no ASCII"),
        pytest.param(get() + get(method=b"FETCH"), 501, id="behind another request"),
        pytest.param(get(method=b"G\xc3\xa4T"), 400, id="bytes that are no ASCII"),
        pytest.param(get(method=b"G(T"), 400, id="a parenthesis"),
        pytest.param(get(method=b""), 400, id="none"),
        pytest.param(b"{} / HTTP/1.1\r\n\r\n", 400, id="braces"),
        pytest.param(b"FETCH me\r\n\r\n", 400, id="no version"),
        pytest.param(post() + b"x / HTTP/1.1\r\n", 400, id="a body without a length"),
    ],
)
def test_a_method_that_is_unknown_is_told_from_rubbish(data: bytes, status: int) -> None:
    parser = parse(data)
    assert outcome(parser)[1] == status
    assert ("methods are words such as GET and POST" in str(parser.error)) == (status == 501)


def test_offers_to_upgrade_take_a_time_that_grows_with_their_number_only() -> None:
    def seconds(request: bytes) -> float:
        data = request * (2_000_000 // len(request))
        begin = time.process_time()
        parse(data, size=len(data))
        return time.process_time() - begin

    offer = get(b"Connection: Upgrade", b"Upgrade: h2c", target=b"/")
    assert seconds(offer) < 10 * seconds(get(b"Connection: Upgrade", b"X-A: 12345678", target=b"/"))


LIMITS: Final = HttpLimits(request_line=100, headers=3, header_bytes=100, body=len(FORM))


@pytest.mark.parametrize(
    ("good", "bad", "status", "message"),
    [
        pytest.param(
            get(target=b"/" * 100), get(target=b"/" * 101), 414, "at most 100 bytes of a request line", id="target"
        ),
        pytest.param(get(b"A: 1", b"B: 1"), get(b"A: 1", b"B: 1", b"C: 1"), 400, "at most 3 headers", id="headers"),
        pytest.param(
            get(b"A: %b" % (b"1" * 94)), get(b"A: %b" % (b"1" * 95)), 400, "of 100 bytes in all", id="header bytes"
        ),
        pytest.param(
            get(CHUNKED) + b"0\r\nA: %b\r\n\r\n" % (b"1" * 99),
            get(CHUNKED) + b"0\r\nA: %b\r\n\r\n" % (b"1" * 100),
            400,
            "of 100 bytes in all",
            id="trailer bytes",
        ),
    ],
)
def test_a_limit_is_inclusive_and_its_error_names_it(good: bytes, bad: bytes, status: int, message: str) -> None:
    assert outcome(parse(good, limits=LIMITS))[1] is None
    error = parse(bad, limits=LIMITS).error
    assert error is not None
    assert (int(error.status[:3]), message in str(error), "; serve takes --max-" in str(error)) == (status, True, True)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(get()[:-2] + b"X-A: ", 400, id="a value"),
        pytest.param(get()[:-2], 400, id="a name"),
        pytest.param(b"GET /", 414, id="a target"),
        pytest.param(get(CHUNKED), 400, id="a chunk size"),
        pytest.param(chunks(IN_CHUNKS[:-2] + b"X-A: "), 400, id="a trailer"),
    ],
)
def test_what_never_ends_is_refused_once_it_is_too_long(data: bytes, status: int) -> None:
    parser = RequestParser(HttpLimits(request_line=1000, header_bytes=1000))
    parser.feed(data)
    for _ in range(100):
        assert outcome(parser) == ([], None)
        parser.feed(b"0" * 50)
        if parser.finished:
            break
    assert outcome(parser) == ([], status)


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
@pytest.mark.parametrize(("more", "limit"), [(0, None), (1, len(FORM)), (15 * len(FORM), len(FORM))])
def test_a_body_that_is_too_long_is_dropped_and_its_connection_ends(
    more: int, limit: int | None, chunked: bool
) -> None:
    body = FORM + b"&" * more
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    data = post(CHUNKED if chunked else b"Content-Length: %d" % len(body), body=framed)
    (request,) = parse(data, size=7, limits=HttpLimits(body=len(FORM))).requests
    assert request.body_limit == limit
    assert (request.body, request.keep_alive) == ((FORM, True) if limit is None else (b"", False))


def test_a_body_that_is_far_too_long_is_not_read_to_its_end() -> None:
    parser = parse(post(b"Content-Length: 1000000", body=FORM * 17), size=50, limits=HttpLimits(body=len(FORM)))
    (request,) = parser.requests
    assert (parser.finished, request.body_limit, request.body) == (True, len(FORM), b"")


def test_the_rest_of_a_body_that_is_far_too_long_is_no_error() -> None:
    chunk = b"%x\r\n%b\r\n" % (17 * len(FORM), FORM * 17)
    parser = parse(post(CHUNKED, body=chunk * 2), limits=HttpLimits(body=len(FORM)))
    assert (len(parser.requests), parser.error) == (1, None)


def test_the_client_of_a_body_that_is_too_long_is_not_told_to_continue() -> None:
    data = post(b"Expect: 100-continue", b"Content-Length: %d" % (len(FORM) + 1), body=b"")
    parser = parse(data, limits=HttpLimits(body=len(FORM)))
    assert (len(parser.requests), parser.waits_for_continue, parser.finished) == (1, False, True)


def test_a_client_waits_for_100_continue_until_it_sends_its_body() -> None:
    parser = parse(post(b"Expect: 100-Continue", LENGTH, body=b""))
    assert parser.waits_for_continue
    parser.feed(FORM[:1])
    assert not parser.waits_for_continue
    assert not parse(post(b"Expect: 200-ok", LENGTH, body=b"")).waits_for_continue


@pytest.mark.parametrize(
    ("data", "state", "message"),
    [
        (get()[:-1], ParserState.HEAD, "the rest of a head did not come within 10 s; serve takes --head-timeout"),
        (
            post(LENGTH)[:-1],
            ParserState.BODY,
            "the rest of a body did not come within 30 s; serve takes --body-timeout",
        ),
    ],
    ids=["head", "body"],
)
def test_a_request_that_is_timed_out_is_an_error(data: bytes, state: ParserState, message: str) -> None:
    parser = parse(data)
    assert parser.state is state
    parser.time_out()
    assert outcome(parser) == ([], 408)
    assert message in str(parser.error)


RAW_TARGET: Final = PATH + b"?iSession=1&iNode=2&sAuthCode=n\xc3\xa9\xff%C3%A9xx"


@pytest.mark.parametrize(
    "headers", [(), (b"X-A: \xc3\xa9GET /\xc3\xa9",), OFFER], ids=["alone", "before such a header", "with an offer"]
)
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"", id="first"),
        pytest.param(b"\r\n", id="behind an empty line"),
        pytest.param(post(b"Content-Length: 3", body=b"\n\xc3\xa9"), id="behind a body"),
        pytest.param(post(LENGTH), id="behind a body in ASCII"),
        pytest.param(chunks(b"2\r\n\xc3\xa9\r\n0\r\n\r\n"), id="behind chunks"),
        pytest.param(get(target=b"/\xc3\xa9"), id="behind another"),
    ],
)
def test_bytes_that_are_no_ascii_stay_as_sent_however_they_arrive(before: bytes, headers: tuple[bytes, ...]) -> None:
    data = before + get(*headers, target=RAW_TARGET) + LAST
    for start in range(1, len(data)):
        parser = RequestParser(HttpLimits())
        parser.feed(data[:start])
        parser.feed(data[start:])
        *_, request, last_request = parser.requests
        assert (request.target, request.path + b"?" + request.query) == (RAW_TARGET, RAW_TARGET)
        assert (last_request.target, parser.error) == (TARGET, None)
        assert headers is OFFER or request.headers.raw[1:] == [tuple(each.split(b": ")) for each in headers]


def test_bytes_that_are_no_ascii_count_as_single_ones() -> None:
    limits = HttpLimits(request_line=100)
    assert outcome(parse(get(target=b"/" + b"\xc3" * 99), limits=limits))[1] is None
    assert outcome(parse(get(target=b"/" + b"\xc3" * 100), limits=limits))[1] == 414
