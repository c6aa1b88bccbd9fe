"""Any bytes on the port: the connection is answered or closed, and the next one works."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.core.contract import Binding
from emulator.wire.service import INTERNAL_ERROR
from tests.helpers.calling import Address, a_request, call, everything, result, sent, serving

REQUESTS = [request.head + request.content for request in map(a_request, Binding)]
PIECES = [
    "\r\n",
    "\n",
    "\0",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "%",
    "%ff",
    "/..",
    "\x80",
    "<",
    "x",
]


@st.composite
def mutated_requests(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(REQUESTS))
    change = st.tuples(st.integers(0, 700), st.integers(0, 30), st.sampled_from(PIECES))
    for at, length, piece in draw(st.lists(change, max_size=4)):
        data = data[:at] + piece.encode("latin-1") + data[at + length :]
    return data


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serving("otherwise: startSessionRet_OK") as found:
        yield found


@given(st.binary(max_size=300) | mutated_requests())
def test_garbage_neither_hangs_nor_affects_the_next_connection(address: Address, garbage: bytes) -> None:
    answers = b""
    with sent(address) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            answers = everything(connection)
        except TimeoutError:  # neither answered nor closed
            raise
        except OSError:  # closed in the middle of the garbage
            pass
    assert INTERNAL_ERROR.encode() not in answers
    assert result(call(address, a_request())) == "OK"
