"""What an envelope is read as by each of the two readings, so that they can be compared."""

from __future__ import annotations

from emulator.wire import envelope
from emulator.wire.xml_fast import LookCloser, Unreadable, read_quickly
from emulator.wire.xml_strict import CloseReading


def verdict(xml: bytes, *, closely: bool) -> object:
    """What an envelope is read as, or how it is refused; None where the quick reading leaves it to the close one."""
    document = CloseReading(xml) if closely else read_quickly(xml)
    if document is None:
        return None
    try:
        envelope.version(document)
        found = envelope.parts(document)
        return envelope.parameters(document, found.body, found.header)
    except LookCloser:
        return None
    except Unreadable as error:
        return type(error), error.args
