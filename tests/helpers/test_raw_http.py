"""The raw HTTP client sends requests exactly as given, and reads each answer whole or raises."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.helpers.raw_http import Request, exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[tuple[str, int], Future[bytes]]]:
    """Answer one request; yield the address and what the client will have sent."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        server.settimeout(5)
        yield server.getsockname(), pool.submit(_serve, server, answer)


def _serve(server: socket.socket, answer: bytes) -> bytes:
    connection, _ = server.accept()
    with connection:
        connection.settimeout(5)
        received = connection.recv(65536)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            received += more
        return received


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
    with answering(part) as (address, _), pytest.raises(EOFError, match=message):
        exchange(Request("GET", "/"), address)
