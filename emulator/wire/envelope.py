"""What a SOAP envelope says, read in the order in which .NET reads it; what follows from a mistake is not known here.

Everything is read as ``System.Web.Services`` and the serializer of ``System.Xml`` read it: parameters are found by
name, the first of a name wins, what is unknown is skipped, a value that is one element is read through that element.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from emulator.core.contract import AUTH_CODE, NAMESPACE, NODE, OPERATION, PARAMETERS, SESSION, Binding
from emulator.wire.input_limits import told
from emulator.wire.int32 import NotANumber, OutOfRange, int32_in_xml
from emulator.wire.xml_fast import Document, Element, Unreadable

SOAP11_NS: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12_NS: Final = "http://www.w3.org/2003/05/soap-envelope"
_VERSIONS = {SOAP11_NS: Binding.SOAP11, SOAP12_NS: Binding.SOAP12}
_HEADER_AND_BODY = {f"{{{each}}}Envelope": (f"{{{each}}}Header", f"{{{each}}}Body") for each in _VERSIONS}

OPERATION_TAG: Final = f"{{{NAMESPACE}}}{OPERATION}"
_PARAMETER_TAGS = {f"{{{NAMESPACE}}}{name}": name for name in PARAMETERS}
_MEANT = {name.lower(): name for name in (*PARAMETERS, OPERATION)}


class UnknownVersion(Unreadable):
    """The envelope is in a namespace of no known SOAP version."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.namespace = namespace


class MissingPart(Unreadable):
    """There is no Envelope, or no Body where it has to be."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


class NotSimple(Unreadable):
    """A value holds what the serializer does not take for a simple value."""


class BadInt(Unreadable):
    """A value is no Int32: in which way, and where .NET's reader stands when it finds out."""

    def __init__(self, why: NotANumber | OutOfRange, line: int, column: int) -> None:
        super().__init__(line, column)
        self.why, self.line, self.column = why, line, column


class NotUnderstood(Unreadable):
    """A header has to be understood, and no header is."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def version(document: Document) -> Binding:
    """The SOAP version, told by the namespace of the root element alone."""
    namespace, _ = _split(document.root.tag)
    try:
        return _VERSIONS[namespace]
    except KeyError:
        raise UnknownVersion(namespace) from None


@dataclass(slots=True)
class Parts:
    """The parts of an envelope: its Body, and the Header before it if there is one."""

    body: Element
    header: Element | None = None


def parts(document: Document) -> Parts:
    """The Header and Body of an envelope of a known version."""
    root = document.root
    if root.tag not in _HEADER_AND_BODY:
        raise MissingPart("Envelope")
    header_tag, body_tag = _HEADER_AND_BODY[root.tag]
    header = None
    for child in root:
        if not isinstance(child.tag, str):
            continue
        if child.tag == body_tag:
            return Parts(child, header)
        if child.tag != header_tag or header is not None:
            break
        document.check_end_of(child)
        header = child
    else:
        document.check_end_of(root)
    raise MissingPart("Body")


def requested_operation(document: Document, body: Element) -> str | None:
    """The tag of the first thing in the Body, by which a request without an action is routed; None for no element."""
    text = body.text
    for child in body:
        if text and text.strip():
            return None
        if isinstance(child.tag, str):
            tag: str = child.tag
            return tag
        text = child.tail
    document.check_end_of(body)
    return None


@dataclass(slots=True)
class Parameters:
    """The parameters as the operation receives them, and the tags of the elements that were skipped on the way."""

    values: dict[str, Any]
    skipped: list[str]


def parameters(document: Document, body: Element, header: Element | None) -> Parameters:
    """The parameters of the call. The last operation element wins; what it does not mention keeps its value."""
    read = Parameters({SESSION: 0, NODE: 0, AUTH_CODE: None}, [])
    for child in body:
        if child.tag != OPERATION_TAG:
            _skip(child, read)
        elif _led_astray(document, child, read, set()):
            break
        else:
            document.check_end_of(child)
    document.check_end()
    if header is not None:
        _check_understood(header)
    return read


def _led_astray(document: Document, elements: Iterable[Element], read: Parameters, seen: set[str]) -> bool:
    """Reads the parameters among the elements; True when .NET's reader lost its way and takes no more from the Body.

    It loses its way in a value that is an element: it reads that element's text as the value, and then takes the end
    of the value for the end of the operation.
    """
    for element in elements:
        name = _PARAMETER_TAGS.get(element.tag)
        if name is None or name in seen:
            _skip(element, read)
            continue
        seen.add(name)
        document.check_end_of(element)
        holder = _text_holder(document, element) if len(element) else element
        text = holder.text or ""
        try:
            read.values[name] = text if name == AUTH_CODE else int32_in_xml(text)
        except (NotANumber, OutOfRange) as why:
            raise BadInt(why, *document.place_after(holder)) from None
        if holder is not element:
            _led_astray(document, element[1:], read, seen)
            return True
    return False


def _text_holder(document: Document, value: Element) -> Element:
    """The element whose text is the value: the one element in it."""
    inner: Element = value[0]
    if value.text or not isinstance(inner.tag, str) or len(inner):
        raise NotSimple
    if not inner.text and document.is_self_closed(inner):
        raise NotSimple
    return inner


def _skip(element: Element, read: Parameters) -> None:
    if isinstance(element.tag, str):  # neither a comment nor a processing instruction
        read.skipped.append(element.tag)


def _check_understood(header: Element) -> None:
    attribute = f"{{{_split(header.tag)[0]}}}mustUnderstand"
    for entry in header:
        if isinstance(entry.tag, str) and entry.get(attribute) in ("1", "true"):
            raise NotUnderstood(_split(entry.tag)[1])


def overlooked(read: Parameters) -> list[str]:
    """For each skipped element that was likely meant as a parameter or the operation: what it was, and why it was not.

    The service says nothing about them; its caller gets the answer to another call than the one that was meant.
    Each thing is told once, and of many things the first few.
    """
    remarks = [*dict.fromkeys(filter(None, map(_remark, read.skipped)))]
    if len(remarks) > _MOST_REMARKS:
        remarks[_MOST_REMARKS:] = [f"and {len(remarks) - _MOST_REMARKS} things more"]
    return remarks


_MOST_REMARKS: Final = 6  # as many as there are parameters to be spoilt in two ways


def _remark(tag: str) -> str | None:
    namespace, name = _split(tag)
    meant = _MEANT.get(name.lower())
    if meant is None:
        return None
    if namespace != NAMESPACE:
        where = f"namespace '{told(namespace)}'" if namespace else "no namespace"
        return f"<{name}> is in {where}, and has to be in '{NAMESPACE}'"
    if name != meant:
        return f"<{name}> has to be spelled <{meant}>"
    return f"<{name}> is there more than once, and the first one counts"


def _split(tag: str) -> tuple[str, str]:
    """The namespace and the local name in a tag."""
    namespace, _, name = tag.rpartition("}")
    return namespace[1:], name
