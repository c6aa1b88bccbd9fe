"""The outbox writes a lone response directly, and those of several clients in order at the end of the loop's turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.server.transport import DIRECT_WRITES, MAX_HELD, Outbox


class Scene:
    """An outbox, and what it writes to fake transports."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.outbox = Outbox(self.loop)
        self.written: list[bytes] = []

    def write(self, data: bytes, transport: Any = None) -> None:
        fake: Any = transport or FakeTransport(self)
        self.outbox.write(fake, data)

    def end_turn(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))


class FakeTransport:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.closing = False
        self.error: OSError | None = None

    def write(self, data: bytes) -> None:
        assert not self.closing
        if self.error is not None:
            raise self.error
        self.scene.written.append(data)

    def abort(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.loop.close()


def test_responses_of_one_turn_are_written_at_its_end_in_order(scene: Scene) -> None:
    for _ in range(2):
        scene.write(b"1")
        scene.write(b"2")
        assert scene.written == []
        scene.end_turn()
        assert scene.written == [b"1", b"2"]
        scene.written.clear()


def test_after_a_lone_response_the_next_ones_are_written_directly_for_a_while(scene: Scene) -> None:
    scene.write(b"alone")
    scene.end_turn()
    for number in range(DIRECT_WRITES):
        scene.write(b"direct")
        assert len(scene.written) == number + 2
    scene.write(b"held again")
    assert scene.written[-1] == b"direct"
    scene.end_turn()
    assert scene.written[-1] == b"held again"


def test_a_full_outbox_is_written_at_once(scene: Scene) -> None:
    for _ in range(MAX_HELD):
        assert scene.written == []
        scene.write(b"x")
    assert len(scene.written) == MAX_HELD


def test_a_flush_writes_what_is_held_once(scene: Scene) -> None:
    scene.write(b"1")
    scene.outbox.flush()
    scene.end_turn()
    assert scene.written == [b"1"]


def test_a_write_that_fails_keeps_no_other_client_from_its_response(scene: Scene) -> None:
    failing = FakeTransport(scene)
    failing.error = OSError("a mistake")
    scene.write(b"1", failing)
    scene.write(b"2")
    scene.outbox.flush()
    assert (scene.written, failing.closing) == ([b"2"], True)


def test_a_client_that_has_left_keeps_no_other_from_its_response(scene: Scene) -> None:
    left = FakeTransport(scene)
    scene.write(b"1", left)
    scene.write(b"2")
    left.closing = True
    scene.end_turn()
    assert scene.written == [b"2"]
