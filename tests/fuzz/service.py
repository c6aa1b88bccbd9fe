"""Any bytes as a request, through the bridge and the whole application: what is promised of every answer."""

from __future__ import annotations

import logging
import re
from asyncio import BaseTransport
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree

from lxml import etree

from emulator.core.call import Call, masked
from emulator.core.contract import NAMESPACE, PARAMETERS, SOAP_ACTION, Binding
from emulator.core.engine import Engine
from emulator.core.journal import Entry, Exchange
from emulator.scenario import loads
from emulator.server.limits import HttpLimits
from emulator.server.parser import Headers
from emulator.server.parser import Request as HttpRequest
from emulator.server.wsgi import Answer, Bridge
from emulator.web.app import Application
from emulator.web.redaction import shown_answer, shown_request
from emulator.web.settings import Settings
from emulator.wire.content_type import parse_content_type
from emulator.wire.envelope import OPERATION_TAG
from emulator.wire.service import OUR_FAULT
from tests.fuzz.target import Target, in_time
from tests.helpers.raw_http import HOST, Request
from tests.helpers.recorded_cases import load_cases
from tests.helpers.verdicts import verdict

SECRET: Final = "s3cret-of-ann-0123"
STATUSES: Final = {200, 400, 404, 405, 411, 415, 500, 501}
_OWN_HEADERS: Final = (b"content-length", b"transfer-encoding", b"expect", b"host")
WORDS: Final = (
    *PARAMETERS,
    SECRET,
    SOAP_ACTION,
    NAMESPACE,
    "/API/API.asmx/startSession?",
    "<soap:Header>",
    ' soap:mustUnderstand="1"',
    ' xsi:nil="true"',
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "&#13;",
    "&#xD800;",
    "<?xml version='1.0' encoding='utf-16'?>",
    "\ufeff",
    "%u0041",
    "%00",
    "; charset=utf-7",
    "; charset=utf-16",
    "; charset=iso-2022-jp",
    '; action="',
    "application/soap+xml",
    "text/xml",
    "application/x-www-form-urlencoded",
    "-2147483649",
    "\u00a0",
    "\U0001f600",
)


class _Listening(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class _Attentive(Engine):
    """An engine that keeps the last thing that came of a request."""

    last: Entry | None = None

    def complete(self, entry: Entry, *rest: Any) -> None:
        super().complete(entry, *rest)
        self.last = entry


SCENARIO: Final = """
rules:
  - {when: {session: 1}, return: startSessionRet_OK}
  - {when: {auth_code: throw}, fail: {exception: thrown}}
"""
_engine: Final = _Attentive(loads(SCENARIO))
_bridge: Final = Bridge(Application(_engine, Settings(control=False)), limits=HttpLimits(), max_delay=0.0)
_base: Final = _bridge.base(BaseTransport())
_ANY_NUMBER: Final = HttpLimits(headers=10**9, header_bytes=10**9)
_log: Final = _Listening()
logging.getLogger().addHandler(_log)
logging.getLogger().setLevel(logging.INFO)


def seeds() -> Iterator[bytes]:
    """Every recorded request, and again with an auth code that can be looked for."""
    for case in load_cases():
        seed = _spelled(case.request)
        yield seed
        told = seed.replace(b">ok<", b">%b<" % SECRET.encode()).replace(b"=ok", b"=%b" % SECRET.encode())
        if told != seed:
            yield told


def _spelled(request: Request) -> bytes:
    lines = [f"{request.method} {request.path}", *(f"{name}: {value}" for name, value in request.headers), "", ""]
    return "\n".join(lines).encode("latin-1") + (request.body or "").encode(request.encoding)


def check(data: bytes) -> None:
    """Every promise, for the request that the bytes spell: a line with method and target, headers, a body."""
    head, _, body = data.partition(b"\n\n")
    request = _request(head, body)
    _log.records.clear()
    _engine.last = None
    with in_time(0.5):
        answer = _bridge.answer(_bridge.environ(request, _base))
    _check_answer(answer)
    _check_log()
    entry = _engine.last
    if isinstance(entry, Exchange):
        _check_secrecy(entry, data)
    if request.method == b"POST":
        _check_readings(body)
        if isinstance(entry, Exchange):
            _check_values(entry.call, request, body)


def _request(head: bytes, body: bytes) -> HttpRequest:
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    path, _, query = target.partition(b"?")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    headers = [header for header in headers if header[0].lower() not in _OWN_HEADERS]
    headers += [(b"Host", HOST.encode()), (b"Content-Length", b"%d" % len(body))]
    method = method.decode("latin-1").encode("ascii", "replace")  # the parser knows no others
    return HttpRequest(method, target, path, query, "1.1", Headers(headers, _ANY_NUMBER), True, False, body, len(body))


def _check_answer(answer: Answer) -> None:
    headers = {name.lower(): value for name, value in answer.headers}
    status = int(answer.status[:3])
    assert status in STATUSES, answer.status
    assert headers["content-length"] == str(len(answer.body))
    assert OUR_FAULT.encode() not in answer.body
    answer.head("", "")
    text = answer.body.decode("utf-8")
    kind = headers.get("content-type", "").partition(";")[0]
    if status in (400, 415) and kind != "text/html":
        assert text == ""
    elif kind in ("text/xml", "application/soap+xml"):
        etree.fromstring(_NO_XML.sub("", text).encode())
    elif kind == "text/plain" and status == 500:
        assert text.endswith("\r\n") or text.startswith(("XML Web", "Schema"))


# .NET writes into its faults what no XML may hold.
_NO_XML: Final = re.compile("&#x[0-9A-F]+;|[\ufffe\uffff]")


def _check_log() -> None:
    for record in _log.records:
        assert record.levelno < logging.ERROR, record.getMessage()
        assert len(record.getMessage()) < 4000, record.getMessage()


def _check_secrecy(entry: Exchange, data: bytes) -> None:
    if data.count(SECRET.encode()) != 1 or SECRET not in (entry.call.auth_code or ""):
        return
    told = [record.getMessage() for record in _log.records]
    told.append(repr(shown_request(entry.raw.request, masked)))
    told.append(repr(shown_answer(entry, masked)))
    assert not any(SECRET in each for each in told), told


def _check_readings(body: bytes) -> None:
    quick = verdict(body, closely=False)
    assert quick is None or quick == verdict(body, closely=True)


def _check_values(call: Call, request: HttpRequest, body: bytes) -> None:
    """The values of a plain envelope, each of whose parts is there once, as the standard library reads them."""
    content_type = next((value for name, value in request.headers.sent if name == b"content-type"), b"")
    if call.binding is Binding.POST or parse_content_type(content_type.decode("latin-1")).charset != "utf-8":
        return
    try:
        root = ElementTree.fromstring(body.decode("utf-8"))
    except (ElementTree.ParseError, UnicodeDecodeError):
        return
    operations = [*root.iter(OPERATION_TAG)]
    found = [[*root.iter(f"{{{NAMESPACE}}}{name}")] for name in PARAMETERS]
    once = [len(each) for each in (operations, *found)] == [1, 1, 1, 1]
    if once and all(each[0] in [*operations[0]] and not len(each[0]) for each in found):
        texts = [each[0].text or "" for each in found]
        assert (call.session, call.node, call.auth_code) == (int(texts[0]), int(texts[1]), texts[2])


TARGET: Final = Target(seeds, WORDS, check)
