"""Every refusal of the service and its exact text, as data; how a refusal is written on the wire is its binding's work.

The rows carry the identifiers of the contract that this emulator is held against (R: routing, E: reading the envelope,
G: GET and POST); the texts are those of the .NET Framework's ``System.Web.Services`` with custom errors on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from emulator.core.call import masked
from emulator.core.contract import OPERATION
from emulator.wire.input_limits import DEEPEST, MOST_MARKUP, told
from emulator.wire.spyne_compat import Fault

ARROW: Final = " ---> "  # joins the messages of a chain of exceptions

_READING = "Server was unable to read request."
_PROCESSING = "Server was unable to process request."
_IN_DOCUMENT = "There is an error in XML document ({line}, {column})."
_TYPE = "Cannot convert {value} to System.Int32.\r\nParameter name: type"

NOT_A_NUMBER: Final = "Input string was not in a correct format."
OUT_OF_RANGE: Final = "Value was either too large or too small for an Int32."
DTD_PROHIBITED: Final = "DTD is prohibited in this XML document."


class Blame(Enum):
    """Whose mistake it was: the fault code in SOAP 1.1 and in SOAP 1.2."""

    CLIENT = ("Client", "Sender")
    SERVER = ("Server", "Receiver")
    VERSION_MISMATCH = ("VersionMismatch", "VersionMismatch")
    MUST_UNDERSTAND = ("MustUnderstand", "MustUnderstand")


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table: the messages of a refusal, outermost first, and how it is answered.

    ``blame`` is None where the answer has an empty body, and for GET and POST, which have no fault codes. ``detail``
    tells whether the fault has an (empty) detail element. ``reason`` is for our own log, where there is no message.
    """

    id: str
    messages: tuple[str, ...] = ()
    blame: Blame | None = None
    status: int = 500
    detail: bool = True
    reason: str = ""

    def refuse(self, **values: object) -> Refusal:
        """The refusal of one request, its messages filled in."""
        return Refusal(self, values)


class Refusal(Fault):  # type: ignore[misc]  # spyne has no types
    """A request that does not become an answered call. ``messages`` is the chain, outermost first."""

    def __init__(self, kind: Kind, values: dict[str, object]) -> None:
        self.kind = kind
        self.messages = tuple(message.format(**values) for message in kind.messages)
        super().__init__(faultcode=kind.id, faultstring=self.text)
        self._values = values

    @property
    def text(self) -> str:
        """The messages of the chain as .NET joins them."""
        return ARROW.join(self.messages)

    @property
    def text_for_log(self) -> str:
        """The same without what might be a secret: the value of a parameter, whichever parameter it was sent as.

        Of what is long, the beginning.
        """
        shown = {name: told(str(_shown(name, value))) for name, value in self._values.items()}
        return ARROW.join(message.format(**shown) for message in self.kind.messages)


_SECRET = ("value", "excerpt")
_NAMES = ("action", "namespace")
_A_NAME: Final = re.compile(rf"([\w+.-]+:[^?]*|{OPERATION})?", re.DOTALL)


def is_name(text: str) -> bool:
    """Whether a text can be an action or a namespace, and so no auth code: a URI, the operation's name, or nothing."""
    return _A_NAME.fullmatch(text) is not None


def _shown(name: str, value: object) -> object:
    """What may be told of a value: an operation's name may have the values of a call behind a slash."""
    if name in _SECRET or (name in _NAMES and not is_name(str(value))):
        return masked(str(value))
    known, _, rest = str(value).partition("/")
    return f"{known}/{masked(rest)}" if name == "name" and rest else value


_CLIENT, _SERVER = Blame.CLIENT, Blame.SERVER

SOAP_ACTION_UNKNOWN = Kind("R1", ("Server did not recognize the value of HTTP Header SOAPAction: {action}.",), _CLIENT)
NO_ACTION = Kind(
    "R2",
    ("Unable to handle request without a valid action parameter. Please supply a valid soap action.",),
    _CLIENT,
)
ACTION_UNKNOWN = Kind("R3", ("Unable to handle request. The action '{action}' was not recognized.",), _CLIENT)
VERSION_UNKNOWN = Kind(
    "R4",
    (
        "Possible SOAP version mismatch: Envelope namespace {namespace} was unexpected. "
        "Expecting http://schemas.xmlsoap.org/soap/envelope/.",
    ),
    Blame.VERSION_MISMATCH,
)
UNREADABLE = Kind("R5", (_PROCESSING, "{flaw}"), _SERVER)
PART_MISSING_IN_ROUTING = Kind(
    "R6", (_PROCESSING, "Request format is invalid: Missing required soap:{part} element."), _SERVER
)

BAD_REQUEST = Kind("400", status=400, reason="the XML is not well-formed, or a value is no simple text")
TOO_LARGE = Kind(
    "400",
    status=400,
    reason=f"the XML nests more than {DEEPEST} deep, has more than {MOST_MARKUP:,} tags and attributes, or is too long "
    "for its charset",
)
WRONG_MEDIA_TYPE = Kind("415", status=415, reason="the media type is not the one of the envelope's SOAP version")

PART_MISSING = Kind("E1/E2", (_READING, "Request format is invalid: Missing required soap:{part} element."), _CLIENT)
BAD_INT = Kind("E3", (_READING, _IN_DOCUMENT, NOT_A_NUMBER), _CLIENT)
INT_OUT_OF_RANGE = Kind("E4", (_READING, _IN_DOCUMENT, OUT_OF_RANGE), _CLIENT)
NOT_UNDERSTOOD = Kind("E5", ("SOAP header {name} was not understood.",), Blame.MUST_UNDERSTAND, detail=False)
THROWN = Kind("E6", (_PROCESSING, "{message}"), _SERVER)

PARAMETER_MISSING = Kind("G1", ("Missing parameter: {name}.",))
BAD_FORM_INT = Kind("G2", (_TYPE, NOT_A_NUMBER))
FORM_INT_OUT_OF_RANGE = Kind("G3", (_TYPE, OUT_OF_RANGE))
THROWN_IN_FORM = Kind("G4", ("{message}",))
OPERATION_UNKNOWN = Kind("G5", ("{name} Web Service method name is not valid.",))
OPERATION_IN_OTHER_CASE = Kind(
    "G6",
    (
        "Invalid method name '{name}',  method names are case sensitive.   The method name '{operation}' with the same "
        "name but different casing was found.\r\nParameter name: methodName",
    ),
)
NOT_A_FORM = Kind("G7", ("Request format is invalid: {content_type}.",))
DANGEROUS_VALUE = Kind(
    "G8", ('A potentially dangerous {collection} value was detected from the client ({name}="{excerpt}").',)
)
FORM_TOO_LARGE = Kind("G9", ("The URL-encoded form data is not valid.", "{flaw}"))
QUERY_TOO_LARGE = Kind("G10", ("{flaw}",))
COLLECTION_FULL: Final = "Operation is not valid due to the current state of the object."


class ServiceException(Exception):
    """The operation throws: what a scenario asks for, written as the binding writes an exception of the service."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
