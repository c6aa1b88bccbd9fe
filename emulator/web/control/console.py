"""The console: the page for people at the root of the control API, and the files that it is made of."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Final

from emulator.web import pages
from emulator.web.control.asked import Asked
from emulator.web.control.problems import Refused
from emulator.web.request import HTML, Answer

STATIC: Final = files("emulator.web") / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_STRICT: Final = (
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


def page(_asked: Asked) -> Answer:
    """The page itself, which knows nothing: what it shows, it asks for."""
    return Answer(200, HTML, pages.console(), _STRICT)


def with_slash(asked: Asked) -> Answer:
    """The way to the page, whose paths begin at its own."""
    return Answer(308, headers=(*_STRICT, ("Location", f"{asked.visit.full_path}/")))


def static(asked: Asked) -> Answer:
    """A stylesheet or a script of the page."""
    name = asked.path["file"]
    if name not in _content():
        raise Refused(404, f"there is no {name} here")
    return Answer(200, _TYPES[name[name.rfind(".") :]], _content()[name], _STRICT)


@lru_cache(maxsize=1)
def _content() -> dict[str, bytes]:
    """The content of each file, by its name."""
    return {file.name: file.read_bytes() for file in STATIC.iterdir() if file.name.endswith(tuple(_TYPES))}
