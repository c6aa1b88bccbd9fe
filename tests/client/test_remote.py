"""A remote emulator: what differs from one in the test's own process. The rest is in tests/test_emulator.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pytest
import requests

from emulator import Emulator, Exchange, Options, RemoteEmulator, RemoteError, Result, Scenario, ScenarioError
from emulator.client import control_api
from emulator.scenario.loading import loads
from tests.helpers.listening import answering, listening

TOKEN = "tökén-€-of-mine"


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator.start({"name": "shared"}, Options(control_token=TOKEN)) as running:
        yield running


@pytest.fixture
def rescue(server: Emulator) -> Iterator[RemoteEmulator]:
    with RemoteEmulator(server.url, token=TOKEN, space="mine") as remote:
        yield remote


def result(rescue: RemoteEmulator, session: int = 1) -> str:
    query = {"iSession": str(session), "iNode": "2", "sAuthCode": "demo"}
    text = requests.get(f"{rescue.url}/startSession", query, timeout=10).text
    return text.rpartition("startSessionRet_")[2].partition("<")[0]


@pytest.mark.parametrize(("token", "why"), [(None, "a token is missing: "), ("mine", "the token is wrong: ")])
@pytest.mark.parametrize("space", [None, "mine"])
def test_without_the_right_token_the_error_names_the_option(
    token: str | None, why: str, space: str | None, server: Emulator
) -> None:
    with pytest.raises(RemoteError) as error, RemoteEmulator(server.url, token=token, space=space) as remote:
        remote.reset()
    assert str(error.value) == f"{why}send the server's --control-token as 'Authorization: Bearer TOKEN'"


def test_a_space_ends_with_the_with_statement_and_may_have_ended_before(server: Emulator) -> None:
    with RemoteEmulator(server.url, token=TOKEN, space="short") as remote:
        assert remote.url == server.url.replace("/API/", "/spaces/short/API/")
        remote.close()
    with pytest.raises(RemoteError, match="there is no space 'short'"):
        remote.reset()


def test_a_space_without_a_name_cannot_be_opened(server: Emulator) -> None:
    with pytest.raises(RemoteError, match="there is no space to open: name one"):
        RemoteEmulator(server.url, token=TOKEN).open()


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65])
def test_a_name_that_no_space_can_have_is_an_error_at_once(name: str) -> None:
    with pytest.raises(RemoteError) as error:
        RemoteEmulator("http://127.0.0.1:1", space=name)
    assert str(error.value).startswith(f"'{name}' cannot name a space: 1 to 64 letters, digits, ")


def test_a_space_in_the_url_that_is_not_open_is_an_error_that_says_so(server: Emulator) -> None:
    remote = RemoteEmulator(server.url.replace("/API/", "/spaces/gone/API/"), token=TOKEN)
    with pytest.raises(RemoteError, match=r"^there is no space 'gone': PUT /__admin/spaces/gone opens it"):
        remote.reset()


def test_a_space_is_opened_with_a_scenario_of_its_own_and_not_with_a_wrong_one(server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN, space="own")
    with pytest.raises(ScenarioError):
        remote.open({"otherwise": "OK"})
    with pytest.raises(RemoteError, match="there is no space 'own'"):
        remote.reset()
    remote.open({"otherwise": "startSessionRet_OK"})
    assert result(remote) == "OK"
    remote.close()


@pytest.mark.parametrize(
    "scenario",
    [
        MappingProxyType({"otherwise": Result.OK}),
        {"otherwise": "startSessionRet_OK", "description": "\x7f \u2028 \U0001f600"},
        loads("# by hand\notherwise: startSessionRet_OK\n"),
    ],
    ids=["a mapping", "unusual characters", "a Scenario"],
)
def test_each_kind_of_scenario_can_be_sent(scenario: Any, rescue: RemoteEmulator) -> None:
    rescue.use(scenario)
    assert result(rescue) == "OK"


def test_a_scenario_without_its_text_cannot_be_sent(rescue: RemoteEmulator) -> None:
    with pytest.raises(ScenarioError) as error:
        rescue.use(Scenario("made by hand"))
    assert str(error.value) == "scenario: was made by a program, and has no text that could be sent"


def test_what_json_cannot_express_is_refused_as_by_a_local_emulator(rescue: RemoteEmulator) -> None:
    wrong = {"rules": [{"when": {"session": {1, 2}}, "return": "startSessionRet_OK"}]}
    with pytest.raises(ScenarioError) as here:
        Emulator(wrong)
    with pytest.raises(ScenarioError) as there:
        rescue.use(wrong)
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize(
    "failure",
    [
        {"exception": "Timeout expired."},
        {"status": 503, "headers": {"Retry-After": "5"}, "body": "busy", "content_type": "text/plain"},
        {"connection": "trickle", "over": "50ms"},
    ],
    ids=["exception", "status", "connection"],
)
def test_the_calls_are_those_of_the_local_emulator(failure: Any, server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN)
    remote.reset()
    remote.when(session={"from": 7}, name="mine").returns("startSessionRet_OK", delay="1ms").then(fail=failure)
    for _ in range(2):
        with suppress(requests.RequestException):
            result(remote, 7)
    assert [comparable(exchange) for exchange in remote.calls] == [comparable(exchange) for exchange in server.calls]


def comparable(exchange: Exchange) -> tuple[Any, ...]:
    """All of an exchange but the auth code, which is masked, and the rule, of which only the name is sent."""
    call = exchange.call
    values = (call.session, call.node, call.binding)
    return (
        exchange.id,
        values,
        exchange.outcome,
        exchange.delay,
        exchange.decided_by,
        exchange.decider,
        exchange.remarks,
    )


def test_the_refusals_are_those_of_the_local_emulator(server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN)
    remote.reset()
    for path in ("/startSession?iSession=1", "/startSession/", "/nothing"):
        assert requests.get(remote.url + path, timeout=10).status_code >= 400
    refusals = [(each.id, each.binding, each.status, each.reason, each.remarks) for each in remote.refusals]
    assert refusals == [(each.id, each.binding, each.status, each.reason, each.remarks) for each in server.refusals]
    assert remote.refusals[1].remarks == ("the path ends in a slash, which is one too many",)


def test_a_verification_may_take_longer_than_any_other_request(
    server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN)
    remote.reset()
    monkeypatch.setattr(control_api, "_TIMEOUT", 0.5)
    remote.verify(never=True, within="700ms")


def test_an_emulator_that_does_not_know_a_word_of_a_verification_is_of_another_version() -> None:
    problem = {"service": "rescue-emulator", "problems": [{"message": "within: unknown key"}]}
    older = answering(
        json.dumps(problem).encode(), "422 Unprocessable Content", "Content-Type: application/problem+json"
    )
    with listening(older) as url, pytest.raises(RemoteError) as error:
        RemoteEmulator(url).verify(session=1, within="2s")
    assert str(error.value) == (
        f"the emulator at {url} is of another version, and refuses the verification: verification: within: unknown key"
    )


@pytest.mark.parametrize(("show", "code"), [(False, "dem***"), (True, "demo-bob-0123")])
def test_auth_codes_are_those_that_the_server_shows(show: bool, code: str) -> None:
    with Emulator.start({}, Options(show_auth_codes=show)) as local:
        requests.get(f"{local.url}/startSession?iSession=1&iNode=2&sAuthCode=demo-bob-0123", timeout=10)
        assert RemoteEmulator(local.url).calls[0].call.auth_code == code
