"""The client's side of the wire: a call as a request over a binding, and what any such service answered to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape as html_escape
from html import unescape
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from lxml import etree

from emulator.core.call import Call, masked
from emulator.core.contract import (
    AUTH_CODE,
    NAMESPACE,
    NODE,
    OPERATION,
    RESPONSE_RESULT,
    RESULT_TYPE,
    SESSION,
    SOAP_ACTION,
    Binding,
    Result,
)

SOAP11_NS: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12_NS: Final = "http://www.w3.org/2003/05/soap-envelope"

_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{envelope}"><soap:Body>'
    f'<{OPERATION} xmlns="{NAMESPACE}">{{arguments}}</{OPERATION}></soap:Body></soap:Envelope>'
)


@dataclass(frozen=True, slots=True)
class Written:
    """A request; ``path`` follows the address of the service, and ``body`` is None for GET."""

    method: str
    path: str = field(repr=False)
    headers: dict[str, str]
    body: bytes | None = field(repr=False)


def written(call: Call) -> Written:
    """The request for a call. GET and POST cannot leave the auth code out, and send an empty one."""
    values = {SESSION: str(call.session), NODE: str(call.node), AUTH_CODE: call.auth_code}
    query = urlencode({name: value or "" for name, value in values.items()})
    arguments = "".join(f"<{name}>{_escaped(value)}</{name}>" for name, value in values.items() if value is not None)
    match call.binding:
        case Binding.GET:
            return Written("GET", f"/{OPERATION}?{query}", {}, None)
        case Binding.POST:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            return Written("POST", f"/{OPERATION}", form, query.encode())
        case Binding.SOAP11:
            headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SOAP_ACTION}"'}
            return Written("POST", "", headers, _ENVELOPE.format(envelope=SOAP11_NS, arguments=arguments).encode())
        case Binding.SOAP12:
            headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{SOAP_ACTION}"'}
            return Written("POST", "", headers, _ENVELOPE.format(envelope=SOAP12_NS, arguments=arguments).encode())


def result_in(body: bytes) -> Result | None:
    """The result in an answer over any binding; None when it holds none."""
    root = _parsed(body)
    if root is None:
        return None
    tags = (f"{{{NAMESPACE}}}{RESPONSE_RESULT}", f"{{{NAMESPACE}}}{RESULT_TYPE}")
    values = {result.value: result for result in Result}
    found = [element.text for element in root.iter(*tags)]
    return values.get((found[0] or "").strip()) if found else None


def fault_in(body: bytes, auth_code: str | None = None) -> str:
    """What an answer without a result says in words, cut short: a SOAP fault's text, a page's title, else the body.

    The auth code that was sent is masked in it: the service quotes a value that it refuses.
    """
    root = _parsed(body)
    texts = [] if root is None else [*root.iter("faultstring", f"{{{SOAP12_NS}}}Text")]
    text = texts[0].text or "" if texts else _in_a_page(body.decode("utf-8", "replace"))
    text = "".join(sign if sign.isprintable() else " " for sign in _without(auth_code, text))
    text = " ".join(text.split()) or "(no text)"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST: Final = 300
_HEAD: Final = 10_000  # how far into a page its title is looked for
_PAGE: Final = re.compile(r"\s*<(?:!doctype\s+html|html)\b.*?<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_QUOTED: Final = re.compile(rf'({AUTH_CODE}=(?:"|&quot;)).*', re.DOTALL)  # to the end: what is quoted may be cut
_FEWEST_TELLING: Final = 4  # letters: any fewer are in too many words


def _escaped(text: str) -> str:
    """Text as XML carries it; a bare carriage return would be read as a line feed."""
    return escape(text, {"\r": "&#13;"})


def _in_a_page(text: str) -> str:
    """The title of a page of HTML, where such a text is one."""
    page = _PAGE.match(text[:_HEAD])
    return text if page is None else unescape(page[1])


def _without(auth_code: str | None, text: str) -> str:
    """The text with the auth code masked, as it is and as HTML writes it."""
    text = _QUOTED.sub(r"\1***", text)
    if auth_code is None or len(auth_code) < _FEWEST_TELLING:
        return text
    for written_so in (auth_code, html_escape(auth_code)):
        text = text.replace(written_so, masked(auth_code))
    return text


def _parsed(body: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return None
