"""spyne protocols for SOAP 1.1 and 1.2: how a request is routed and read, and how results and faults are written.

The version guessed from the headers decides the routing, and in which version a fault is written until the envelope has
been read. From then on the namespace of the envelope decides.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

from emulator.core import contract
from emulator.core.contract import NAMESPACE, SOAP11_NS, SOAP12_NS, SOAP_ACTION, Binding, Result
from emulator.wire import envelope, faults, remarks
from emulator.wire.content_type import MediaType, parse_content_type, url_decoded
from emulator.wire.decoding import decode_xml, replace_invalid_utf8
from emulator.wire.envelope import OPERATION_TAG, MissingPart
from emulator.wire.faults import SOAP_XML, TEXT_XML, AsmxFault
from emulator.wire.input_limits import InputTooLarge, check_markup
from emulator.wire.spyne_compat import spyne
from emulator.wire.xml_errors import XmlError
from emulator.wire.xml_parsers import NeedsStrictParser, StrictXml, parse_fast

_VERSIONS = {SOAP11_NS: Binding.SOAP11, SOAP12_NS: Binding.SOAP12}
_QUOTED_ACTION = f'"{SOAP_ACTION}"'  # as nearly every client sends it


def guessed_version(content_type: str, soap_action: str | None) -> Binding:
    """Return the SOAP version that the headers of a request indicate."""
    if soap_action is None or parse_content_type(content_type).base == SOAP_XML:
        return Binding.SOAP12
    return Binding.SOAP11


class _SoapIn:
    """Reads an envelope of either version; mixed in before spyne's protocol of the guessed version."""

    def __init__(self, writers: dict[Binding, Any]) -> None:
        super().__init__()
        self._writers = writers  # the out-protocol of each version

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Route by the action if possible, and parse the XML."""
        request = ctx.transport.req
        media = parse_content_type(request.content_type)
        ctx.is_routed = self.routes_by_action(ctx, media)
        if ctx.is_routed:
            _check_media_type(media)
        try:
            xml, ctx.remarks = decode_xml(request.payload, media)
            check_markup(xml)
        except (XmlError, InputTooLarge) as error:
            raise _fault(error, ctx) from None
        ctx.in_document = parse_fast(xml)
        if ctx.in_document is None:
            xml, losses = replace_invalid_utf8(xml, media)
            ctx.remarks += losses
            ctx.in_document = StrictXml(xml)

    def routes_by_action(self, ctx: Any, media: MediaType) -> bool:
        """Return True if the action names the operation, False if the Body has to; raise AsmxFault if neither may."""
        return media.action == SOAP_ACTION

    def decompose_incoming_envelope(self, ctx: Any, message: str) -> None:
        """Find the version, the Header and the Body; route by the Body if the action did not."""
        try:
            try:
                self._find_header_and_body(ctx)
            except NeedsStrictParser:
                self._parse_strictly(ctx)
        except (MissingPart, XmlError, InputTooLarge) as error:
            raise _fault(error, ctx) from None
        ctx.method_request_string = OPERATION_TAG

    def _find_header_and_body(self, ctx: Any) -> None:
        document, media = ctx.in_document, parse_content_type(ctx.transport.req.content_type)
        namespace = envelope.namespace(document)
        version = _VERSIONS.get(namespace)
        ctx.binding = version or Binding.SOAP11
        ctx.out_protocol = self._writers[ctx.binding]
        if version is None:
            element = remarks.short_name(document.root.tag)
            raise faults.VERSION_UNKNOWN.fault(namespace=namespace, element=element)
        if not ctx.is_routed:
            _route_by_body(ctx, media)
            ctx.is_routed = True
        _check_media_type(media, version)
        ctx.in_header_doc, ctx.in_body_doc = envelope.header_and_body(document)

    def _parse_strictly(self, ctx: Any) -> None:
        """Parse again with the strict parser, where the fast tree is not enough."""
        ctx.in_document = StrictXml(ctx.in_document.source)
        self._find_header_and_body(ctx)

    def deserialize(self, ctx: Any, message: str) -> None:
        """Read the parameters."""
        try:
            try:
                read = envelope.parameters(ctx.in_document, ctx.in_header_doc, ctx.in_body_doc)
            except NeedsStrictParser:
                self._parse_strictly(ctx)
                read = envelope.parameters(ctx.in_document, ctx.in_header_doc, ctx.in_body_doc)
        except (MissingPart, XmlError, InputTooLarge) as error:
            raise _fault(error, ctx) from None
        ctx.in_object = list(read.values.values())
        if read.remarks:
            ctx.remarks += remarks.limited(read.remarks)


def _route_by_body(ctx: Any, media: MediaType) -> None:
    """Raise AsmxFault unless the first element in Body is the operation."""
    body = envelope.find_body(ctx.in_document)
    element = ctx.in_document.first_content(body)
    if element is not None and element.tag == OPERATION_TAG:
        return
    if media.action:
        spec, cause = faults.ACTION_UNKNOWN, f"the action is not '{SOAP_ACTION}'"
    elif ctx.transport.req.soap_action is None:
        spec, cause = faults.NO_ACTION, "there is no SOAPAction"
    else:
        spec, cause = faults.NO_ACTION, f"SOAPAction does not count for {SOAP_XML}"
    found, namespace = remarks.beginning(body, element)
    hint = f"{cause}, so Body has to begin with {remarks.RIGHT_OPERATION}, but {found}"
    raise spec.fault(hint, action=media.action, namespace=namespace)


def _fault(error: MissingPart | XmlError | InputTooLarge, ctx: Any) -> AsmxFault:
    """Return the fault for an error in the XML, which depends on whether the request has been routed."""
    is_empty = not ctx.transport.req.payload.strip()
    error.__traceback__ = error.__context__ = None  # their frames refer to ctx: a cycle
    match error:
        case MissingPart():
            spec = faults.PART_MISSING if ctx.is_routed else faults.PART_MISSING_IN_ROUTING
            return spec.fault(error.hint, part=error)
        case InputTooLarge() if ctx.is_routed:
            return faults.TOO_LARGE.fault()
        case XmlError() if ctx.is_routed:
            return faults.EMPTY.fault() if is_empty else faults.NOT_WELL_FORMED.fault(error=error)
    return faults.UNREADABLE.fault(faults.EMPTY.reason if is_empty else "", error=error)


class Soap11In(_SoapIn, spyne.protocol.soap.Soap11):  # type: ignore[misc]  # spyne is untyped
    """Reads requests with a SOAPAction, which alone routes them."""

    def routes_by_action(self, ctx: Any, media: MediaType) -> bool:
        sent = action = ctx.transport.req.soap_action or ""
        if action == _QUOTED_ACTION:
            return True
        if len(action) > 1 and action[0] == action[-1] == '"':
            action = action[1:-1]
        action = url_decoded(action)
        if action != SOAP_ACTION:
            raise faults.SOAP_ACTION_UNKNOWN.fault(action=action, sent=sent or "(empty)")
        return True


class Soap12In(_SoapIn, spyne.protocol.soap.Soap12):  # type: ignore[misc]  # spyne is untyped
    """Reads requests of SOAP 1.2's media type or without SOAPAction: the action routes, else the Body does."""


def _check_media_type(media: MediaType, version: Binding | None = None) -> None:
    if media.base not in (TEXT_XML, SOAP_XML):
        spec = faults.WRONG_MEDIA_TYPE if media.base else faults.NO_CONTENT_TYPE
        raise spec.fault(media_type=media.base)
    if version is Binding.SOAP11 and media.base != TEXT_XML:
        raise faults.SOAP11_AS_SOAP12.fault()


_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{namespace}"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    "{header}<soap:Body>{body}</soap:Body></soap:Envelope>"
)
_RESPONSE = (
    f'<{contract.RESPONSE} xmlns="{NAMESPACE}"><{contract.RESPONSE_RESULT}>{{result}}</{contract.RESPONSE_RESULT}>'
    f"</{contract.RESPONSE}>"
)
_UPGRADE = (
    f'<soap:Header><soap12:Upgrade xmlns:soap12="{SOAP12_NS}">'
    f'<soap12:SupportedEnvelope qname="soap:Envelope" xmlns:soap="{SOAP11_NS}" />'
    f'<soap12:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="{SOAP12_NS}" />'
    "</soap12:Upgrade></soap:Header>"
)
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f]")


def _escape(text: str) -> str:
    """Escape text as .NET writes it into an element: also control characters, which XML does not allow at all."""
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", escape(text))


class _SoapOut:
    """Writes results and faults in one version; mixed in before spyne's protocol of that version."""

    namespace: str
    fault: str
    detail: str
    mime_type: str

    def __init__(self) -> None:
        super().__init__()
        self._results: dict[Result | None, bytes] = {None: b""}
        self._results |= {result: self._envelope(_RESPONSE.format(result=result.value)) for result in Result}

    def serialize(self, ctx: Any, message: str) -> None:
        ctx.transport.mime_type = self.mime_type
        if ctx.out_error is None:
            ctx.out_document = self._results[ctx.out_object[0]]
        else:
            ctx.transport.resp_code = ctx.out_error.spec.status
            ctx.out_document = self._fault(ctx.out_error)

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:
        """Pass on the document, which is bytes already."""
        ctx.out_string = (ctx.out_document,)

    def _fault(self, fault: AsmxFault) -> bytes:
        code = fault.spec.code
        if code is None:
            return b""
        detail = self.detail if fault.spec.has_detail else ""
        body = self.fault.format(code=code, text=_escape(fault.text), detail=detail)
        return self._envelope(body, _UPGRADE if code is faults.VERSION_MISMATCH else "")

    def _envelope(self, body: str, header: str = "") -> bytes:
        return _ENVELOPE.format(namespace=self.namespace, header=header, body=body).encode("utf-8", "replace")


class Soap11Out(_SoapOut, spyne.protocol.soap.Soap11):  # type: ignore[misc]  # spyne is untyped
    namespace = SOAP11_NS
    mime_type = f"{TEXT_XML}; charset=utf-8"
    fault = (
        "<soap:Fault><faultcode>soap:{code.soap11}</faultcode><faultstring>{text}</faultstring>{detail}</soap:Fault>"
    )
    detail = "<detail />"


class Soap12Out(_SoapOut, spyne.protocol.soap.Soap12):  # type: ignore[misc]  # spyne is untyped
    namespace = SOAP12_NS
    mime_type = f"{SOAP_XML}; charset=utf-8"
    fault = (
        "<soap:Fault><soap:Code><soap:Value>soap:{code.soap12}</soap:Value></soap:Code>"
        '<soap:Reason><soap:Text xml:lang="en">{text}</soap:Text></soap:Reason>{detail}</soap:Fault>'
    )
    detail = "<soap:Detail />"
