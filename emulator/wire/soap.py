"""The protocols of SOAP 1.1 and 1.2: how a request is routed and read, and how results and refusals are written.

The guess at the version decides how a request is routed and, until its envelope is read, in which version it is
refused; the namespace of the envelope decides everything after that.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.sax.saxutils import escape

from emulator.core.contract import NAMESPACE, RESPONSE, RESPONSE_RESULT, SOAP_ACTION, Binding, Result
from emulator.wire import envelope, faults
from emulator.wire.content_type import MediaType, as_utf8, mended, parse_content_type, url_decoded
from emulator.wire.envelope import OPERATION_TAG, SOAP11_NS, SOAP12_NS
from emulator.wire.faults import Blame, Kind, Refusal
from emulator.wire.input_limits import Excessive, check_markup
from emulator.wire.int32 import OutOfRange
from emulator.wire.spyne_compat import Soap11, Soap12
from emulator.wire.xml_fast import LookCloser, Malformed, Unreadable, read_quickly
from emulator.wire.xml_strict import CloseReading

TEXT_XML: Final = "text/xml"
SOAP_XML: Final = "application/soap+xml"
_QUOTED_ACTION = f'"{SOAP_ACTION}"'  # as nearly everybody sends it


def guessed_version(content_type: str, soap_action: str | None) -> Binding:
    """The version that the headers of a request speak for."""
    if soap_action is None or parse_content_type(content_type).base == SOAP_XML:
        return Binding.SOAP12
    return Binding.SOAP11


class _SoapIn:
    """Reads an envelope of either version; mixed in before spyne's protocol of the version that was guessed."""

    def __init__(self, writers: dict[Binding, Any]) -> None:
        super().__init__()
        self._writers = writers  # the out-protocol of each version

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Routes by the action, as far as that goes, and reads the XML."""
        request = ctx.transport.req
        media = parse_content_type(request.content_type)
        ctx.routed = self.is_routed(ctx, media)
        if ctx.routed:
            _check_media_type(media)
        try:
            xml = as_utf8(request.payload, media)
            check_markup(xml)
        except Excessive as error:
            raise self._refusal(ctx, error) from None
        ctx.in_document = read_quickly(xml) or CloseReading(mended(xml, media))

    def is_routed(self, ctx: Any, media: MediaType) -> bool:
        """Whether the action alone names the operation; a refusal where it has to and does not."""
        raise NotImplementedError

    def decompose_incoming_envelope(self, ctx: Any, message: str) -> None:
        """Finds the version, the Header and the Body; routes by the Body where the action did not."""
        document, media = ctx.in_document, parse_content_type(ctx.transport.req.content_type)
        try:
            version = envelope.version(document)
            self._answer_in(ctx, version)
            if ctx.routed:
                _check_media_type(media, version)
            found = envelope.parts(document)
            if not ctx.routed:
                _check_operation(envelope.requested_operation(document, found.body), media.action)
                ctx.routed = True
                _check_media_type(media, version)
        except Unreadable as error:
            raise self._refusal(ctx, error) from None
        ctx.in_header_doc, ctx.in_body_doc = found.header, found.body
        ctx.method_request_string = OPERATION_TAG

    def deserialize(self, ctx: Any, message: str) -> None:
        """Reads the parameters, with the close reading where the quick one cannot judge them."""
        try:
            try:
                read = envelope.parameters(ctx.in_document, ctx.in_body_doc, ctx.in_header_doc)
            except LookCloser:
                media = parse_content_type(ctx.transport.req.content_type)
                document = CloseReading(mended(as_utf8(ctx.transport.req.payload, media), media))
                found = envelope.parts(document)
                read = envelope.parameters(document, found.body, found.header)
        except Unreadable as error:
            raise self._refusal(ctx, error) from None
        ctx.in_object = list(read.values.values())
        if read.skipped:
            ctx.remarks = tuple(envelope.overlooked(read))

    def _answer_in(self, ctx: Any, version: Binding) -> None:
        ctx.binding = version
        ctx.out_protocol = self._writers[version]

    def _refusal(self, ctx: Any, error: Unreadable) -> Refusal:
        """How the service answers to an unreadable envelope; some of it depends on whether it is routed yet."""
        match error:
            case Excessive() if ctx.routed:
                return faults.TOO_LARGE.refuse()
            case Malformed():
                return faults.BAD_REQUEST.refuse() if ctx.routed else faults.UNREADABLE.refuse(flaw=error)
            case envelope.NotSimple():
                return faults.BAD_REQUEST.refuse()
            case envelope.MissingPart():
                kind = faults.PART_MISSING if ctx.routed else faults.PART_MISSING_IN_ROUTING
                return kind.refuse(part=error.part)
            case envelope.BadInt():
                kind = faults.INT_OUT_OF_RANGE if isinstance(error.why, OutOfRange) else faults.BAD_INT
                return kind.refuse(line=error.line, column=error.column)
            case envelope.NotUnderstood():
                return faults.NOT_UNDERSTOOD.refuse(name=error.name)
            case envelope.UnknownVersion():
                self._answer_in(ctx, Binding.SOAP11)
                return faults.VERSION_UNKNOWN.refuse(namespace=error.namespace)
        raise error


class Soap11In(_SoapIn, Soap11):  # type: ignore[misc]  # spyne has no types
    """Requests with a SOAPAction: it alone routes, and the body element is not looked at."""

    def is_routed(self, ctx: Any, media: MediaType) -> bool:
        """True; a SOAPAction that is not the operation's is refused."""
        action = ctx.transport.req.soap_action or ""
        if action == _QUOTED_ACTION:
            return True
        if len(action) > 1 and action[0] == action[-1] == '"':
            action = action[1:-1]
        action = url_decoded(action)
        if action != SOAP_ACTION:
            raise faults.SOAP_ACTION_UNKNOWN.refuse(action=action)
        return True


class Soap12In(_SoapIn, Soap12):  # type: ignore[misc]  # spyne has no types
    """Requests without SOAPAction, or of SOAP 1.2's media type: its action routes, else the Body's first element."""

    def is_routed(self, ctx: Any, media: MediaType) -> bool:
        """Whether the action of the media type is the operation's."""
        return media.action == SOAP_ACTION


def _check_media_type(media: MediaType, version: Binding | None = None) -> None:
    if media.base not in (TEXT_XML, SOAP_XML) or (version is Binding.SOAP11 and media.base != TEXT_XML):
        raise faults.WRONG_MEDIA_TYPE.refuse()


def _check_operation(tag: str | None, action: str) -> None:
    if tag == OPERATION_TAG:
        return
    raise faults.ACTION_UNKNOWN.refuse(action=action) if action else faults.NO_ACTION.refuse()


_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{namespace}"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    "{header}<soap:Body>{body}</soap:Body></soap:Envelope>"
)
_RESPONSE = f'<{RESPONSE} xmlns="{NAMESPACE}"><{RESPONSE_RESULT}>{{result}}</{RESPONSE_RESULT}></{RESPONSE}>'
_UPGRADE = (
    f'<soap:Header><soap12:Upgrade xmlns:soap12="{SOAP12_NS}">'
    f'<soap12:SupportedEnvelope qname="soap:Envelope" xmlns:soap="{SOAP11_NS}" />'
    f'<soap12:SupportedEnvelope qname="soap12:Envelope" xmlns:soap12="{SOAP12_NS}" />'
    "</soap12:Upgrade></soap:Header>"
)
_FAULT11 = "<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{text}</faultstring>{detail}</soap:Fault>"
_FAULT12 = (
    "<soap:Fault><soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>"
    '<soap:Reason><soap:Text xml:lang="en">{text}</soap:Text></soap:Reason>{detail}</soap:Fault>'
)
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f]")


def _escaped(text: str) -> str:
    """Text as .NET writes it into an element: control characters too, though XML has no place for them."""
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):X};", escape(text))


class _SoapOut:
    """Writes results and refusals in one version; mixed in before spyne's protocol of that version."""

    namespace: str
    fault: str
    detail: str
    mime_type: str

    def __init__(self) -> None:
        super().__init__()
        self._results = {result: self._envelope(_RESPONSE.format(result=result.value)) for result in Result}

    def code(self, blame: Blame) -> str:
        """The local name of a fault code."""
        raise NotImplementedError

    def serialize(self, ctx: Any, message: str) -> None:
        """Writes what the operation returned, or the refusal."""
        ctx.transport.mime_type = self.mime_type
        if ctx.out_error is None:
            ctx.out_document = self._results[ctx.out_object[0]]
            return
        refusal: Refusal = ctx.out_error
        ctx.transport.resp_code = refusal.kind.status
        ctx.out_document = self._fault(refusal.kind, refusal.text)

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:
        """The document is in bytes already."""
        ctx.out_string = (ctx.out_document,)

    def _fault(self, kind: Kind, text: str) -> bytes:
        if kind.blame is None:
            return b""
        detail = self.detail if kind.detail else ""
        body = self.fault.format(code=self.code(kind.blame), text=_escaped(text), detail=detail)
        return self._envelope(body, _UPGRADE if kind.blame is Blame.VERSION_MISMATCH else "")

    def _envelope(self, body: str, header: str = "") -> bytes:
        whole = _ENVELOPE.format(namespace=self.namespace, header=header, body=body)
        return whole.encode("utf-8", "replace")


class Soap11Out(_SoapOut, Soap11):  # type: ignore[misc]  # spyne has no types
    """Answers in SOAP 1.1."""

    namespace = SOAP11_NS
    mime_type = f"{TEXT_XML}; charset=utf-8"
    fault = _FAULT11
    detail = "<detail />"

    def code(self, blame: Blame) -> str:
        """The local name of a fault code."""
        return blame.value[0]


class Soap12Out(_SoapOut, Soap12):  # type: ignore[misc]  # spyne has no types
    """Answers in SOAP 1.2."""

    namespace = SOAP12_NS
    mime_type = f"{SOAP_XML}; charset=utf-8"
    fault = _FAULT12
    detail = "<soap:Detail />"

    def code(self, blame: Blame) -> str:
        """The local name of a fault code."""
        return blame.value[1]
