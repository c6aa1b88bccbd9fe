"""The requests of the soak, and what each must lead to; this module opens no connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from emulator.core.contract import SERVICE_PATH, Binding, Result
from tests.helpers.calling import a_request
from tests.helpers.raw_http import Request

MAX_DELAY: Final = 0.5
"""The server's limit of every delay in seconds, so that a stall ends."""

SECRET: Final = "-is-never-shown-in-full"
"""The end of every auth code that is sent; no scenario names one literally, so that all are masked."""

_MARK: Final = "requested by the soak"
_OUTCOMES: Final = {
    **{result.name: f"return: {result.value}" for result in Result},
    "delay": f"return: {Result.OK.value}, delay: {{from: 1ms, to: 20ms}}",
    "exception": f"fail: {{exception: {_MARK}}}",
    "status": f'fail: {{status: 503, headers: {{Retry-After: "5"}}, body: {_MARK}, content_type: text/html}}',
    "trickle": "fail: {connection: trickle, over: 30ms}",
    **{fault: f"fail: {{connection: {fault}}}" for fault in ("reset", "close", "truncate", "garbage", "stall")},
}


def auth_code(outcome: str) -> str:
    """Return the auth code that leads to an outcome: one of the table, or ``edition``."""
    return outcome + SECRET


def scenario(name: str, edition: Result = Result.OK) -> str:
    """Return a scenario with a rule for every outcome; ``edition`` is the result by which versions of it differ."""
    outcomes = {**_OUTCOMES, "edition": f"return: {edition.value}"}
    rules = (
        f"  - {{when: {{auth_code: {{matches: '{outcome}[-]{SECRET[1:]}'}}}}, {reply}}}\n"
        for outcome, reply in outcomes.items()
    )
    return f"name: {name}\notherwise: {Result.ERROR.value}\nrules:\n{''.join(rules)}"


class RawResponse(NamedTuple):
    """All bytes of one response, and the state of the connection after it: ``open``, ``closed`` or ``reset``."""

    data: bytes
    connection: str

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def content_length(self) -> int:
        """The value of its Content-Length, or -1."""
        match = re.search(rb"\r\nContent-Length: (\d+)\r\n", self.data)
        return int(match[1]) if match else -1


class Probe(NamedTuple):
    """One request, the check of its response, and the outcome under which the journal counts it.

    The client of a probe that ``abandons`` closes the connection without waiting for the response.
    """

    kind: str
    binding: Binding | None
    data: bytes
    is_right: Callable[[RawResponse], bool]
    outcome: str
    abandons: bool = False

    @property
    def binding_label(self) -> str:
        """The binding as the metrics name it."""
        return self.binding.value if self.binding else "none"


def _complete(status: int, text: str, connection: str = "open") -> Callable[[RawResponse], bool]:
    """Return a check for a complete response with this status, this text in its body, and this connection after it."""
    return lambda response: (
        response.data.startswith(b"HTTP/1.1 %d " % status)
        and len(response.body) == response.content_length
        and text.encode() in response.body
        and response.connection == connection
    )


def keep_alive_probes() -> Iterator[Probe]:
    """Yield calls, failures and refusals after which the connection stays open."""
    for binding in Binding:
        for result in Result:
            yield _call("result", binding, result.name, _complete(200, f"{result.value}<"), result.value)
        yield _call("delay", binding, "delay", _complete(200, f"{Result.OK.value}<"), Result.OK.value)
        yield _call("exception", binding, "exception", _complete(500, _MARK), "exception")
        yield _call("status 503", binding, "status", _complete(503, _MARK), "status 503")
    for refused_over, status, text, request in _REFUSED:
        data = request.head + request.content
        yield Probe(f"refused, {status}", refused_over, data, _complete(status, text), str(status))


def closing_probes() -> Iterator[Probe]:
    """Yield connection faults, and bytes that are not HTTP, after which the connection is closed."""
    checks: dict[str, Callable[[RawResponse], bool]] = {
        "reset": lambda response: response == (b"", "reset"),
        "close": lambda response: response == (b"", "closed"),
        "truncate": lambda r: r.connection == "closed" and 0 < len(r.body) == r.content_length // 2,
        "garbage": lambda r: r.connection == "closed" and r.data != b"" and not r.data.startswith(b"HTTP"),
        "trickle": _complete(200, Result.OK.value, "closed"),
        "stall": lambda response: response == (b"", "closed"),
    }
    for binding in Binding:
        for fault, is_right in checks.items():
            yield _call(fault, binding, fault, is_right, f"connection {fault}")
        stall = _call("stall, abandoned", binding, "stall", lambda response: response.data == b"", "connection stall")
        yield stall._replace(abandons=True)
    for status, data in _NOT_HTTP:
        yield Probe("not HTTP", None, data, _complete(status, "", "closed"), str(status))


def _call(kind: str, binding: Binding, code: str, is_right: Callable[[RawResponse], bool], outcome: str) -> Probe:
    request = a_request(binding, auth_code=auth_code(code))
    return Probe(kind, binding, request.head + request.content, is_right, outcome)


def _wrong(binding: Binding, body: str, *changed: tuple[str, str]) -> Request:
    right = a_request(binding)
    names = {name for name, _ in changed}
    headers = [header for header in right.headers if header[0] not in names]
    return Request("POST", right.path, [*headers, *changed], body)


_CALL_PATH: Final = f"{SERVICE_PATH}/startSession"
_REFUSED: Final = (
    (Binding.SOAP11, 400, "", _wrong(Binding.SOAP11, "<a")),
    (Binding.SOAP11, 500, "SOAPAction", _wrong(Binding.SOAP11, "<a/>", ("SOAPAction", "x"))),
    (Binding.SOAP11, 415, "", _wrong(Binding.SOAP11, "x", ("Content-Type", "text/plain"))),
    (Binding.SOAP12, 500, "", _wrong(Binding.SOAP12, "<a")),
    (Binding.GET, 500, "Missing parameter", Request("GET", f"{_CALL_PATH}?iSession=1")),
    (Binding.GET, 500, "Cannot convert", Request("GET", f"{_CALL_PATH}?iSession=x&iNode=1&sAuthCode={SECRET}")),
    (Binding.POST, 500, "Missing parameter", _wrong(Binding.POST, "a")),
    (None, 411, "", Request("POST", SERVICE_PATH)),
    (None, 405, "", Request("PUT", SERVICE_PATH, body="")),
    (None, 404, "", Request("GET", "/nowhere")),
    (None, 400, "", Request("GET", SERVICE_PATH, no_host=True)),
)
_NOT_HTTP: Final = (
    (400, b"\0\1 is not HTTP\r\n\r\n"),
    (414, Request("GET", "/" + 20_000 * "x").head),
    (400, Request("GET", SERVICE_PATH, [("A", "b")] * 200).head),
    (400, Request("POST", SERVICE_PATH, [("Content-Length", "x")]).head),
)
