"""A scenario over HTTP, in each binding: rules, replies, failures and delays.

What each condition accepts is in tests/core, and how it is written in tests/scenario.
"""

from __future__ import annotations

import re
import time

import pytest
from werkzeug.test import Client, TestResponse

from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from emulator.web.app import Application
from tests.helpers.calling import ALL_BINDINGS, Address, a_request, call, result, serving
from tests.helpers.raw_http import Request


def client_of(scenario: str) -> Client:
    return Client(Application(Engine(loads(scenario))))


def send(client: Client, request: Request) -> TestResponse:
    return client.open(request.path, method=request.method, headers=list(request.headers), data=request.content)


def outcome(response: TestResponse) -> str:
    """Return the result without its prefix, or else the status."""
    found = re.search(r"startSessionRet_(\w+)<", response.text)
    return found[1] if found else str(response.status_code)


@ALL_BINDINGS
@pytest.mark.parametrize(
    ("condition", "accepted", "rejected"),
    [
        ("{session: [-2147483648, 2147483647]}", {"session": -2147483648}, {"session": 0}),
        ("{session: 5, auth_code: demo-ann}", {"session": 5}, {"session": 5, "auth_code": None}),
        ("{auth_code: 'größe & mehr 🦊'}", {"auth_code": "größe & mehr 🦊"}, {"auth_code": "größe & mehr"}),
        ("{auth_code: 0123}", {"auth_code": "0123"}, {"auth_code": "123"}),
        ("{auth_code: {absent: true}}", {"auth_code": None}, {"auth_code": "x"}),
    ],
    ids=["int32", "session and code", "beyond ASCII", "leading zeros", "no code"],
)
def test_a_rule_answers_the_calls_that_it_accepts(
    condition: str, accepted: dict[str, int | str | None], rejected: dict[str, int | str | None], binding: Binding
) -> None:
    client = client_of(f"rules: [{{when: {condition}, return: startSessionRet_OK}}]")
    requests = [a_request(binding, **arguments) for arguments in (accepted, rejected)]  # type: ignore[arg-type]
    assert [outcome(send(client, request)) for request in requests] == ["OK", "Error"]


def outcome_on_a_port(address: Address, request: Request) -> str:
    try:
        return result(call(address, request))
    except ConnectionResetError:
        return "reset"
    except EOFError as error:
        return "cut short" if "promised" in str(error) else "closed" if "b''" in str(error) else "no HTTP"


@pytest.mark.parametrize(
    ("fault", "becomes"),
    [
        ("reset", "reset"),
        ("close", "closed"),
        ("truncate", "cut short"),
        ("garbage", "no HTTP"),
        ("stall", "closed"),
        ("trickle, over: 10ms", "OK"),
    ],
)
def test_a_connection_fails_over_each_binding(fault: str, becomes: str) -> None:
    with serving(f"otherwise: {{fail: {{connection: {fault}}}}}", max_delay=0.05) as address:
        assert {outcome_on_a_port(address, a_request(binding)) for binding in Binding} == {becomes}


@ALL_BINDINGS
def test_an_exception_tells_its_message(binding: Binding) -> None:
    text = send(client_of("otherwise: {fail: {exception: 'Timeout < 5 s & größer.'}}"), a_request(binding)).text
    if binding in (Binding.SOAP11, Binding.SOAP12):
        assert ">Server was unable to process request. ---&gt; Timeout &lt; 5 s &amp; größer.<" in text
    else:
        assert text == "Timeout &lt; 5 s &amp; gr&#246;&#223;er.\r\n"


def test_a_delay_is_waited() -> None:
    with serving("otherwise: {return: startSessionRet_OK, delay: {from: 30ms, to: 40ms}}") as address:
        start = time.monotonic()
        assert result(call(address, a_request())) == "OK"
        assert time.monotonic() - start > 0.028  # the loop's clock counts whole milliseconds


@ALL_BINDINGS
def test_the_answer_tells_which_rule_gave_it(binding: Binding) -> None:
    scenario = """\
name: told
rules:
  - {name: Ann starts 100 % größer, when: {session: 1}, return: startSessionRet_OK}
  - {when: {session: 2}, return: startSessionRet_OK}
"""
    client = client_of(scenario)
    headers = [send(client, a_request(binding, session=session)).headers for session in (1, 2, 3)]
    assert [each["X-Emulator-Rule"] for each in headers] == [
        "Ann starts 100 %25 gr%C3%B6%C3%9Fer (<string>:3)",
        "rule 2 (<string>:4)",
        "otherwise",
    ]
    assert [each["X-Emulator-Call"] for each in headers] == ["1", "2", "3"]


def test_one_rule_counts_the_calls_of_all_bindings() -> None:
    scenario = "rules: [{replies: [startSessionRet_Error, startSessionRet_ActionFailed, startSessionRet_OK]}]"
    client = client_of(scenario)
    assert [outcome(send(client, a_request(binding))) for binding in Binding] == ["Error", "ActionFailed", "OK", "OK"]
