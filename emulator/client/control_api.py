"""HTTP requests to an emulator or a service elsewhere, on ``requests``, which is imported with the first one."""

from __future__ import annotations

import copy
import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import suppress
from functools import cache
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from emulator.core.contract import SERVICE_PATH
from emulator.errors import EmulatorError, Problem, RemoteError, ScenarioError, on_purpose, without_frames
from emulator.escaping import visible
from emulator.network import SERVICE_NAME, is_loopback

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from requests import Response

    from emulator.client.deadline import Connections

__tracebackhide__ = on_purpose

CONTROL_PATH: Final = "/__admin"
_TIMEOUT: Final = 10.0  # seconds
_TIMED_OUT: Final = "no complete answer within the time limit"
_ROOT_PATH: Final = re.compile(r"(/spaces/[^/]+)?/?")
_SERVICE: Final = re.compile(re.escape(SERVICE_PATH), re.IGNORECASE)
_BELOW_ROOT: Final = re.compile(rf"{_SERVICE.pattern}|{CONTROL_PATH}(?=/|$)", re.IGNORECASE)
_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)
_MAX_READ: Final = 10_000  # bytes of an answer
_MAX_SHOWN: Final = 100  # characters

AnyPath = str | os.PathLike[str]


def split_url(url: str) -> SplitResult:
    """Return the parts of an http or https URL; RemoteError if it is invalid or contains a user name."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # ValueError if invalid
        (parts.hostname or "").encode("idna")
    except UnicodeError:
        raise RemoteError(f"{url!r} is not a URL: a part of the host name is empty or too long") from None
    except ValueError as error:
        raise RemoteError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RemoteError(f"{url!r} is not a URL: it has to begin like http://host or https://host:port")
    if parts.username is not None:
        raise RemoteError("a user name and a password in a URL are not sent; leave them out")
    if not re.fullmatch("[!-~]+", url):
        raise RemoteError(f"{url!r} is not a URL: write spaces and other special characters as %20")
    return parts


def root_url(url: str) -> str:
    """Return the root of a server or a space; RemoteError if invalid.

    The URL may also name its service, its WSDL or its control API.
    """
    parts = split_url(url)
    return f"{parts.scheme}://{parts.netloc}{_BELOW_ROOT.split(parts.path.rstrip('/'))[0]}"


def service_url(url: str) -> str:
    """Return the URL of a service: without a query, and with the usual path if only a server or a space is named."""
    parts = split_url(url)
    if (service := _SERVICE.search(parts.path)) is not None:
        path = parts.path[: service.end()]
    else:
        path = parts.path.rstrip("/") + (SERVICE_PATH if _ROOT_PATH.fullmatch(parts.path) else "")
    return f"{parts.scheme}://{parts.netloc}{path}"


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str | bytes] | None = None,
    body: bytes | None = None,
    ca_file: AnyPath | None = None,
    timeout: float = _TIMEOUT,
    connections: Connections | None = None,
) -> Response:
    """Send one request and return the response, whatever its status; RemoteError if no response comes, with the reason.

    Proxies and CAs are those that the environment names for ``requests``, but loopback addresses are never reached
    through a proxy, and SSL_CERT_FILE or ``ca_file`` replaces the CAs. ``timeout`` is the longest time without a byte,
    in seconds. ``connections`` replaces requests' own.
    """
    import requests
    from urllib3.exceptions import HTTPError

    try:
        with requests.Session() as session:
            if connections is not None:
                session.mount(f"{urlsplit(url).scheme}://", connections)
            return session.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=timeout,
                verify=_verify(ca_file),
                proxies=_no_proxy(url),
                auth=lambda request: request,  # without one, an entry in .netrc would replace our Authorization header
                allow_redirects=False,
            )
    except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
        address = url.partition("?")[0]  # the query of a call over GET has the auth code
        message = f"no answer from {address}{_proxy_note(url)}: {describe_error(error)}"
        raise RemoteError(message) from without_frames(error)


def send_within(seconds: float, method: str, url: str, **options: Any) -> Response:
    """Call :func:`send` with a limit for the whole exchange: a server may send a byte now and then without end."""
    from emulator.client.deadline import Connections

    result: futures.Future[Response] = futures.Future()
    connections = Connections()
    timeout = max(seconds, 0.001)  # requests refuses 0

    def run() -> None:
        try:
            result.set_result(send(method, url, timeout=timeout, connections=connections, **options))
        except Exception as error:  # raised again by result()
            result.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return result.result(seconds)
    except futures.TimeoutError:
        connections.shut_down()  # which ends the thread
        raise RemoteError(f"no answer from {url.partition('?')[0]}: {_TIMED_OUT}") from None


def describe_error(error: BaseException) -> str:
    """Say in plain words why a request got no response; nothing that was sent is repeated."""
    from requests import Timeout
    from urllib3.exceptions import NewConnectionError
    from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

    causes = [*_causes(error)]
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                why = cause.verify_message.rstrip(".")
                return f"its certificate is not trusted, {why}; name its CA by --cacert, ca_file= or SSL_CERT_FILE"
            case ssl.SSLError():
                return f"TLS failed ({(cause.reason or str(cause)).replace('_', ' ').lower()}); is it an https server?"
            case NewConnectionError():  # a subclass of Urllib3TimeoutError; its cause follows
                continue
            case TimeoutError() | Timeout() | Urllib3TimeoutError():
                return _TIMED_OUT
            case RemoteDisconnected():
                return "the connection was closed before any answer"
            case IncompleteRead(partial=partial):
                received = partial if isinstance(partial, int) else len(partial)
                return f"the answer ended after {received} bytes"
            case HTTPException():
                return f"the answer is not HTTP ({type(cause).__name__})"
            case OSError(strerror=str(reason)):
                return reason
    return str(causes[-1]) or type(causes[-1]).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then those that it wraps: requests and urllib3 pass them as arguments or as ``reason``."""
    yield error
    for inner in (*error.args, getattr(error, "reason", None), error.__cause__):
        if isinstance(inner, BaseException):
            yield from _causes(inner)


def _no_proxy(url: str) -> dict[str, str]:
    """Return the ``proxies`` argument of requests: none for a loopback address, else those of the environment."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):  # a name
        if host in ("localhost", "0.0.0.0") or is_loopback(host):
            return {"no_proxy": host}
    return {}


def _proxy_note(url: str) -> str:
    """Name the proxy that was used, without its password; "" if none was."""
    from requests.utils import get_environ_proxies, select_proxy

    proxy = None if _no_proxy(url) else select_proxy(url, get_environ_proxies(url))
    return f" through the proxy {proxy.rpartition('@')[2]}" if proxy else ""


def _verify(ca_file: AnyPath | None) -> str | bool:
    """Return the ``verify`` argument of requests; RemoteError unless the file holds a CA certificate as PEM."""
    if ca_file is None:
        return os.environ.get("SSL_CERT_FILE") or True  # for True, requests reads REQUESTS_CA_BUNDLE and the like
    path = os.fspath(ca_file)
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise RemoteError(f"{path} holds no CA certificate as PEM") from error
    except OSError as error:
        raise RemoteError(f"cannot read the CA certificate {path}: {error.strerror}") from error
    return path


class RequestRefused(RemoteError):
    """The control API refused a request; ``status`` is that of its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def ask_health(root: str, seconds: float = _TIMEOUT, ca_file: AnyPath | None = None) -> Response:
    """Return the health of the emulator at a root, ready or not; RemoteError if anything else answers there."""
    response = send_within(seconds, "GET", f"{root}{CONTROL_PATH}/health", ca_file=ca_file)
    if not _is_emulators(response):
        raise RemoteError(f"what answers at {response.url} is not this emulator: {describe_answer(response)}")
    return response


def _is_emulators(response: Response) -> bool:
    try:
        return bool(response.json()["service"] == SERVICE_NAME)
    except (ValueError, LookupError, TypeError):
        return False


def describe_answer(response: Response) -> str:
    """Return status, server, media type, target of a redirect and first words of an answer."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    facts = {
        "Server: ": response.headers.get("Server"),
        "": media_type,
        "Location: ": response.headers.get("Location", "").partition("?")[0],
    }
    known = ", ".join(f"{name}{_shorten(value)}" for name, value in facts.items() if value)
    text = response.content[:_MAX_READ].decode("utf-8", "replace")
    words = _shorten(_TAGS.sub(" ", text) if "html" in media_type.lower() else text)
    status = f"{response.status_code} {response.reason}".strip()
    return f"{status}{known and f' ({known})'}{words and f': {words}'}"


def _shorten(text: str) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


class ControlApi:
    """The control API at the root of a server or a space.

    Before its first request the health is asked for, so that neither token nor data go to anything but an emulator.
    """

    def __init__(self, root: str, token: str | None = None, ca_file: AnyPath | None = None) -> None:
        _verify(ca_file)  # so that a wrong file is an error at once
        if token is not None and not token.isprintable():
            raise RemoteError("the control token cannot be sent: it contains a line break or another control character")
        self.root = root
        self._is_known = Event()
        self._ca_file = ca_file
        self._headers: dict[str, str | bytes] = {} if token is None else {"Authorization": b"Bearer " + token.encode()}

    def space(self, path: str) -> ControlApi:
        """Return the control API of a space of this server."""
        space = copy.copy(self)  # which shares the event: one answer is enough for both
        space.root = self.root + path
        return space

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        shape: Any = None,
        name: str = "",
        within: float = 0.0,
    ) -> Any:
        """Send a request, and return the data of the answer, validated by its shape; None without a shape.

        The body is YAML as bytes, or data to be sent as JSON. RemoteError if there is no answer, RequestRefused for a
        refusal; ScenarioError, under the ``name`` of what was sent, for a refusal that lists problems. The answer may
        take ``within`` seconds longer than any other.
        """
        if not self._is_known.is_set():
            ask_health(self.root, ca_file=self._ca_file)
            self._is_known.set()
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": f"application/{'yaml' if isinstance(body, bytes) else 'json'}"}
        url = f"{self.root}{CONTROL_PATH}{path}"
        timeout = _TIMEOUT + within
        response = send(method, url, headers=headers, body=content, ca_file=self._ca_file, timeout=timeout)
        if response.status_code >= 300:
            raise _refusal(response, name)
        if shape is None:
            return None
        try:
            return _adapter(shape).validate_json(response.content)
        except ValueError as error:
            message = f"{url} answers, but not as this version of the emulator does: {describe_answer(response)}"
            raise RemoteError(message) from without_frames(error)


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # not imported for the commands call and wait

    return TypeAdapter(shape)


def _refusal(response: Response, name: str) -> EmulatorError:
    if not _is_emulators(response):
        question = "; is the control API off there (--no-control)?" if response.status_code == 404 else ""
        return RequestRefused(f"{response.url} answers {describe_answer(response)}{question}", response.status_code)
    data = response.json()
    if problems := data.get("problems"):
        return ScenarioError(
            [Problem(name, each.get("line", 0), each.get("column", 0), each["message"]) for each in problems]
        )
    return RequestRefused(data["detail"], response.status_code)
