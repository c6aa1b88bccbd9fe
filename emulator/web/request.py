"""One request to the product and one answer to it, in the few terms that its addresses need of HTTP and WSGI."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from emulator.core.contract import Binding
from emulator.core.journal import RawExchange, RawMessage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"

MAX_BODY: Final = 4 * 1024 * 1024
"""The longest body that is accepted by default, in bytes: ASP.NET's ``maxRequestLength``."""

TARGET: Final = "emulator.target"
HEADERS: Final = "emulator.headers"
BODY: Final = "emulator.body"
"""Keys of the WSGI environment under which a server that knows them puts path and query, headers and body, as sent;
the body is None when it is longer than is accepted."""

LONGEST_BODY: Final = "emulator.longest_body"
"""The key under which it puts how many bytes of a body it accepts."""


class BodyTooLong(Exception):
    """The body is longer than is accepted; the message says so."""

    def __init__(self, most: int) -> None:
        length = f"{most // 1024**2} MB" if most % 1024**2 == 0 else f"{most:,} bytes"
        super().__init__(f"the body is longer than {length}")


class Visit:
    """One request, read from its WSGI environment as far as somebody asks.

    ``path`` is what follows ``root``, which is "" but inside a space.
    """

    root = ""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.query: str = environ.get("QUERY_STRING", "")
        self._began = time.perf_counter()
        self._body: bytes | None = environ.get(BODY)
        path: str = environ.get("PATH_INFO", "")
        if not path.isascii():
            path = path.encode("latin-1").decode("utf-8", "replace")
        self.path = _without_dots(path) if "/." in path else path

    def header(self, name: str) -> str | None:
        """A header by its WSGI name, None when it was not sent."""
        return self.environ.get(name)

    @property
    def content_type(self) -> str:
        """The Content-Type header, "" when it was not sent."""
        return self.environ.get("CONTENT_TYPE") or ""

    @property
    def lacks_host(self) -> bool:
        """Whether it is one of HTTP/1.1 without the Host header that this demands."""
        return not self.environ.get("HTTP_HOST") and self.environ.get("SERVER_PROTOCOL") == "HTTP/1.1"

    @property
    def lacks_length(self) -> bool:
        """Whether nothing tells where its body ends."""
        return not self.environ.get("CONTENT_LENGTH") and not self.environ.get("wsgi.input_terminated")

    @property
    def host(self) -> str:
        """The host, with the port if there is one, as the client named it."""
        return self.header("HTTP_HOST") or f"{self.environ['SERVER_NAME']}:{self.environ['SERVER_PORT']}"

    @property
    def origin(self) -> str:
        """Scheme and host as the client named them."""
        return f"{self.environ['wsgi.url_scheme']}://{self.host}"

    @property
    def full_path(self) -> str:
        """The path as the client wrote it, with the space that it leads to."""
        return self.root + self.path

    @property
    def seconds(self) -> float:
        """How long the request has been here, in seconds."""
        return time.perf_counter() - self._began

    def enter(self, root: str) -> None:
        """Go into a space: what the path begins with is its root."""
        self.root, self.path = root, self.path[len(root) :]

    @property
    def body(self) -> bytes:
        """The body, whole; BodyTooLong when it is longer than is accepted."""
        if self._body is None:
            self._body = self._read()
            if self._body is None:
                raise BodyTooLong(self.environ.get(LONGEST_BODY, MAX_BODY))
        return self._body

    def _read(self) -> bytes | None:
        """The body as WSGI has it; None when it is too long, as a server says that hands over no other."""
        if BODY in self.environ:
            return None
        from werkzeug.exceptions import RequestEntityTooLarge  # for another server
        from werkzeug.wsgi import get_input_stream

        try:
            return get_input_stream(self.environ, max_content_length=MAX_BODY).read()
        except RequestEntityTooLarge:
            return None

    def raw(self, body: bytes) -> RawExchange:
        """The request, with as much of its body as is to be remembered, as it goes into the journal."""
        target: str | None = self.environ.get(TARGET)
        headers: Sequence[tuple[bytes, bytes]] | None = self.environ.get(HEADERS)
        start = f"{self.method} {target or self._target()} {self.environ.get('SERVER_PROTOCOL', '')}"
        return RawExchange(time.time(), RawMessage(start, self._headers() if headers is None else headers, body))

    def _target(self) -> str:
        path = quote(self.full_path)
        return f"{path}?{self.query}" if self.query else path

    def _headers(self) -> list[tuple[bytes, bytes]]:
        named = {key.removeprefix("HTTP_"): value for key, value in self.environ.items() if _is_header(key)}
        return [(key.replace("_", "-").lower().encode(), value.encode("latin-1")) for key, value in named.items()]


def _is_header(key: str) -> bool:
    return key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")


def _without_dots(path: str) -> str:
    """The path with its ``.`` and ``..`` resolved, as every server does before it looks for anything."""
    resolved = posixpath.normpath(path)
    return resolved + "/" if path.endswith("/") and not resolved.endswith("/") else resolved


@dataclass(slots=True)
class Answer:
    """One answer; its length is told by its body.

    ``refused`` is why the request never became a call, where it should have; "" where it became one, or asked for
    something else. ``binding`` is that of a call, or of what would have been one.
    """

    status: int
    content_type: str = ""
    body: bytes | str = b""
    headers: tuple[tuple[str, str], ...] = ()
    refused: str = ""
    binding: Binding | None = None

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Sends it through WSGI."""
        body = self._bytes()
        start_response(_status_line(self.status), [*self._typed(), ("Content-Length", str(len(body)))])
        return [body]

    def message(self) -> RawMessage:
        """The answer as it goes into the journal."""
        return RawMessage(f"HTTP/1.1 {_status_line(self.status)}", self._typed(), self._bytes())

    def _bytes(self) -> bytes:
        return self.body.encode("utf-8", "replace") if isinstance(self.body, str) else self.body

    def _typed(self) -> list[tuple[str, str]]:
        return [("Content-Type", self.content_type), *self.headers] if self.content_type else [*self.headers]


def _status_line(status: int) -> str:
    return _STATUS_LINES.get(status) or f"{status} Unknown"


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
