"""Any bytes as a request to the whole application, without a server: what holds for every answer."""

from __future__ import annotations

import io
import logging
import re
from asyncio import BaseTransport
from collections.abc import Iterator
from logging.handlers import BufferingHandler
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

from lxml import etree
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from emulator.core.contract import NAMESPACE, PARAMETERS, SOAP_ACTION, Binding, Call
from emulator.core.engine import Engine
from emulator.core.journal import Exchange
from emulator.delivery import RECEIVED, Received
from emulator.scenario.loading import loads
from emulator.server.wsgi import connection_environ
from emulator.web.app import Application
from emulator.web.redaction import Redactor
from emulator.web.spaces import Settings
from emulator.wire.content_type import parse_content_type
from emulator.wire.envelope import OPERATION_TAG
from emulator.wire.service import INTERNAL_ERROR
from tests.fuzz.timing import in_time
from tests.helpers.raw_http import HOST, Request
from tests.helpers.recorded_cases import load_cases
from tests.helpers.verdicts import verdict

SECRET: Final = "s3cret-of-ann-0123"
STATUSES: Final = {200, 400, 404, 405, 411, 415, 500, 501}
SCENARIO: Final = """
rules:
  - {when: {session: 1}, return: startSessionRet_OK}
  - {when: {auth_code: throw}, fail: {exception: thrown}}
"""
WORDS: Final = (
    *(*PARAMETERS, SECRET, SOAP_ACTION, "<soap:Header>", ' soap:mustUnderstand="1"', ' xsi:nil="true"'),
    *("<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&#13;", "&#xD800;"),
    *("<?xml version='1.0' encoding='utf-16'?>", "\ufeff", "\u00a0", "\U0001f600", "%u0041", "%00", "-2147483649"),
    *("; charset=utf-7", "; charset=utf-16", "; charset=iso-2022-jp", '; action="'),
)

_engine: Final = Engine(loads(SCENARIO))
_application: Final = Application(_engine, Settings(control=False))
_redactor: Final = Redactor(_engine, show_auth_codes=False)
_log: Final = BufferingHandler(capacity=100_000)  # more than one request logs
logging.getLogger().addHandler(_log)
logging.getLogger().setLevel(logging.INFO)


def seeds() -> Iterator[bytes]:
    """Yield every recorded request, and again with an auth code that can be searched for."""
    for case in load_cases():
        seed = _serialize(case.request)
        yield seed
        secret = seed.replace(b">ok<", b">%b<" % SECRET.encode()).replace(b"=ok", b"=%b" % SECRET.encode())
        if secret != seed:
            yield secret


def _serialize(request: Request) -> bytes:
    lines = [f"{request.method} {request.path}", *(f"{name}: {value}" for name, value in request.headers), "", ""]
    return "\n".join(lines).encode("latin-1") + (request.body or "").encode(request.encoding)


def check(data: bytes) -> None:
    """Check the answer to a request: a line with method and target, headers, an empty line, a body."""
    head, _, body = data.partition(b"\n\n")
    environ = _environ(head, body)
    _log.buffer.clear()
    _engine.clear_journal()
    with in_time(0.5):
        chunks, status, headers = run_wsgi_app(_application, environ, buffered=True)
    _check_answer(int(status[:3]), headers, b"".join(chunks))
    messages = [record.getMessage() for record in _log.buffer]
    assert all(record.levelno < logging.ERROR for record in _log.buffer), messages
    assert all(len(message) < 4000 for message in messages), messages
    exchanges = _engine.snapshot().exchanges
    for exchange in exchanges:
        if data.count(SECRET.encode()) == 1 and SECRET in (exchange.call.auth_code or ""):
            _check_redaction(exchange, messages)
    if environ["REQUEST_METHOD"] == "POST":
        fast = verdict(body, strict=False)
        assert fast is None or fast == verdict(body, strict=True)
        for exchange in exchanges:
            _check_values(exchange.call, environ["CONTENT_TYPE"], body)


def _environ(head: bytes, body: bytes) -> dict[str, Any]:
    """Return the WSGI environ that the server makes of a request."""
    first, *lines = head.replace(b"\r", b"\n").split(b"\n")  # as the parser, which takes neither in a value
    method, _, target = first.partition(b" ")
    path, _, query = target.partition(b"?")
    received = [(name.strip(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    environ = connection_environ(BaseTransport()) | {
        "REQUEST_METHOD": method.decode("ascii", "replace"),
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "CONTENT_TYPE": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(body),
        RECEIVED: Received(target.decode("latin-1"), received),
    }
    for name, value in received:
        key = name.decode("latin-1").upper().replace("-", "_")
        environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value.decode("latin-1")
    return environ | {"HTTP_HOST": HOST, "CONTENT_LENGTH": str(len(body))}


def _check_answer(status: int, headers: Headers, body: bytes) -> None:
    assert status in STATUSES, status
    assert headers["Content-Length"] == str(len(body)) or not body  # the answer to HEAD has none
    assert INTERNAL_ERROR.encode() not in body
    text = body.decode("utf-8")
    media_type = headers.get("Content-Type", "").partition(";")[0]
    if status in (400, 415) and media_type != "text/html":
        assert text == ""
    elif media_type in ("text/xml", "application/soap+xml"):
        etree.fromstring(_NOT_XML.sub("", text).encode())
    elif media_type == "text/plain" and status == 500:
        assert text.endswith("\r\n")


# .NET writes into its faults what XML does not allow.
_NOT_XML: Final = re.compile("&#x[0-9A-F]+;|[\ufffe\uffff]")


def _check_redaction(exchange: Exchange, messages: list[str]) -> None:
    shown = [*messages, repr(_redactor.request(exchange.raw.request)), repr(_redactor.response(exchange))]
    assert not any(SECRET in text for text in shown), shown


def _check_values(call: Call, content_type: str, body: bytes) -> None:
    """Compare with the standard library, for an envelope that has each of its parts once."""
    if call.binding is Binding.POST or parse_content_type(content_type).charset != "utf-8":
        return
    try:
        root = ElementTree.fromstring(body.decode("utf-8"))
    except (ElementTree.ParseError, UnicodeDecodeError):
        return
    operations = [*root.iter(OPERATION_TAG)]
    values = [[*root.iter(f"{{{NAMESPACE}}}{name}")] for name in PARAMETERS]
    if all(len(elements) == 1 for elements in (operations, *values)):
        session, node, auth_code = (elements[0] for elements in values)
        if all(value in [*operations[0]] and not len(value) for value in (session, node, auth_code)):
            expected = int(session.text or ""), int(node.text or ""), auth_code.text or ""
            assert (call.session, call.node, call.auth_code) == expected
