"""spyne protocols for HTTP GET and POST: name=value pairs in, one XML element or a plain text fault out."""

from __future__ import annotations

import re
from typing import Any, Final

from emulator.core.contract import AUTH_CODE, NAMESPACE, OPERATION, PARAMETERS, RESULT_TYPE, Binding, Result
from emulator.wire import faults
from emulator.wire.charsets import replacement
from emulator.wire.content_type import is_plain_ascii, parse_content_type, replaced_characters, url_decoded_bytes
from emulator.wire.decoding import decoding_remarks
from emulator.wire.envelope import OPERATION_TAG
from emulator.wire.faults import ARROW, AsmxFault
from emulator.wire.input_limits import InputTooLarge, check_pairs
from emulator.wire.int32 import NotANumber, OutOfRange, int32_in_form
from emulator.wire.spyne_compat import spyne

FORM: Final = "application/x-www-form-urlencoded"
_PARAMETERS = frozenset(PARAMETERS)
_NAMES_BY_LOWER = {name.lower(): name for name in PARAMETERS}


class FormIn(spyne.protocol.http.HttpRpc):  # type: ignore[misc]  # spyne is untyped
    """Reads the query string of a GET or the form of a POST."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        ctx.in_document = ctx.transport.req.payload

    def decompose_incoming_envelope(self, ctx: Any, message: str) -> None:
        """Find the operation in the path and the parameters in the data."""
        request = ctx.transport.req
        if request.operation != OPERATION:
            if request.operation.lower() == OPERATION.lower():
                raise faults.OPERATION_IN_OTHER_CASE.fault(name=request.operation, operation=OPERATION)
            raise faults.OPERATION_UNKNOWN.fault(name=request.operation)
        charset, media = "utf-8", parse_content_type("")
        if ctx.binding is Binding.POST:
            media = parse_content_type(request.content_type)
            if media.base != FORM:
                raise faults.NOT_A_FORM.fault(content_type=request.content_type)
            charset = media.charset or charset
        try:
            check_pairs(ctx.in_document, charset)
        except InputTooLarge:
            spec = faults.QUERY_TOO_LARGE if ctx.binding is Binding.GET else faults.FORM_TOO_LARGE
            raise spec.fault() from None
        ctx.in_body_doc = _parse(ctx.in_document, charset)
        has_losses = any(replacement(charset) in value for value in ctx.in_body_doc.values())
        ctx.remarks = decoding_remarks(
            media, charset, replaced_characters(ctx.in_document, charset) if has_losses else 0
        )
        ctx.method_request_string = OPERATION_TAG

    def deserialize(self, ctx: Any, message: str) -> None:
        """Convert the parameters in the order of their declaration, so that the first bad one is reported."""
        collection = "QueryString" if ctx.binding is Binding.GET else "Form"
        ctx.in_object = [_convert(name, ctx.in_body_doc.get(name), collection) for name in PARAMETERS]


def _parse(data: bytes, charset: str) -> dict[str, str]:
    """Return the parameters by name.

    Names match in any letter case, the values of a repeated name are joined with commas, and a value without a name is
    dropped. werkzeug's MultiDict keeps repeated values apart and matches names exactly.
    """
    pairs = _pairs(data, charset)
    as_sent = dict(pairs)
    if len(pairs) == len(PARAMETERS) and as_sent.keys() == _PARAMETERS:
        return as_sent
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        name = _NAMES_BY_LOWER.get(key.lower())
        if name is not None:
            values.setdefault(name, []).append(value)
    return {name: ",".join(texts) for name, texts in values.items()}


def _pairs(data: bytes, charset: str) -> list[list[str]]:
    if is_plain_ascii(data, charset):
        return [pair.split("=", 1) for pair in data.decode("ascii").split("&") if "=" in pair]
    pairs = [pair.split(b"=", 1) for pair in data.split(b"&") if b"=" in pair]
    return [[url_decoded_bytes(part, charset) for part in pair] for pair in pairs]


def _convert(name: str, value: str | None, collection: str) -> int | str:
    if value is None:
        raise faults.PARAMETER_MISSING.fault(name=name)
    if "<" in value or "&" in value:
        _check_harmless(name, value, collection)
    if name == AUTH_CODE:
        return value
    try:
        return int32_in_form(value)
    except NotANumber:
        raise faults.BAD_FORM_INT.fault(parameter=name, value=value) from None
    except OutOfRange:
        raise faults.FORM_INT_OUT_OF_RANGE.fault(parameter=name, value=value) from None


# ASP.NET's request validation, on by default since .NET 4: what could start a tag or a character reference.
_DANGEROUS = re.compile(r"<[A-Za-z!/?]|&#")
_EXCERPT_BEFORE, _EXCERPT_AFTER = 10, 20


def _check_harmless(name: str, value: str, collection: str) -> None:
    match = _DANGEROUS.search(value)
    if match is None:
        return
    start, end = max(match.start() - _EXCERPT_BEFORE, 0), match.start() + _EXCERPT_AFTER
    excerpt = ("..." if start else "") + value[start:end] + ("..." if end < len(value) else "")
    raise faults.DANGEROUS_VALUE.fault(collection=f"Request.{collection}", name=name, excerpt=excerpt)


_RESULT = f'<?xml version="1.0" encoding="utf-8"?>\r\n<{RESULT_TYPE} xmlns="{NAMESPACE}">{{result}}</{RESULT_TYPE}>'
_RESULTS: dict[Result | None, bytes] = {None: b""}
_RESULTS |= {result: _RESULT.format(result=result.value).encode() for result in Result}

_ENTITIES = {'"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
_HTML_ENCODING = str.maketrans(_ENTITIES | {chr(code): f"&#{code};" for code in range(160, 256)})


class FormOut(spyne.protocol.xml.XmlDocument):  # type: ignore[misc]  # spyne is untyped
    """Writes the result as one element named after its type, and a fault as text."""

    mime_type = "text/xml; charset=utf-8"
    fault_mime_type: Final = "text/plain; charset=utf-8"

    def serialize(self, ctx: Any, message: str) -> None:
        """Write the operation's result or the fault, HTML-encoded as by ``HttpUtility.HtmlEncode``."""
        if ctx.out_error is None:
            ctx.transport.mime_type = self.mime_type
            ctx.out_document = _RESULTS[ctx.out_object[0]]
            return
        fault: AsmxFault = ctx.out_error
        ctx.transport.mime_type = self.fault_mime_type
        ctx.transport.resp_code = fault.spec.status
        text = ARROW.join(message.translate(_HTML_ENCODING) for message in fault.messages) + "\r\n"
        ctx.out_document = text.encode("utf-8", "replace")

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:
        """Pass on the document, which is bytes already."""
        ctx.out_string = (ctx.out_document,)
