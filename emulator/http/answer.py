"""An answer of the WSGI application, and what is to become of it on its way through the socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.core.replies import ConnectionFailure


class Answer:
    """What the WSGI application answered, the seconds that it waits, and how its connection fails in its place."""

    __slots__ = ("_names", "body", "delay", "failure", "headers", "status")

    def __init__(self) -> None:
        self.status = "500 Internal Server Error"
        self.headers: list[tuple[str, str]] = []
        self._names: list[str] = []  # of the headers, in lower case
        self.body = b""
        self.delay = 0.0
        self.failure: ConnectionFailure | None = None

    def start(self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        """WSGI's ``start_response``; the ``write`` that this returns is for applications of another kind."""
        self.status, self.headers = status, headers
        self._names = [name.lower() for name, _ in headers]
        return _not_used

    @property
    def at_once(self) -> bool:
        """Whether it goes out as it is."""
        return not self.delay and self.failure is None

    def head(self, date: str, connection: str) -> bytes:
        """Its head as it goes through the socket, with the lines ``date`` and ``connection`` unless it has its own."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        if "date" in self._names:
            date = ""
        if "connection" in self._names:
            connection = ""
        return f"HTTP/1.1 {self.status}\r\n{lines}{date}{connection}\r\n".encode("latin-1")

    @property
    def closes(self) -> bool:
        """Whether its connection ends with it."""
        if "connection" not in self._names:
            return False
        return any(name.lower() == "connection" and "close" in value.lower() for name, value in self.headers)


def _not_used(_data: bytes) -> None:
    """WSGI's ``write``."""
    raise NotImplementedError("the body is what the application returns")
