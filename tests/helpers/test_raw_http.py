"""The raw HTTP client sends requests exactly as given, and reads each answer whole or raises."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.helpers.raw_http import Answer, Request, exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def answering(*parts: bytes) -> Iterator[tuple[tuple[str, int], Future[bytes]]]:
    """Serve one connection; yield the address and what the client will have sent.

    One part is sent each time something arrives.
    """
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        server.settimeout(5)
        yield server.getsockname(), pool.submit(_serve, server, parts)


def _serve(server: socket.socket, parts: tuple[bytes, ...]) -> bytes:
    connection, _ = server.accept()
    with connection:
        connection.settimeout(5)
        received = b""
        for part in parts:
            received += connection.recv(65536)
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            received += more
        return received


def answered(*parts: bytes, method: str = "GET", repeat: int = 1) -> list[Answer]:
    with answering(*parts) as (address, _):
        return exchange(Request(method, "/", repeat=repeat), address)


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        pytest.param(
            Request("POST", "/a.asmx?b", [["SOAPAction", '"x"']], "\u00e9"),
            b'POST /a.asmx?b HTTP/1.1\r\nHost: secure.logmeinrescue.com\r\nSOAPAction: "x"\r\n'
            b"Content-Length: 2\r\n\r\n\xc3\xa9",
            id="headers and a body",
        ),
        pytest.param(
            Request("POST", "/", no_host=True, body="abcde", chunked=True),
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
            id="chunks",
        ),
        pytest.param(
            Request("POST", "/", version="HTTP/1.0", lf=True, raw_no_length=True, body="\u00ff", encoding="latin-1"),
            b"POST / HTTP/1.0\nHost: secure.logmeinrescue.com\n\n\xff",
            id="bare LF, no length, another version and encoding",
        ),
        pytest.param(
            Request("GET", "/", no_host=True, repeat=2), b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", id="pipelined"
        ),
    ],
)
def test_a_request_is_sent_as_given(request_: Request, sent: bytes) -> None:
    with answering(OK * request_.repeat) as (address, received):
        exchange(request_, address)
        assert received.result(5) == sent


def test_a_body_waits_for_the_interim_answer() -> None:
    request = Request("POST", "/", [["Expect", "100-continue"]], "body")
    with answering(b"HTTP/1.1 100 Continue\r\n\r\n", OK) as (address, received):
        (answer,) = exchange(request, address)
        assert (answer.status, answer.interim, answer.body) == (200, (100,), b"ok")
        assert received.result(5) == request.head + b"body"


@pytest.mark.parametrize(
    ("part", "body"),
    [
        pytest.param(OK, b"ok", id="by length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
            b"ok0123456789",
            id="by chunks",
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nuntil EOF", b"until EOF", id="until EOF"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="without a body"),
    ],
)
def test_an_answer_is_read_whole(part: bytes, body: bytes) -> None:
    (answer,) = answered(part)
    assert answer.body == body


def test_the_answer_to_head_has_no_body() -> None:
    (answer,) = answered(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 9\r\n\r\n", method="HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (405, b"", "9")


def test_pipelined_answers_are_separated() -> None:
    answers = answered(OK + OK.replace(b"ok", b"no"), repeat=2)
    assert [answer.body for answer in answers] == [b"ok", b"no"]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        pytest.param(b"", "no answer but b''", id="nothing"),
        pytest.param(b"garbage\r\n\r\n", "no answer but b'garbage", id="no HTTP"),
        pytest.param(OK[:-1], "2 bytes were promised, 1 came", id="cut short"),
        pytest.param(OK + b"!", "bytes after the last answer: b'!'", id="too much"),
    ],
)
def test_a_broken_answer_is_an_error(part: bytes, message: str) -> None:
    with pytest.raises(EOFError, match=message):
        answered(part)
