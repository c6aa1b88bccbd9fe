"""The HTML pages: the service's help pages, IIS's error pages and the console. Status and headers are the caller's.

The help pages say what those of the real service say, as public copies of them show it. The error pages replace those
of IIS and ASP.NET; their words are our own. All templates are read with this module, so that each page can be shown
after the files of the package are gone, such as by an upgrade.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final

from markupsafe import escape

from emulator.core import contract
from emulator.core.desk import SessionStatus, TechnicianStatus
from emulator.delivery import ConnectionFault
from emulator.escaping import visible

if TYPE_CHECKING:
    from jinja2 import Environment

_SOURCES: Final = {file.name: file.read_text(encoding="utf-8") for file in (files(__package__) / "templates").iterdir()}
_ERROR_PAGE: Final = Template(_SOURCES["error.html"].rstrip())  # not Jinja's: an error page needs no import

CONSOLE_TERMS: Final = {
    "binding": "How a call travels: SOAP 1.1, SOAP 1.2, HTTP GET or HTTP POST. The service offers all four.",
    "session": f"{contract.SESSION}: the number of the support session that the call starts.",
    "node": f"{contract.NODE}: the number of the technician who gets the session.",
    "code": f"{contract.AUTH_CODE}: the secret of the administrator who sends the call. Codes that the scenario does "
    "not contain are masked.",
    "by": "What chose the answer: the first rule that accepts the call, else the desk, else “otherwise” of the "
    "scenario. For a refusal, the reason.",
    "outcome": "A result of the service, a failure that the scenario wants (an exception, an HTTP status, a broken "
    "connection), or a refusal: a request that never became a call.",
    "waited": "How long the client waited: from the last byte of its request to the last byte of the answer.",
    "desk": "A model of administrators, technicians and sessions that decides the calls that no rule accepts. "
    "Calls change it, and so can you.",
    "rule": "Which calls get which reply. The first rule that accepts a call answers it; rules added at run time come "
    "before those of the file, the newest first.",
    "near": "The rules that accepted part of this call and came closest to answering it, with what differed.",
    "space": "An isolated emulator inside this server, with its own scenario, rules and journal.",
}
"""What the words of the console mean, in one or two sentences."""

_FAILURES: Final[dict[str, dict[str, object]]] = {
    "exception": {"exception": "Timeout expired."},
    "status 503": {"status": 503},
    **{f"connection {fault.value}": {"connection": fault.value} for fault in ConnectionFault},
    "connection trickle": {"connection": ConnectionFault.TRICKLE.value, "over": "10s"},
}
"""The failures that the console offers for a rule, in the scenario language."""


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
    return template.render(
        technician_statuses=TechnicianStatus, session_statuses=SessionStatus, terms=CONSOLE_TERMS, failures=_FAILURES
    )


def runtime_error(application: str) -> str:
    """Return ASP.NET's error page as remote callers see it, without details; ``application`` is its path, ``/API``."""
    title = "Runtime Error"
    text = "The application could not carry out this request. What went wrong is not shown to callers."
    return _error_page(
        title, f"Server Error in '{_safe(application)}' Application.", f"<h2>{title}</h2>\n<p>{text}</p>"
    )


def plain_error(status: int, title: str, text: str) -> str:
    """Return the small error page of IIS and HTTP.sys, in US-ASCII."""
    page = _error_page(_safe(title), _safe(title), f"<p>HTTP Error {status}. {_safe(text)}</p>")
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _error_page(title: str, heading: str, content: str) -> str:
    """Return an error page with parts in HTML."""
    style = _SOURCES["page.css"].rstrip()
    return _ERROR_PAGE.substitute(title=title, heading=heading, content=content, style=style)


def _safe(text: str) -> str:
    """Return a text as HTML, with escaped control characters."""
    return escape(visible(text, keep="\n"))


def _help_page(template: str, path: str, **values: object) -> str:
    """Render a page about the service. Its links are relative to the file, as the last part of the path names it."""
    values |= {"path": "/" + path.lstrip("/"), "file": path.rpartition("/")[2]}
    return _templates().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    """Compile the templates at the first page: most processes never show one, and importing Jinja takes 30 ms."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    templates = Environment(
        loader=DictLoader(_SOURCES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value, keep="\n") if type(value) is str else value,
    )
    templates.globals["contract"] = contract
    return templates
