"""Read the parameters of a call from a SOAP envelope, in the order in which .NET reads it.

Source: ``System.Web.Services`` and the serializer of ``System.Xml``. Parameters are looked up by name, the first of a
name wins, unknown elements are skipped, and a value that is one element is read through that element.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NoReturn

from emulator.core.contract import AUTH_CODE, NAMESPACE, NODE, OPERATION, PARAMETERS, SESSION, SOAP11_NS, SOAP12_NS
from emulator.wire import faults, remarks
from emulator.wire.int32 import NotANumber, OutOfRange, int32_in_xml
from emulator.wire.remarks import Remark, short_name, split_tag
from emulator.wire.xml_parsers import Element, FastXml, StrictXml

Xml = FastXml | StrictXml

OPERATION_TAG: Final = f"{{{NAMESPACE}}}{OPERATION}"
_HEADER_AND_BODY = {f"{{{ns}}}Envelope": (f"{{{ns}}}Header", f"{{{ns}}}Body") for ns in (SOAP11_NS, SOAP12_NS)}
_PARAMETER_TAGS = {f"{{{NAMESPACE}}}{name}": name for name in PARAMETERS}


class MissingPart(Exception):
    """There is no Envelope, or no Body where it has to be; the text names the part, ``hint`` says what is wrong."""

    def __init__(self, part: str, hint: str) -> None:
        super().__init__(part)
        self.hint = hint


def namespace(document: Xml) -> str:
    """Return the namespace of the root, which alone decides the SOAP version."""
    return split_tag(document.root.tag)[0]


def _fail_without_envelope(root: Element) -> NoReturn:
    raise MissingPart("Envelope", f"the root element is <{short_name(root.tag)}>, and has to be <Envelope>")


def header_and_body(document: Xml) -> tuple[Element | None, Element]:
    """Find the Header, if there is one, and the Body; raise MissingPart if anything else comes before either."""
    root = document.root
    header_tag, body_tag = _HEADER_AND_BODY.get(root.tag) or _fail_without_envelope(root)
    header, element = None, document.first_content(root)
    if element is not None and element.tag == header_tag:
        header, element = element, document.next_content(element)
    if element is None or element.tag != body_tag:
        raise MissingPart("Body", _hint_before_body(root, element, body_tag))
    return header, element


def find_body(document: Xml) -> Element:
    """Return the Body as routing finds it, which skips all that comes before it; raise MissingPart if there is none."""
    root = document.root
    _, body_tag = _HEADER_AND_BODY.get(root.tag) or _fail_without_envelope(root)
    for child in root:
        if child.tag == body_tag:
            return child
        if isinstance(child.tag, str):
            document.check_closed(child)
    if not document.is_self_closed(root):
        document.check_complete()
    raise MissingPart("Body", _hint_before_body(root, None, body_tag))


def _hint_before_body(root: Element, element: Element | None, body_tag: str) -> str:
    if all(child.tag != body_tag for child in root):
        return "there is no Body in the namespace of the Envelope"
    what = "text" if element is None else f"<{short_name(element.tag)}>"
    return f"{what} is before Body, where only one Header may be"


@dataclass(slots=True)
class Parameters:
    """The parameters as the operation receives them, and remarks on what was ignored."""

    values: dict[str, Any]
    remarks: list[Remark]


def parameters(document: Xml, header: Element | None, body: Element) -> Parameters:
    """Read the parameters of the call; raise AsmxFault for a bad value or a header that has to be understood.

    If there are several operation elements, the last one wins; a parameter that it does not have keeps its value.
    """
    read = Parameters({SESSION: 0, NODE: 0, AUTH_CODE: None}, [])
    has_operation = False
    for child in body:
        if child.tag != OPERATION_TAG:
            if isinstance(child.tag, str):  # neither a comment nor a processing instruction
                read.remarks.append(remarks.in_body(child))
            continue
        has_operation = True
        seen: set[str] = set()
        if _stops_reading(document, child, read, seen):
            break
        document.check_closed(child)
        if len(seen) < len(PARAMETERS):
            read.remarks += remarks.on_attributes(child)
    document.check_complete()
    if header is not None:
        _check_understood(document, header)
    if not has_operation:
        read.remarks += remarks.without_operation(body)
    return read


def _stops_reading(document: Xml, elements: Iterable[Element], read: Parameters, seen: set[str]) -> bool:
    """Read the parameters among the elements; return True if .NET's reader takes no more from the Body.

    That happens after a value that is an element: the reader takes the text of that element as the value, and then
    mistakes the end tag of the value for that of the operation.
    """
    for element in elements:
        name = _PARAMETER_TAGS.get(element.tag)
        if name is None or name in seen:
            if isinstance(element.tag, str):
                read.remarks.append(remarks.in_operation(element, is_repeated=name is not None))
            continue
        seen.add(name)
        document.check_closed(element)
        holder = _text_holder(document, element, name) if len(element) else element
        text = holder.text or ""
        if not text:
            read.remarks.append(remarks.on_empty_value(name, element))
        try:
            read.values[name] = text if name == AUTH_CODE else int32_in_xml(text)
        except (NotANumber, OutOfRange) as error:
            spec = faults.BAD_INT if isinstance(error, NotANumber) else faults.INT_OUT_OF_RANGE
            line, column = document.position_after(holder)
            hint = "" if text else str(remarks.on_empty_value(name, element) or "")
            raise spec.fault(hint, line=line, column=column, parameter=f"<{name}>", value=text) from None
        if holder is not element:
            read.remarks.append(remarks.on_inner_element(name, holder))
            _stops_reading(document, islice(element, 1, None), read, seen)
            return True
    return False


def _text_holder(document: Xml, value: Element, parameter: str) -> Element:
    """Return the one element inside a value, whose text is read as the value; raise AsmxFault for anything else."""
    inner: Element = value[0]
    is_first = not value.text and document.first_content(value) is inner
    if is_first and not len(inner) and (inner.text or not document.is_self_closed(inner)):
        return inner
    content = f"<{short_name(inner.tag)}>" if isinstance(inner.tag, str) else "a comment or processing instruction"
    raise faults.NOT_SIMPLE.fault(parameter=parameter, content=content)


def _check_understood(document: Xml, header: Element) -> None:
    for entry in header:
        if isinstance(entry.tag, str) and _must_be_understood(document, entry):
            raise faults.NOT_UNDERSTOOD.fault(name=split_tag(entry.tag)[1])


def _must_be_understood(document: Xml, entry: Element) -> bool:
    """Return what ``SoapUnknownHeader`` does: the attribute counts in SOAP 1.1's namespace, else in SOAP 1.2's.

    In an element that is itself in that namespace, without a prefix, the attribute has none either.
    """
    for ns in (SOAP11_NS, SOAP12_NS):
        is_own = split_tag(entry.tag)[0] == ns and not document.has_prefix(entry)
        value = entry.get("mustUnderstand" if is_own else f"{{{ns}}}mustUnderstand")
        if value is not None:
            return value in ("1", "true")
    return False
