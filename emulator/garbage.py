"""When Python looks for garbage: not while much is made of which nearly all stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Nothing is looked for inside the ``with`` statement, unless nothing was before it either."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def keep_all() -> None:
    """What there is now stays for the life of the process, so that later searches look among what comes after it."""
    gc.freeze()
