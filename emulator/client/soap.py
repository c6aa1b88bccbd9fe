"""The client's side of the wire: build the request of a call, and read the answer of any such service."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from lxml import etree

from emulator.core.contract import (
    AUTH_CODE,
    NAMESPACE,
    NODE,
    OPERATION,
    RESPONSE_RESULT,
    RESULT_TYPE,
    SESSION,
    SOAP11_NS,
    SOAP12_NS,
    SOAP_ACTION,
    Binding,
    Call,
    Result,
)

_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{envelope}"><soap:Body>'
    f'<{OPERATION} xmlns="{NAMESPACE}">{{arguments}}</{OPERATION}></soap:Body></soap:Envelope>'
)
_ENTITIES: Final = {"\r": "&#13;"}  # a carriage return as such would be read as a line feed


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request; ``path`` follows the address of the service, and ``body`` is None for GET."""

    method: str
    path: str = field(repr=False)
    headers: dict[str, str]
    body: bytes | None = field(repr=False)


def build_request(call: Call) -> ServiceRequest:
    """Return the request for a call. GET and POST cannot leave the auth code out, and send an empty one."""
    values = {SESSION: str(call.session), NODE: str(call.node), AUTH_CODE: call.auth_code}
    query = urlencode({name: value or "" for name, value in values.items()})
    match call.binding:
        case Binding.GET:
            return ServiceRequest("GET", f"/{OPERATION}?{query}", {}, None)
        case Binding.POST:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return ServiceRequest("POST", f"/{OPERATION}", headers, query.encode())
        case Binding.SOAP11:
            namespace = SOAP11_NS
            headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SOAP_ACTION}"'}
        case Binding.SOAP12:
            namespace = SOAP12_NS
            headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{SOAP_ACTION}"'}
    arguments = "".join(
        f"<{name}>{escape(value, _ENTITIES)}</{name}>" for name, value in values.items() if value is not None
    )
    return ServiceRequest("POST", "", headers, _ENVELOPE.format(envelope=namespace, arguments=arguments).encode())


def find_result(body: bytes) -> Result | None:
    """Return the result in an answer over any binding; None if there is none."""
    text = _first_text(body, f"{{{NAMESPACE}}}{RESPONSE_RESULT}", f"{{{NAMESPACE}}}{RESULT_TYPE}") or ""
    return next((result for result in Result if result.value == text.strip()), None)


def find_fault_text(body: bytes) -> str:
    """Return the text of an answer without a result, shortened: a SOAP fault's text, a page's title, else the body."""
    text = _first_text(body, "faultstring", f"{{{SOAP12_NS}}}Text")
    if text is None:
        text = body.decode("utf-8", "replace")
        if (page := _PAGE.match(text[:10_000])) is not None:  # a bound for the search in a long text
            text = unescape(page[1])
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split()) or "(no text)"
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


_MAX_TEXT: Final = 300  # characters
_PAGE: Final = re.compile(r"\s*<(?:!doctype\s+html|html)\b.*?<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def _first_text(body: bytes, *names: str) -> str | None:
    """Return the text of the first element with one of the names; None if there is none, or the body is no XML."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return None
    return next((element.text or "" for element in root.iter(*names)), None)
