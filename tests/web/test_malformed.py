"""Requests that the server refuses itself are in the journal like all others: masked, bounded, by space."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from emulator.delivery import MalformedRequest
from emulator.web.app import Application
from tests.helpers.calling import PATIENCE, call, everything, sent, serving
from tests.helpers.control import SERVICE, Emulated, limited
from tests.helpers.raw_http import Request

SECRET: Final = "s3cret-code-0123"
TARGET: Final = f"{SERVICE}/startSession?iSession=1&iNode=2&sAuthCode={SECRET}"


def malformed(start: str = f"GET {TARGET} HTTP/1.1", headers: Any = ()) -> MalformedRequest:
    length = [("Content-Length", "4")]
    return MalformedRequest("no {braces}", start, headers, "400 Bad Request", length, b"why\n")


def record(emulated: Emulated, request: MalformedRequest) -> None:
    application = emulated.client.application
    assert isinstance(application, Application)
    application.record_malformed(request)


def test_such_a_request_is_a_refusal_with_what_was_read_of_it_masked() -> None:
    emulated = Emulated()
    record(emulated, malformed(headers=[(b"SOAPAction", SECRET.encode()), (b"X-A", SECRET.encode())]))
    entry = emulated.get("/calls/1")
    assert (entry["kind"], entry["binding"], entry["status"], entry["reason"]) == ("refusal", None, 400, "no {braces}")
    assert entry["request"]["start"] == f"GET {TARGET.replace(SECRET, 's3cr***')} HTTP/1.1"
    assert [name for name, _ in entry["request"]["headers"]] == ["SOAPAction", "X-A"]
    assert entry["answer"] == {
        "start": "HTTP/1.1 400 Bad Request", "headers": [["Content-Length", "4"]], "body": "why\n",
    }  # fmt: skip
    assert SECRET not in json.dumps([entry, emulated.get("/calls")])


def test_bytes_that_are_no_request_are_a_refusal_without_one() -> None:
    emulated = Emulated()
    record(emulated, malformed(""))
    assert emulated.get("/calls/1")["request"] is None


def test_such_requests_are_bounded_and_counted_like_all_others() -> None:
    emulated = Emulated(settings=limited(2))
    for _ in range(5):
        record(emulated, malformed())
    journal = emulated.get("/calls")
    assert (journal["found"], journal["dropped"], journal["totals"]) == (2, 3, {"calls": 0, "refusals": 5})


def test_such_a_request_is_in_the_journal_of_its_space() -> None:
    emulated = Emulated()
    emulated.request("PUT", "/spaces/mine")
    record(emulated, malformed(f"GET /spaces/mine{TARGET} HTTP/1.1"))
    record(emulated, malformed(f"GET /spaces/other{TARGET} HTTP/1.1"))
    assert (emulated.get("/calls", root="/spaces/mine")["last"], emulated.get("/calls")["last"]) == (1, 1)


@pytest.mark.parametrize("root", ["", "/spaces/mine"])
def test_a_request_to_the_control_api_is_in_no_journal(root: str) -> None:
    emulated = Emulated()
    emulated.request("PUT", "/spaces/mine")
    record(emulated, malformed(f"GET {root}/__admin/calls HTTP/1.1"))
    assert emulated.get("/calls", root=root)["last"] == 0


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Request("GET", f"{TARGET} a"), id="in the URL"),
        pytest.param(Request("GET", TARGET, [("X-A", f"{SECRET}\r\n {SECRET}")]), id="in a header"),
        pytest.param(Request("GET", TARGET, [(f"X-{SECRET} ", SECRET)]), id="in a header's name"),
        pytest.param(Request(SECRET.upper(), SECRET), id="in the method"),
    ],
)
def test_a_code_in_a_request_that_the_server_refuses_is_masked(
    broken: Request, caplog: pytest.LogCaptureFixture
) -> None:
    with serving("name: empty\n") as address:
        with sent(address, broken) as connection:
            connection.settimeout(PATIENCE)
            assert everything(connection).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
        shown = call(address, Request("GET", "/__admin/calls/1", [("Host", "127.0.0.1")], no_host=True))
    assert shown.status == 200
    assert SECRET not in shown.body.decode() + caplog.text
