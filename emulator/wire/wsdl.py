"""The two documents of the service, WSDL and discovery: all of the text but the address, which each request decides.

The templates beside this module, ``service.wsdl`` and ``service.disco``, hold what ASMX writes; the names come from the
contract. The real service orders the namespaces on a root anew each time it starts; here one of its orders is kept.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from emulator.core import contract

_CRLF = "\r\n"  # ends a line in XML that .NET indents
_URI_CHARACTERS = "%:/?[]@!$&'()*+,;="  # beside letters, digits and -._~, all that an escaped URI may hold
_NAMES = {
    "namespace": contract.NAMESPACE,
    "service": contract.SERVICE,
    "operation": contract.OPERATION,
    "soap_action": contract.SOAP_ACTION,
    "description": contract.DESCRIPTION,
    "session": contract.SESSION,
    "node": contract.NODE,
    "auth_code": contract.AUTH_CODE,
    "response": contract.RESPONSE,
    "response_result": contract.RESPONSE_RESULT,
    "result_type": contract.RESULT_TYPE,
    "results": f"{_CRLF}          ".join(f'<s:enumeration value="{result.value}" />' for result in contract.Result),
}

DESCRIPTION_NOT_FOUND: Final = f"XML Web service description was not found.{_CRLF}"
"""The answer to ``?wsdl=`` with any value, as text with status 500: the one description has no name."""

SCHEMA_NOT_FOUND: Final = f"Schema not found.{_CRLF}"
"""The answer to ``?schema=`` with any value, as text with status 500: the one schema is inside the WSDL."""


def wsdl(address: str) -> bytes:
    """The WSDL of the service at an address: four ports, lines that end in CRLF, none after the last."""
    return _filled(_WSDL, address)


def disco(address: str) -> bytes:
    """The discovery document of the service at an address, which leads to the WSDL at ``{address}?wsdl``."""
    return _filled(_DISCO, address)


def _template(name: str) -> Template:
    """A template with every name in place, so that only the address is left to fill in."""
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    return Template(Template(_CRLF.join(lines)).safe_substitute(_NAMES))


def _filled(template: Template, address: str) -> bytes:
    """The document for an address, which is escaped as a URI first, as .NET does, and then for XML."""
    return template.substitute(address=escape(quote(address, safe=_URI_CHARACTERS))).encode()


_WSDL = _template("service.wsdl")
_DISCO = _template("service.disco")
