"""The console: the page for people at the root of the control API, and its files, which are read with this module."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from werkzeug.exceptions import NotFound

from emulator.web import pages
from emulator.web.control.dispatch import ControlRequest
from emulator.web.request import HTML, Response

_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FILES: Final = {
    file.name: file.read_bytes()
    for file in (files("emulator.web") / "static").iterdir()
    if file.name.endswith(tuple(_TYPES))
}
_HEADERS: Final = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)


def page(_control: ControlRequest) -> Response:
    """Return the page, which contains no data: its script requests what it shows."""
    return Response(pages.console(), 200, _HEADERS, HTML)


def redirect(control: ControlRequest) -> Response:
    """Redirect to the page, whose relative paths need the slash."""
    return Response(status=308, headers=(*_HEADERS, ("Location", f"{control.request.whole_path}/")))


def static(control: ControlRequest) -> Response:
    name = control.values["file"]
    if name not in _FILES:
        raise NotFound(f"there is no {name} here")
    return Response(_FILES[name], 200, _HEADERS, _TYPES[name[name.rfind(".") :]])
