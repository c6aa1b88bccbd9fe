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

from emulator.http.answer import Answer
from emulator.http.limits import HttpLimits
from emulator.http.request import Request
from emulator.web.carrying import FATE
from emulator.web.visit import BODY, HEADERS, LONGEST_BODY, TARGET

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
