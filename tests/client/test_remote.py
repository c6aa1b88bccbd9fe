"""An emulator elsewhere: where it is, what it lets be known and done, and what is told when that fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any
from urllib.request import urlopen

import pytest

from emulator import Emulator, Exchange, Options, RemoteEmulator, RemoteError, Result, Scenario, ScenarioError
from emulator.scenario import load, loads

TOKEN = "tökén-€-of-mine"
BAD = "rules:\n  - return: startSessionRet_OK\n  - when: {sesion: 1}\n    return: startSessionRet_Error\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator.start({"name": "shared"}, Options(control_token=TOKEN)) as running:
        yield running


@pytest.fixture
def rescue(server: Emulator) -> Iterator[RemoteEmulator]:
    with RemoteEmulator(server.url, token=TOKEN, space="mine") as remote:
        yield remote


def result(rescue: RemoteEmulator, session: int = 1) -> str:
    with urlopen(f"{rescue.url}/startSession?iSession={session}&iNode=2&sAuthCode=demo", timeout=10) as answer:
        return str(answer.read().decode()).rpartition("startSessionRet_")[2].partition("<")[0]


@pytest.mark.parametrize(
    ("token", "why"),
    [(None, "a token is missing: "), ("mine", "the token is wrong: ")],
    ids=["no token", "another token"],
)
@pytest.mark.parametrize("space", [None, "mine"], ids=["the server", "a space"])
def test_who_lacks_the_token_is_told_so(token: str | None, why: str, space: str | None, server: Emulator) -> None:
    with pytest.raises(RemoteError) as error, RemoteEmulator(server.url, token=token, space=space) as remote:
        remote.reset()
    assert str(error.value) == f"{why}send the server's --control-token as 'Authorization: Bearer TOKEN'"


def test_a_token_that_no_header_can_carry_is_an_error_that_does_not_tell_it() -> None:
    with pytest.raises(RemoteError) as error:
        RemoteEmulator("http://127.0.0.1:1", token="s3cret\n")
    assert str(error.value) == "the control token cannot be sent: it has a line break or the like in it"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:port", "Port could not be cast to integer value as 'port'"),
        ("http://127.0.0.1:99999", "Port out of range 0-65535"),
        ("http://[::1", "Invalid IPv6 URL"),
    ],
)
def test_what_is_nearly_an_address_is_an_error_too(url: str, why: str) -> None:
    with pytest.raises(RemoteError) as error:
        RemoteEmulator(url)
    assert str(error.value) == f"{url!r} is no address: {why}"


def test_an_address_with_a_blank_is_an_error() -> None:
    with pytest.raises(RemoteError, match=r"^no answer from http://127.0.0.1/a b/__admin/reset: URL can't contain"):
        RemoteEmulator("http://127.0.0.1/a b").reset()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"220 mail.example ESMTP\r\n", "what answers there does not speak HTTP (BadStatusLine)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "what answers there does not speak HTTP (IncompleteRead)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<ok>", "Expecting value: line 1 column 1 (char 0)"),
    ],
    ids=["another protocol", "half an answer", "another server"],
)
def test_what_is_no_emulator_is_an_error_that_says_what_comes_from_there(said: bytes, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(RemoteError) as error:
            RemoteEmulator(url).health()
        thread.join()
    assert str(error.value) == f"no answer from {url}/__admin/health: {why}"


def test_a_space_that_has_ended_already_is_closed_in_silence(server: Emulator) -> None:
    with RemoteEmulator(server.url, token=TOKEN, space="short") as remote:
        remote.close()


def test_there_is_no_space_to_open_where_none_is_named(server: Emulator) -> None:
    with pytest.raises(RemoteError, match="there is no space to open: name one"):
        RemoteEmulator(server.url, token=TOKEN).open()


def test_a_space_is_opened_with_a_scenario_of_its_own(server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN, space="own")
    remote.open({"otherwise": "startSessionRet_OK"})
    assert result(remote) == "OK"
    remote.close()


def test_a_space_that_cannot_be_used_is_not_opened(server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN, space="unopened")
    with pytest.raises(ScenarioError):
        remote.open({"otherwise": "OK"})
    with pytest.raises(RemoteError, match="there is no space 'unopened'"):
        remote.reset()


@pytest.mark.parametrize(
    "scenario",
    [
        {"otherwise": "startSessionRet_OK"},
        MappingProxyType({"otherwise": Result.OK}),
        {"otherwise": "startSessionRet_OK", "description": "\x7f \u2028 \U0001f600"},
        loads("# by hand\notherwise: startSessionRet_OK\n"),
    ],
    ids=["a dict", "another mapping", "strange signs", "a Scenario"],
)
def test_a_scenario_of_each_kind_is_put_in_force(scenario: Any, rescue: RemoteEmulator) -> None:
    rescue.use(scenario)
    assert result(rescue) == "OK"


def test_a_scenario_that_a_program_made_cannot_be_sent(rescue: RemoteEmulator) -> None:
    with pytest.raises(ScenarioError) as error:
        rescue.use(Scenario("made by hand"))
    assert str(error.value) == "scenario: was made by a program, and has no text that could be sent"


def test_what_json_cannot_say_is_told_as_here(rescue: RemoteEmulator) -> None:
    wrong = {"rules": [{"when": {"session": {1, 2}}, "return": "startSessionRet_OK"}]}
    with pytest.raises(ScenarioError) as here:
        Emulator(wrong)
    with pytest.raises(ScenarioError) as there:
        rescue.use(wrong)
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize("content", [None, BAD, "rules: [\n", ""], ids=["missing", "bad", "no YAML", "empty"])
def test_a_file_is_told_of_in_the_words_in_which_it_would_be_here(
    content: str | None, rescue: RemoteEmulator, tmp_path: Path
) -> None:
    file = tmp_path / "it.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ScenarioError) as here:
        load(file)
    with pytest.raises(ScenarioError) as there:
        rescue.use(file)
    assert there.value.problems == here.value.problems


def test_a_rule_that_can_never_be_reached_is_told_with_the_place_of_the_other(
    rescue: RemoteEmulator, tmp_path: Path
) -> None:
    file = tmp_path / "it.yaml"
    file.write_text("rules:\n  - return: startSessionRet_OK\n  - return: startSessionRet_Error\n")
    with pytest.raises(ScenarioError) as error:
        rescue.use(file)
    assert f"rule 1 ({file}:2) comes before it" in str(error.value)


@pytest.mark.parametrize(
    "failure",
    [
        {"exception": "Timeout expired."},
        {"status": 503, "headers": {"Retry-After": "5"}, "body": "busy", "content_type": "text/plain"},
        {"connection": "trickle", "over": "50ms"},
    ],
    ids=["exception", "status", "connection"],
)
def test_what_is_told_of_a_call_is_what_the_emulator_itself_knows(failure: Any, server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN)
    remote.reset()
    remote.when(session={"from": 7}, name="mine").returns("startSessionRet_OK", delay="1ms").then(fail=failure)
    for _ in range(2):
        with suppress(OSError):
            result(remote, 7)
    assert [known(each) for each in remote.calls] == [known(each) for each in server.calls]


def known(exchange: Exchange) -> tuple[Any, ...]:
    """All of an exchange but the auth code, which is masked, and the rule, of which there is the name."""
    call = exchange.call
    values = (call.session, call.node, call.binding)
    return exchange.id, values, exchange.outcome, exchange.delay, exchange.decided_by, exchange.decider


def test_a_refusal_is_told_as_the_emulator_itself_knows_it(server: Emulator) -> None:
    remote = RemoteEmulator(server.url, token=TOKEN)
    remote.reset()
    for path in ("/startSession?iSession=x&iNode=2&sAuthCode=demo-of-ann", "/startSession?iSession=1", "/nothing"):
        with pytest.raises(OSError, match="HTTP Error"):
            urlopen(remote.url + path, timeout=10)
    assert remote.refusals == server.refusals
