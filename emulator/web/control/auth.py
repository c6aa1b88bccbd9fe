"""Who may use the control API: no page of another site in the browser, and nobody without the token if one is set.

A page of another origin can make a browser send requests here: under its own name (``Origin``) or, with DNS rebinding,
under a name of its own that resolves to this machine (``Host``). If a token is required, such a page does not have it.
Requests that a browser sends without an origin, such as those for images, carry ``Sec-Fetch-Site``.
"""

from __future__ import annotations

import hmac
import re
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from emulator.network import is_loopback
from emulator.web.request import Request
from emulator.web.spaces import Settings

_HOST: Final = re.compile(r"([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?", re.IGNORECASE)  # a name, maybe a port
_OWN_SITE: Final = (None, "same-origin", "none")  # none: a person typed the address
_NAVIGATION: Final = ("GET", "navigate", "document")  # following a link; the page that has it learns nothing


def authorize(request: Request, settings: Settings) -> None:
    """Raise Forbidden or Unauthorized if the sender may not use the control API."""
    _check_origin(request, settings)
    if settings.control_token:
        _check_token(request, settings.control_token)
    elif settings.exposed:
        raise Forbidden(
            "the control API is off, since this server can be reached from other machines: "
            "start it with --control-token, and send that as 'Authorization: Bearer TOKEN'"
        )
    else:
        _check_host(request, settings)


def _check_origin(request: Request, settings: Settings) -> None:
    origin, headers = request.origin, request.headers
    navigation = (request.method, headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
    if origin is not None and _netloc(origin) not in {request.host.lower(), _netloc(settings.public_url or "")} - {""}:
        sender = repr(origin)
    elif headers.get("Sec-Fetch-Site") not in _OWN_SITE and navigation != _NAVIGATION:
        sender = "other sites"
    else:
        return
    raise Forbidden(f"requests from pages of {sender} are refused; only those of {request.server_url} are answered")


def _check_token(request: Request, token: str) -> None:
    # werkzeug's request.authorization takes a token with an equals sign in it for a list of parameters.
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(credentials.strip(" \t").encode("latin-1"), token.encode()):
        return
    wrong = "the token is wrong" if credentials else "a token is missing"
    raise Unauthorized(
        f"{wrong}: send the server's --control-token as 'Authorization: Bearer TOKEN'",
        www_authenticate=WWWAuthenticate("bearer"),
    )


def _check_host(request: Request, settings: Settings) -> None:
    host = _host_name(request.host)
    public_host = _host_name(_netloc(settings.public_url or ""))
    if host == "localhost" or host.endswith(".localhost") or host == public_host != "":
        return
    with suppress(ValueError):  # a name
        if is_loopback(host):
            return
    raise Forbidden(
        f"requests for the host {request.host!r} are refused: use localhost or 127.0.0.1, or start the server with "
        "--control-token or, behind a proxy, with --public-url"
    )


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _host_name(netloc: str) -> str:
    """Return the name or address of a host; "" for anything else, such as two of them, or a user name beside one."""
    match = _HOST.fullmatch(netloc)
    return match[1].strip("[]").lower() if match else ""
