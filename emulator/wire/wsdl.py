"""The WSDL and the discovery document of the service.

The templates beside this module, ``service.wsdl`` and ``service.disco``, hold the text that ASMX writes, with the
constants of the contract and the address from the request. The real service orders the namespaces on the root anew
whenever it starts; the templates keep one order.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from emulator.core import contract

_CRLF = "\r\n"  # the line end of XML that .NET indents
_URI_CHARACTERS = "%:/?[]@!$&'()*+,;="  # besides letters, digits and -._~: all that an escaped URI may hold
_RESULTS = f"{_CRLF}          ".join(f'<s:enumeration value="{result.value}" />' for result in contract.Result)

DESCRIPTION_NOT_FOUND: Final = f"XML Web service description was not found.{_CRLF}"
"""The answer to ``?wsdl=`` with any value (500, text/plain): the only description has no name."""

SCHEMA_NOT_FOUND: Final = f"Schema not found.{_CRLF}"
"""The answer to ``?schema=`` with any value (500, text/plain): the only schema is inside the WSDL."""


def wsdl(address: str) -> bytes:
    """Return the WSDL of the service at an address; lines end in CRLF, the last one in nothing."""
    return _fill(_WSDL, address)


def disco(address: str) -> bytes:
    """Return the discovery document of the service at an address; it refers to the WSDL at ``{address}?wsdl``."""
    return _fill(_DISCO, address)


def _read_template(name: str) -> Template:
    """Read a template and fill in the names, so that only the address is left."""
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    return Template(Template(_CRLF.join(lines)).safe_substitute(vars(contract), RESULTS=_RESULTS))


def _fill(template: Template, address: str) -> bytes:
    """Fill in an address, escaped as a URI, as .NET does, and then for XML."""
    return template.substitute(address=escape(quote(address, safe=_URI_CHARACTERS))).encode()


_WSDL = _read_template("service.wsdl")
_DISCO = _read_template("service.disco")
