"""The protocol of HTTP GET and POST: parameters as name=value, results as one XML element, refusals as plain text."""

from __future__ import annotations

import re
from typing import Any, Final

from emulator.core.contract import AUTH_CODE, NAMESPACE, OPERATION, PARAMETERS, RESULT_TYPE, Binding, Result
from emulator.wire import faults
from emulator.wire.content_type import parse_content_type, says_itself, url_decoded_bytes
from emulator.wire.envelope import OPERATION_TAG
from emulator.wire.faults import ARROW, Refusal
from emulator.wire.input_limits import Excessive, check_pairs
from emulator.wire.int32 import NotANumber, OutOfRange, int32_in_form
from emulator.wire.spyne_compat import HttpRpc, XmlDocument

FORM: Final = "application/x-www-form-urlencoded"
_DECLARED = frozenset(PARAMETERS)
_NAMES = {name.lower(): name for name in PARAMETERS}


class FormIn(HttpRpc):  # type: ignore[misc]  # spyne has no types
    """Reads the query string of a GET, or the form of a POST."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """The data as they were sent."""
        ctx.in_document = ctx.transport.req.payload

    def decompose_incoming_envelope(self, ctx: Any, message: str) -> None:
        """Finds the operation in the path, and the parameters in the data."""
        request = ctx.transport.req
        _check_operation(request.operation)
        charset = "utf-8"
        if ctx.binding is Binding.POST:
            media = parse_content_type(request.content_type)
            if media.base != FORM:
                raise faults.NOT_A_FORM.refuse(content_type=request.content_type)
            charset = media.charset or charset
        try:
            check_pairs(ctx.in_document, charset)
        except Excessive:
            kind = faults.QUERY_TOO_LARGE if ctx.binding is Binding.GET else faults.FORM_TOO_LARGE
            raise kind.refuse(flaw=faults.COLLECTION_FULL) from None
        ctx.in_body_doc = _collected(ctx.in_document, charset)
        ctx.method_request_string = OPERATION_TAG

    def deserialize(self, ctx: Any, message: str) -> None:
        """Converts the parameters, in the order of their declaration."""
        collection = "QueryString" if ctx.binding is Binding.GET else "Form"
        ctx.in_object = [_converted(name, ctx.in_body_doc.get(name), collection) for name in PARAMETERS]


def _check_operation(name: str) -> None:
    if name == OPERATION:
        return
    if name.lower() == OPERATION.lower():
        raise faults.OPERATION_IN_OTHER_CASE.refuse(name=name, operation=OPERATION)
    raise faults.OPERATION_UNKNOWN.refuse(name=name)


def _collected(data: bytes, charset: str) -> dict[str, str]:
    """The parameters by name, in any letter case; one given twice is joined with commas, a nameless value left out."""
    pairs = _pairs(data, charset)
    as_sent = dict(pairs)
    if len(pairs) == len(PARAMETERS) and as_sent.keys() == _DECLARED:
        return as_sent
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        name = _NAMES.get(key.lower())
        if name is not None:
            found.setdefault(name, []).append(value)
    return {name: ",".join(values) for name, values in found.items()}


def _pairs(data: bytes, charset: str) -> list[list[str]]:
    """Names and values, decoded."""
    if says_itself(data, charset):
        return [pair.split("=", 1) for pair in data.decode("ascii").split("&") if "=" in pair]
    pairs = [pair.split(b"=", 1) for pair in data.split(b"&") if b"=" in pair]
    return [[url_decoded_bytes(part, charset) for part in pair] for pair in pairs]


def _converted(name: str, value: str | None, collection: str) -> int | str:
    if value is None:
        raise faults.PARAMETER_MISSING.refuse(name=name)
    if "<" in value or "&" in value:
        _check_harmless(name, value, collection)
    if name == AUTH_CODE:
        return value
    try:
        return int32_in_form(value)
    except NotANumber:
        raise faults.BAD_FORM_INT.refuse(value=value) from None
    except OutOfRange:
        raise faults.FORM_INT_OUT_OF_RANGE.refuse(value=value) from None


# ASP.NET's request validation, on since .NET 4: what could begin a tag or a character reference.
_DANGEROUS = re.compile(r"<[A-Za-z!/?]|&#")
_EXCERPT_BEFORE, _EXCERPT_AFTER = 10, 20


def _check_harmless(name: str, value: str, collection: str) -> None:
    match = _DANGEROUS.search(value)
    if match is None:
        return
    start, end = max(match.start() - _EXCERPT_BEFORE, 0), match.start() + _EXCERPT_AFTER
    excerpt = ("..." if start else "") + value[start:end] + ("..." if end < len(value) else "")
    raise faults.DANGEROUS_VALUE.refuse(collection=f"Request.{collection}", name=name, excerpt=excerpt)


_RESULT = f'<?xml version="1.0" encoding="utf-8"?>\r\n<{RESULT_TYPE} xmlns="{NAMESPACE}">{{result}}</{RESULT_TYPE}>'
_RESULTS = {result: _RESULT.format(result=result.value).encode() for result in Result}

_ENTITIES = {'"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
_ENCODED = str.maketrans(_ENTITIES | {chr(code): f"&#{code};" for code in range(160, 256)})


def html_encoded(text: str) -> str:
    """Text as ``HttpUtility.HtmlEncode`` writes it."""
    return text.translate(_ENCODED)


class FormOut(XmlDocument):  # type: ignore[misc]  # spyne has no types
    """Writes the result as one element, named after its type, and a refusal as text."""

    mime_type = "text/xml; charset=utf-8"
    refusal_mime_type: Final = "text/plain; charset=utf-8"

    def serialize(self, ctx: Any, message: str) -> None:
        """Writes what the operation returned, or the refusal."""
        if ctx.out_error is None:
            ctx.transport.mime_type = self.mime_type
            ctx.out_document = _RESULTS[ctx.out_object[0]]
            return
        refusal: Refusal = ctx.out_error
        ctx.transport.mime_type = self.refusal_mime_type
        ctx.transport.resp_code = refusal.kind.status
        text = ARROW.join(html_encoded(part) for part in refusal.messages) + "\r\n"
        ctx.out_document = text.encode("utf-8", "replace")

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:
        """The document is in bytes already."""
        ctx.out_string = (ctx.out_document,)
