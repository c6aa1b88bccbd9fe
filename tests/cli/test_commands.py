"""The commands for a running service, as a person or a job runs them: what they print, and how they exit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from emulator import Emulator, Options, RemoteEmulator
from emulator.cli import main
from emulator.core import contract
from emulator.core.contract import SERVICE_PATH, Binding, Call
from emulator.scenario.loading import load
from tests.helpers.calling import PATIENCE, free_port, run
from tests.helpers.listening import answering, listening

CODE = "demo-ann-01&é"
CALL = ("--session", "1001", "--node", "5")
TOKEN = "let-me-in"
HTML = "<!DOCTYPE html><html><head><title>Closed for &quot;repairs&quot;</title></head><body>...</body></html>"
SCENARIO = {
    "otherwise": "startSessionRet_OK",
    "rules": [
        {"when": {"session": 500}, "fail": {"exception": "Timeout expired."}},
        {"when": {"session": 200}, "fail": {"status": 200, "body": "<hello/>", "content_type": "text/xml"}},
        {"when": {"session": 502}, "fail": {"status": 502, "body": "\x1b[2J\x07gone"}},
        {"when": {"session": 504}, "fail": {"status": 504, "body": HTML, "content_type": "text/html"}},
        {"when": {"session": 3}, "fail": {"connection": "truncate"}},
        {"when": {"session": 5}, "fail": {"connection": "stall"}},
        {"when": {"session": 6}, "fail": {"connection": "trickle", "over": "60s"}},
    ],
}


def process(*arguments: str) -> subprocess.Popen[str]:
    """Run the program in a process of its own."""
    command = [sys.executable, "-m", "emulator", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator.start(SCENARIO, Options(max_delay=20)) as emulator:
        yield emulator


@pytest.fixture
def emulator(served: Emulator) -> Emulator:
    served.reset()
    return served


@pytest.fixture
def protected() -> Iterator[Emulator]:
    """An emulator with a control token."""
    with Emulator.start(SCENARIO, Options(control_token=TOKEN)) as emulator:
        yield emulator


@pytest.fixture
def unused() -> str:
    """A URL at which nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


# call


@pytest.mark.parametrize("binding", Binding)
def test_call_prints_the_result_over_each_binding(binding: Binding, emulator: Emulator) -> None:
    done = run("call", emulator.url, *CALL, "--auth-code", CODE, "--binding", binding.value)
    assert (done.stdout, done.exit_code) == ("startSessionRet_OK\n", 0)
    (exchange,) = emulator.calls
    assert exchange.call == Call(1001, 5, CODE, binding)


def test_call_exits_with_0_for_ok_alone(emulator: Emulator) -> None:
    for result in contract.Result:
        emulator.when(session=1001).returns(result)
        done = run("call", emulator.url, *CALL)
        assert (done.stdout, done.exit_code) == (f"{result.value}\n", 0 if result is contract.Result.OK else 1)


@pytest.mark.parametrize(
    ("session", "printed"),
    [
        ("500", "fault 500: Server was unable to process request. ---> Timeout expired."),
        ("200", "fault 200: <hello/>"),
        ("502", "fault 502: [2J gone"),
        ("504", 'fault 504: Closed for "repairs"'),
    ],
    ids=["an exception", "other XML", "control characters", "a page"],
)
def test_call_prints_an_answer_without_a_result_as_a_fault(session: str, printed: str, emulator: Emulator) -> None:
    done = run("call", emulator.url, "--session", session, "--node", "5")
    assert (done.stdout, done.stderr, done.exit_code) == ("", f"{printed}\n", 3)


@pytest.mark.parametrize(
    ("session", "timeout", "why"),
    [
        ("3", "20", "the answer ended after "),
        ("5", "0.2", "no complete answer within the time limit"),
        ("6", "0.2", "no complete answer within the time limit"),
    ],
    ids=["truncate", "stall", "trickle"],
)
def test_call_prints_why_there_is_no_answer(session: str, timeout: str, why: str, emulator: Emulator) -> None:
    done = run("call", emulator.url, "--session", session, "--node", "5", "--timeout", timeout, "--binding", "get")
    assert done.stderr.startswith(f"no answer from {emulator.url}/startSession: {why}")
    assert len(done.stderr.splitlines()) == 1
    assert (done.stdout, done.exit_code) == ("", 4)


def test_bytes_that_are_not_text_are_a_usage_error(emulator: Emulator) -> None:
    words = [sys.executable, "-m", "emulator", "call", emulator.url, *CALL, "--auth-code"]
    done = subprocess.run([*map(os.fsencode, words), b"\xff"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr.splitlines()[-1] == (
        "Error: Invalid value for '--auth-code': it is not text in the encoding of this terminal"
    )
    assert done.returncode == 2


# usage and environment

COMMANDS = {"call": ("call", *CALL), "wait": ("wait", "--timeout", "0"), "verify": ("verify",)}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_is_not_a_url_is_a_usage_error(command: tuple[str, ...]) -> None:
    done = run(*command, "--", "127.0.0.1:8085")
    assert done.stderr.splitlines()[-1].startswith("Error: Invalid value for 'URL': '127.0.0.1:8085' is not a URL: ")
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("call", "http://h", "--node", "1"), "Missing option '--session'"),
        (("call", *CALL), "Missing argument 'URL'"),
        (("call", "http://h", "--session", "2147483648", "--node", "1"), "'--session': 2147483648 is not in the range"),
        (("call", "http://h", *CALL, "--binding", "soap13"), "'--binding': 'soap13' is not one of"),
        (("call", "http://h", *CALL, "--timeout", "nan"), "'--timeout': 'nan' is not a number of seconds"),
        (("wait", "http://h", "--timeout", "1e99"), "'--timeout': 1e+99 is not in the range"),
        (("wait", "http://h", "http://i"), "unexpected extra argument"),
        (("verify", "http://h", "--times", "-1"), "'--times': -1 is not in the range"),
        (("verify", "http://h", "--times", "2", "--never"), "'times' cannot stand beside 'never'"),
        (("verify", "http://h", "--at-least", "2", "--at-most", "1"), "'at_least' is more than 'at_most'"),
        (("verify", "http://h", "--control-token", "a\nb"), "'--control-token': a token is one or more printable"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_usage_error_is_one_line_and_exits_with_2(arguments: tuple[str, ...], printed: str) -> None:
    done = run(*arguments)
    assert printed in done.stderr.splitlines()[-1]
    assert (done.stdout, done.exit_code) == ("", 2)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_says_how_a_command_exits_and_what_each_option_is(command: str) -> None:
    assert "Exits with 0 " in run(command, "--help").output
    options = [option for option in main.commands[command].params if isinstance(option, click.Option)]
    assert all(option.help for option in options)


def test_every_option_can_come_from_the_environment(protected: Emulator, unused: str) -> None:
    call = {"SESSION": "7", "NODE": "8", "AUTH_CODE": CODE, "BINDING": "get", "TIMEOUT": "20"}
    verify = call | {"AT_LEAST": "1", "AT_MOST": "1", "CONTROL_TOKEN": TOKEN}
    for command, options in (("call", call), ("verify", verify)):
        env = {f"RESCUE_EMULATOR_{name}": value for name, value in options.items()}
        assert run(command, protected.url, env=env).exit_code == 0
    env = {"RESCUE_EMULATOR_NEVER": "1", "RESCUE_EMULATOR_CONTROL_TOKEN": TOKEN}
    assert run("verify", protected.url, env=env).exit_code == 1
    assert run("wait", unused, env={"RESCUE_EMULATOR_TIMEOUT": "0"}).stderr.startswith("not ready after 0 s: ")


# wait


def test_wait_is_silent_when_a_server_or_a_space_answers(emulator: Emulator) -> None:
    with RemoteEmulator(emulator.url, space="mine") as space:
        root = emulator.url.removesuffix(SERVICE_PATH)
        for url in (root, f"{root}/__admin/", f"{emulator.url}?wsdl", space.url):
            done = run("wait", url, "--timeout", "0")
            assert (done.output, done.exit_code) == ("", 0)


@pytest.mark.parametrize("options", [Options(control_token=TOKEN), Options(control=False)], ids=["token", "off"])
def test_wait_needs_no_token_and_no_control_api(options: Options) -> None:
    with Emulator.start(SCENARIO, options) as emulator:
        assert run("wait", emulator.url, "--timeout", "0").exit_code == 0


def test_wait_gives_up_with_the_last_reason(unused: str) -> None:
    done = run("wait", unused, "--timeout", "0.2")
    assert done.stderr == f"not ready after 0.2 s: no answer from {unused}/__admin/health: Connection refused\n"
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("status", "body", "printed"),
    [
        ("200 OK", b"{}", "200 OK: {}"),
        ("301 Moved Permanently", b"", "301 Moved Permanently"),
        ("403 Forbidden", b'{"detail": "no"}', '403 Forbidden: {"detail": "no"}'),
    ],
)
def test_wait_prints_what_another_server_answers(status: str, body: bytes, printed: str) -> None:
    with listening(answering(body, status)) as url:
        done = run("wait", url, "--timeout", "0")
    health = f"{url}/__admin/health"
    assert done.stderr == f"not ready after 0 s: what answers at {health} is not this emulator: {printed}\n"
    assert done.exit_code == 1


def test_wait_prints_why_an_emulator_is_not_ready(tmp_path: Path) -> None:
    file = tmp_path / "edited.yaml"
    file.write_text("name: valid\n")
    scenario = load(file)
    file.write_text("rules: 7\n")
    with Emulator(scenario, file=file, watch=True) as emulator:
        health = emulator.url.replace(SERVICE_PATH, "/__admin/health")
        deadline = time.monotonic() + PATIENCE
        while run("wait", emulator.url, "--timeout", "0").exit_code == 0:
            assert time.monotonic() < deadline
        done = run("wait", emulator.url, "--timeout", "0")
    assert done.stderr.startswith(
        f"not ready after 0 s: {health} answers 503: the last edit of the scenario was refused"
    )


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], ids=["nothing", "200"])
def test_wait_goes_on_until_the_emulator_answers(before: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as early:
        port = early.getsockname()[1]
        waiting = process("wait", f"http://127.0.0.1:{port}", "--timeout", str(PATIENCE))
        early.settimeout(PATIENCE)
        first_poll, _ = early.accept()
        first_poll.recv(65536)
        first_poll.sendall(before)
        first_poll.close()
        early.accept()[0].close()  # what answered before did not end the waiting
    with waiting, Emulator.start(SCENARIO, Options(port=port)):
        assert waiting.communicate(timeout=PATIENCE) == ("", "")
    assert waiting.returncode == 0


# verify


@pytest.fixture
def called(emulator: Emulator) -> Emulator:
    """An emulator that received two calls for session 1001, one for 1002."""
    for session, binding in (("1001", "get"), ("1001", "soap12"), ("1002", "post")):
        run("call", emulator.url, "--session", session, "--node", "5", "--auth-code", CODE, "--binding", binding)
    return emulator


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("--session 1001 --node 5 --binding soap12", 0),
        ("--session 1002 --binding soap12", 1),
        (f"--auth-code {CODE} --at-least 3", 0),
        ("--auth-code demo-bob", 1),
        ("--session 1001 --times 2", 0),
        ("--at-least 1 --at-most 2", 1),
        ("--session 1001 --never", 1),
        ("--session 1001 --times 2 --within 60s", 0),
        ("--session 1001 --at-most 1 --within 60s", 1),
        ("--session 1003 --never --within 1ms", 0),
        ("--session 1003 --within 1ms", 1),
    ],
)
def test_verify_exits_with_0_when_calls_came_as_often_as_expected(options: str, status: int, called: Emulator) -> None:
    done = run("verify", called.url, *options.split())
    assert done.exit_code == status, done.output
    assert (done.stderr if status else done.stdout).startswith("wanted ")


@pytest.mark.parametrize(
    ("within", "message"),
    [
        ("61s", "'61s' is longer than 60s, the maximum"),
        ("0ms", "'0ms' is no time to wait; leave the word out to verify at once"),
        ("2", "must be a duration such as 250ms or 1.5s, not '2'; did you mean '2s' or '2ms'?"),
        ("-1s", "must be a duration such as 250ms or 1.5s, not '-1s'"),
    ],
)
def test_verify_with_a_wrong_time_to_wait_is_a_usage_error(within: str, message: str, unused: str) -> None:
    done = run("verify", unused, "--within", within)
    assert done.stderr.splitlines()[-1] == f"Error: verification: within: {message}"
    assert done.exit_code == 2


def test_verify_prints_the_near_misses_with_masked_auth_codes(called: Emulator) -> None:
    done = run("verify", called.url, "--session", "1003", "--binding", "post")
    wanted, near, *_ = done.stderr.splitlines()
    assert wanted == "wanted at least 1 call with session 1003, binding post; none came, of 3 calls in the journal"
    assert near == (
        f"near miss: call {called.calls[2].id}, post session=1002 node=5 auth_code=dem***: "
        "session is 1002, wanted is 1003"
    )


def test_verify_reads_the_journal_of_the_space_in_the_url(called: Emulator) -> None:
    with RemoteEmulator(called.url, space="mine") as space:
        assert run("verify", space.url, "--session", "1001").exit_code == 1


@pytest.mark.parametrize(
    ("options", "printed"), [((), "a token is missing"), (("--control-token", "x"), "the token is wrong")]
)
def test_verify_without_the_right_token_exits_with_4(
    options: tuple[str, ...], printed: str, protected: Emulator
) -> None:
    done = run("verify", protected.url, *options)
    assert done.stderr == f"{printed}: send the server's --control-token as 'Authorization: Bearer TOKEN'\n"
    assert done.exit_code == 4


def test_verify_without_an_answer_exits_with_4(unused: str) -> None:
    done = run("verify", unused)
    assert (done.stderr, done.exit_code) == (f"no answer from {unused}/__admin/health: Connection refused\n", 4)


def test_verify_of_another_server_exits_with_4() -> None:
    with listening(answering(b"{}")) as url:
        done = run("verify", url)
    assert done.stderr == f"what answers at {url}/__admin/health is not this emulator: 200 OK: {{}}\n"
    assert done.exit_code == 4
