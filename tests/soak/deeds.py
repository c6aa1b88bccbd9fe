"""What clients of the soak send to the service, and what each of it must get: it opens no connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from emulator.core.contract import SERVICE_PATH, Binding, Result
from tests.helpers.calling import a_request
from tests.helpers.raw_http import Request

LONGEST_DELAY: Final = 1.0
"""Seconds by which the server is to bound every delay, so that a stall ends."""

HIDDEN: Final = "-is-never-shown-in-full"
"""The end of every auth code that is sent here."""

_ASKED_FOR: Final = "the soak asked for this"
_OUTCOMES: Final = {
    **{result.name: f"return: {result.value}" for result in Result},
    "delay": f"return: {Result.OK.value}, delay: {{from: 1ms, to: 20ms}}",
    "exception": f"fail: {{exception: {_ASKED_FOR}}}",
    "status": f'fail: {{status: 503, headers: {{Retry-After: "5"}}, body: {_ASKED_FOR}, content_type: text/html}}',
    "trickle": "fail: {connection: trickle, over: 30ms}",
    **{fault: f"fail: {{connection: {fault}}}" for fault in ("reset", "close", "truncate", "garbage", "stall")},
}


def auth_code(how: str) -> str:
    """The auth code that gets one outcome, or the one that tells editions of the scenario apart."""
    return how + HIDDEN


def scenario(name: str, edition: Result = Result.OK) -> str:
    """A scenario with a rule for every outcome that can be asked for; two differ in name and in one result."""
    outcomes = {**_OUTCOMES, "edition": f"return: {edition.value}"}
    rules = (f"  - {{when: {{auth_code: {auth_code(how)}}}, {outcome}}}\n" for how, outcome in outcomes.items())
    return f"name: {name}\notherwise: {Result.ERROR.value}\nrules:\n{''.join(rules)}"


class Came(NamedTuple):
    """What a client got: all bytes of one answer, and how the connection is: ``open``, ``closed`` or ``reset``."""

    data: bytes
    connection: str

    @property
    def body(self) -> bytes:
        """What follows the head."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def promised(self) -> int:
        """How long its head says that the body is, in bytes."""
        found = re.search(rb"\r\nContent-Length: (\d+)\r\n", self.data)
        return int(found[1]) if found else -1


class Deed(NamedTuple):
    """One request of a kind, what must come of it, and as what the journal must count it: None for not at all."""

    kind: str
    binding: Binding | None
    sent: bytes
    is_right: Callable[[Came], bool]
    counted: str | None
    gives_up: bool = False

    @property
    def column(self) -> str:
        """How metrics call the binding."""
        return self.binding.value if self.binding else "none"


def raw(request: Request) -> bytes:
    """A request as it travels."""
    return request.head + request.content


def answered(status: int, text: str, connection: str = "open") -> Callable[[Came], bool]:
    """Whether a whole answer with a status came, a text in its body, and how the connection is after it."""
    begin, wanted = b"HTTP/1.1 %d " % status, text.encode()

    def is_right(came: Came) -> bool:
        body = came.body
        whole = came.data.startswith(begin) and len(body) == came.promised
        return whole and wanted in body and came.connection == connection

    return is_right


def keeping() -> Iterator[Deed]:
    """Calls, failures and refusals after which the connection goes on."""
    for binding in Binding:
        for result in Result:
            yield _call("result", binding, result.name, answered(200, f"{result.value}<"), result.value)
        yield _call("delay", binding, "delay", answered(200, f"{Result.OK.value}<"), Result.OK.value)
        yield _call("exception", binding, "exception", answered(500, _ASKED_FOR), "exception")
        yield _call("status 503", binding, "status", answered(503, _ASKED_FOR), "status 503")
    yield from (_refused(*each) for each in _REFUSED)


def ending() -> Iterator[Deed]:
    """Failures of the connection, and what is no HTTP: after each of them it is over."""
    rights: dict[str, Callable[[Came], bool]] = {
        "reset": lambda came: came == (b"", "reset"),
        "close": lambda came: came == (b"", "closed"),
        "truncate": lambda came: came.connection == "closed" and 0 < len(came.body) == came.promised // 2,
        "garbage": lambda came: came.connection == "closed" and came.data != b"" and not came.data.startswith(b"HTTP"),
        "trickle": answered(200, Result.OK.value, "closed"),
        "stall": lambda came: came == (b"", "closed"),
    }
    for binding in Binding:
        for fault, is_right in rights.items():
            yield _call(fault, binding, fault, is_right, f"connection {fault}")
        given_up = _call("stall, given up", binding, "stall", lambda came: came.data == b"", "connection stall")
        yield given_up._replace(gives_up=True)
    for status, sent in _NO_HTTP:
        yield Deed("no HTTP", None, sent, answered(status, "", "closed"), None)


def _call(kind: str, binding: Binding, how: str, is_right: Callable[[Came], bool], counted: str) -> Deed:
    return Deed(kind, binding, raw(a_request(binding, auth_code=auth_code(how))), is_right, counted)


def _refused(binding: Binding | None, status: int, text: str, request: Request) -> Deed:
    return Deed(f"refused, {status}", binding, raw(request), answered(status, text), str(status))


def _wrong(binding: Binding, body: str, *more: tuple[str, str]) -> Request:
    right = a_request(binding)
    names = {name for name, _ in more}
    return Request("POST", right.path, [*(each for each in right.headers if each[0] not in names), *more], body)


_CALL_PATH: Final = f"{SERVICE_PATH}/startSession"
_REFUSED: Final = (
    (Binding.SOAP11, 400, "", _wrong(Binding.SOAP11, "<a")),
    (Binding.SOAP11, 500, "SOAPAction", _wrong(Binding.SOAP11, "<a/>", ("SOAPAction", "x"))),
    (Binding.SOAP11, 415, "", _wrong(Binding.SOAP11, "x", ("Content-Type", "text/plain"))),
    (Binding.SOAP12, 500, "", _wrong(Binding.SOAP12, "<a")),
    (Binding.GET, 500, "Missing parameter", Request("GET", f"{_CALL_PATH}?iSession=1")),
    (Binding.GET, 500, "Cannot convert", Request("GET", f"{_CALL_PATH}?iSession=x&iNode=1&sAuthCode={HIDDEN}")),
    (Binding.POST, 500, "Missing parameter", _wrong(Binding.POST, "a")),
    (None, 411, "", Request("POST", SERVICE_PATH)),
    (None, 405, "", Request("PUT", SERVICE_PATH, body="")),
    (None, 404, "", Request("GET", "/nowhere")),
    (None, 400, "", Request("GET", SERVICE_PATH, no_host=True)),
)
_NO_HTTP: Final = (
    (400, b"\0\1 is no HTTP\r\n\r\n"),
    (414, raw(Request("GET", "/" + 20_000 * "x"))),
    (400, raw(Request("GET", SERVICE_PATH, [("A", "b")] * 200))),
    (400, raw(Request("POST", SERVICE_PATH, [("Content-Length", "x")]))),
)
