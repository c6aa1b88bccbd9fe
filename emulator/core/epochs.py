"""Epochs: from one reset to the next. By the one in which it began, a request finds what it belongs to."""

from __future__ import annotations

from threading import Lock
from typing import Any


class Epoch:
    """The time between two resets of anything at one address.

    A request holds the epoch in which its first byte came. An epoch refers to later ones only: what was reset is kept
    as long as a request may need it, and no longer.
    """

    __slots__ = ("_key", "_next", "_was")

    def __init__(self) -> None:
        self._key: object = None
        self._was: Any = None
        self._next: Epoch | None = None

    def find(self, key: object) -> Any:
        """Return what was under a key before its first reset since this epoch; None if there was no reset."""
        epoch = self
        while epoch._next is not None:
            if epoch._key == key:
                return epoch._was
            epoch = epoch._next
        return None

    def _end(self, key: object, was: object) -> Epoch:
        self._key, self._was = key, was
        self._next = Epoch()  # at last: it is what find() looks at in other threads
        return self._next


class Epochs:
    """The current epoch of all that is served at one address. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.current = Epoch()

    def end(self, key: object, was: object) -> None:
        """Begin a new epoch, in which what was under a key is reset."""
        with self._lock:
            self.current = self.current._end(key, was)
