"""One request to the product and one answer from it, in the few terms that its addresses need of HTTP and WSGI."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"

MAX_BODY = 4 * 1024 * 1024
"""The longest body that is accepted, in bytes: ASP.NET's ``maxRequestLength``."""


class Visit:
    """One request, read from its WSGI environment as far as somebody asks."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.query: str = environ.get("QUERY_STRING", "")
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        self.path = _without_dots(path) if "/." in path else path

    def header(self, name: str) -> str | None:
        """A header by its WSGI name, None when it was not sent."""
        value: str | None = self.environ.get(name)
        return value

    @property
    def content_type(self) -> str:
        """The Content-Type header, "" when it was not sent."""
        return self.header("CONTENT_TYPE") or ""

    @property
    def lacks_host(self) -> bool:
        """Whether it is one of HTTP/1.1 without the Host header that this demands."""
        return self.environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and not self.header("HTTP_HOST")

    @property
    def lacks_length(self) -> bool:
        """Whether nothing tells where its body ends."""
        return not self.header("CONTENT_LENGTH") and not self.environ.get("wsgi.input_terminated")

    @property
    def host(self) -> str:
        """The host, with the port if there is one, as the client named it."""
        return self.header("HTTP_HOST") or f"{self.environ['SERVER_NAME']}:{self.environ['SERVER_PORT']}"

    @property
    def origin(self) -> str:
        """Scheme and host as the client named them."""
        return f"{self.environ['wsgi.url_scheme']}://{self.host}"

    def body(self) -> bytes:
        """The body, whole."""
        return get_input_stream(self.environ, max_content_length=MAX_BODY).read()


def _without_dots(path: str) -> str:
    """The path with its ``.`` and ``..`` resolved, as every server does before it looks for anything."""
    resolved = posixpath.normpath(path)
    return resolved + "/" if path.endswith("/") and not resolved.endswith("/") else resolved


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; its length is told by its body."""

    status: int
    content_type: str = ""
    body: bytes | str = b""
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Sends it through WSGI."""
        body = self.body.encode("utf-8", "replace") if isinstance(self.body, str) else self.body
        headers = [*self.headers, ("Content-Length", str(len(body)))]
        if self.content_type:
            headers.insert(0, ("Content-Type", self.content_type))
        start_response(_STATUS_LINES.get(self.status) or f"{self.status} Unknown", headers)
        return [body]


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
