"""Asks the WSGI application: makes the environment of a request, and takes the answer with what is to become of it.

The application never blocks: it decides from memory and leaves in the answer how long that waits and how the
connection fails (a ``Fate``); the connection carries that out. What may take long all the same, such as reading a large
scenario or a long body, is for a thread beside the loop.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from emulator.core.replies import ConnectionFailure
from emulator.server.limits import HttpLimits
from emulator.server.parser import Request
from emulator.web.carrying import FATE
from emulator.web.request import BODY, HEADERS, LONGEST_BODY, TARGET


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


_LONG: Final = 64 * 1024
"""How many bytes of a body make it one for the thread beside the loop."""

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Bridge:
    """The way to a WSGI application and back.

    ``max_delay`` bounds every wait, in seconds. ``takes_long`` tells of a path whether others could not wait for it.
    """

    def __init__(
        self,
        wsgi: WSGIApplication,
        *,
        limits: HttpLimits,
        max_delay: float,
        takes_long: Callable[[str], bool] = lambda _path: False,
    ) -> None:
        self.limits = limits
        self.max_delay = max_delay
        self._wsgi = wsgi
        self._takes_long = takes_long

    def base(self, transport: asyncio.BaseTransport) -> dict[str, Any]:
        """What the environments of all requests on a connection have in common."""
        server, client = (transport.get_extra_info(each) for each in ("sockname", "peername"))
        return {
            "SCRIPT_NAME": "",
            "SERVER_NAME": server[0] if server else "localhost",
            "SERVER_PORT": str(server[1] if server else 80),
            "REMOTE_ADDR": client[0] if client else "",
            LONGEST_BODY: self.limits.body,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http" if transport.get_extra_info("sslcontext") is None else "https",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def environ(self, request: Request, base: dict[str, Any]) -> dict[str, Any]:
        """The WSGI environment of a request."""
        path, headers = request.path, request.headers
        environ = base | headers.environ
        environ["REQUEST_METHOD"] = request.method.decode("ascii")
        environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
        environ["QUERY_STRING"] = request.query.decode("latin-1")
        environ["SERVER_PROTOCOL"] = f"HTTP/{request.version}"
        environ[TARGET] = request.target.decode("latin-1")
        environ[HEADERS] = headers.sent
        if request.host is not None and "HTTP_HOST" in environ:
            environ["HTTP_HOST"] = request.host.decode("latin-1")
        if headers.is_chunked:
            environ["CONTENT_LENGTH"] = str(request.length)
        environ[BODY] = None if request.too_long else bytes(request.body)
        environ["wsgi.input"] = io.BytesIO(request.body)
        return environ

    def takes_long(self, environ: dict[str, Any]) -> bool:
        """Whether a request is for a thread beside the loop."""
        return len(environ[BODY] or b"") > _LONG or self._takes_long(environ["PATH_INFO"])

    def answer(self, environ: dict[str, Any]) -> Answer:
        """What the application answers."""
        answer = Answer()
        environ[FATE] = answer
        answer.body = b"".join(self._wsgi(environ, answer.start))
        answer.delay = min(answer.delay, self.max_delay)
        return answer
