"""Every row of the scenario language that shows on the wire: written as YAML, called over HTTP.

A rule sees a call, whatever its binding, so most of it is tested over GET; what a binding writes is tested over each.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TypedDict

import pytest
from typing_extensions import Unpack
from werkzeug.test import Client, TestResponse

from emulator.core.contract import Binding, Result
from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from emulator.web.app import Application
from tests.helpers.calling import ALL_BINDINGS, Address, a_request, call, result, serving
from tests.helpers.raw_http import Request

ANN = "demo-ann"


class Arguments(TypedDict, total=False):
    """What a call can state; the rest is as good as any."""

    session: int | str
    node: int | str
    auth_code: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One call, and what comes of it."""

    arguments: Arguments
    outcome: str


def a_call(outcome: str, **arguments: Unpack[Arguments]) -> Step:
    """A call and its outcome: a result without its prefix, a status, or what becomes of the connection."""
    return Step(arguments, outcome)


def client_of(scenario: str) -> Client:
    return Client(Application(Engine(loads(scenario))))


def send(client: Client, request: Request) -> TestResponse:
    return client.open(request.path, method=request.method, headers=list(request.headers), data=request.content)


def outcome(response: TestResponse) -> str:
    """Return the result without its prefix, or else the status."""
    found = re.search(r"startSessionRet_(\w+)<", response.text)
    return found[1] if found else str(response.status_code)


def play(scenario: str, steps: list[Step], binding: Binding = Binding.GET) -> None:
    """Send the calls one after the other; each must have its outcome."""
    client = client_of(scenario)
    outcomes = [outcome(send(client, a_request(binding, **step.arguments))) for step in steps]
    assert outcomes == [step.outcome for step in steps]


def when(conditions: str) -> str:
    """A scenario in which the conditions mean OK, and all else an error."""
    return f"rules:\n  - when: {conditions}\n    return: startSessionRet_OK\n"


CONDITIONS = {
    "a number": (
        "{session: 5}",
        [a_call("OK", session=5), a_call("Error", session=6), a_call("Error", session=-5), a_call("OK", session=" 5 ")],
    ),
    "the ends of int32": (
        "{session: [-2147483648, 2147483647]}",
        [a_call("OK", session=-2147483648), a_call("OK", session=2147483647), a_call("Error", session=0)],
    ),
    "a node": ("{node: 7}", [a_call("OK", node=7), a_call("Error", node=8)]),
    "a list of numbers": (
        "{node: [1, 3]}",
        [a_call("OK", node=1), a_call("Error", node=2), a_call("OK", node=3)],
    ),
    "a closed range": (
        "{session: {from: 5, to: 7}}",
        [
            a_call("Error", session=4),
            a_call("OK", session=5),
            a_call("OK", session=7),
            a_call("Error", session=8),
        ],
    ),
    "a range without an upper end": ("{session: {from: 5}}", [a_call("Error", session=4), a_call("OK", session=99)]),
    "a range without a lower end": ("{node: {to: 5}}", [a_call("OK", node=-9), a_call("Error", node=6)]),
    "a number by a regular expression": (
        "{session: {matches: '10..'}}",
        [a_call("OK", session=1001), a_call("Error", session=10011), a_call("Error", session=100)],
    ),
    "anything but a number": ("{session: {not: 5}}", [a_call("Error", session=5), a_call("OK", session=6)]),
    "anything but a list": (
        "{session: {not: [5, 6]}}",
        [a_call("Error", session=5), a_call("Error", session=6), a_call("OK", session=7)],
    ),
    "anything but a range": (
        "{session: {not: {from: 5, to: 7}}}",
        [a_call("Error", session=6), a_call("OK", session=8)],
    ),
    "a text": (
        "{auth_code: demo-ann}",
        [a_call("OK", auth_code=ANN), a_call("Error", auth_code="Demo-Ann"), a_call("Error", auth_code="demo-ann ")],
    ),
    "a text with leading zeros": (
        "{auth_code: 0123}",
        [a_call("OK", auth_code="0123"), a_call("Error", auth_code="123"), a_call("Error", auth_code="83")],
    ),
    "a text like a number": ("{auth_code: 1e5}", [a_call("OK", auth_code="1e5"), a_call("Error", auth_code="100000")]),
    "a text like a truth": ("{auth_code: no}", [a_call("OK", auth_code="no"), a_call("Error", auth_code="False")]),
    "a text like a date": ("{auth_code: 2026-11-23}", [a_call("OK", auth_code="2026-11-23")]),
    "a text beyond ASCII": ("{auth_code: 'größe & mehr 🦊'}", [a_call("OK", auth_code="größe & mehr 🦊")]),
    "a list of texts": (
        "{auth_code: [demo-ann, 007]}",
        [a_call("OK", auth_code=ANN), a_call("OK", auth_code="007"), a_call("Error", auth_code="7")],
    ),
    "a text by a regular expression": (
        "{auth_code: {matches: 'demo-[a-z]+'}}",
        [
            a_call("OK", auth_code="demo-bob"),
            a_call("Error", auth_code="demo-bob1"),
            a_call("Error", auth_code="xdemo-bob"),
            a_call("Error", auth_code=None),
        ],
    ),
    "no text": (
        "{auth_code: {absent: true}}",
        [a_call("OK", auth_code=None), a_call("OK", auth_code=""), a_call("Error", auth_code="x")],
    ),
    "some text": (
        "{auth_code: {absent: false}}",
        [a_call("Error", auth_code=None), a_call("Error", auth_code=""), a_call("OK", auth_code="x")],
    ),
    "anything but a text": (
        "{auth_code: {not: demo-ann}}",
        [a_call("Error", auth_code=ANN), a_call("OK", auth_code="x"), a_call("OK", auth_code=None)],
    ),
    "anything but some texts": (
        "{auth_code: {not: {matches: 'demo-.*'}}}",
        [a_call("Error", auth_code=ANN), a_call("OK", auth_code="x")],
    ),
    "all that is stated": (
        "{session: 5, node: {from: 7}, auth_code: demo-ann}",
        [
            a_call("OK", session=5, node=8),
            a_call("Error", session=6, node=8),
            a_call("Error", session=5, node=6),
            a_call("Error", session=5, node=8, auth_code="demo-bob"),
        ],
    ),
}


@pytest.mark.parametrize(("conditions", "steps"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_rule_answers_the_calls_that_its_conditions_accept(conditions: str, steps: list[Step]) -> None:
    play(when(conditions), steps)


@ALL_BINDINGS
def test_a_rule_answers_over_each_binding(binding: Binding) -> None:
    steps = [a_call("OK", session=5), a_call("Error", session=6), a_call("Error", session=5, auth_code=None)]
    play(when("{session: 5, auth_code: demo-ann}"), steps, binding)


@pytest.mark.parametrize(
    ("condition", "accepted"),
    [
        ("soap11", {Binding.SOAP11}),
        ("[get, post]", {Binding.GET, Binding.POST}),
        ("{matches: 'soap1.'}", {Binding.SOAP11, Binding.SOAP12}),
        ("{not: get}", {*Binding} - {Binding.GET}),
    ],
)
def test_a_rule_can_be_for_some_bindings(condition: str, accepted: set[Binding]) -> None:
    for binding in Binding:
        play(when(f"{{binding: {condition}}}"), [a_call("OK" if binding in accepted else "Error")], binding)


RULES = {
    "nothing at all": ("version: 1", [a_call("Error")]),
    "a rule for every call": ("rules:\n  - return: startSessionRet_OK", [a_call("OK", session=-1, auth_code=None)]),
    "the first rule that accepts": (
        """
        rules:
          - {when: {session: 5}, return: startSessionRet_OK}
          - {when: {session: [5, 6]}, return: startSessionRet_ActionFailed}
          - {return: startSessionRet_NotLoggedInAsAdmin}
        """,
        [a_call("OK", session=5), a_call("ActionFailed", session=6), a_call("NotLoggedInAsAdmin", session=7)],
    ),
    "times": (
        """
        rules:
          - {when: {session: 5}, return: startSessionRet_OK, times: 2}
          - {return: startSessionRet_ActionFailed}
        """,
        [a_call(each, session=5) for each in ("OK", "OK", "ActionFailed", "ActionFailed")],
    ),
    "times per session": (
        """
        rules:
          - {return: startSessionRet_OK, times: 1, per: session}
          - {return: startSessionRet_ActionFailed}
        """,
        [a_call("OK", session=5), a_call("OK", session=6), a_call("ActionFailed", session=5)],
    ),
    "times per node": (
        """
        rules:
          - {return: startSessionRet_OK, times: 1, per: node}
          - {return: startSessionRet_ActionFailed}
        """,
        [a_call("OK", node=5), a_call("OK", node=6), a_call("ActionFailed", node=5, session=9)],
    ),
    "times per auth code": (
        """
        rules:
          - {return: startSessionRet_OK, times: 1, per: auth_code}
          - {return: startSessionRet_ActionFailed}
        """,
        [a_call("OK", auth_code="a"), a_call("OK", auth_code="b"), a_call("ActionFailed", auth_code="a", session=9)],
    ),
    "times per rule": (
        """
        rules:
          - {return: startSessionRet_OK, times: 1, per: rule}
          - {return: startSessionRet_ActionFailed}
        """,
        [a_call("OK", session=5), a_call("ActionFailed", session=6)],
    ),
    "replies in turn, of which the last one stays": (
        """
        rules:
          - replies:
            - startSessionRet_ActionFailed
            - fail: {status: 503}
            - {return: startSessionRet_OK, delay: 1ms}
        """,
        [a_call(each) for each in ("ActionFailed", "503", "OK", "OK")],
    ),
    "replies per session": (
        """
        rules:
          - {per: session, replies: [startSessionRet_Error, startSessionRet_OK]}
        """,
        [a_call("Error", session=5), a_call("Error", session=6), a_call("OK", session=5), a_call("OK", session=6)],
    ),
    "replies that end after some times": (
        """
        rules:
          - {times: 3, replies: [startSessionRet_Error, startSessionRet_OK]}
          - {return: startSessionRet_ActionFailed}
        """,
        [a_call(each) for each in ("Error", "OK", "OK", "ActionFailed")],
    ),
    "otherwise with a result": ("otherwise: startSessionRet_ActionFailed", [a_call("ActionFailed")]),
    "otherwise with a delay": ("otherwise: {return: startSessionRet_OK, delay: 1ms}", [a_call("OK")]),
    "otherwise with a status": ("otherwise: {fail: {status: 503}, delay: 1ms}", [a_call("503")]),
    "otherwise with an exception": ("otherwise: {fail: {exception: Timeout expired.}}", [a_call("500")]),
}


@pytest.mark.parametrize(("scenario", "steps"), RULES.values(), ids=RULES)
def test_rules_and_replies_take_turns_as_written(scenario: str, steps: list[Step]) -> None:
    play(scenario, steps)


@pytest.mark.parametrize("of", Result, ids=lambda of: of.value)
def test_a_rule_returns_any_result(of: Result) -> None:
    for binding in Binding:
        play(f"rules: [{{return: {of.value}}}]", [a_call(of.value.removeprefix("startSessionRet_"))], binding)


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


@pytest.mark.parametrize("place", ["rules: [{%s}]", "rules: [{replies: [{%s}]}]", "otherwise: {%s}"])
def test_a_connection_fails_wherever_that_is_written(place: str) -> None:
    with serving(place % "fail: {connection: reset}") as address:
        assert outcome_on_a_port(address, a_request()) == "reset"


@ALL_BINDINGS
def test_an_exception_tells_its_message(binding: Binding) -> None:
    text = send(client_of("otherwise: {fail: {exception: 'Timeout < 5 s & größer.'}}"), a_request(binding)).text
    if binding in (Binding.SOAP11, Binding.SOAP12):
        assert ">Server was unable to process request. ---&gt; Timeout &lt; 5 s &amp; größer.<" in text
    else:
        assert text == "Timeout &lt; 5 s &amp; gr&#246;&#223;er.\r\n"


@pytest.mark.parametrize("place", ["rules: [{%s}]", "rules: [{replies: [{%s}]}]", "otherwise: {%s}"])
def test_a_delay_is_waited_wherever_it_is_written(place: str) -> None:
    with serving(place % "return: startSessionRet_OK, delay: {from: 30ms, to: 40ms}") as address:
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


DESK = """
otherwise: {fail: {status: 404}}
rules:
  - {when: {session: 1}, return: startSessionRet_Error}
desk:
  administrators:
    - {name: Ann, auth_code: demo-ann}
    - {name: Bob, auth_code: demo-bob, status: disabled}
    - {name: Del, auth_code: demo-del, status: deleted}
    - {name: Tim, auth_code: demo-tim, role: technician}
    - {name: Too, auth_code: demo-too, role: technician, status: disabled}
  technicians:
    - {name: Tess, node: 10}
    - {name: Omar, node: 11, status: offline}
    - {name: Dora, node: 12, status: disabled}
    - {name: Abe, node: 13, status: away}
    - {name: Bea, node: 14, status: busy}
  sessions:
    - {id: 100, customer: Printer on fire}
    - {id: 101, status: connecting}
    - {id: 102, status: incoming}
    - {id: 103, status: outgoing}
    - {id: 104, status: on_hold}
    - {id: 105, status: active}
    - {id: 106, status: closed}
    - {id: 107, status: timed_out}
"""
AT_THE_DESK = {
    "a rule comes first": [a_call("Error", session=1, node=10)],
    "no auth code": [a_call("NotLoggedInAsAdmin", session=100, node=10, auth_code=None)],
    "an empty auth code": [a_call("NotLoggedInAsAdmin", session=100, node=10, auth_code="")],
    "an auth code that nobody has": [a_call("Invalid_SecretAuthCode", session=100, node=10, auth_code="x")],
    "a disabled owner": [a_call("User_Deleted_Or_Disabled", session=100, node=10, auth_code="demo-bob")],
    "a deleted owner": [a_call("User_Deleted_Or_Disabled", session=100, node=10, auth_code="demo-del")],
    "an owner who is no administrator": [a_call("NotLoggedInAsAdmin", session=100, node=10, auth_code="demo-tim")],
    "a disabled owner who is no administrator": [
        a_call("User_Deleted_Or_Disabled", session=100, node=10, auth_code="demo-too")
    ],
    "a wrong auth code before a wrong node": [
        a_call("Invalid_SecretAuthCode", session=999, node=99, auth_code="x"),
        a_call("NotLoggedInAsAdmin", session=999, node=99, auth_code="demo-tim"),
    ],
    "a node that is no technician": [a_call("ActionFailed", session=100, node=99)],
    "a technician who is offline": [a_call("ActionFailed", session=100, node=11)],
    "a technician who is disabled": [a_call("ActionFailed", session=100, node=12)],
    "a wrong node before an unknown session": [a_call("ActionFailed", session=999, node=99)],
    "a technician who is away": [a_call("OK", session=100, node=13)],
    "a technician who is busy": [a_call("OK", session=100, node=14)],
    "an unknown session": [a_call("404", session=999, node=10)],
    "a waiting session": [a_call("OK", session=100, node=10), a_call("ActionFailed", session=100, node=10)],
    "a session that is started elsewhere already": [
        a_call("OK", session=100, node=10),
        a_call("ActionFailed", session=100, node=13),
    ],
    "a session that is refused stays as it is": [
        a_call("ActionFailed", session=100, node=11),
        a_call("Invalid_SecretAuthCode", session=100, node=10, auth_code="x"),
        a_call("OK", session=100, node=10),
    ],
    "a connecting session": [a_call("ActionFailed", session=101, node=10)],
    "an incoming session": [a_call("OK", session=102, node=10), a_call("ActionFailed", session=102, node=10)],
    "an outgoing session": [a_call("OK", session=103, node=10), a_call("ActionFailed", session=103, node=10)],
    "a session on hold": [a_call("OK", session=104, node=10), a_call("ActionFailed", session=104, node=10)],
    "an active session": [a_call("ActionFailed", session=105, node=10)],
    "a closed session": [a_call("ActionFailed", session=106, node=10)],
    "a session that timed out": [a_call("ActionFailed", session=107, node=10)],
}


@pytest.mark.parametrize("steps", AT_THE_DESK.values(), ids=AT_THE_DESK)
def test_the_desk_answers_what_no_rule_does(steps: list[Step]) -> None:
    play(DESK, steps)


def test_one_rule_counts_the_calls_of_all_bindings() -> None:
    scenario = "rules: [{replies: [startSessionRet_Error, startSessionRet_ActionFailed, startSessionRet_OK]}]"
    client = client_of(scenario)
    assert [outcome(send(client, a_request(binding))) for binding in Binding] == ["Error", "ActionFailed", "OK", "OK"]
