"""Remarks on what the service ignores in a SOAP call although the client probably meant it.

The service answers such a call as if these parts were absent. A remark names the element and what would be right; it
never quotes text, which may be an auth code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from emulator.core.contract import NAMESPACE, OPERATION, PARAMETERS
from emulator.core.journal import Reason
from emulator.wire.input_limits import shorten
from emulator.wire.xml_parsers import Element

_NAMES_BY_LOWER = {name.lower(): name for name in (*PARAMETERS, OPERATION)}
_MOST: Final = 6  # as many as there are parameters to be misspelled in two ways
RIGHT_OPERATION: Final = f"<{OPERATION} xmlns='{NAMESPACE}'>"
_REFERENCES: Final = ("href", "ref")  # of the SOAP encodings of SOAP 1.1 and 1.2

Remark = Reason | None


def limited(remarks: Iterable[Remark]) -> tuple[Reason, ...]:
    """Return each remark once, and no more than a few."""
    unique = [*{str(remark): remark for remark in remarks if remark is not None}.values()]
    if len(unique) > _MOST:
        unique[_MOST:] = [Reason(f"and {len(unique) - _MOST} more")]
    return tuple(unique)


def in_body(element: Element) -> Remark:
    """Return the remark on an element in Body that is not the operation."""
    name = short_name(element.tag)
    expected = _NAMES_BY_LOWER.get(name.lower())
    if expected == OPERATION:
        return _misspelled(element, expected)
    if expected is not None:
        return Reason(f"<{name}> is directly in Body, and has to be in {RIGHT_OPERATION}")
    return None


def without_operation(body: Element) -> list[Remark]:
    """Return remarks on a Body in which no element is the operation, beside those on its elements."""
    elements = [child for child in body if isinstance(child.tag, str)]
    texts = [body.text, *(child.tail for child in body)]
    if any(text and text.strip() for text in texts):
        return [Reason(f"Body holds text, maybe XML in CDATA or escaped; it has to hold {RIGHT_OPERATION} as markup")]
    if not elements:
        return [Reason(f"Body is empty, and has to hold {RIGHT_OPERATION}")]
    names = [short_name(child.tag) for child in elements]
    return [
        Reason(f"<{name}> in Body is not the operation, which has to be {RIGHT_OPERATION}")
        for name in names
        if name.lower() not in _NAMES_BY_LOWER
    ]


def in_operation(element: Element, *, is_repeated: bool) -> Remark:
    """Return the remark on an element in the operation that is not read as a parameter."""
    name = short_name(element.tag)
    if is_repeated:
        return Reason(f"<{name}> occurs more than once; only the first one counts")
    expected = _NAMES_BY_LOWER.get(name.lower())
    if expected in PARAMETERS:
        return _misspelled(element, expected)
    inner = (short_name(each.tag) for each in element.iter() if each is not element and isinstance(each.tag, str))
    if any(each.lower() in _NAMES_BY_LOWER for each in inner):
        return Reason(
            f"<{name}> is between <{OPERATION}> and its parameters, which have to be directly in <{OPERATION}>"
        )
    return None


def on_attributes(operation: Element) -> list[Remark]:
    """Return remarks on attributes of the operation that are named like parameters."""
    names = [short_name(str(name)) for name, _ in operation.items()]
    return [
        Reason(f"{name} is an attribute of <{OPERATION}>, and has to be an element <{expected}> in it")
        for name in names
        if (expected := _NAMES_BY_LOWER.get(name.lower())) is not None
    ]


def on_empty_value(parameter: str, element: Element) -> Remark:
    """Return the remark on an empty parameter that refers to another element, as SOAP's encoding allows."""
    for key, _ in element.items():
        if (name := short_name(str(key))) in _REFERENCES:
            return Reason(
                f"<{parameter}> refers to another element ({name}, rpc/encoded style), which the service does not "
                f"follow; the value has to be in <{parameter}> itself"
            )
    return None


def on_inner_element(parameter: str, inner: Element) -> Remark:
    """Return the remark on a value that is an element: its text is the value, and the rest of the Body is lost."""
    name = short_name(inner.tag)
    return Reason(
        f"<{parameter}> holds <{name}>, after which the service reads no more; it has to hold the value alone"
    )


def beginning(body: Element, element: Element | None) -> tuple[str, str]:
    """Describe the beginning of a Body, which is no operation, as a template, and return the namespace of its value."""
    if element is None:
        is_empty = not len(body) and not (body.text or "").strip()
        return "is empty" if is_empty else "begins with text", ""
    ns, _ = split_tag(element.tag)
    return f"begins with <{short_name(element.tag)}> in {_where(ns)}", ns


def _misspelled(element: Element, expected: str) -> Reason:
    ns, name = split_tag(element.tag)
    if ns != NAMESPACE:
        text = f"<{name}> is in {_where(ns)}, and has to be <{expected}> in '{NAMESPACE}'"
        return Reason(text, {"namespace": shorten(ns)})
    return Reason(f"<{name}> has to be spelled <{expected}>")


def _where(ns: str) -> str:
    return "namespace '{namespace}'" if ns else "no namespace"


def split_tag(tag: str) -> tuple[str, str]:
    """Return the namespace, "" for none, and the local name of a tag or attribute."""
    ns, _, name = tag.rpartition("}")
    return ns[1:], name


def short_name(tag: str) -> str:
    """Return the local name of a tag or attribute as it is quoted."""
    return shorten(split_tag(tag)[1])
