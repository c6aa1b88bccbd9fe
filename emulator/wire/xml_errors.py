"""The errors of .NET's XML reader: their texts, and where in a document they are reported.

expat tells where a document stops being well-formed; the rules here name the error by the text that stands there.
Source: ``XmlTextReaderImpl`` of ``System.Xml``.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers.expat import errors

from emulator.wire.faults import ARROW


class XmlError(Exception):
    """The document is not well-formed for .NET; the text is that of .NET's reader, or close to it."""


UNKNOWN_ENCODING: Final = "System does not support '{name}' encoding."
_NO_SUCH_ENCODING = (
    "'{name}' is not a supported encoding name. For information on defining a custom encoding, see the documentation "
    "for the Encoding.RegisterProvider method.\r\nParameter name: name"
)
ROOT_MISSING: Final = "Root element is missing."
DTD_PROHIBITED: Final = "DTD is prohibited in this XML document."
VERSION_INVALID: Final = "Version number '{version}' is invalid."
_ROOT_DATA = "Data at the root level is invalid."
_BAD_CHARACTER = "'{char}', hexadecimal value 0x{code:02X}, is an invalid character."
_LATE_DECLARATION = (
    "Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space "
    "characters are allowed to appear before it."
)
_BAD_ENTITY = "An error occurred while parsing EntityName."
_UNCLOSED_LITERAL = "There is an unclosed literal string."
_END_IN_NAME = "Unexpected end of file while parsing Name has occurred."
_BAD_NAME_START = "Name cannot begin with the '{char}' character, hexadecimal value 0x{code:02X}."
_BAD_NAME_CHARACTER = "The '{char}' character, hexadecimal value 0x{code:02X}, cannot be included in a name."
_UNEXPECTED = "'{token}' is an unexpected token. "
_NOT_CLOSED = "Unexpected end of file has occurred. The following elements are not closed: {names}."


def xml_error(xml: bytes, offset: int, text: str, **values: object) -> XmlError:
    """Return the error at an offset of a document in UTF-8; the text may quote the character or token there."""
    char = xml[offset : offset + 4].decode("utf-8", "ignore")[:1]
    token = _NAME_PART.match(xml, offset)
    fields = {
        "char": "." if char == "\0" else char,
        "code": ord(char) if char else 0,
        "token": token[0].decode("utf-8", "replace") if token else char,
    }
    line, column = position(xml, offset)
    message = f"{text.format(**fields | values)} Line {line}, position {column}."
    if text == UNKNOWN_ENCODING:
        message += ARROW + _NO_SUCH_ENCODING.format(**values)
    return XmlError(message)


def position(xml: bytes, offset: int) -> tuple[int, int]:
    """Return the line and column of an offset, 1-based; columns are UTF-16 code units, as .NET counts."""
    before = xml[:offset]
    line_ends = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    line = before[max(before.rfind(b"\n"), before.rfind(b"\r")) + 1 :]
    return line_ends + 1, len(line.decode("utf-8", "replace").encode("utf-16-le")) // 2 + 1


# The parts of the rules' patterns. Bytes above 127 count as letters.
_S = r"[ \t\r\n]"
_LETTER, _NAME_BYTE = r"[A-Za-z_\x80-\xff]", r"[-.:\w\x80-\xff]"
_NAME = rf"{_LETTER}{_NAME_BYTE}*"
_BAD = r"(?:[\0-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf])"
_ENTITY = rf"&(?:{_LETTER}{_NAME_BYTE}*|#[0-9]+|#x[0-9A-Fa-f]+);"
_IN_VALUE = {quote: rf"[^{quote}<&]*(?:{_ENTITY}[^{quote}<&]*)*" for quote in "\"'"}
_VALUE_START = "(?:" + "|".join(quote + inside for quote, inside in _IN_VALUE.items()) + ")"
_VALUE = "(?:" + "|".join(quote + inside + quote for quote, inside in _IN_VALUE.items()) + ")"
_ATTRIBUTES = rf"(?:{_S}+{_NAME}{_S}*={_S}*{_VALUE})*"
_TAG_START = re.compile(rf"<(?:\?xml|{_NAME}){_ATTRIBUTES}".encode("latin-1"))
_TEXT = rf"[^<&]*(?:{_ENTITY}[^<&]*)*"
_BAD_BYTES = re.compile(_BAD.encode("latin-1"))
_NAME_PART = re.compile(rb"[-.\w\x80-\xff]+")
_TAG_NAME = re.compile(rf"</?({_NAME_BYTE}*)".encode("latin-1"))
_PREFIXED = re.compile(rf"(?<={_S})(?!xmlns:)({_LETTER}[-.\w\x80-\xff]*):{_NAME_BYTE}*{_S}*=".encode("latin-1"))
_NAMESPACE_REMOVED = re.compile(rf"""{_S}xmlns:{_NAME_BYTE}+{_S}*={_S}*(?=""|'')""".encode("latin-1"))
# What is one token in a well-formed document, but for an error that expat finds in a whole tag.
_TOKEN = re.compile(
    rb"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?![!?])[^<>"']*(?:(?:"[^"]*"|'[^']*')[^<>"']*)*>|"""
    rb"""(?!<)[^<&]*(?:&[^<&;]*;[^<&]*)*""",
    re.DOTALL,
)
_TOKENS_OUTSIDE_ROOT = re.compile(rb"(?:[ \t\r\n]+|<!--.*?-->|<\?(?!xml[ \t\r\n?]).*?\?>)*", re.DOTALL)
_DECLARATION_START = re.compile(rb"<\?xml[ \t\r\n?]")
_XML_DECLARATION = re.compile(rb"<\?xml[ \t\r\n?].*?\?>", re.DOTALL)

_Rules = tuple[tuple[re.Pattern[bytes], re.Pattern[bytes], str], ...]


def _rules(*rules: tuple[str, str, str]) -> _Rules:
    return tuple((_compiled(passed), _compiled(found), text) for passed, found, text in rules)


def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode("latin-1"), re.DOTALL)


# The rules of each context, in the order in which they are tried: what is passed over (as much as possible, so that no
# rule takes long), what has to stand there, and the text of the error. It is reported where the second match ends.
_LONGEST_TOKEN = 64 * 1024  # bytes; of a longer one the error is not looked for behind that
_EMPTY, _END, _OTHER = r"", r"\Z", r"(?=[^/> \t\r\n])"
_DECLARATION_INVALID = "Syntax for an XML declaration is invalid."
_OPENED_VALUE = rf"{_S}+{_NAME}{_S}*={_S}*{_VALUE_START}"
_IN_ANY_TAG = (
    (rf"{_S}+{_NAME}{_S}*={_S}*", r"(?=[^\"'])", _UNEXPECTED + "The expected token is '\"' or '''."),
    (rf"{_S}+{_NAME}", _END, _END_IN_NAME),
    (rf"{_S}+{_NAME}{_S}*", r"(?=[^=])", _UNEXPECTED + "The expected token is '='."),
)
_IN_DECLARATION = _rules(
    *_IN_ANY_TAG,
    (rf"{_S}+{_NAME}{_S}*={_S}*[\"']", r"(?=[^\"']*\Z)", _UNCLOSED_LITERAL),
    (rf"{_S}+{_NAME}{_S}*={_S}*[\"']", _EMPTY, _DECLARATION_INVALID),
    (rf"{_S}+", _END, _END_IN_NAME),
    (rf"{_S}*", _EMPTY, _DECLARATION_INVALID),
)
_IN_START_TAG = _rules(
    (_OPENED_VALUE, r"(?=<)", "'<', hexadecimal value 0x3C, is an invalid attribute character."),
    (_OPENED_VALUE, r"&(?!#)", _BAD_ENTITY),
    (_OPENED_VALUE, _END, _UNCLOSED_LITERAL),
    *_IN_ANY_TAG,
    (rf"{_S}*/", r"(?=[^>])", _UNEXPECTED + "The expected token is '>'."),
    (rf"{_S}+", _OTHER, _BAD_NAME_START),
    (_EMPTY, rf"(?<=[\"'])(?={_LETTER})", _UNEXPECTED + "Expecting white space."),
    (_EMPTY, rf"(?<![\"']){_OTHER}", _BAD_NAME_CHARACTER),
    (_EMPTY, r"(?<![\"'])\Z", _END_IN_NAME),
)
_MARKUP = (
    (r"<\?", r"(?=xml[ \t\r\n?])", _LATE_DECLARATION),
    (r"<", rf"(?=(?!{_LETTER}|[!?/:]).)", _BAD_NAME_START),
    (r"<!--(?:(?!--).)*", r"(?=--[^>])", "An XML comment cannot contain '--', and '-' cannot be the last character."),
    (r"<!--", r".*\Z", "Unexpected end of file while parsing Comment has occurred."),
    (r"<!\[CDATA\[", r".*\Z", "Unexpected end of file while parsing CDATA has occurred."),
    (r"<\?", r".*\Z", "Unexpected end of file while parsing PI has occurred."),
)
_OUTSIDE_ROOT = _rules(
    (rf"{_S}*", rf"(?={_BAD})", _BAD_CHARACTER),
    (rf"{_S}*", r"(?=[^<])", _ROOT_DATA),
    (_EMPTY, r"(?=<!\[|<.{0,2}\Z)", _ROOT_DATA),
    (r"</", _EMPTY, "Unexpected end tag."),
    *_MARKUP,
)
_BEHIND_ROOT = _rules((r"<", rf"(?={_LETTER})", "There are multiple root elements."))
_INSIDE_ROOT = _rules((_TEXT, r"&(?!#)", _BAD_ENTITY), *_MARKUP)
# Other errors that expat distinguishes, where it finds them.
_BY_KIND = {
    errors.XML_ERROR_BAD_CHAR_REF: "An invalid character was referred to.",
    errors.XML_ERROR_UNDEFINED_ENTITY: "Reference to undeclared entity.",
}


def describe(xml: bytes, offset: int, kind: str, open_tags: list[int], root_end: int) -> XmlError:
    """Return .NET's error for that of expat.

    ``offset`` and ``kind`` are those of expat, ``open_tags`` the offsets of the start tags that are open, and
    ``root_end`` is the offset behind the root, 0 before there is one.
    """
    start = _token_start(xml, offset) if open_tags else _outside_root(xml, offset, root_end)
    names = [_tag_name(xml, tag) for tag in reversed(open_tags)]
    try:
        xml.decode("utf-8")
    except UnicodeDecodeError as invalid:
        if invalid.start <= offset:
            return xml_error(xml, invalid.start, "Invalid character in the given encoding.")
    if kind == errors.XML_ERROR_TAG_MISMATCH:
        line, column = position(xml, open_tags[-1] + 1)
        text = f"The '{{start}}' start tag on line {line} position {column} does not match the end tag of '{{end}}'."
        return xml_error(xml, start + 2, text, start=names[0], end=_tag_name(xml, start))
    if kind == errors.XML_ERROR_DUPLICATE_ATTRIBUTE:
        name = _tag_name(b"<" + xml[offset : offset + 200], 0)
        return xml_error(xml, offset, "'{name}' is a duplicate attribute name.", name=name)
    if kind == errors.XML_ERROR_UNDECLARING_PREFIX and (removed := _NAMESPACE_REMOVED.search(xml, start)):
        return xml_error(xml, removed.end(), "Invalid namespace declaration.")
    if kind == errors.XML_ERROR_UNBOUND_PREFIX:
        at, prefix = _undeclared_prefix(xml, start)
        return xml_error(xml, at, "'{prefix}' is an undeclared prefix.", prefix=prefix)
    if (open_tags or xml[start : start + 1] == b"<") and _BAD_BYTES.match(xml, offset):
        return xml_error(xml, offset, _BAD_CHARACTER)
    if open_tags and xml[max(offset - 2, 0) : offset + 1] == b"]]>" and xml[start : start + 1] != b"<":
        return xml_error(xml, offset - 2, "']]>' is not allowed in character data.")
    if kind in _BY_KIND:
        return xml_error(xml, offset, _BY_KIND[kind])
    if start == len(xml) and not open_tags and not root_end:
        return XmlError(ROOT_MISSING)
    if open_tags:
        error = _first(_INSIDE_ROOT, xml, start)
    elif start or not _DECLARATION_START.match(xml):
        error = _first((_BEHIND_ROOT if root_end else ()) + _OUTSIDE_ROOT, xml, start)
    else:
        error = None
    if error is None and (tag := _TAG_START.match(xml, start, start + _LONGEST_TOKEN)):
        error = _first(_IN_DECLARATION if tag[0].startswith(b"<?") else _IN_START_TAG, xml, tag.end())
    if error is not None:
        return error
    if open_tags:
        return xml_error(xml, len(xml), _NOT_CLOSED, names=", ".join(names))
    return xml_error(xml, offset, _ROOT_DATA)


def _first(rules: _Rules, xml: bytes, start: int) -> XmlError | None:
    """Return the error of the first rule that matches."""
    end = min(start + _LONGEST_TOKEN, len(xml))
    for passed, found, text in rules:
        if (before := passed.match(xml, start, end)) and (match := found.match(xml, before.end(), end)):
            return xml_error(xml, match.end() if match.end() < end else len(xml), text)
    return None


def _outside_root(xml: bytes, offset: int, root_end: int) -> int:
    """Return the offset of the first token outside the root that may not be there."""
    if not root_end and (declaration := _XML_DECLARATION.match(xml)) and declaration.end() <= offset:
        root_end = declaration.end()
    tokens = _TOKENS_OUTSIDE_ROOT.match(xml, root_end)
    return tokens.end() if tokens else root_end


def _token_start(xml: bytes, offset: int) -> int:
    """Return the offset of the token in which expat stopped."""
    start = 0
    while (token := _TOKEN.match(xml, start, offset + 1)) and start < token.end() <= offset:
        start = token.end()
    return start


def _tag_name(xml: bytes, start: int) -> str:
    name = _TAG_NAME.match(xml, start)
    return name[1].decode("utf-8", "replace") if name else ""


def _undeclared_prefix(xml: bytes, start: int) -> tuple[int, str]:
    """Return the first prefix in a tag that nothing up to the end of the tag declares, and the offset of its name."""
    tag = _TOKEN.match(xml, start)
    end = tag.end() if tag else len(xml)
    prefix, colon, _ = _tag_name(xml, start).partition(":")
    used = [(start + 1, prefix)] if colon else []
    used += [(found.start(), found[1].decode("utf-8", "replace")) for found in _PREFIXED.finditer(xml, start, end)]
    undeclared = ((at, prefix) for at, prefix in used if f"xmlns:{prefix}".encode() not in xml[:end])
    return next(undeclared, used[0] if used else (start + 1, ""))
