"""Requests made to do harm, by what they are made of: as long as a body may be, and each of one thing only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emulator.core.contract import NAMESPACE, Binding
from emulator.web.request import MAX_BODY
from tests.helpers.calling import ENVELOPES

LENGTH: Final = MAX_BODY - 2000  # the rest is for the envelope


def many(piece: str, length: int = LENGTH) -> str:
    """A piece over and over."""
    return piece * (length // len(piece.encode()))


def counted(piece: str, length: int = LENGTH) -> str:
    """A piece over and over, each time with another number in the place of its hash sign."""
    most = length // (len(piece.encode()) + 6 * piece.count("#"))
    return "".join(piece.replace("#", str(number)) for number in range(most))


ANSWERED: Final[dict[str, Callable[[], str]]] = {
    "text": lambda: many("x"),
    "lines": lambda: many("\n"),
    "carriage returns": lambda: many("\r"),
    "spaces": lambda: many(" "),
    "an attribute": lambda: '<a b="' + many("x") + '"/>',
    "an attribute of spaces": lambda: '<a b="' + many(" ") + '"/>',
    "an attribute of references": lambda: '<a b="' + many("&#65;") + '"/>',
    "a comment": lambda: "<!--" + many("x") + "-->",
    "a processing instruction": lambda: "<?p " + many("x") + "?>",
    "a CDATA section": lambda: "<b><![CDATA[" + many("x") + "]]></b>",
    "character references": lambda: many("&#65;"),
    "entity references": lambda: many("&amp;"),
    "a long name": lambda: "<" + many("a") + "/>",
    "long names": lambda: many("<" + "a" * 40_000 + "/>"),
    "brackets": lambda: many("]"),
    "closing angles": lambda: many(">"),
    "characters of two units": lambda: many("\U0001f600"),
    "6,000 elements": lambda: "<a></a>" * 6000,
    "9,000 attributes": lambda: "<a " + counted(' b#=""', 150_000) + "/>",
    "200 deep": lambda: "<a>" * 200 + "</a>" * 200,
}
"""What the service skips on its way to the parameters."""

REFUSED: Final[dict[str, Callable[[], str]]] = {
    "tiny elements": lambda: many("<a/>"),
    "elements": lambda: many("<a></a>"),
    "elements of other names": lambda: counted("<a#/>"),
    "elements and text": lambda: many("x<a/>"),
    "attributes": lambda: "<a " + counted(' b#=""') + "/>",
    "attributes, the last one twice": lambda: "<a " + counted(' b#=""') + " b0='' b0=''/>",
    "attributes with a prefix": lambda: "<a xmlns:p='u'" + counted(' p:b#=""') + "/>",
    "declarations of prefixes": lambda: "<a " + counted(' xmlns:p#="u#"') + "/>",
    "declarations around elements": lambda: (
        "<a " + counted(' xmlns:p#="u"', LENGTH // 2) + ">" + many("<p0:b/>", LENGTH // 2 - 10) + "</a>"
    ),
    "one prefix bound anew": lambda: many('<p:a xmlns:p="u"/>'),
    "a default namespace bound anew": lambda: many('<a xmlns="u"/>'),
    "comments": lambda: many("<!---->"),
    "processing instructions": lambda: many("<?p?>"),
    "CDATA sections": lambda: "<b>" + many("<![CDATA[x]]>") + "</b>",
    "a parameter over and over": lambda: many("<iSession>1</iSession>"),
    "elements in another namespace": lambda: many('<iSession xmlns="u"/>'),
    "300 deep": lambda: "<a>" * 300 + "</a>" * 300,
    "100,000 deep": lambda: "<a>" * 100_000 + "</a>" * 100_000,
    "300,000 deep": lambda: "<a>" * 300_000 + "</a>" * 300_000,
    "tags left open": lambda: many("<a>"),
    "tags closed": lambda: many("</a>"),
    "a tag without end": lambda: "<a" + many(" b"),
    "a tag without end, full of signs": lambda: many("<a b="),
    "a value without end": lambda: '<a b="' + many("x"),
    "a comment without end": lambda: "<!--" + many("x"),
    "a comment of dashes": lambda: "<!--" + many("-"),
    "comments without end": lambda: many("<!--"),
    "CDATA sections without end": lambda: many("<![CDATA["),
    "instructions without end": lambda: many("<?"),
    "opening angles": lambda: many("<"),
    "ampersands": lambda: many("&"),
    "ends of CDATA sections": lambda: many("]]>"),
    "zero bytes": lambda: many("\0"),
    "control characters": lambda: many("\1"),
    "references to no character": lambda: many("&#1;"),
    "references to half a character": lambda: many("&#xD800;"),
}
"""What is no XML, or more of it than is read."""


def envelope(before: str, *, binding: Binding = Binding.SOAP11, session: str = "1", header: str = "") -> str:
    """An envelope with something before its values, or in a header."""
    values = f"<iSession>{session}</iSession><iNode>2</iNode><sAuthCode>ok</sAuthCode>"
    call = f'<startSession xmlns="{NAMESPACE}">{before}{values}</startSession>'
    head = f"<e:Header>{header}</e:Header>" if header else ""
    return f'<e:Envelope xmlns:e="{ENVELOPES[binding]}">{head}<e:Body>{call}</e:Body></e:Envelope>'


RIGHT: Final = "iSession=1&iNode=2&sAuthCode="
FORMS: Final[dict[str, tuple[Callable[[], str], str]]] = {
    "pairs": (lambda: many("a=b&"), "state of the object"),
    "pairs of other names": (lambda: counted("a#=1&"), "state of the object"),
    "escaped names": (lambda: many("%61=1&"), "state of the object"),
    "one name over and over": (lambda: many("iSession=1&"), "state of the object"),
    "separators": (lambda: many("&"), "state of the object"),
    "equals signs": (lambda: many("="), "Missing parameter: iSession"),
    "a value": (lambda: RIGHT + many("x"), "startSessionRet_OK"),
    "spaces": (lambda: RIGHT + many("+"), "startSessionRet_OK"),
    "percent signs": (lambda: RIGHT + many("%"), "state of the object"),
    "escapes": (lambda: RIGHT + many("%41"), "state of the object"),
    "escapes of .NET": (lambda: RIGHT + many("%u0041"), "state of the object"),
    "escaped halves of characters": (lambda: RIGHT + many("%uD83D"), "state of the object"),
    "some escapes": (lambda: RIGHT + "%u0041" * 50_000, "startSessionRet_OK"),
    "opening angles": (lambda: RIGHT + many("< "), "startSessionRet_OK"),
    "a number": (lambda: "iNode=2&sAuthCode=ok&iSession=" + many("1"), "too large or too small"),
    "a number of zeros": (lambda: "iNode=2&sAuthCode=ok&iSession=" + many("0"), "startSessionRet_OK"),
    "a number behind spaces": (lambda: "iNode=2&sAuthCode=ok&iSession=" + many("+") + "x", "correct format"),
    "no UTF-8": (lambda: RIGHT + many("\x80"), "startSessionRet_OK"),
}
"""Forms and queries, with a part of the answer that each gets."""
