"""The pages that a person sees at the service's address, and the error pages of a server like IIS, as HTML texts.

The help pages say what those of the real service say, as public copies of them show it. The error pages stand where IIS
and ASP.NET have theirs; their words are our own. Status and headers are the business of whoever sends a page.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from emulator.core import contract
from emulator.core.desk import SessionStatus, TechnicianStatus
from emulator.escaping import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def overview(path: str) -> str:
    """The list of operations, at a path as it was requested (decoded, without query)."""
    return _help_page("overview.html", path)


def operation(path: str, host: str, address: str) -> str:
    """The page of the operation: a form that invokes it at an absolute address, and samples.

    The samples repeat the path as it was requested and the request's Host header.
    """
    from emulator.web.samples import samples

    return _help_page("operation.html", path, address=address, samples=samples(visible(path), visible(host)))


def method_not_found(path: str, name: str) -> str:
    """The page for an operation that the service does not have."""
    return _help_page("method_not_found.html", path, name=name)


def console() -> str:
    """The page from which a person watches and drives the emulator."""
    return (
        _templates()
        .get_template("console.html")
        .render(technician_statuses=TechnicianStatus, session_statuses=SessionStatus)
    )


def runtime_error(application: str) -> str:
    """ASP.NET's error page as callers from elsewhere see it, without details; ``application`` is its path, ``/API``."""
    return _templates().get_template("runtime_error.html").render(application=application)


def plain_error(status: int, title: str, text: str) -> str:
    """The small page with which the server itself refuses a request; US-ASCII only, since that is how it is sent."""
    page = _templates().get_template("plain_error.html").render(status=status, title=title, text=text)
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _help_page(template: str, path: str, **values: object) -> str:
    """A page about the service. Its links are relative to the file, as the last part of the path names it."""
    values |= {"path": "/" + path.lstrip("/"), "file": path.rpartition("/")[2]}
    return _templates().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    """The templates; loaded when somebody asks for the first page, which callers of the service never do."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("emulator.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value, keep="\n") if type(value) is str else value,
    )
    templates.globals["contract"] = contract
    return templates
