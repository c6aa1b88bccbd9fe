"""The table of every fault of the service with its exact text; the out-protocols write them in the form of a binding.

The ids are those of the contract (R: routing, E: reading the envelope, G: GET and POST). The texts are those of
``System.Web.Services`` in the .NET Framework with custom errors on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from emulator.core.contract import INT32_MAX, INT32_MIN, SOAP11_NS, SOAP12_NS, SOAP_ACTION
from emulator.core.journal import Reason
from emulator.wire.input_limits import DEEPEST, MOST_MARKUP, shorten
from emulator.wire.spyne_compat import spyne

TEXT_XML: Final = "text/xml"
SOAP_XML: Final = "application/soap+xml"
ARROW: Final = " ---> "  # joins the messages of a chain of exceptions


class FaultCode(NamedTuple):
    soap11: str
    soap12: str


_CLIENT = FaultCode("Client", "Sender")
_SERVER = FaultCode("Server", "Receiver")
_MUST_UNDERSTAND = FaultCode("MustUnderstand", "MustUnderstand")
VERSION_MISMATCH: Final = FaultCode("VersionMismatch", "VersionMismatch")


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One row of the table.

    ``messages`` are ``str.format`` templates, that of the outermost exception first. ``code`` is None for an answer
    with an empty body, and for GET and POST, which have no fault codes. ``has_detail`` is True if the fault has an
    (empty) detail element. ``reason`` is for the journal and the log when there are no messages, ``hint`` adds to them
    what was wrong in the request where the messages do not say it. Both are templates too.
    """

    id: str
    messages: tuple[str, ...] = ()
    code: FaultCode | None = None
    status: int = 500
    has_detail: bool = True
    reason: str = ""
    hint: str = ""

    def fault(self, hint: str = "", **values: object) -> AsmxFault:
        """Return the fault for one request; ``values`` fill in the templates, ``hint`` replaces that of the row."""
        return AsmxFault(self, values, hint or self.hint)


class AsmxFault(spyne.Fault):  # type: ignore[misc]  # spyne is untyped
    """A fault of the service. ``messages`` are those of the exception chain, outermost first; ``text`` joins them."""

    def __init__(self, spec: FaultSpec, values: dict[str, object], hint: str) -> None:
        self.spec, self._values, self._hint = spec, values, hint
        self.messages = tuple(message.format(**values) for message in spec.messages)
        self.text = ARROW.join(self.messages)
        super().__init__(faultcode=spec.id, faultstring=self.text)

    @property
    def why(self) -> Reason:
        """The reason for the journal and the log; each quoted value is shortened."""
        template = ARROW.join(self.spec.messages) or self.spec.reason
        return Reason(template, {name: shorten(str(value)) for name, value in self._values.items()}, self._hint)


class ServiceException(Exception):
    """Raised by an operation to make the service answer as if its method had thrown an exception with this text."""


_READING = "Server was unable to read request."
_PROCESSING = "Server was unable to process request."
_IN_DOCUMENT = "There is an error in XML document ({line}, {column})."
_PART_MISSING = "Request format is invalid: Missing required soap:{part} element."
_TYPE = "Cannot convert {value} to System.Int32.\r\nParameter name: type"
_NOT_A_NUMBER = "Input string was not in a correct format."
_OUT_OF_RANGE = "Value was either too large or too small for an Int32."
_WHOLE_NUMBER = f"has to be a whole number from {INT32_MIN} to {INT32_MAX}"
_INT_IN_XML = f"{{parameter}} is '{{value}}', and {_WHOLE_NUMBER}"
_INT_IN_FORM = f"{{parameter}} {_WHOLE_NUMBER}"
_COLLECTION_FULL = "Operation is not valid due to the current state of the object."

SOAP_ACTION_UNKNOWN = FaultSpec(
    "R1",
    ("Server did not recognize the value of HTTP Header SOAPAction: {action}.",),
    _CLIENT,
    hint=f'the header sent is SOAPAction: {{sent}}; it has to be SOAPAction: "{SOAP_ACTION}"',
)
NO_ACTION = FaultSpec(
    "R2", ("Unable to handle request without a valid action parameter. Please supply a valid soap action.",), _CLIENT
)
ACTION_UNKNOWN = FaultSpec("R3", ("Unable to handle request. The action '{action}' was not recognized.",), _CLIENT)
VERSION_UNKNOWN = FaultSpec(
    "R4",
    (f"Possible SOAP version mismatch: Envelope namespace {{namespace}} was unexpected. Expecting {SOAP11_NS}.",),
    VERSION_MISMATCH,
    hint=f"the root element is <{{element}}>; an Envelope is in {SOAP11_NS} or {SOAP12_NS}",
)
UNREADABLE = FaultSpec("R5", (_PROCESSING, "{error}"), _SERVER)
PART_MISSING_IN_ROUTING = FaultSpec("R6", (_PROCESSING, _PART_MISSING), _SERVER)

EMPTY = FaultSpec("400", status=400, reason="the body is empty")
NOT_WELL_FORMED = FaultSpec("400", status=400, reason="the XML is not well-formed: {error}")
NOT_SIMPLE = FaultSpec("400", status=400, reason="<{parameter}> has to hold text only, but there is {content} in it")
TOO_LARGE = FaultSpec(
    "400",
    status=400,
    reason=f"the XML nests more than {DEEPEST} deep, has more than {MOST_MARKUP:,} tags and attributes, or is too long "
    "for its charset",
)
NO_CONTENT_TYPE = FaultSpec(
    "415", status=415, reason=f"there is no Content-Type, which has to be {TEXT_XML}, or {SOAP_XML} for SOAP 1.2"
)
WRONG_MEDIA_TYPE = FaultSpec(
    "415",
    status=415,
    reason=f"the media type '{{media_type}}' is not accepted, only {TEXT_XML}, or {SOAP_XML} for SOAP 1.2",
)
SOAP11_AS_SOAP12 = FaultSpec(
    "415",
    status=415,
    reason=f"the media type {SOAP_XML} is for SOAP 1.2, but the envelope is of SOAP 1.1, which is sent as {TEXT_XML}",
)

PART_MISSING = FaultSpec("E1/E2", (_READING, _PART_MISSING), _CLIENT)
BAD_INT = FaultSpec("E3", (_READING, _IN_DOCUMENT, _NOT_A_NUMBER), _CLIENT, hint=_INT_IN_XML)
INT_OUT_OF_RANGE = FaultSpec("E4", (_READING, _IN_DOCUMENT, _OUT_OF_RANGE), _CLIENT, hint=_INT_IN_XML)
NOT_UNDERSTOOD = FaultSpec(
    "E5",
    ("SOAP header {name} was not understood.",),
    _MUST_UNDERSTAND,
    has_detail=False,
    hint="the service understands no header, so none can have mustUnderstand",
)
THROWN = FaultSpec("E6", (_PROCESSING, "{message}"), _SERVER)

PARAMETER_MISSING = FaultSpec("G1", ("Missing parameter: {name}.",))
BAD_FORM_INT = FaultSpec("G2", (_TYPE, _NOT_A_NUMBER), hint=_INT_IN_FORM)
FORM_INT_OUT_OF_RANGE = FaultSpec("G3", (_TYPE, _OUT_OF_RANGE), hint=_INT_IN_FORM)
THROWN_IN_FORM = FaultSpec("G4", ("{message}",))
OPERATION_UNKNOWN = FaultSpec("G5", ("{name} Web Service method name is not valid.",))
OPERATION_IN_OTHER_CASE = FaultSpec(
    "G6",
    (
        "Invalid method name '{name}',  method names are case sensitive.   The method name '{operation}' with the same "
        "name but different casing was found.\r\nParameter name: methodName",
    ),
)
NOT_A_FORM = FaultSpec("G7", ("Request format is invalid: {content_type}.",))
DANGEROUS_VALUE = FaultSpec(
    "G8", ('A potentially dangerous {collection} value was detected from the client ({name}="{excerpt}").',)
)
FORM_TOO_LARGE = FaultSpec("G9", ("The URL-encoded form data is not valid.", _COLLECTION_FULL))
QUERY_TOO_LARGE = FaultSpec("G10", (_COLLECTION_FULL,))
