"""The request and the response of every address: werkzeug's, with what .NET's answers and the journal need beside."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Iterable
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from werkzeug import wrappers
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from emulator.core.contract import Binding
from emulator.core.epochs import Epoch
from emulator.core.journal import Exchange, RawExchange, RawMessage, Reason
from emulator.delivery import DELIVERY, RECEIVED, Delivery, Received
from emulator.network import VALID_HOST, host_port, is_valid_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Header = tuple[str, str]

HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
XML: Final = "text/xml; charset=utf-8"

MAX_BODY: Final = 4 * 1024 * 1024
"""The size limit of a body in bytes under another WSGI server: ASP.NET's default ``maxRequestLength``."""

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_LONG_BODY: Final = 64 * 1024  # bytes; reading more holds up the event loop

_SLASHES_BEFORE_ASMX: Final = re.compile(r"/{2,}(?=.*\.asmx)", re.IGNORECASE | re.DOTALL)


class Request(wrappers.Request):
    """A request. ``root_path`` is the prefix of the space that it is for, "" for the server itself.

    ``received`` and ``delivery`` are None under another WSGI server than ours.
    """

    def __init__(self, environ: WSGIEnvironment) -> None:
        super().__init__(environ, populate_request=False)
        self.received: Received | None = environ.get(RECEIVED)
        self.delivery: Delivery | None = environ.get(DELIVERY)
        self.path = _normalized(self.path)
        self._started = time.perf_counter()

    def enter_space(self, root: str) -> None:
        """Move the prefix of a space from the path to ``root_path``."""
        self.root_path += root
        self.path = self.path[len(root) :]
        self.environ["SCRIPT_NAME"], self.environ["PATH_INFO"] = self.root_path, self.path

    @property
    def began(self) -> Epoch | None:
        """The epoch in which its first byte came; None under another WSGI server."""
        return None if self.delivery is None else self.delivery.began

    @property
    def whole_path(self) -> str:
        """The decoded path with the prefix of the space."""
        return self.root_path + self.path

    @cached_property
    def host(self) -> str:
        """Host and port as the client sent them, in the URL or else the Host header."""
        return self.environ.get("HTTP_HOST") or host_port(self.environ["SERVER_NAME"], self.environ["SERVER_PORT"])

    @property
    def uri_host(self) -> str:
        """The host as ``System.Uri`` writes it: in lower case, and without the port that the scheme implies."""
        name, colon, port = self.host.lower().rpartition(":")
        is_implied = colon and port.lstrip("0") in ("", _DEFAULT_PORTS.get(self.scheme))
        return name if is_implied else self.host.lower()

    @property
    def server_url(self) -> str:
        """Scheme and host as the client sent them: ``http://127.0.0.1:8085``."""
        return f"{self.scheme}://{self.host}"

    @property
    def host_problem(self) -> str | None:
        """What is wrong with the host that the client sent; None for a good one, or for none before HTTP/1.1."""
        host = self.environ.get("HTTP_HOST")
        if not host:
            return None if self.environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else "HTTP/1.1 needs a Host header."
        return None if is_valid_host(host) else f"The Host is invalid: {VALID_HOST}."

    @property
    def lacks_length(self) -> bool:
        """True if the request has neither Content-Length nor chunked encoding."""
        return not self.environ.get("CONTENT_LENGTH") and not self.environ.get("wsgi.input_terminated")

    @property
    def has_long_body(self) -> bool:
        """True if the body is too long to be read in the event loop; only for our own server, which checks the header.

        werkzeug's ``content_length`` checks it again, in 9 µs.
        """
        return int(self.environ.get("CONTENT_LENGTH") or 0) > _LONG_BODY

    @cached_property
    def body(self) -> bytes:
        """The whole body. Raise RequestEntityTooLarge when it exceeds the limit.

        werkzeug's ``max_content_length`` would cut a chunked body silently, so one byte more than allowed is read.
        """
        limit = MAX_BODY if self.received is None else self.received.body_limit
        if self.received is None:
            body = get_input_stream(self.environ, max_content_length=None).read(MAX_BODY + 1)
            if len(body) <= MAX_BODY:
                return body
        elif limit is None:
            whole: bytes = self.environ["wsgi.input"].read()
            return whole
        assert limit is not None, "the server tells the limit that a body exceeds"
        length = f"{limit // 1024**2} MB" if limit % 1024**2 == 0 else f"{limit:,} bytes"
        raise RequestEntityTooLarge(f"the body is longer than {length}")

    @property
    def kept_body(self) -> bytes:
        """The body as the journal keeps it: empty if it is too long."""
        try:
            return self.body
        except HTTPException:
            return b""

    @property
    def seconds(self) -> float:
        """The time since the request was received, in seconds."""
        return time.perf_counter() - self._started

    def as_received(self, body: bytes) -> RawExchange:
        """Return the request as the journal keeps it, with as much of its body as is worth keeping."""
        if self.received is not None:
            target, headers = self.received.target, self.received.headers
        else:
            query = self.query_string.decode("latin-1")
            target = quote(self.whole_path) + (f"?{query}" if query else "")
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers]
        start = f"{self.method} {target} {self.environ.get('SERVER_PROTOCOL', '')}"
        return RawExchange(time.time(), RawMessage(start, headers, body), began=self.began)


def _normalized(path: str) -> str:
    """Return a path as the file system of IIS sees it: ``.`` and ``..`` resolved, slashes before ``.asmx`` joined."""
    if "/." in path:
        resolved = posixpath.normpath(path)
        path = resolved + "/" if path.endswith("/") and not resolved.endswith("/") else resolved
    return _SLASHES_BEFORE_ASMX.sub("/", path) if "//" in path else path


class Response(wrappers.Response):
    """A response with .NET's reason phrase, its headers as given, and no Content-Type unless one is given.

    It has no Content-Length if its status allows none (RFC 9110, 8.6) or would need that of a body not sent.

    ``exchange`` is set on the response to a call. ``why`` is set where a request that should have become a call was
    refused, with its ``binding`` as far as that is known. ``remarks`` are on what the client probably did wrong.
    """

    default_mimetype = None

    exchange: Exchange | None = None
    remarks: tuple[Reason, ...] = ()
    why: Reason | None = None
    binding: Binding | None = None

    def __init__(
        self,
        body: bytes | str = b"",
        status: int = 200,
        headers: Iterable[Header] = (),
        content_type: str | None = None,
    ) -> None:
        content = body.encode("utf-8", "replace") if isinstance(body, str) else body
        all_headers = Headers()
        if content_type:
            all_headers.add("Content-Type", content_type)
        for name, value in headers:
            all_headers.add(name, value)
        if status not in _WITHOUT_LENGTH:
            all_headers.add("Content-Length", str(len(content)))
        super().__init__([content], _status_line(status), all_headers, direct_passthrough=True)
        self.body = content

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:  # noqa: ARG002 - werkzeug's signature
        """Return the headers as they are: werkzeug's own version takes 20 µs to correct what is never sent here."""
        return self.headers

    def as_sent(self) -> bytes:
        """Return the response as another WSGI server sends it, without the headers that it adds."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        return f"HTTP/1.1 {self.status}\r\n{lines}\r\n".encode("latin-1", "replace") + self.body


_WITHOUT_LENGTH: Final = (204, 304)
_STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def _status_line(status: int) -> str:
    return _STATUS_LINES.get(status) or f"{status} Unknown"
