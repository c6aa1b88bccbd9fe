"""Remarks: what the client of a request probably did wrong, as far as its head tells. For the log and the journal only.

The service says what it could not read; a remark says what to change.
"""

from __future__ import annotations

import re
from typing import Final

from emulator.core.contract import OPERATION, PARAMETERS, SERVICE_PATH, Binding
from emulator.core.journal import Reason
from emulator.web.request import Request
from emulator.wire.content_type import parse_content_type
from emulator.wire.faults import SOAP_XML, TEXT_XML
from emulator.wire.form import FORM
from emulator.wire.input_limits import shorten

Remarks = tuple[Reason, ...]

_MULTIPART: Final = "multipart/form-data"
_JSON: Final = "application/json"
_FORM_AT_SOAP: Final = Reason(f"a form is sent to {SERVICE_PATH}/{OPERATION}; this is the address for SOAP")
_JSON_AT_SOAP: Final = Reason(f"the service takes no JSON: SOAP is sent as {TEXT_XML} or {SOAP_XML}")
_JSON_AT_OPERATION: Final = Reason(
    f"{_JSON} is for ASP.NET's script handler, which this service does not have: send {FORM}, or SOAP to {SERVICE_PATH}"
)
_FORM_NEEDED: Final = Reason(f"the form has to be sent as {FORM}")
_SOAP_AT_OPERATION: Final = Reason(f"SOAP is sent to {SERVICE_PATH}, without /{OPERATION}")

# By binding (None: no call, as with path info that has no handler) and media type.
_MEDIA_TYPES: Final[dict[tuple[Binding | None, str], Reason]] = {
    **{(soap, form): _FORM_AT_SOAP for soap in (Binding.SOAP11, Binding.SOAP12) for form in (FORM, _MULTIPART)},
    **{(soap, _JSON): _JSON_AT_SOAP for soap in (Binding.SOAP11, Binding.SOAP12)},
    (None, _JSON): _JSON_AT_OPERATION,
    (Binding.POST, _MULTIPART): _FORM_NEEDED,
    (Binding.POST, "text/plain"): _FORM_NEEDED,
    (Binding.POST, ""): _FORM_NEEDED,
    (Binding.POST, TEXT_XML): _SOAP_AT_OPERATION,
    (Binding.POST, SOAP_XML): _SOAP_AT_OPERATION,
}

_SLASH: Final = Reason("the path ends in a slash, which is one too many")
_QUERY_OF_POST: Final = Reason("the parameters of a POST are read from its body, not from its URL")
_BODY_OF_GET: Final = Reason("the parameters of a GET are read from its URL, not from its body")
_SEPARATOR: Final = Reason("pairs are separated by & alone: neither by ; nor by &amp;")
_NAMES: Final = "|".join(PARAMETERS).encode()
_PARAMETER: Final = re.compile(rb"(?:^|[?&;])(?:%s)=" % _NAMES, re.IGNORECASE)
_BEHIND_SEMICOLON: Final = re.compile(rb";\s*(?:%s)=" % _NAMES, re.IGNORECASE)

_COMPRESSED: Final = "the body is compressed (Content-Encoding: {encoding}); the service does not decompress"
_GZIP: Final = Reason("the body is compressed with gzip; the service does not decompress")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_REPEATED: Final = (
    "the service repeats Content-Encoding: {encoding} on its answer, which is as little encoded as the request; leave "
    "the header out"
)
_BEFORE_XML: Final = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"  # white space and the bytes of byte order marks


def on_refusal(request: Request, binding: Binding | None, body: bytes) -> Remarks:
    """Return remarks on a request that did not become a call; ``binding`` is None if it was not even read as one."""
    environ, query = request.environ, request.query_string
    remarks = [_MEDIA_TYPES.get((binding, parse_content_type(environ.get("CONTENT_TYPE") or "").base))]
    if request.path.endswith("/"):
        remarks.append(_SLASH)
    if binding is Binding.POST and not _PARAMETER.search(body) and _PARAMETER.search(query):
        remarks.append(_QUERY_OF_POST)
    if binding is Binding.GET and not _PARAMETER.search(query) and _PARAMETER.search(body):
        remarks.append(_BODY_OF_GET)
    if _BEHIND_SEMICOLON.search(query if binding is Binding.GET else body):
        remarks.append(_SEPARATOR)
    return (*filter(None, remarks), *on_encoding(environ.get("HTTP_CONTENT_ENCODING"), binding, body))


def on_encoding(encoding: str | None, binding: Binding | None, body: bytes) -> Remarks:
    """Return a remark on a compressed body, or on the header that says so without reason."""
    if not encoding:
        return (_GZIP,) if body.startswith(_GZIP_MAGIC) else ()
    values = {"encoding": shorten(encoding)}
    if binding in (Binding.SOAP11, Binding.SOAP12):
        is_plain = body.lstrip(_BEFORE_XML).startswith(b"<")
        return (Reason(_REPEATED if is_plain else _COMPRESSED, values),)
    return () if _PARAMETER.search(body) else (Reason(_COMPRESSED, values),)


def on_help_page(request: Request) -> Remarks:
    """Return a remark on a request that got a help page, although it wanted something else."""
    query = request.query_string
    if _PARAMETER.search(query):
        return (Reason(f"a call needs /{OPERATION} between {SERVICE_PATH} and the query; this is a help page"),)
    if query:
        why = "the help page does not look at the query '{query}'; the WSDL is at ?wsdl, with nothing around it"
        return (Reason(why, {"query": shorten(query.decode("latin-1"))}),)
    if request.environ.get("HTTP_SOAPACTION") is not None:
        return (Reason("SOAP is sent with POST; a GET gets the help page"),)
    return ()


def on_options(request: Request) -> Remarks:
    """Return a remark on a browser's question before a call from a page of another site."""
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in request.environ:
        return ()
    return (Reason("a browser asks whether a page of another site may call (CORS); the service does not permit it"),)
