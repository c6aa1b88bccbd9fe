"""Journal, control API, RemoteEmulator, report and log say what each client got, and how long it took."""

from __future__ import annotations

import json
import logging
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from queue import Queue
from typing import Any, Final

import pytest
import requests

from emulator import Emulator, Options, RemoteEmulator
from emulator.core.contract import SERVICE_PATH
from emulator.core.journal import Entry
from emulator.fluent import account
from emulator.logs import JsonFormatter
from tests.helpers.calling import PATIENCE, Address, everything, sent
from tests.helpers.raw_http import Request

OK: Final = "startSessionRet_OK"
SCENARIO: Final[dict[str, Any]] = {
    "rules": [
        {"when": {"session": 1}, "return": OK},
        {"when": {"session": 2}, "return": OK, "delay": "10ms"},
        {"when": {"session": 3}, "fail": {"status": 503, "headers": {"Retry-After": "5"}}},
        {"when": {"session": 4}, "fail": {"connection": "truncate"}},
        {"when": {"session": 5}, "fail": {"connection": "garbage"}},
        {"when": {"session": 6}, "fail": {"connection": "reset"}},
        {"when": {"session": 7}, "fail": {"connection": "trickle", "over": "10ms"}},
        {"when": {"session": 8}, "fail": {"status": 500, "body": "x" * 200_000}},
        {"name": "slow", "when": {"session": 9}, "return": OK, "delay": "60s"},
    ]
}


class Lines(logging.Handler):
    """The records of the log, to wait for."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: Queue[logging.LogRecord] = Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put(record)

    def next(self) -> logging.LogRecord:
        return self.records.get(timeout=PATIENCE)


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, handler = logging.getLogger("emulator.calls"), Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture
def rescue() -> Iterator[Emulator]:
    with Emulator.start(SCENARIO) as emulator:
        yield emulator


def test_a_delay_is_the_one_that_the_client_waited_for() -> None:
    with Emulator.start(SCENARIO, Options(max_delay=0.01)) as rescue:
        assert requests.get(rescue.url + "/startSession?iSession=9&iNode=2&sAuthCode=x", timeout=PATIENCE).ok
        assert [call.delay for call in rescue.calls] == [0.01]


def a_call(session: int | str, **padding: int) -> Request:
    body = f"iSession={session}&iNode=2&sAuthCode=demo-ann&x=" + "x" * padding.get("padding", 0)
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Connection", "close")]
    return Request("POST", f"{SERVICE_PATH}/startSession", headers, body)


def address(rescue: Emulator) -> Address:
    host, port = rescue.url.split("/")[2].split(":")
    return host, int(port)


def received(rescue: Emulator, request: Request) -> bytes:
    with sent(address(rescue), request) as connection, suppress(ConnectionResetError):
        return everything(connection)
    return b""


def entries(rescue: Emulator | RemoteEmulator) -> list[Entry]:
    return [*rescue.calls, *rescue.refusals]


@pytest.mark.parametrize(
    ("request_", "delivered"),
    [
        pytest.param(a_call(1), "whole", id="a result"),
        pytest.param(a_call(2), "whole", id="a delay"),
        pytest.param(a_call(3), "whole", id="a status"),
        pytest.param(a_call(4), "cut after {} bytes", id="truncate"),
        pytest.param(a_call(5), "{} bytes of garbage", id="garbage"),
        pytest.param(a_call(6), "nothing", id="reset"),
        pytest.param(a_call(7), "whole", id="trickle"),
        pytest.param(a_call(8), "whole", id="a long body"),
        pytest.param(a_call(1, padding=100_000), "whole", id="deferred"),
        pytest.param(a_call("x"), "whole", id="a refusal"),
        pytest.param(Request("GET", f"{SERVICE_PATH} x"), "whole", id="malformed"),
    ],
)
def test_once_a_client_has_its_answer_its_bytes_are_in_the_journal(
    request_: Request, delivered: str, rescue: Emulator
) -> None:
    got = received(rescue, request_)
    (entry,) = entries(rescue)
    assert (entry.raw.sent, entry.delivered) == (got, delivered.format(len(got)))
    assert entry.answered_s is not None
    assert entry.answered_s >= (0.009 if request_ in (a_call(2), a_call(7)) else 0)

    (elsewhere,) = entries(RemoteEmulator(rescue.url))
    assert elsewhere.delivered == entry.delivered
    assert (elsewhere.answered_s, elsewhere.decided_s) == (round(entry.answered_s, 6), round(entry.decided_s, 6))


def test_the_answer_is_shown_with_every_header(rescue: Emulator) -> None:
    received(rescue, a_call(3))
    shown = requests.get(rescue.url.replace(SERVICE_PATH, "/__admin/calls/1"), timeout=PATIENCE).json()["answer"]
    names = ["Retry-After", "X-Emulator-Rule", "X-Emulator-Call", "Content-Length", "Date", "Connection"]
    assert [name for name, _ in shown["headers"]] == names


def test_a_client_that_leaves_ends_its_wait_and_the_one_line_of_the_log_says_so(rescue: Emulator, lines: Lines) -> None:
    with sent(address(rescue), a_call(9)) as connection:
        assert lines.next().getMessage() == "1 arrived: post session=9 node=2 auth_code=de***"
        (call,) = rescue.calls
        assert (call.delivered, call.answered_s, call.raw.answer) == (None, None, None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line = lines.next().getMessage()
    assert re.search(rf"rule='slow' {OK} after 60 s, client left after \d(\.\d+)? s \(\d+\.\d ms\)$", line)
    assert str(call.delivered) in line
    assert call.raw.answer is None
    assert f"{OK} after 60 s, by rule slow; {call.delivered}" in account(rescue)
    assert lines.records.empty()


def test_in_json_a_line_has_the_call_as_fields(rescue: Emulator, lines: Lines) -> None:
    received(rescue, a_call(4))
    lines.next()
    data = json.loads(JsonFormatter().format(lines.next()))
    (call,) = rescue.calls
    assert {name: data[name] for name in data if name not in ("time", "decided_s", "answered_s")} == {
        "level": "info", "logger": "emulator.calls", "message": "call", "id": 1, "binding": "post", "session": 4,
        "node": 2, "auth_code": "de***", "decided_by": "rule", "rule": "rule 4", "source": None, "reason": "",
        "result": "connection truncate", "delay_s": 0.0, "near_misses": [], "remarks": [],
        "delivered": call.delivered,
    }  # fmt: skip
    assert data["answered_s"] > 0


def test_in_json_a_refusal_has_its_reason_as_a_field(rescue: Emulator, lines: Lines) -> None:
    received(rescue, Request("PUT", SERVICE_PATH, [("Connection", "close")], ""))
    lines.next()
    data = json.loads(JsonFormatter().format(lines.next()))
    assert (data["message"], data["binding"], data["method"], data["status"]) == ("refused request", None, "PUT", 405)
    assert (data["delivered"], data["reason"]) == ("whole", "PUT is not for the service; it takes GET and POST")


def test_a_call_with_remarks_is_one_line_and_none_of_them_is_in_the_log_alone(rescue: Emulator, lines: Lines) -> None:
    received(rescue, Request("GET", f"{SERVICE_PATH}/startSession?iSession=1", [("Connection", "close")]))
    lines.next()
    record = lines.next()
    (refusal,) = rescue.refusals
    assert ".;" not in record.getMessage()
    assert all(remark in record.getMessage() for remark in refusal.remarks)
    assert lines.records.empty()
