"""HTTP failures of a scenario in each binding, targets as HTTP.sys judges them, and WSGI servers other than ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from emulator.core.contract import SERVICE_PATH, Binding
from emulator.core.engine import Engine
from emulator.delivery import ConnectionFault
from emulator.scenario.loading import loads
from emulator.web.app import Application
from tests.helpers.calling import ALL_BINDINGS, Address, a_request, call, sent, serving
from tests.helpers.raw_http import Request, read_answer

SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - when: {auth_code: busy}
    fail: {status: 503, headers: {Retry-After: "5", X-Why: a b}, body: "<p>später</p>", content_type: text/html}
  - {when: {auth_code: bare}, fail: {status: 418}}
  - {when: {auth_code: unknown}, fail: {status: 299, body: x}}
  - {when: {auth_code: unchanged}, fail: {status: 304}}
  - {when: {auth_code: empty}, fail: {status: 204, headers: {X-Why: a b}}}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serving(SCENARIO) as found:
        yield found


@ALL_BINDINGS
def test_an_http_failure_is_the_same_answer_in_every_binding(binding: Binding, address: Address) -> None:
    answer = call(address, a_request(binding, auth_code="busy"))
    assert (answer.status, answer.body.decode()) == (503, "<p>später</p>")
    headers = {"content-type": "text/html", "retry-after": "5", "x-why": "a b", "content-length": "14"}
    assert {name: answer.headers[name] for name in headers} == headers
    assert answer.headers["cache-control"] is None


@pytest.mark.parametrize(
    ("how", "status", "body"), [("bare", 418, b""), ("unknown", 299, b"x"), ("unchanged", 304, b"")]
)
def test_an_http_failure_can_be_any_status(how: str, status: int, body: bytes, address: Address) -> None:
    answer = call(address, a_request(auth_code=how))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (status, body, None)


@pytest.mark.parametrize("how", ["unchanged", "empty"])
def test_a_response_that_can_have_no_body_has_no_length(how: str, address: Address) -> None:
    """RFC 9110, 8.6: no Content-Length in a 204, and in a 304 that of the 200 only."""
    with sent(address, a_request(auth_code=how), a_request()) as connection, connection.makefile("rb") as stream:
        answer = read_answer(stream)
        assert (answer.headers["content-length"], answer.headers["x-why"]) == (None, {"empty": "a b"}.get(how))
        assert read_answer(stream).status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(a_request(), 200, id="a call"),
        pytest.param(Request("GET", "http://x" + a_request().path), 200, id="a whole address"),
        pytest.param(Request("GET", a_request().path, no_host=True), 400, id="no host"),
        pytest.param(Request("GET", f"{SERVICE_PATH}/startSession%"), 400, id="%"),
        pytest.param(Request("GET", f"{SERVICE_PATH}/startSession%zz"), 400, id="%zz"),
        pytest.param(Request("GET", f"{SERVICE_PATH}/startSession%00"), 400, id="%00"),
        pytest.param(Request("GET", f"{SERVICE_PATH}/startSession%0d%0a"), 400, id="%0d%0a"),
        pytest.param(Request("GET", f"{SERVICE_PATH}/startSession%7F"), 400, id="%7F"),
        pytest.param(Request("GET", f"{SERVICE_PATH}/startSession%c0%af"), 500, id="%c0%af, the name of a method"),
        pytest.param(Request("GET", f"{a_request().path}%zz"), 200, id="%zz in a query"),
        pytest.param(Request("GET", a_request().path.replace("start", "%73tart")), 200, id="a needless escape"),
        pytest.param(Request("GET", "/" + a_request().path), 200, id="two slashes"),
        pytest.param(Request("OPTIONS", "*"), 200, id="*"),
        pytest.param(Request("OPTIONS", "/*"), 404, id="/*"),
        pytest.param(Request("POST", SERVICE_PATH, body="", raw_no_length=True), 411, id="no length"),
        pytest.param(Request("TRACE", a_request().path), 501, id="TRACE"),
        pytest.param(Request("PUT", SERVICE_PATH, body=""), 405, id="PUT"),
        pytest.param(Request("HEAD", f"{SERVICE_PATH}?wsdl"), 405, id="HEAD"),
    ],
)
def test_a_request_is_judged_as_http_sys_and_asp_net_do(request_: Request, status: int, address: Address) -> None:
    assert call(address, request_).status == status


@pytest.mark.parametrize("binding", [Binding.SOAP11, Binding.POST], ids=lambda binding: binding.value)
def test_a_body_past_the_limit_gets_the_page_of_asp_net(binding: Binding, address: Address) -> None:
    answer = call(address, a_request(binding, padding=4 * 1024 * 1024))
    assert (answer.status, b"Runtime Error" in answer.body) == (500, True)
    assert call(address, a_request(binding, padding=4 * 1024 * 1024 - 2000)).status == 200


def arguments(request: Request) -> dict[str, Any]:
    """Return a request as werkzeug's test client takes it."""
    headers = [(name, value) for name, value in request.headers]
    return {"path": request.path, "method": request.method, "headers": headers, "data": request.content}


@pytest.mark.parametrize("fault", [ConnectionFault.RESET, ConnectionFault.TRICKLE], ids=lambda fault: fault.value)
def test_another_wsgi_server_answers_that_it_cannot_break_a_connection(
    fault: ConnectionFault, caplog: pytest.LogCaptureFixture
) -> None:
    over = ", over: 1s" if fault is ConnectionFault.TRICKLE else ""
    client = Client(Application(Engine(loads(f"otherwise: {{fail: {{connection: {fault.value}{over}}}}}"))))
    answer = client.open(**arguments(a_request()))
    assert (answer.status_code, answer.content_type) == (502, "text/plain; charset=utf-8")
    assert answer.text.startswith(f"The scenario asks for connection {fault.value}")
    assert "only rescue-emulator's own" in answer.text
    assert (answer.headers["X-Emulator-Rule"], answer.headers["X-Emulator-Call"]) == ("otherwise", "1")
    assert [record.levelname for record in caplog.records if record.levelno > logging.WARNING] == ["ERROR"]


def test_another_wsgi_server_waits_out_a_delay() -> None:
    client = Client(Application(Engine(loads("otherwise: {return: startSessionRet_OK, delay: 20ms}"))))
    began = time.monotonic()
    assert "startSessionRet_OK" in client.open(**arguments(a_request(Binding.SOAP11))).text
    assert time.monotonic() - began >= 0.02
