"""Read the parameters of a call from a SOAP envelope, in the order in which .NET reads it.

Source: ``System.Web.Services`` and the serializer of ``System.Xml``. Parameters are looked up by name, the first of a
name wins, unknown elements are skipped, and a value that is one element is read through that element.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from emulator.core.contract import AUTH_CODE, NAMESPACE, NODE, OPERATION, PARAMETERS, SESSION, SOAP11_NS, SOAP12_NS
from emulator.core.journal import Reason
from emulator.wire import faults
from emulator.wire.input_limits import shorten
from emulator.wire.int32 import NotANumber, OutOfRange, int32_in_xml
from emulator.wire.xml_parsers import Element, FastXml, StrictXml

Xml = FastXml | StrictXml

OPERATION_TAG: Final = f"{{{NAMESPACE}}}{OPERATION}"
_HEADER_AND_BODY = {f"{{{ns}}}Envelope": (f"{{{ns}}}Header", f"{{{ns}}}Body") for ns in (SOAP11_NS, SOAP12_NS)}
_PARAMETER_TAGS = {f"{{{NAMESPACE}}}{name}": name for name in PARAMETERS}
_NAMES_BY_LOWER = {name.lower(): name for name in (*PARAMETERS, OPERATION)}
_MOST_REMARKS: Final = 6  # as many as there are parameters to be misspelled in two ways


class MissingPart(Exception):
    """There is no Envelope, or no Body where it has to be; the text names the part."""


def namespace(document: Xml) -> str:
    """Return the namespace of the root, which alone decides the SOAP version."""
    return _split(document.root.tag)[0]


def header_and_body(document: Xml) -> tuple[Element | None, Element]:
    """Find the Header, if there is one, and the Body in an envelope of a known version; raise MissingPart."""
    root = document.root
    if root.tag not in _HEADER_AND_BODY:
        raise MissingPart("Envelope")
    header_tag, body_tag = _HEADER_AND_BODY[root.tag]
    header = None
    for child in root:
        if not isinstance(child.tag, str):
            continue
        if child.tag == body_tag:
            return header, child
        if child.tag != header_tag or header is not None:
            break
        document.check_closed(child)
        header = child
    else:
        document.check_closed(root)
    raise MissingPart("Body")


def requested_operation(document: Xml, body: Element) -> str | None:
    """Return the tag of the Body's first element, which routes a request without an action; None if text is first."""
    text = body.text
    for child in body:
        if text and text.strip():
            return None
        if isinstance(child.tag, str):
            return child.tag
        text = child.tail
    document.check_closed(body)
    return None


@dataclass(slots=True)
class Parameters:
    """The parameters as the operation receives them, and the tags of all elements that were skipped."""

    values: dict[str, Any]
    skipped: list[str]


def parameters(document: Xml, header: Element | None, body: Element) -> Parameters:
    """Read the parameters of the call; raise AsmxFault for a bad value or a header that has to be understood.

    If there are several operation elements, the last one wins; a parameter that it does not have keeps its value.
    """
    read = Parameters({SESSION: 0, NODE: 0, AUTH_CODE: None}, [])
    for child in body:
        if child.tag != OPERATION_TAG:
            _skip(child, read)
        elif _stops_reading(document, child, read, set()):
            break
        else:
            document.check_closed(child)
    document.check_complete()
    if header is not None:
        _check_understood(header)
    return read


def _stops_reading(document: Xml, elements: Iterable[Element], read: Parameters, seen: set[str]) -> bool:
    """Read the parameters among the elements; return True if .NET's reader takes no more from the Body.

    That happens after a value that is an element: the reader takes the text of that element as the value, and then
    mistakes the end tag of the value for that of the operation.
    """
    for element in elements:
        name = _PARAMETER_TAGS.get(element.tag)
        if name is None or name in seen:
            _skip(element, read)
            continue
        seen.add(name)
        document.check_closed(element)
        holder = _text_holder(document, element) if len(element) else element
        text = holder.text or ""
        try:
            read.values[name] = text if name == AUTH_CODE else int32_in_xml(text)
        except (NotANumber, OutOfRange) as error:
            spec = faults.BAD_INT if isinstance(error, NotANumber) else faults.INT_OUT_OF_RANGE
            line, column = document.position_after(holder)
            raise spec.fault(line=line, column=column) from None
        if holder is not element:
            _stops_reading(document, islice(element, 1, None), read, seen)
            return True
    return False


def _text_holder(document: Xml, value: Element) -> Element:
    """Return the one element inside a value, whose text is read as the value; raise AsmxFault for anything else."""
    inner: Element = value[0]
    is_simple = not value.text and isinstance(inner.tag, str) and not len(inner)
    if not is_simple or (not inner.text and document.is_self_closed(inner)):
        raise faults.BAD_REQUEST.fault()
    return inner


def _skip(element: Element, read: Parameters) -> None:
    if isinstance(element.tag, str):  # neither a comment nor a processing instruction
        read.skipped.append(element.tag)


def _check_understood(header: Element) -> None:
    attribute = f"{{{_split(header.tag)[0]}}}mustUnderstand"
    for entry in header:
        if isinstance(entry.tag, str) and entry.get(attribute) in ("1", "true"):
            raise faults.NOT_UNDERSTOOD.fault(name=_split(entry.tag)[1])


def ignored_elements(read: Parameters) -> tuple[Reason, ...]:
    """Return a remark for each skipped element that was probably meant as a parameter or the operation.

    The service ignores such elements silently, and so answers another call than the client meant. Equal remarks are
    given once, and no more than a few.
    """
    remarks = [*{str(remark): remark for remark in map(_remark, read.skipped) if remark is not None}.values()]
    if len(remarks) > _MOST_REMARKS:
        remarks[_MOST_REMARKS:] = [Reason(f"and {len(remarks) - _MOST_REMARKS} more")]
    return tuple(remarks)


def _remark(tag: str) -> Reason | None:
    ns, name = _split(tag)
    expected = _NAMES_BY_LOWER.get(name.lower())
    if expected is None:
        return None
    if ns != NAMESPACE:
        where = "namespace '{namespace}'" if ns else "no namespace"
        return Reason(f"<{name}> is in {where}, and has to be in '{NAMESPACE}'", {"namespace": shorten(ns)})
    if name != expected:
        return Reason(f"<{name}> has to be spelled <{expected}>")
    return Reason(f"<{name}> occurs more than once; only the first one counts")


def _split(tag: str) -> tuple[str, str]:
    ns, _, name = tag.rpartition("}")
    return ns[1:], name
