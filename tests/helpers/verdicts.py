"""How each of the two XML parsers reads an envelope, so that their results can be compared."""

from __future__ import annotations

from emulator.wire import envelope
from emulator.wire.envelope import MissingPart
from emulator.wire.faults import AsmxFault
from emulator.wire.input_limits import InputTooLarge
from emulator.wire.xml_errors import XmlError
from emulator.wire.xml_parsers import NeedsStrictParser, StrictXml, parse_fast


def verdict(xml: bytes, *, strict: bool) -> object:
    """Return how an envelope is routed and read; None if the fast parser leaves it to the strict one."""
    document = StrictXml(xml) if strict else parse_fast(xml)
    if document is None:
        return None
    try:
        return envelope.namespace(document), _routing(document), _reading(document)
    except NeedsStrictParser:
        return None
    except (XmlError, InputTooLarge) as error:
        return type(error), str(error)


def _routing(document: envelope.Xml) -> object:
    try:
        element = document.first_content(envelope.find_body(document))
    except (MissingPart, XmlError, InputTooLarge) as error:
        return type(error), str(error)
    return element if element is None else element.tag


def _reading(document: envelope.Xml) -> object:
    try:
        return envelope.parameters(document, *envelope.header_and_body(document))
    except (MissingPart, XmlError, InputTooLarge, AsmxFault) as error:
        return type(error), str(error)
