"""How each of the two XML parsers reads an envelope, so that their results can be compared."""

from __future__ import annotations

from emulator.wire import envelope
from emulator.wire.envelope import MissingPart
from emulator.wire.faults import AsmxFault
from emulator.wire.input_limits import InputTooLarge
from emulator.wire.xml_errors import XmlError
from emulator.wire.xml_parsers import NeedsStrictParser, StrictXml, parse_fast


def verdict(xml: bytes, *, strict: bool) -> object:
    """Return the parameters or the error; None if the fast parser leaves the envelope to the strict one."""
    document = StrictXml(xml) if strict else parse_fast(xml)
    if document is None:
        return None
    try:
        return envelope.namespace(document), envelope.parameters(document, *envelope.header_and_body(document))
    except NeedsStrictParser:
        return None
    except (MissingPart, XmlError, InputTooLarge, AsmxFault) as error:
        return type(error), str(error)
