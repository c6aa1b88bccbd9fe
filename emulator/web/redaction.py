"""Redaction: what of auth codes is shown in log, console, control API and reports. Applied on the way out only.

A code that the scenario, its desk or a rule names literally is test data and is shown. Any other code is masked:
``de***``. A program under test may send its code in the wrong place, so in raw requests every value that is not a
number counts as a code: in XML, forms, queries and headers that are not well known, and a number too where its name
says that it is a code. A body of another kind is not shown at all. Names of elements, attributes, parameters and
headers are, and in the reason of a refusal malformed numbers. A SOAPAction is shown, there as in the raw request, if it
is a URI or resembles the operation's name, so that a misspelt one can be read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from urllib.parse import unquote, unquote_plus
from xml.sax.saxutils import escape, unescape

from emulator.core.contract import OPERATION, PARAMETERS, Binding, Call, format_auth_code
from emulator.core.engine import Engine
from emulator.core.explain import Explanation, NearCall, Verification
from emulator.core.journal import Entry, RawMessage, Reason, Refusal
from emulator.core.matching import Mismatch
from emulator.core.rules import NearMiss
from emulator.scenario.suggestions import nearest
from emulator.wire.content_type import MediaType, parse_content_type
from emulator.wire.decoding import as_text

MAX_SHOWN: Final = 64 * 1024  # bytes of a body; masking takes time

_NUMBER: Final = re.compile(r"[-+]?[0-9]*")
_NUMBER_LIKE: Final = re.compile(r"[-+]?(0x[0-9a-f]{1,8}|[\d.,'\s]*(e[-+]?\d{1,3})?)", re.IGNORECASE)
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
    rf"(?P<tag>{_TAG})|<\?xml\s[^<>]*\?>|<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)"
    r"|<!--(?P<comment>.*?)(?:-->|\Z)|(?P<text>[^<]+)|<",
    re.DOTALL,
)
_OPEN_ATTRIBUTES: Final = frozenset({"type", "nil", "mustUnderstand", "actor", "role", "encodingStyle"})
_OPEN_VALUE: Final = re.compile(r"[01]|true|false|\w+:.*")  # a truth, or a name with what stands for its namespace

_VALUE_FIELDS: Final = ("value", "excerpt")  # of a refusal's reason: a parameter's value
_URI_FIELDS: Final = ("namespace",)  # a URI, unless the client sent a code there
_ACTION_FIELDS: Final = ("action", "sent")
_ACTION_OR_NAMESPACE: Final = re.compile(rf"([\w+.-]+:[^?]*|{OPERATION}|\(empty\))?", re.DOTALL)
_MAX_MISSPELT: Final = 2 * len(OPERATION)


def mask(auth_code: str) -> str:
    """Return the first quarter of a code, at most four characters, and three asterisks.

    >>> mask("demo-ann"), mask("abc")
    ('de***', '***')
    """
    return f"{auth_code[: min(4, len(auth_code) // 4)]}***"


class Redactor:
    """Redacts what leaves one emulator; with ``show_auth_codes`` it changes nothing."""

    def __init__(self, engine: Engine, show_auth_codes: bool) -> None:
        self._engine = engine
        self._shows_all = show_auth_codes

    def code(self, auth_code: str | None) -> str | None:
        """Return an auth code as it may be shown: masked, unless it is absent, empty or named by a rule or the desk."""
        return self._value(auth_code) if auth_code else auth_code

    def _value(self, text: str) -> str:
        return text if self._shows_all or self._engine.names_code(text) else mask(text)

    def _encoded(self, written: str, decoded: str) -> str:
        """Redact an encoded value; one that is shown stays as it was written, so that the request can be sent again."""
        shown = self._value(decoded)
        return written if shown == decoded else shown

    # Values of the core

    def call(self, call: Call) -> Call:
        return replace(call, auth_code=self.code(call.auth_code))

    def near_misses(self, call: Call, near_misses: tuple[NearMiss, ...]) -> tuple[NearMiss, ...]:
        """Redact the call's auth code in near misses; the codes that rules name are shown."""
        return tuple(replace(miss, mismatches=self._mismatches(call, miss.mismatches)) for miss in near_misses)

    def explanation(self, explanation: Explanation) -> Explanation:
        call = explanation.call
        return replace(
            explanation,
            call=self.call(call),
            passed_over=self.near_misses(call, explanation.passed_over),
            near_misses=self.near_misses(call, explanation.near_misses),
        )

    def verification(self, verification: Verification) -> Verification:
        """Redact the auth codes of the calls in a verification; those of its own conditions are the asker's."""
        return replace(verification, near_misses=tuple(map(self._near_call, verification.near_misses)))

    def _near_call(self, near: NearCall) -> NearCall:
        call = near.exchange.call
        exchange = replace(near.exchange, call=self.call(call))
        return replace(near, exchange=exchange, mismatches=self._mismatches(call, near.mismatches))

    def _mismatches(self, call: Call, mismatches: tuple[Mismatch, ...]) -> tuple[Mismatch, ...]:
        shown = format_auth_code(self.code(call.auth_code))
        return tuple(replace(each, actual=shown) if each.field == "auth_code" else each for each in mismatches)

    def reason(self, why: Reason) -> str:
        """Return why a request was refused, with values of parameters, and namespaces that are no URI, redacted."""
        return str(replace(why, values={name: self._quoted(name, value) for name, value in why.values.items()}))

    def _quoted(self, name: str, value: str) -> str:
        if name in _VALUE_FIELDS:
            return value if _NUMBER_LIKE.fullmatch(value.strip()) else self._value(value)
        if name in _ACTION_FIELDS:
            return self._action(value)
        if name in _URI_FIELDS and not _is_action(value):
            return self._value(value)
        if name == "path":
            return self.path(value)
        if name == "query":
            return self._form(value)
        operation, _, rest = value.partition("/")  # an operation's name may have the values of a call behind a slash
        return f"{operation}/{self._value(rest)}" if name == "name" and rest else value

    # Raw requests and responses

    def request(self, message: RawMessage | None) -> dict[str, object] | None:
        """Return a request's first line, its headers as pairs and its body as text; None if it was not kept."""
        if message is None:
            return None
        target, _, version = message.start.rpartition(" ")
        headers = [[name, self._header(name, value)] for name, value in _headers(message)]
        return {"start": f"{self._address(target)} {version}", "headers": headers, "body": self._body(message)}

    def response(self, entry: Entry) -> dict[str, object] | None:
        """Return the response to a request; None if no byte of one was sent.

        The text with which the service refuses a value may repeat that value, so the redacted reason replaces it.
        """
        message = entry.raw.answer
        if message is None:
            return None
        body = "".join(_shown_body(message))
        if isinstance(entry, Refusal) and not self._shows_all:
            reason = self.reason(replace(entry.why, hint=""))
            in_soap = entry.binding not in (Binding.GET, Binding.POST)
            body = _FAULT_TEXT.sub(lambda text: text[1] + escape(reason), body) if in_soap else reason
        headers = [[name, self._response_header(name, value)] for name, value in _headers(message)]
        return {"start": message.start, "headers": headers, "body": body}

    def path(self, path: str) -> str:
        """Redact a path: what follows the operation in it could be the values of a call."""
        known, question, query = path.partition("?")
        name, *values = _OPERATION_IN_PATH.split(known, maxsplit=1)
        shown = [_VALUE_IN_PATH.sub(lambda part: self._encoded(part[0], unquote(part[0])), each) for each in values]
        return "".join([name, *shown, question, query])

    def _header(self, name: str, value: str) -> str:
        if not _SECRET_NAME.search(name):
            if name.lower() == "soapaction":
                return self._action(value)
            if _WELL_KNOWN.fullmatch(name):
                return _ACTION.sub(lambda found: found[1] + self._action(found[2]), self._address(value))
        return self._value(value) if _may_be_code(value, name) else value

    def _action(self, value: str) -> str:
        core = value.strip("\"' ")
        if _is_action(core) or (len(core) <= _MAX_MISSPELT and nearest(core, (OPERATION,))):
            return value
        before, _, after = value.partition(core)
        return f"{before}{self._encoded(core, unquote(core))}{after}"

    def _response_header(self, name: str, value: str) -> str:
        return self._value(value) if _SECRET_NAME.search(name) else self._address(value)

    def _address(self, text: str) -> str:
        """Redact a text that may hold an address, even one whose question mark was escaped by mistake."""
        text = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
        if self._shows_all:
            return text
        return self.path(_QUERY.sub(lambda query: query[1] + self._form(query[2]), text))

    def _body(self, message: RawMessage) -> str:
        if not message.body:
            return ""
        text, omission = _shown_body(message)
        if self._shows_all:
            return text + omission
        if message.body.lstrip()[:1] == b"<" or text.lstrip().startswith("<"):
            return self._xml(text) + omission
        base = _content_type(message).base
        if "form-urlencoded" in base:
            return self._form(text) + omission
        return f"({len(message.body)} bytes of {base or 'an unknown type'}, shown with --show-auth-codes only)"

    def _form(self, pairs: str) -> str:
        return "&".join(self._pair(pair) for pair in pairs.split("&"))

    def _pair(self, pair: str) -> str:
        """Redact the value of a pair, or all of it where what precedes the equals sign may not be a name."""
        name, equals, value = pair.partition("=")
        if _PARAMETER.fullmatch(unquote_plus(name)) and (value.strip("=") or name.lower() in _PARAMETERS):
            decoded = unquote_plus(value)
            return f"{name}{equals}{self._encoded(value, decoded) if _may_be_code(decoded, name) else value}"
        return self._encoded(pair, unquote_plus(pair)) if _may_be_code(unquote_plus(pair), "") else pair

    def _xml(self, text: str) -> str:
        """Redact XML by its tokens, well-formed or not: texts, CDATA, comments and attribute values."""
        element = ""  # the name in the last tag

        def redacted(piece: re.Match[str]) -> str:
            nonlocal element
            kind = piece.lastgroup
            if kind is None:  # the XML declaration, or a "<" that begins nothing
                return piece[0]
            if kind == "tag":
                element = piece["name"]
                return _ATTRIBUTE.sub(attribute, piece[0])
            start, end = (at - piece.start() for at in piece.span(kind))
            return piece[0][:start] + value(piece[kind], element) + piece[0][end:]

        def attribute(found: re.Match[str]) -> str:
            name, quote, content = found[1], found[3][0], found[3][1:-1]
            if name.startswith("xmlns"):
                is_open = _is_action(content)
            else:
                is_open = name.rpartition(":")[2] in _OPEN_ATTRIBUTES and _OPEN_VALUE.fullmatch(content) is not None
            return f"{name}{found[2]}{quote}{content if is_open else value(content, name)}{quote}"

        def value(content: str, name: str) -> str:
            if not _may_be_code(content, name):
                return content
            core = content.strip()
            before, _, after = content.partition(core)
            return f"{before}{escape(self._value(unescape(core)))}{after}"

        return _PIECE.sub(redacted, text)


def _is_action(text: str) -> bool:
    """True if a text can be an action or a namespace, and so not a code: a URI, the operation's name, or nothing."""
    return _ACTION_OR_NAMESPACE.fullmatch(text) is not None


def _may_be_code(value: str, name: str) -> bool:
    """True if a value is not a number, or its name says that it is a code."""
    core = value.strip()
    return bool(core) and not (_NUMBER.fullmatch(core) and not _SECRET_NAME.search(unquote_plus(name)))


def _headers(message: RawMessage) -> list[tuple[str, str]]:
    return [(_decoded(name), _decoded(value)) for name, value in message.headers]


def _decoded(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def _shown_body(message: RawMessage) -> tuple[str, str]:
    """Return as much of a body as is shown, as text, and what replaces the rest of it."""
    shown, length = message.body[:MAX_SHOWN], len(message.body)
    omission = f"… ({length:,} bytes in all)" if length > MAX_SHOWN else ""
    return as_text(shown, _content_type(message)), omission


def _content_type(message: RawMessage) -> MediaType:
    return parse_content_type(next((value for name, value in _headers(message) if name.lower() == "content-type"), ""))
