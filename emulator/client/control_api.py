"""Asks a control API over HTTP: where it is, with which token, and what its refusals say."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, InvalidURL
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from emulator.core.contract import SERVICE_PATH
from emulator.errors import RemoteError, frameless, on_purpose

__tracebackhide__ = on_purpose

_CONTROL: Final = "/__admin"
_TIMEOUT: Final = 10.0  # seconds
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def root_of(url: str) -> str:
    """The root that a URL leads to: of a server, or of a space in it; it may name the service or its WSDL too."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a ValueError when it is none
    except ValueError as error:
        raise RemoteError(f"{url!r} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RemoteError(f"{url!r} is no address: it has to begin with http:// or https:// and a host")
    path = parts.path.rstrip("/")
    at = path.lower().find(SERVICE_PATH.lower())
    return f"{parts.scheme}://{parts.netloc}{path if at < 0 else path[:at]}"


AnyPath = str | os.PathLike[str]


def opener(url: str, ca_file: AnyPath | None = None) -> OpenerDirector:
    """What opens a URL: by way of a proxy, if the environment names one, but never to this machine.

    Over TLS it trusts the CAs in ``ca_file`` alone; without one those of the system, or of SSL_CERT_FILE.
    """
    local = urlsplit(url).hostname in _LOCAL
    trusting = [] if ca_file is None else [HTTPSHandler(context=_trusting(ca_file))]
    return build_opener(*trusting, ProxyHandler({})) if local else build_opener(*trusting)


def _trusting(ca_file: AnyPath) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise RemoteError(f"{ca_file} holds no CA certificate as PEM") from error
    except OSError as error:
        raise RemoteError(f"cannot read the CA certificate {ca_file}: {error.strerror}") from error


def tls_trouble(error: ssl.SSLError) -> str:
    """Why there was no TLS with a server, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return f"its certificate is not accepted, {why}; --cacert, ca_file= or SSL_CERT_FILE names the CA to trust"
    return (
        f"what answers there does not speak TLS as it should ({(error.reason or str(error)).replace('_', ' ').lower()})"
    )


class ControlClient:
    """Asks a control API, at the root of a server or space. RemoteError when there is no answer, or a refusal."""

    def __init__(self, root: str, token: str | None = None, ca_file: AnyPath | None = None) -> None:
        self.root = root
        self._opener = opener(root, ca_file)
        self._headers = {} if token is None else {"Authorization": f"Bearer {_in_a_header(token)}"}

    def ask(self, method: str, path: str, body: object = None, *, yaml: bytes | None = None) -> Any:
        """What a request gets: data, or None for an answer without any."""
        data = yaml if yaml is not None else None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": "application/json" if yaml is None else "application/yaml"}
        url = f"{self.root}{_CONTROL}{path}"
        try:
            with self._opener.open(Request(url, data, headers, method=method), timeout=_TIMEOUT) as answer:
                content = answer.read()
                return json.loads(content) if content else None
        except HTTPError as error:
            raise _refused(url, error) from None
        except (OSError, ValueError, HTTPException) as error:
            raise RemoteError(f"no answer from {url}: {_reason(error)}") from frameless(error)

    @contextmanager
    def understood(self) -> Iterator[None]:
        """RemoteError where what it told is not what an emulator tells."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise RemoteError(f"no answer from {self.root} that an emulator would give; is it one?") from error


def _in_a_header(token: str) -> str:
    """The token as UTF-8 in a header; for one that no header can carry a RemoteError, which does not tell it."""
    if not token.isprintable():
        raise RemoteError("the control token cannot be sent: it has a line break or the like in it")
    return token.encode().decode("latin-1")


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPException) and not isinstance(error, OSError | InvalidURL):
        return f"what answers there does not speak HTTP ({type(error).__name__})"
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLError):
        return tls_trouble(reason)
    return str(getattr(reason, "strerror", None) or reason)


class RefusedByRemote(RemoteError):
    """The control API refused; ``status`` is the answer's, ``problems`` what is wrong with what was sent."""

    def __init__(self, message: str, status: int, problems: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.status, self.problems = status, problems


def _refused(url: str, error: HTTPError) -> RefusedByRemote:
    with error:
        content = error.read()
    try:
        told = json.loads(content)
        detail, problems = str(told["detail"]), told.get("problems", [])
    except (ValueError, KeyError, TypeError):
        detail = f"{url} answers {error.code} {error.reason}; is it an emulator, and its control API on?"
        problems = []
    return RefusedByRemote(detail, error.code, problems)
