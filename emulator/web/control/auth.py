"""Who may use the control API: not a page of another site in the browser, and not who lacks the token where one is set.

A page of another origin can make a browser send requests here, by its own name (``Origin``) or, with DNS rebinding, by
a name of its own that leads to this machine (``Host``). Where a token is asked for, such a page does not have it. What
a browser asks for without telling an origin, such as an image, it tells to be another site's (``Sec-Fetch-Site``).
"""

from __future__ import annotations

import hmac
import re
from typing import Final
from urllib.parse import urlsplit

from emulator.network import is_loopback
from emulator.web.control.problems import Refused
from emulator.web.request import Visit
from emulator.web.settings import Settings

_HOST: Final = re.compile(r"([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?", re.IGNORECASE)  # a name, maybe a port
_OWN: Final = (None, "same-origin", "none")  # none: a person typed the address
_FOLLOWED: Final = ("GET", "navigate", "document")  # a link to a page of its own, which tells the other page nothing


def check(visit: Visit, settings: Settings) -> None:
    """Refused when the request comes from somebody who may not ask."""
    _check_origin(visit, settings)
    _check_site(visit)
    if settings.control_token:
        _check_token(visit, settings.control_token)
    elif settings.exposed:
        raise Refused(
            403,
            "the control API is off, since this server listens beyond its own machine: "
            "start it with --control-token, and send that as 'Authorization: Bearer TOKEN'",
        )
    else:
        _check_host(visit, settings)


def _check_origin(visit: Visit, settings: Settings) -> None:
    origin = visit.header("HTTP_ORIGIN")
    if origin is None or _netloc(origin) in {visit.host.lower(), _public(settings)} - {""}:
        return
    raise Refused(403, f"requests from pages of {origin!r} are refused; only those of {visit.origin} are answered")


def _check_site(visit: Visit) -> None:
    how = (visit.method, visit.header("HTTP_SEC_FETCH_MODE"), visit.header("HTTP_SEC_FETCH_DEST"))
    if visit.header("HTTP_SEC_FETCH_SITE") not in _OWN and how != _FOLLOWED:
        raise Refused(403, f"requests from pages of other sites are refused; only those of {visit.origin} are answered")


def _check_token(visit: Visit, token: str) -> None:
    scheme, _, given = (visit.header("HTTP_AUTHORIZATION") or "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip(" \t").encode("latin-1"), token.encode()):
        return
    wrong = "the token is wrong" if given else "a token is missing"
    raise Refused(
        401,
        f"{wrong}: send the server's --control-token as 'Authorization: Bearer TOKEN'",
        ("WWW-Authenticate", "Bearer"),
    )


def _check_host(visit: Visit, settings: Settings) -> None:
    host = _name(visit.host)
    if host == "localhost" or host.endswith(".localhost") or host == _name(_public(settings)) != "" or _is_local(host):
        return
    raise Refused(
        403,
        f"requests for the host {visit.host!r} are refused: use localhost or 127.0.0.1, or start the server with "
        "--control-token or, behind a proxy, with --public-url",
    )


def _public(settings: Settings) -> str:
    return _netloc(settings.public_url or "")


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _name(netloc: str) -> str:
    """The name or the address in what names a host; "" for anything else, such as two of them, or a user beside one."""
    found = _HOST.fullmatch(netloc)
    return found[1].strip("[]").lower() if found else ""


def _is_local(host: str) -> bool:
    try:
        return is_loopback(host)
    except ValueError:
        return False
