"""The sample requests and answers of the help page: a path and a host are repeated, all else is constant.

The texts are written as a reader sees them. Each is escaped as a whole before anything is filled in, and what is
filled in is escaped on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from emulator.core import contract


@dataclass(frozen=True, slots=True)
class Sample:
    """How one protocol carries a call and its answer, ready to stand in a ``pre``."""

    protocol: str
    request: Markup
    response: Markup


def samples(path: str, host: str) -> list[Sample]:
    """The samples of the four protocols, in the order of the page, for the path and the Host header of a request."""
    return [
        Sample(
            protocol,
            escape(request).format(path=path, host=host, **_NAMES, **names),
            escape(response).format(**_NAMES, **names),
        )
        for protocol, request, response, names in _SAMPLES
    ]


def _value(text: str) -> Markup:
    """A placeholder."""
    return Markup("<var>{}</var>").format(text)


_NAMES: Final[Mapping[str, str]] = {
    "namespace": contract.NAMESPACE,
    "operation": contract.OPERATION,
    "session": contract.SESSION,
    "node": contract.NODE,
    "auth_code": contract.AUTH_CODE,
    "response": contract.RESPONSE,
    "response_result": contract.RESPONSE_RESULT,
    "result_type": contract.RESULT_TYPE,
    "results": Markup(" or ").join(_value(result.value) for result in contract.Result),
    "query": Markup("&amp;").join(
        Markup('<span class="key">{}</span>={}').format(name, _value("string")) for name in contract.PARAMETERS
    ),
    "int": _value("int"),
    "string": _value("string"),
    "length": _value("length"),
}

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_SCHEMAS = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'

_SOAP_REQUEST = f"""\
POST {{path}} HTTP/1.1
Host: {{host}}
Content-Type: {{media_type}}; charset=utf-8
Content-Length: {{length}}
{{action}}
{_DECLARATION}
<{{soap}}:Envelope {_SCHEMAS} xmlns:{{soap}}="{{envelope}}">
  <{{soap}}:Body>
    <{{operation}} xmlns="{{namespace}}">
      <{{session}}>{{int}}</{{session}}>
      <{{node}}>{{int}}</{{node}}>
      <{{auth_code}}>{{string}}</{{auth_code}}>
    </{{operation}}>
  </{{soap}}:Body>
</{{soap}}:Envelope>"""

_SOAP_RESPONSE = f"""\
HTTP/1.1 200 OK
Content-Type: {{media_type}}; charset=utf-8
Content-Length: {{length}}

{_DECLARATION}
<{{soap}}:Envelope {_SCHEMAS} xmlns:{{soap}}="{{envelope}}">
  <{{soap}}:Body>
    <{{response}} xmlns="{{namespace}}">
      <{{response_result}}>{{results}}</{{response_result}}>
    </{{response}}>
  </{{soap}}:Body>
</{{soap}}:Envelope>"""

_GET_REQUEST = """\
GET {path}/{operation}?{query} HTTP/1.1
Host: {host}"""

_POST_REQUEST = """\
POST {path}/{operation} HTTP/1.1
Host: {host}
Content-Type: application/x-www-form-urlencoded
Content-Length: {length}

{query}"""

_FORM_RESPONSE = f"""\
HTTP/1.1 200 OK
Content-Type: text/xml; charset=utf-8
Content-Length: {{length}}

{_DECLARATION}
<{{result_type}} xmlns="{{namespace}}">{{results}}</{{result_type}}>"""

_SOAP11 = {
    "soap": "soap",
    "envelope": "http://schemas.xmlsoap.org/soap/envelope/",
    "media_type": "text/xml",
    "action": f'SOAPAction: "{contract.SOAP_ACTION}"\n',
}
_SOAP12 = {
    "soap": "soap12",
    "envelope": "http://www.w3.org/2003/05/soap-envelope",
    "media_type": "application/soap+xml",
    "action": "",
}

_SAMPLES: Final[tuple[tuple[str, str, str, Mapping[str, str]], ...]] = (
    ("SOAP 1.1", _SOAP_REQUEST, _SOAP_RESPONSE, _SOAP11),
    ("SOAP 1.2", _SOAP_REQUEST, _SOAP_RESPONSE, _SOAP12),
    ("HTTP GET", _GET_REQUEST, _FORM_RESPONSE, {}),
    ("HTTP POST", _POST_REQUEST, _FORM_RESPONSE, {}),
)
