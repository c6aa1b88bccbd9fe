"""The recorded answers of a real ASMX service, and how an answer is compared with them.

The recordings, ``golden/asmx/*.jsonl``, were made on Mono, which runs Microsoft's own code for web services; the second
one has requests from public bug reports, and random ones. The .NET Framework differs in two points, where the
comparison follows the .NET Framework:

* it writes CRLF in indented XML and in text, where the recording has LF;
* it sends ``Cache-Control: private, max-age=0`` with status 200 only, since every error path clears the headers first.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from lxml import etree

from emulator.core.contract import Call
from tests.helpers.paths import GOLDEN
from tests.helpers.raw_http import Answer, Request

RECORDINGS = [GOLDEN / "asmx" / name for name in ("cases.jsonl", "cases-2.jsonl")]
DOCUMENT_ROOTS = (b"<wsdl:definitions ", b"<discovery ")


@dataclass(frozen=True, slots=True)
class Expected:
    """One recorded answer; a field is None if it was not recorded.

    ``received`` is what the method got, as ``received_text`` writes it. ``why`` gives the source of an answer that is
    not from the recorded service.
    """

    status: int
    compare: Literal["all", "status+type"]
    content_type: str | None = None
    cache_control: str | None = None
    content_encoding: str | None = None
    body: str | None = None
    received: str | None = None
    interim: Sequence[int] = ()
    why: str = ""
    confidence: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded request with its answers, one for each time it is sent."""

    id: str
    group: str
    note: str
    request: Request
    answers: tuple[Expected, ...]


def load_cases() -> list[Case]:
    """Return all cases in the order of the recordings; an unknown key raises TypeError."""
    return [_case(**json.loads(line)) for file in RECORDINGS for line in file.read_bytes().splitlines()]


def _case(*, request: dict[str, Any], answers: list[dict[str, Any]], received: str | None = None, **about: str) -> Case:
    if "body_b64" in request:
        request |= {"body": b64decode(request.pop("body_b64")).decode("latin-1"), "encoding": "latin-1"}
    if received is not None:
        answers[0]["received"] = received
    expected = ({key.replace("-", "_"): value for key, value in answer.items()} for answer in answers)
    return Case(**about, request=Request(**request), answers=tuple(Expected(**answer) for answer in expected))


def received_text(call: Call) -> str:
    """Write a call as the recording does: ``1,2,"ok"``, percent-encoded, ``null`` without auth code."""
    auth_code = "null" if call.auth_code is None else '"' + quote(call.auth_code, safe="") + '"'
    return f"{call.session},{call.node},{auth_code}"


def assert_received(case: Case, calls: Sequence[Call]) -> None:
    """Raise AssertionError unless the calls are those that the recorded method received, if they were recorded."""
    expected = [answer.received for answer in case.answers if answer.received is not None]
    actual = [received_text(call) for call in calls]
    if expected and actual != expected:
        raise AssertionError(f"{case.id} ({case.note}): received {actual}, not {expected}")


def assert_answers(case: Case, answers: Sequence[Answer]) -> None:
    """Raise AssertionError with every difference between the recorded answers and these."""
    problems = [f"{len(answers)} answers, not {len(case.answers)}"] if len(answers) != len(case.answers) else []
    for expected, answer in zip(case.answers, answers, strict=False):
        problems += _differences(expected, answer)
    if problems:
        raise AssertionError("\n  ".join([f"{case.id} ({case.note}):", *problems]))


def _differences(expected: Expected, answer: Answer) -> Iterator[str]:
    if answer.status != expected.status:
        yield f"status {answer.status}, not {expected.status}"
    if answer.interim != tuple(expected.interim):
        yield f"interim answers {answer.interim}, not {expected.interim}"
    if expected.compare == "all":
        yield from _header_differences(expected, answer)
        yield from _body_differences(expected.body or "", answer.body)
    elif expected.content_type is not None:
        actual = answer.headers.get("Content-Type", "")
        if actual.replace(" ", "") != expected.content_type.replace(" ", ""):
            yield f"Content-Type {actual!r}, not {expected.content_type!r}"


def _header_differences(expected: Expected, answer: Answer) -> Iterator[str]:
    headers = {
        "Content-Type": expected.content_type,
        "Cache-Control": "private, max-age=0" if expected.status == 200 else "private",
        "Content-Length": str(len(answer.body)),
    }
    for name, value in headers.items():
        actual = answer.headers.get_all(name, [])
        if actual != [value]:
            yield f"{name} {actual}, not {value!r}"
    encodings = [] if expected.content_encoding is None else [expected.content_encoding]
    if answer.headers.get_all("Content-Encoding", []) != encodings:
        yield f"Content-Encoding {answer.headers.get_all('Content-Encoding')}, not {encodings}"


def _body_differences(recorded: str, body: bytes) -> Iterator[str]:
    expected = recorded.replace("\n", "\r\n").encode()
    if _is_document(expected) and _is_document(body):
        if _canonical(body) != _canonical(expected):
            yield f"body {body!r}, not canonically {expected!r}"
        elif body.count(b"\n") != body.count(b"\r\n"):
            yield "a line of the document ends in LF alone"
    elif body != expected:
        yield f"body {body!r}, not {expected!r}"


def _is_document(body: bytes) -> bool:
    """Return True for a WSDL or discovery document, in which the order of the root's namespaces is not fixed."""
    return any(root in body[:100] for root in DOCUMENT_ROOTS)


def _canonical(document: bytes) -> bytes:
    return etree.tostring(etree.fromstring(document), method="c14n")
