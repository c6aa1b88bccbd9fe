"""What a fuzz target is: inputs to begin with, words to make more of them with, and the check that each must pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """``check`` raises when a promise is broken."""

    seeds: Callable[[], Iterable[bytes]]
    words: Sequence[str]
    check: Callable[[bytes], None]


@contextmanager
def in_time(longest: float) -> Iterator[None]:
    """AssertionError when what is done takes more seconds of the processor's time."""
    began = time.process_time()
    yield
    taken = time.process_time() - began
    assert taken < longest, f"took {taken:.2f} s"
