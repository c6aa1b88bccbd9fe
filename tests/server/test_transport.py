"""The outbox sends at once what goes out alone, and in order what several clients get in one turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.server.transport import MOST_HELD, SENT_AT_ONCE, Outbox
from tests.helpers.calling import LOOPS


class Wire:
    """In place of a transport: notes what is written to it on a list that it shares with others."""

    def __init__(self, sent: list[bytes]) -> None:
        self._sent = sent
        self.closes = False

    def write(self, data: bytes) -> None:
        """A transport's."""
        assert not self.closes
        self._sent.append(data)

    def is_closing(self) -> bool:
        """A transport's."""
        return self.closes


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop = LOOPS[request.param]()
    yield loop
    loop.close()


@pytest.fixture
def sent() -> list[bytes]:
    return []


@pytest.fixture
def wire(sent: list[bytes]) -> Any:
    return Wire(sent)


@pytest.fixture
def outbox(loop: asyncio.AbstractEventLoop) -> Outbox:
    return Outbox(loop)


@pytest.fixture
def turn(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Lets the loop have a turn."""
    return lambda: loop.run_until_complete(asyncio.sleep(0))


def test_what_is_sent_in_one_turn_goes_out_at_its_end_in_order(
    outbox: Outbox, wire: Any, sent: list[bytes], turn: Callable[[], None]
) -> None:
    for _ in range(2):
        outbox.send(wire, b"1")
        outbox.send(wire, b"2")
        assert sent == []
        turn()
        assert sent == [b"1", b"2"]
        sent.clear()


def test_what_is_sent_alone_goes_out_at_once_from_then_on_for_a_while(
    outbox: Outbox, wire: Any, sent: list[bytes], turn: Callable[[], None]
) -> None:
    outbox.send(wire, b"alone")
    turn()
    sent.clear()
    for number in range(SENT_AT_ONCE):
        outbox.send(wire, b"%d" % number)
        assert len(sent) == number + 1
    outbox.send(wire, b"tried again")
    assert len(sent) == SENT_AT_ONCE
    turn()
    assert sent[-1] == b"tried again"


def test_no_more_is_held_than_may_be(outbox: Outbox, wire: Any, sent: list[bytes], turn: Callable[[], None]) -> None:
    for _ in range(MOST_HELD):
        assert sent == []
        outbox.send(wire, b"x")
    assert len(sent) == MOST_HELD
    outbox.send(wire, b"y")
    turn()
    assert sent[MOST_HELD:] == [b"y"]


def test_a_flush_sends_what_is_held(outbox: Outbox, wire: Any, sent: list[bytes], turn: Callable[[], None]) -> None:
    outbox.send(wire, b"1")
    outbox.flush()
    assert sent == [b"1"]
    turn()
    assert sent == [b"1"]


def test_who_left_meanwhile_keeps_nobody_from_their_answer(
    outbox: Outbox, wire: Any, sent: list[bytes], turn: Callable[[], None]
) -> None:
    left: Any = Wire(sent)
    outbox.send(left, b"1")
    outbox.send(wire, b"2")
    left.closes = True
    turn()
    assert sent == [b"2"]
