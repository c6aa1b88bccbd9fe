"""The server reports what each client got: the bytes handed to the operating system, and what they are."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from tests.helpers.calling import PATIENCE, Address, everything, next_answer, sent, serving_application
from tests.helpers.raw_http import Request
from tests.server.application import HOUR, LOOPS, SmallApplication, get

LONG = 10_000_000  # more than a socket's buffers take
LEFT = re.compile(r"client left after \d+(\.\d{1,3})? s")


@pytest.fixture
def application() -> SmallApplication:
    return SmallApplication()


@pytest.fixture(params=LOOPS)
def address(request: pytest.FixtureRequest, application: SmallApplication) -> Iterator[Address]:
    with serving_application(application, loop=request.param) as found:
        yield found


def leave(connection: socket.socket) -> None:
    """Close with a TCP reset, which the server notices at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("query", [{}, {"delay": 0.01}, {"times": LONG}], ids=["at once", "after a delay", "long"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_whole_response_is_reported_before_its_last_byte_is_sent(
    method: str, query: dict[str, Any], application: SmallApplication, address: Address
) -> None:
    with sent(address, Request(method, get(report=1, close=1, **query).path)) as connection:
        received = everything(connection)
    assert application.reports.get_nowait() == (received, "whole")


@pytest.mark.parametrize(
    ("fault", "times", "what"),
    [
        ("close", 1000, "nothing"),
        ("reset", 1000, "nothing"),
        ("truncate", 1000, "cut after {} bytes"),
        ("truncate", LONG, "cut after {} bytes"),
        ("garbage", 1000, "{} bytes of garbage"),
        ("trickle", 1000, "whole"),
    ],
)
def test_a_fault_is_reported_with_the_bytes_that_the_client_gets(
    fault: str, times: int, what: str, application: SmallApplication, address: Address
) -> None:
    received = b""
    with sent(address, get(report=1, times=times, fault=fault, over=0.01)) as connection, suppress(ConnectionError):
        received = everything(connection)
    assert application.reports.get_nowait() == (received, what.format(len(received)))


@pytest.mark.parametrize("query", [{"delay": HOUR}, {"fault": "stall"}, {"fault": "trickle", "over": HOUR}])
def test_a_client_that_leaves_is_reported_at_once(
    query: dict[str, Any], application: SmallApplication, address: Address
) -> None:
    received = 0
    with sent(address, get(report=1, **query)) as connection:
        if query.get("fault") == "trickle":
            received = len(connection.recv(1))
        application.wait_for(1)
        leave(connection)
    taken, what = application.reports.get(timeout=PATIENCE)
    assert LEFT.fullmatch(what)
    assert (len(taken) > 0) == (received > 0)


def test_of_a_response_that_is_not_read_only_what_the_system_took_is_reported(
    application: SmallApplication, address: Address
) -> None:
    with sent(address, get(report=1, times=LONG)) as connection:
        head = connection.recv(9)
        leave(connection)
    taken, what = application.reports.get(timeout=PATIENCE)
    assert LEFT.fullmatch(what)
    assert taken.startswith(head)
    assert len(taken) < LONG


def test_a_response_behind_one_that_is_not_read_is_not_reported_before_it_is_sent(
    application: SmallApplication, address: Address
) -> None:
    with sent(address, get(times=LONG), get(report=1)) as connection:
        connection.recv(9)
        assert application.reports.empty()
        leave(connection)
    assert application.reports.get(timeout=PATIENCE)[0] == b""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stall_that_the_server_ends_sent_nothing(loop: str) -> None:
    application = SmallApplication()
    with ExitStack() as stack, serving_application(application, loop=loop) as address:
        stack.enter_context(sent(address, get(report=1, fault="stall")))
        application.wait_for(1)
    assert application.reports.get_nowait() == (b"", "nothing")


def test_a_client_that_ends_its_sending_gets_the_whole_of_a_long_response(
    application: SmallApplication, address: Address
) -> None:
    with sent(address, get(report=1, times=LONG)) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert len(next_answer(connection)[1]) == LONG
    assert application.reports.get(timeout=PATIENCE)[1] == "whole"
