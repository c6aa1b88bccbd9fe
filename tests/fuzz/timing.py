"""The time limit of one input."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_time(limit: float) -> Iterator[None]:
    """Raise AssertionError if the block takes more than ``limit`` seconds of CPU time."""
    began = time.process_time()
    yield
    taken = time.process_time() - began
    assert taken < limit, f"took {taken:.2f} s"
