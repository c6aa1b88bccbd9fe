"""Requests and answers as they may be shown: what could be an auth code in them is masked, wherever it was sent.

Nothing is trusted to be in its right place: a program that is under test may well send its secret as the session. So
every value that is no number is masked, in XML, forms, queries and headers that are not well known, and a number too
where a name says that it is an auth code; a body of another kind is not shown at all. Names are shown: of elements,
attributes, parameters and headers.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, unquote_plus
from xml.sax.saxutils import escape, unescape

from emulator.core.call import Secret, in_full, masked
from emulator.core.contract import OPERATION, PARAMETERS, Binding
from emulator.core.journal import Entry, RawMessage, Refusal
from emulator.wire.content_type import as_utf8, parse_content_type
from emulator.wire.faults import is_name

LONGEST_SHOWN: Final = 64 * 1024
"""How many bytes of a body are shown: nobody reads on, and masking takes its time."""

_NUMBER: Final = re.compile(r"[-+]?[0-9]*")
_PARAMETER: Final = re.compile(r"[A-Za-z_$][\w.$\[\]-]*")
_PARAMETERS: Final = frozenset({*(name.lower() for name in PARAMETERS), "session", "node", "authcode"})
_SECRET_NAME: Final = re.compile(r"cookie|auth|code|token|secret|credential|pass|pwd|key", re.IGNORECASE)
_WELL_KNOWN: Final = re.compile(
    r"(accept|content|if|sec|x-forwarded|x-original|x-rewrite)-[a-z-]+|accept|cache-control|connection|date|dnt|expect"
    r"|forwarded|host|keep-alive|mime-version|origin|pragma|range|referer|te|traceparent|trailer|transfer-encoding"
    r"|upgrade|upgrade-insecure-requests|user-agent|via|x-correlation-id|x-real-ip|x-request-id",
    re.IGNORECASE,
)
_ACTION: Final = re.compile(r"""(?<=;)(\s*action\s*=\s*)("[^"]*"|[^;]*)""", re.IGNORECASE)  # of a media type
_FAULT_TEXT: Final = re.compile(r"(<faultstring>|<soap:Text\b[^>]*>)[^<]*")
_OPERATION_IN_PATH: Final = re.compile(f"(?<=/{OPERATION})(?=/)", re.IGNORECASE)
_VALUE_IN_PATH: Final = re.compile(r"(?<=/)(?![0-9-]+(?:/|$))[^/]+")  # a part that is no number
_QUERY: Final = re.compile(r"(\?|%3F)(.*)", re.IGNORECASE)

_NAME: Final = r"[\w:.-]+"
_ATTRIBUTE: Final = re.compile(rf"""(?<![\w:.-])({_NAME})(\s*=\s*)("[^"<]*"|'[^'<]*')""")
_TAG: Final = rf"""</?(?P<name>{_NAME})(?:\s+{_NAME}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*/?>"""
_PIECE: Final = re.compile(
    rf"(?P<tag>{_TAG})|(?P<declaration><\?xml\s[^<>]*\?>)|<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)"
    r"|<!--(?P<comment>.*?)(?:-->|\Z)"
    r"|(?P<text>[^<]+|<)",
    re.DOTALL,
)
_OPEN_ATTRIBUTES: Final = frozenset({"type", "nil", "mustUnderstand", "actor", "role", "encodingStyle"})
_OPEN_VALUE: Final = re.compile(r"[01]|true|false|\w+:.*")  # a truth, or a name with what stands for its namespace

Shown = dict[str, object]


def shown_request(message: RawMessage | None, secret: Secret) -> Shown | None:
    """A request: its first line, its headers as pairs, its body as text."""
    if message is None:
        return None
    target, _, version = message.start.rpartition(" ")
    headers = [[name, _header(name, value, secret)] for name, value in _headers(message)]
    return {"start": f"{_address(target, secret)} {version}", "headers": headers, "body": _body(message, secret)}


def shown_answer(entry: Entry, secret: Secret) -> Shown | None:
    """The answer to a request; None when no byte of one was sent.

    The text with which the service refuses a value may repeat that value, and so the reason stands in its place.
    """
    message = entry.raw.answer
    if message is None:
        return None
    body = _text(message) + _rest(message)
    if isinstance(entry, Refusal) and secret is not in_full:
        reason = entry.reason
        over_soap = entry.binding not in (Binding.GET, Binding.POST)
        body = _FAULT_TEXT.sub(lambda text: text[1] + escape(reason), body) if over_soap else reason
    headers = [[name, _answers_header(name, value, secret)] for name, value in _headers(message)]
    return {"start": message.start, "headers": headers, "body": body}


def _headers(message: RawMessage) -> list[tuple[str, str]]:
    return [(_decoded(name), _decoded(value)) for name, value in message.headers]


def _decoded(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def _header(name: str, value: str, secret: Secret) -> str:
    if not _SECRET_NAME.search(name):
        if name.lower() == "soapaction":
            return _action(value, secret)
        if _WELL_KNOWN.fullmatch(name):
            return _ACTION.sub(lambda found: found[1] + _action(found[2], secret), _address(value, secret))
    return secret(value) if _tells(value, name) else value


def _action(value: str, secret: Secret) -> str:
    return value if is_name(value.strip('"')) else secret(value)


def _answers_header(name: str, value: str, secret: Secret) -> str:
    """A header of an answer, which is the service's own or the scenario's."""
    return secret(value) if _SECRET_NAME.search(name) else _address(value, secret)


def _address(text: str, secret: Secret) -> str:
    """A text that may hold the address of a request, even one whose question mark is escaped by mistake."""
    text = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    if secret is in_full:
        return text
    return shown_path(_QUERY.sub(lambda query: query[1] + _form(query[2], secret), text), secret)


def shown_path(path: str, secret: Secret = masked) -> str:
    """A path: what follows the operation in it could be a call's values, the auth code among them."""
    known, question, query = path.partition("?")
    name, *values = _OPERATION_IN_PATH.split(known, maxsplit=1)
    shown = [_VALUE_IN_PATH.sub(lambda part: secret(unquote(part[0])), each) for each in values]
    return "".join([name, *shown, question, query])


def _body(message: RawMessage, secret: Secret) -> str:
    if not message.body:
        return ""
    text, rest = _text(message), _rest(message)
    if secret is in_full:
        return text + rest
    if _is_markup(message.body) or text.lstrip().startswith("<"):
        return _xml(text, secret) + rest
    base = parse_content_type(_content_type(message)).base
    if "form-urlencoded" in base:
        return _form(text, secret) + rest
    return f"({len(message.body)} bytes of {base or 'an unknown kind'}, shown with --show-auth-codes only)"


def _text(message: RawMessage) -> str:
    body = message.body[:LONGEST_SHOWN]
    return as_utf8(body, parse_content_type(_content_type(message))).decode("utf-8", "replace")


def _rest(message: RawMessage) -> str:
    """What stands for the part of a body that is not shown."""
    length = len(message.body)
    return f"… ({length:,} bytes in all)" if length > LONGEST_SHOWN else ""


def _content_type(message: RawMessage) -> str:
    return next((value for name, value in _headers(message) if name.lower() == "content-type"), "")


def _is_markup(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _form(pairs: str, secret: Secret) -> str:
    return "&".join(_pair(pair, secret) for pair in pairs.split("&"))


def _pair(pair: str, secret: Secret) -> str:
    """A pair with its value masked; all of it, where what stands before the first equals sign may be no name."""
    name, equals, value = pair.partition("=")
    if _PARAMETER.fullmatch(unquote_plus(name)) and (value.strip("=") or name.lower() in _PARAMETERS):
        return f"{name}{equals}{secret(unquote_plus(value)) if _tells(unquote_plus(value), name) else value}"
    return secret(unquote_plus(pair)) if _tells(unquote_plus(pair), "") else pair


def _tells(value: str, name: str) -> bool:
    """Whether a value may be an auth code: it is no number, or stands under a name that says so."""
    core = value.strip()
    return bool(core) and not (_NUMBER.fullmatch(core) and not _SECRET_NAME.search(unquote_plus(name)))


def _xml(text: str, secret: Secret) -> str:
    element = ""  # the name in the last tag

    def masked(piece: re.Match[str]) -> str:
        nonlocal element
        match piece.lastgroup:
            case "tag":
                element = piece["name"]
                return _ATTRIBUTE.sub(attribute, piece[0])
            case "declaration":
                return piece[0]
            case "data" | "comment" as kind:
                start, end = (at - piece.start() for at in piece.span(kind))
                return piece[0][:start] + value(piece[kind], element) + piece[0][end:]
            case _:
                return piece[0] if piece[0] == "<" else value(piece[0], element)

    def attribute(found: re.Match[str]) -> str:
        name, quote, written = found[1], found[3][0], found[3][1:-1]
        if name.startswith("xmlns"):
            is_open = is_name(written)
        else:
            is_open = name.rpartition(":")[2] in _OPEN_ATTRIBUTES and _OPEN_VALUE.fullmatch(written) is not None
        shown = written if is_open else value(written, name)
        return f"{name}{found[2]}{quote}{shown}{quote}"

    def value(written: str, name: str) -> str:
        if not _tells(written, name):
            return written
        core = written.strip()
        before, _, after = written.partition(core)
        return f"{before}{escape(secret(unescape(core)))}{after}"

    return _PIECE.sub(masked, text)
