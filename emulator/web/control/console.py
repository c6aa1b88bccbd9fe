"""The console: the page for people at the root of the control API, and its files, which are read with this module."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from importlib.resources import files
from typing import Final

from werkzeug.exceptions import NotFound
from werkzeug.http import generate_etag, quote_etag

from emulator.web import pages
from emulator.web.control.dispatch import ControlRequest
from emulator.web.request import HTML, Response

_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FILES: Final = {
    file.name: file.read_bytes()
    for file in (files("emulator.web") / "static").iterdir()
    if file.name.endswith(tuple(_TYPES))
}
_README: Final = "README.md"
_PLAIN: Final = "text/plain; charset=utf-8"  # which a browser shows; Markdown it would save
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


def page(control: ControlRequest) -> Response:
    """Return the page, which contains no data: its script requests what it shows."""
    return _file(control, pages.console().encode(), HTML)


def redirect(control: ControlRequest) -> Response:
    """Redirect to the page, whose relative paths need the slash."""
    return Response(status=308, headers=(*_HEADERS, ("Location", f"{control.request.whole_path}/")))


def static(control: ControlRequest) -> Response:
    name = control.values["file"]
    if name == _README:
        return _file(control, _readme(), _PLAIN)
    if name not in _FILES:
        raise NotFound(f"there is no {name} here")
    return _file(control, _FILES[name], _TYPES[name[name.rfind(".") :]])


@cache
def _readme() -> bytes:
    """Return the README from the metadata of the installed package."""
    try:
        return str(metadata.metadata("rescue-emulator").json["description"]).encode()
    except metadata.PackageNotFoundError:
        raise NotFound(f"the package is not installed but only copied; its {_README} lies beside it") from None


def _file(control: ControlRequest, content: bytes, content_type: str) -> Response:
    """Return a file with its ETag, or 304 to a browser that has it: without a max-age it asks each time."""
    etag = generate_etag(content)
    headers = (*_HEADERS, ("ETag", quote_etag(etag)))
    if control.request.if_none_match.contains_weak(etag):
        return Response(status=304, headers=headers)
    return Response(content, 200, headers, content_type)
