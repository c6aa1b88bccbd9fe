"""Verification of calls that may still come: woken by each of them, without polling and without a lock."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Final

from emulator.core.engine import Engine, Watch
from emulator.core.explain import Expectation, Verification, verify

STOPPED: Final = "the emulator was stopped"


def verify_within(
    engine: Engine, expected: Expectation, clock: Callable[[], float], watch: Watch | None = None
) -> Verification:
    """Verify the calls in the journal; if ``within`` is given, once they have come or the time is over.

    ``clock`` returns monotonic seconds. A text that is put into ``watch`` ends the wait.
    """
    ended = _wait(engine, expected, expected.within, clock, watch or Watch()) if expected.within else ""
    return verify(engine.snapshot(), expected, ended)


def _wait(engine: Engine, expected: Expectation, seconds: float, clock: Callable[[], float], watch: Watch) -> str:
    """Wait until the outcome is settled or the time is over; return why the wait ended before that, "" if not."""
    deadline = clock() + seconds
    with engine.watched(watch) as snapshot:
        count = sum(map(expected.includes, snapshot.exchanges))
        while not expected.times.is_settled(count) and (left := deadline - clock()) > 0:
            try:
                came = watch.get(timeout=left)
            except Empty:
                break
            if isinstance(came, str):
                return came
            count += expected.includes(came)
    return ""
