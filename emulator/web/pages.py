"""The HTML pages: the service's help pages, IIS's error pages and the console. Status and headers are the caller's.

The help pages say what those of the real service say, as public copies of them show it. The error pages replace those
of IIS and ASP.NET; their words are our own.
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
    """Return the list of operations, for a decoded path as requested."""
    return _help_page("overview.html", path)


def operation(path: str, host: str, address: str) -> str:
    """Return the page of the operation: a form that invokes it at an absolute address, and samples.

    The samples repeat the requested path and the request's Host header.
    """
    return _help_page("operation.html", path, address=address, host=host)


def method_not_found(path: str, name: str) -> str:
    """Return the page for an operation that the service does not have."""
    return _help_page("method_not_found.html", path, name=name)


def console() -> str:
    """Return the page of the console."""
    template = _templates().get_template("console.html")
    return template.render(technician_statuses=TechnicianStatus, session_statuses=SessionStatus)


def runtime_error(application: str) -> str:
    """Return ASP.NET's error page as remote callers see it, without details; ``application`` is its path, ``/API``."""
    return _templates().get_template("runtime_error.html").render(application=application)


def plain_error(status: int, title: str, text: str) -> str:
    """Return the small error page of IIS and HTTP.sys, in US-ASCII."""
    page = _templates().get_template("plain_error.html").render(status=status, title=title, text=text)
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _help_page(template: str, path: str, **values: object) -> str:
    """Render a page about the service. Its links are relative to the file, as the last part of the path names it."""
    values |= {"path": "/" + path.lstrip("/"), "file": path.rpartition("/")[2]}
    return _templates().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    """Load the templates at the first page: most processes never show one."""
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
