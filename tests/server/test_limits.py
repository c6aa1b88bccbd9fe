"""What a client may send, for how long, and how many clients there may be: each limit, and how it is told."""

from __future__ import annotations

import contextlib
import logging
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from emulator import MadeCertificate
from emulator.core.contract import SERVICE_PATH, Binding
from emulator.server.limits import HttpLimits
from tests.cli.test_serve import run
from tests.cli.test_serve import serving as serving_in_a_process
from tests.helpers.calling import (
    LOOPS,
    PATIENCE,
    Address,
    AttentiveEngine,
    a_request,
    call,
    everything,
    next_answer,
    result,
    sent,
    serving,
)
from tests.helpers.raw_http import Request, exchange

SCENARIO: Final = """
otherwise: startSessionRet_OK
rules:
  - {when: {session: 3}, delay: 3600s, return: startSessionRet_OK}
  - {when: {session: 4}, delay: 500ms, return: startSessionRet_OK}
"""
SOON: Final = 0.2  # seconds
CLOSING: Final = [("Connection", "close")]
A_GET: Final = replace(a_request(), headers=CLOSING)
A_POST: Final = a_request(Binding.POST)
A_HEAD: Final = b"GET /API/API.asmx HTTP/1.1\r\nHost: x\r\nX-A: "
OPTIONS: Final = {
    "--max-request-line": "request_line",
    "--max-headers": "headers",
    "--max-header-bytes": "header_bytes",
    "--max-body": "body",
    "--head-timeout": "head_within",
    "--body-timeout": "body_within",
    "--idle-timeout": "idle",
    "--max-connections": "connections",
}

Limited = Callable[..., Address]


@pytest.fixture(params=LOOPS)
def limited(request: pytest.FixtureRequest) -> Iterator[Limited]:
    """Serves the scenario of this module with some limits."""
    with contextlib.ExitStack() as stack:

        def limited(**limits: Any) -> Address:
            return stack.enter_context(serving(SCENARIO, loop=request.param, limits=HttpLimits(**limits)))

        yield limited


def answer_to(data: bytes, address: Address) -> bytes:
    """All that comes back, however much of what is sent is read."""
    with sent(address) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return everything(connection)


def trickled(data: bytes, address: Address) -> bytes:
    """All that comes back when data is sent first, and then zeros, one at a time, until an answer is there."""
    with sent(address) as connection:
        connection.sendall(data)
        until = time.monotonic() + PATIENCE
        while not select.select([connection], [], [], 0.01)[0]:
            assert time.monotonic() < until, "no answer"
            connection.sendall(b"0")
        return everything(connection)


def check_refused(answer: bytes, status: int, *told: str) -> None:
    """An answer is the only one, says why, and is the last on its connection."""
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"%d" % status]
    assert b"\r\nConnection: close\r\n" in answer
    assert [each for each in told if each.encode() not in answer] == []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_request_line_is_as_long_as_is_stated_and_no_longer(
    limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    address = limited(request_line=len(A_GET.path))
    assert result(call(address, A_GET)) == "OK"
    told = f"URI Too Long: at most {len(A_GET.path)} bytes of a request line are read; serve takes --max-request-line"
    check_refused(answer_to(replace(A_GET, path=A_GET.path + "1").head, address), 414, told)
    assert [each.endswith(told) for each in warnings(caplog)] == [True]


def test_there_are_as_many_headers_as_is_stated_and_no_more(limited: Limited) -> None:
    address = limited(headers=3)
    headers = [("X-A", "1"), *CLOSING]
    assert result(call(address, replace(A_GET, headers=headers))) == "OK"
    refused = answer_to(replace(A_GET, headers=[*headers, ("X-B", "1")]).head, address)
    check_refused(refused, 400, "at most 3 headers", "--max-headers")


def test_headers_are_as_long_as_is_stated_and_no_longer(limited: Limited) -> None:
    own = sum(len(line) - 2 for line in A_GET.head.decode().splitlines()[1:-1])
    address = limited(header_bytes=own + 10)
    assert result(call(address, replace(A_GET, headers=[("X-A", "1234567"), *CLOSING]))) == "OK"
    refused = answer_to(replace(A_GET, headers=[("X-A", "12345678"), *CLOSING]).head, address)
    check_refused(refused, 400, f"of {own + 10} bytes in all", "--max-header-bytes")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(A_HEAD, 400, id="a value"),
        pytest.param(A_HEAD[:-2], 400, id="a name"),
        pytest.param(b"GET /", 414, id="a target"),
        pytest.param(b"POST /API/API.asmx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400, id="a size"),
    ],
)
def test_what_never_ends_is_refused_once_it_is_too_long(data: bytes, status: int, limited: Limited) -> None:
    address = limited(request_line=100, header_bytes=100)
    with sent(address) as connection:
        connection.sendall(data)
        sending = threading.Thread(target=_send_on, args=(connection,))
        sending.start()
        check_refused(everything(connection), status)
        sending.join(PATIENCE)
    assert result(call(address, A_GET)) == "OK"


def _send_on(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(10_000):
            connection.sendall(b"0" * 50)


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_is_as_long_as_is_stated_and_no_longer(chunked: bool, limited: Limited) -> None:
    address = limited(body=len(A_POST.content))
    for more, status in [(0, 200), (1, 500), (15 * len(A_POST.content), 500), (100_000, 500)]:
        longer = replace(A_POST, body=str(A_POST.body) + "&" * more, chunked=chunked)
        answer = answer_to(replace(longer, headers=[*longer.headers, *CLOSING]).head + longer.content, address)
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"%d" % status]
        assert (b"Runtime Error" in answer) == (status == 500)
    assert result(call(address, A_GET)) == "OK"


def test_a_body_that_is_too_long_is_not_asked_for(limited: Limited) -> None:
    address = limited(body=len(A_POST.content))
    asking = replace(A_POST, headers=[*A_POST.headers, ("Expect", "100-continue"), *CLOSING])
    assert exchange(asking, address)[0].interim == (100,)
    longer = replace(asking, body=f"{asking.body}&")
    assert everything_after(longer.head, address).startswith(b"HTTP/1.1 500 ")


def everything_after(data: bytes, address: Address) -> bytes:
    with sent(address) as connection:
        connection.sendall(data)
        return everything(connection)


@pytest.mark.parametrize("sending", [answer_to, trickled], ids=["nothing more comes", "a byte at a time"])
@pytest.mark.parametrize("first", [b"", replace(A_GET, headers=[]).head], ids=["first", "after another"])
def test_a_head_has_its_time_and_no_more(
    first: bytes, sending: Callable[[bytes, Address], bytes], limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    answer = sending(first + A_HEAD, limited(head_within=SOON))
    assert time.monotonic() - began >= SOON
    told = "the rest of a head did not come within 0.2 s; serve takes --head-timeout"
    check_refused(answer[answer.rindex(b"HTTP/1.1 ") :], 408, told)
    assert [each.endswith(told) for each in warnings(caplog)] == [True]


@pytest.mark.parametrize("sending", [answer_to, trickled], ids=["nothing more comes", "a byte at a time"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_has_its_time_and_no_more(
    framing: str, sending: Callable[[bytes, Address], bytes], limited: Limited
) -> None:
    head = f"POST {SERVICE_PATH}/startSession HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    told = "the rest of a body did not come within 0.2 s; serve takes --body-timeout"
    check_refused(sending(head, limited(head_within=60, body_within=SOON)), 408, told)


def test_a_body_that_was_asked_for_has_its_time_and_no_more(limited: Limited) -> None:
    asking = replace(A_POST, headers=[*A_POST.headers, ("Expect", "100-continue")])
    interim, _, answer = answer_to(asking.head, limited(body_within=SOON)).partition(b"\r\n\r\n")
    assert interim == b"HTTP/1.1 100 Continue"
    check_refused(answer, 408)


@pytest.mark.parametrize("data", [b"", b"\r\n", a_request().head], ids=["fresh", "an empty line", "after an answer"])
def test_a_connection_on_which_nothing_is_asked_ends_without_an_answer(
    data: bytes, limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    assert answer_to(data, limited(idle=SOON)).count(b"HTTP/1.1 ") == (len(data) > 2)
    assert SOON <= time.monotonic() - began < HttpLimits().idle / 2
    assert warnings(caplog) == []


def test_an_answer_that_waits_is_not_cut(limited: Limited) -> None:
    address = limited(head_within=SOON / 2, body_within=SOON / 2, idle=SOON / 2)
    for binding in (Binding.GET, Binding.SOAP11):
        assert result(call(address, a_request(binding, session=4))) == "OK"


def test_who_comes_when_all_connections_are_open_waits_until_one_ends(
    limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    address = limited(connections=2)
    request = a_request()
    with sent(address, request) as one, sent(address, request) as other:
        assert (next_answer(one)[0], next_answer(other)[0]) == (200, 200)
        with sent(address, request) as third, sent(address, A_GET) as fourth:
            assert select.select([third, fourth], [], [], SOON)[0] == []
            one.sendall(request.head)
            assert b"\r\nConnection: close\r\n" in everything(one)
            assert b"startSessionRet_OK" in everything(third)
            other.sendall(A_GET.head)
            assert b"startSessionRet_OK" in everything(other)
            assert b"startSessionRet_OK" in everything(fourth)
    assert warnings(caplog)[0] == "2 connections are open, as many as may be: the next one waits"
    assert len(warnings(caplog)) <= 2  # the fourth waited, too, once the third was let in


def test_who_waits_is_let_in_once_somebody_asks_nothing_for_long(limited: Limited) -> None:
    address = limited(connections=2, idle=SOON)
    with sent(address), sent(address), sent(address, A_GET) as third:
        assert b"startSessionRet_OK" in everything(third)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("said", [b"", A_GET.head, b"\x16\x03\x01\x00\x05rubbish"], ids=["nothing", "HTTP", "no TLS"])
def test_a_handshake_that_fails_leaves_its_place_to_others(said: bytes, loop: str, tmp_path: Path) -> None:
    certificate = MadeCertificate(ca=tmp_path / "ca.pem")
    with serving(SCENARIO, loop=loop, limits=HttpLimits(connections=1), certificate=certificate) as address:
        for _ in range(5):
            with contextlib.suppress(ConnectionError), sent(address) as failing:
                failing.sendall(said)
                failing.shutdown(socket.SHUT_WR)
                everything(failing)
        context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        for _ in range(5):
            with sent(address) as connection, context.wrap_socket(connection, server_hostname="localhost") as secured:
                secured.sendall(A_GET.head)
                assert next_answer(secured)[0] == 200


def test_busy_clients_are_served_among_many_slow_ones(limited: Limited) -> None:
    address = limited(head_within=1.0)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(sent(address)) for _ in range(200)]
        for each in slow:
            each.sendall(A_HEAD)
        with ThreadPoolExecutor(8) as pool:
            found = [*pool.map(lambda _: busy(address, 50), range(8))]
        assert found == [["OK"] * 50] * 8
        for each in slow:
            check_refused(everything(each), 408)


def busy(address: Address, calls: int) -> list[str]:
    """The results of calls, one after the other on one connection."""
    return [result(answer) for answer in exchange(replace(a_request(), repeat=calls), address, timeout=PATIENCE)]


def test_a_client_that_never_reads_is_cut_off(limited: Limited, caplog: pytest.LogCaptureFixture) -> None:
    address = limited(body_within=SOON)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(PATIENCE)
        deaf.connect(address)
        with contextlib.suppress(ConnectionError):
            deaf.sendall(Request("GET", f"{SERVICE_PATH}?wsdl").head * 2000)
        end = select.poll()
        end.register(deaf, 0)
        assert end.poll(PATIENCE * 1000) != []
    assert result(call(address, A_GET)) == "OK"
    assert warnings(caplog) == ["127.0.0.1 did not read its answer within 0.2 s"]


def test_who_does_not_read_holds_up_no_stop() -> None:
    engine = AttentiveEngine(SCENARIO)
    with contextlib.ExitStack() as stack:
        with serving(engine) as address:
            for _ in range(20):
                stack.enter_context(sent(address, *[a_request()] * 500))
            engine.wait_for(100)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE / 2


@pytest.mark.parametrize("value", ["0", "-1", "x", ""])
@pytest.mark.parametrize("option", OPTIONS)
def test_a_limit_that_is_none_is_wrong_usage(option: str, value: str) -> None:
    found = run("serve", f"{option}={value}")
    assert found.exit_code == 2
    assert f"Invalid value for '{option}': " in found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize("option", OPTIONS)
def test_each_limit_is_told_with_its_default(option: str) -> None:
    told = re.sub(r"\s+", " ", run("serve", "--help").output)
    default = getattr(HttpLimits(), OPTIONS[option])
    assert re.search(rf"{option} (BYTES|COUNT|SECONDS) [^\[]*\[default: {re.escape(str(default))}[;\]]", told)


def test_a_process_keeps_the_limits_that_it_is_given() -> None:
    options = {"--max-headers": "5", "--max-body": "100", "--head-timeout": "0.2", "--idle-timeout": "0.3"}
    given = [text for option in options.items() for text in option]
    with serving_in_a_process("--port", "0", *given, env={"RESCUE_EMULATOR_MAX_REQUEST_LINE": "90"}) as (_, ready):
        url = urlsplit(ready.split()[1])
        address = (str(url.hostname), int(url.port or 0))
        check_refused(answer_to(Request("GET", "/" + "x" * 90).head, address), 414, "at most 90 bytes")
        check_refused(answer_to(replace(A_GET, headers=[("X-A", "1")] * 5).head, address), 400, "at most 5 headers")
        longer = replace(A_POST, body=f"{A_POST.body}{'&' * 100}")
        assert b"Runtime Error" in answer_to(longer.head + longer.content, address)
        check_refused(answer_to(A_HEAD, address), 408, "within 0.2 s")
        assert answer_to(b"", address) == b""


@pytest.mark.parametrize("name", [field.name for field in fields(HttpLimits)])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_lets_nothing_through_is_an_error(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name}={value!r} lets nothing through: it has to be more than 0$"):
        HttpLimits(**{name: value})  # type: ignore[arg-type]
