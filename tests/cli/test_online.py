"""The commands that ask a running service, as a person or a job runs them: what they print, and how they exit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from emulator import Emulator, Options, RemoteEmulator
from emulator.cli import main
from emulator.core import contract
from emulator.core.call import masked
from emulator.core.contract import SERVICE_PATH, Binding
from emulator.scenario import load
from tests.helpers.calling import ALL_BINDINGS, PATIENCE

CODE = "demo-ann-0123"  # the auth code that must not be seen
CALL = ("--session", "1001", "--node", "5")
TOKEN = "let-me-in"
HTML = "<!DOCTYPE html><html><head><title>Closed for &quot;repairs&quot;</title></head><body>...</body></html>"
SCENARIO = {
    "name": "asked",
    "otherwise": "startSessionRet_OK",
    "rules": [
        {"when": {"session": 503}, "fail": {"status": 503, "body": "Back soon"}},
        {"when": {"session": 504}, "fail": {"status": 504, "body": HTML, "content_type": "text/html"}},
        {"when": {"session": 200}, "fail": {"status": 200, "body": "<startSessionRet", "content_type": "text/xml"}},
        {"when": {"session": 201}, "fail": {"status": 200, "body": "<hello/>", "content_type": "text/xml"}},
        {"when": {"session": 500}, "fail": {"exception": "Timeout expired."}},
        {"when": {"session": 501}, "fail": {"exception": f"no such code: {CODE}"}},
        {"when": {"session": 502}, "fail": {"status": 502, "body": "\x1b[2J\x07gone"}},
        {"when": {"session": 1}, "fail": {"connection": "reset"}},
        {"when": {"session": 2}, "fail": {"connection": "close"}},
        {"when": {"session": 3}, "fail": {"connection": "truncate"}},
        {"when": {"session": 4}, "fail": {"connection": "garbage"}},
        {"when": {"session": 5}, "fail": {"connection": "stall"}},
        {"when": {"session": 6}, "fail": {"connection": "trickle", "over": "60s"}},
    ],
}


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """One run of the program in this process; what it prints on both outputs is ``output``."""
    return CliRunner().invoke(main, arguments, env=env)


def process(*arguments: str) -> subprocess.Popen[str]:
    """A run of the program as a process of its own."""
    command = [sys.executable, "-m", "emulator", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator.start(SCENARIO, Options(max_delay=20)) as found:
        yield found


@pytest.fixture
def emulator(served: Emulator) -> Emulator:
    served.reset()
    return served


def root(emulator: Emulator) -> str:
    return emulator.url.removesuffix(SERVICE_PATH)


@pytest.fixture
def deserted() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def another_server(body: bytes, status: int = 200) -> Iterator[str]:
    """The URL of a server that is no emulator, and says the same to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


# call


@ALL_BINDINGS
@pytest.mark.parametrize("result", contract.Result, ids=lambda result: result.value)
def test_call_prints_each_result_in_each_binding_and_exits_with_0_for_ok_alone(
    binding: Binding, result: contract.Result, emulator: Emulator
) -> None:
    emulator.when(session=1001, binding=binding.value).returns(result.value)
    done = run("call", emulator.url, *CALL, "--auth-code", CODE, "--binding", binding.value)
    assert done.stdout == f"{result.value}\n"
    assert done.exit_code == (0 if result is contract.Result.OK else 1)


FAULTS = [
    pytest.param("503", "fault 503: Back soon", id="503"),
    pytest.param("504", 'fault 504: Closed for "repairs"', id="the title of a page"),
    pytest.param("200", "fault 200: <startSessionRet", id="bad XML"),
    pytest.param("201", "fault 200: <hello/>", id="other XML"),
    pytest.param("502", "fault 502: [2J gone", id="what would move the cursor"),
]
LOST = [
    pytest.param("1", "Connection reset by peer", id="reset"),
    pytest.param("2", "the connection was closed before any answer", id="close"),
    pytest.param("3", "the answer broke off after", id="truncate"),
    pytest.param("4", "what came is not HTTP", id="garbage"),
    pytest.param("5", "nothing, or not all, came in time", id="stall"),
    pytest.param("6", "nothing, or not all, came in time", id="trickle"),
]


@ALL_BINDINGS
@pytest.mark.parametrize(("session", "told"), FAULTS)
def test_call_tells_an_answer_without_a_result_as_a_fault_and_exits_with_3(
    session: str, told: str, binding: Binding, emulator: Emulator
) -> None:
    done = run("call", emulator.url, "--session", session, "--node", "5", "--binding", binding.value)
    assert (done.stdout, done.stderr, done.exit_code) == ("", f"{told}\n", 3)


@ALL_BINDINGS
def test_call_tells_the_text_of_an_exception_of_the_service(binding: Binding, emulator: Emulator) -> None:
    done = run("call", emulator.url, "--session", "500", "--node", "5", "--binding", binding.value)
    assert done.stderr.startswith("fault 500: ")
    assert done.stderr.endswith("Timeout expired.\n")
    assert done.exit_code == 3


@ALL_BINDINGS
@pytest.mark.parametrize(("session", "told"), LOST)
def test_call_tells_why_there_is_no_answer_and_exits_with_4(
    session: str, told: str, binding: Binding, emulator: Emulator
) -> None:
    patience = "0.3" if session in "56" else "20"
    options = ("--node", "5", "--binding", binding.value, "--timeout", patience, "--auth-code", CODE)
    done = run("call", emulator.url, "--session", session, *options)
    assert done.stderr.startswith(f"no answer from {emulator.url}: {told}")
    assert len(done.stderr.splitlines()) == 1
    assert (done.stdout, done.exit_code) == ("", 4)


def test_call_tells_that_nobody_listens_and_exits_with_4(deserted: str) -> None:
    done = run("call", deserted, *CALL)
    assert done.stderr == f"no answer from {deserted}{SERVICE_PATH}: Connection refused\n"
    assert done.exit_code == 4


@pytest.mark.parametrize("tail", ["", "/", SERVICE_PATH, f"{SERVICE_PATH}?wsdl", f"{SERVICE_PATH}?op=startSession"])
@pytest.mark.parametrize("space", ["", "/spaces/mine"], ids=["server", "space"])
def test_call_takes_the_address_of_a_root_or_of_the_service(space: str, tail: str, emulator: Emulator) -> None:
    with RemoteEmulator(emulator.url, space="mine") as mine:
        mine.when(session=1001).returns("startSessionRet_ActionFailed")
        done = run("call", root(emulator) + space + tail, *CALL)
    assert done.output == f"startSessionRet_{'ActionFailed' if space else 'OK'}\n"


def test_call_takes_the_address_of_the_operation_too(emulator: Emulator) -> None:
    done = run("call", f"{emulator.url}/startSession?iSession=7", *CALL, "--binding", "get")
    assert (done.output, [call.call.session for call in emulator.calls]) == ("startSessionRet_OK\n", [1001])


def test_call_leaves_the_path_of_another_service_as_it_is(emulator: Emulator) -> None:
    done = run("call", f"{root(emulator)}/other/Service.asmx", *CALL)
    assert done.stderr.startswith("fault 404: ")


def test_call_sends_what_it_is_given(emulator: Emulator) -> None:
    run("call", emulator.url, "--session", "-2147483648", "--node", "2147483647", "--auth-code", "a&<é>\r\n")
    (came,) = emulator.calls
    assert (came.call.session, came.call.node, came.call.auth_code) == (-(2**31), 2**31 - 1, "a&<é>\r\n")


@pytest.mark.parametrize(("binding", "sent"), [("soap11", None), ("soap12", None), ("get", ""), ("post", "")])
def test_call_sends_no_auth_code_where_that_can_be_and_an_empty_one_elsewhere(
    binding: str, sent: str | None, emulator: Emulator
) -> None:
    run("call", emulator.url, *CALL, "--binding", binding)
    assert [came.call.auth_code for came in emulator.calls] == [sent]


def test_every_option_of_call_can_come_from_the_environment(emulator: Emulator) -> None:
    options = {"SESSION": "7", "NODE": "8", "AUTH_CODE": CODE, "BINDING": "soap12", "TIMEOUT": "20"}
    done = run("call", emulator.url, env={f"RESCUE_EMULATOR_{name}": value for name, value in options.items()})
    (came,) = emulator.calls
    assert done.exit_code == 0
    assert (came.call.session, came.call.node, came.call.auth_code, came.call.binding.value) == (7, 8, CODE, "soap12")


@ALL_BINDINGS
@pytest.mark.parametrize("session", ["500", "501", "503", "1", "4", "1001"])
def test_the_auth_code_never_appears_in_what_call_prints(session: str, binding: Binding, emulator: Emulator) -> None:
    options = ("--node", "5", "--auth-code", CODE, "--binding", binding.value)
    assert CODE not in run("call", emulator.url, "--session", session, *options).output


@pytest.mark.parametrize("binding", ["get", "post"])
def test_the_auth_code_does_not_appear_where_the_service_quotes_it(binding: str, emulator: Emulator) -> None:
    done = run("call", emulator.url, *CALL, "--auth-code", f"<b>{CODE}", "--binding", binding)
    assert done.stderr.startswith("fault 500: A potentially dangerous Request.")
    assert "ann" not in done.stderr


@pytest.mark.parametrize("tail", ["/a b", "/a\nb", "/é"], ids=["a space", "a line feed", "a letter beyond ASCII"])
def test_the_auth_code_does_not_appear_where_the_address_is_wrong(tail: str, emulator: Emulator) -> None:
    done = run("call", root(emulator) + tail, *CALL, "--auth-code", CODE, "--binding", "get")
    assert CODE not in done.output
    assert done.exit_code == 2


def test_call_as_a_process_prints_the_result_alone(emulator: Emulator) -> None:
    with process("call", emulator.url, *CALL) as done:
        assert done.communicate(timeout=PATIENCE) == ("startSessionRet_OK\n", "")
    assert done.returncode == 0


def test_bytes_on_the_command_line_that_are_no_text_are_wrong_usage(emulator: Emulator) -> None:
    words = [sys.executable, "-m", "emulator", "call", emulator.url, *CALL, "--auth-code"]
    done = subprocess.run([*map(os.fsencode, words), b"\xff"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr.splitlines()[-1] == (
        "Error: Invalid value for '--auth-code': it is no text in the encoding of this terminal"
    )
    assert done.returncode == 2


# wrong usage of all three

ADDRESSES = {
    "no scheme": "127.0.0.1:8085",
    "a word": "junk",
    "another scheme": "ftp://127.0.0.1",
    "a file": "file:///etc/passwd",
    "no host": "http://",
    "half a bracket": "http://[",
    "a port that is none": "http://127.0.0.1:abc",
    "a port too high": "http://127.0.0.1:65536",
    "a host that is none": "http://a..b",
    "a space": "http://127.0.0.1/a b",
    "nothing": "",
}
COMMANDS = {"call": ("call", *CALL), "wait": ("wait", "--timeout", "0"), "verify": ("verify",)}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_is_no_address_is_wrong_usage(command: tuple[str, ...], address: str) -> None:
    done = run(*command, "--", address)
    assert done.stderr.splitlines()[-1].startswith(f"Error: Invalid value for 'URL': {address!r} is no address: ")
    assert done.exit_code == 2


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_password_in_an_address_is_wrong_usage_and_not_printed(command: tuple[str, ...]) -> None:
    done = run(*command, "http://ann:hush@127.0.0.1:1")
    assert "a user name and a password in an address are not sent" in done.stderr
    assert "hush" not in done.output
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("call", "http://h", "--node", "1"), "Missing option '--session'"),
        (("call", "http://h", "--session", "1"), "Missing option '--node'"),
        (("call", *CALL), "Missing argument 'URL'"),
        (("call", "http://h", "--session", "x", "--node", "1"), "'--session'"),
        (("call", "http://h", "--session", "2147483648", "--node", "1"), "'--session': 2147483648 is not in the range"),
        (("call", "http://h", *CALL, "--binding", "soap13"), "'--binding': 'soap13' is not one of"),
        (("call", "http://h", *CALL, "--timeout", "nan"), "'--timeout': 'nan' is no number of seconds"),
        (("call", "http://h", *CALL, "--timeout", "inf"), "'--timeout': inf is not in the range"),
        (("call", "http://h", *CALL, "--timeout", "-1"), "'--timeout': -1.0 is not in the range"),
        (("call", "http://h", *CALL, "--auth-cod", "x"), "No such option"),
        (("wait",), "Missing argument 'URL'"),
        (("wait", "http://h", "--timeout", "nan"), "'--timeout': 'nan' is no number of seconds"),
        (("wait", "http://h", "--timeout", "1e99"), "'--timeout': 1e+99 is not in the range"),
        (("wait", "http://h", "http://i"), "unexpected extra argument"),
        (("verify",), "Missing argument 'URL'"),
        (("verify", "http://h", "--times", "-1"), "'--times': -1 is not in the range"),
        (("verify", "http://h", "--times", "2", "--never"), "'times' cannot stand beside 'never'"),
        (("verify", "http://h", "--times", "2", "--at-least", "1"), "'times' cannot stand beside 'at_least'"),
        (("verify", "http://h", "--times", "2", "--at-most", "1"), "'times' cannot stand beside 'at_most'"),
        (("verify", "http://h", "--never", "--at-least", "1"), "'never'"),
        (("verify", "http://h", "--at-least", "2", "--at-most", "1"), "'at_least' is more than 'at_most'"),
        (("verify", "http://h", "--control-token", "a\nb"), "'--control-token': a token is one or more printable"),
    ],
    ids=lambda value: " ".join(value[:6]) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_told_in_a_line_and_exits_with_2(arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert told in done.stderr.splitlines()[-1]
    assert (done.stdout, done.exit_code) == ("", 2)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_asking_command_tells_how_it_exits(command: str) -> None:
    done = run(command, "--help")
    assert "Exits with 0 " in done.output
    options = [option for option in main.commands[command].params if isinstance(option, click.Option)]
    assert all(option.help for option in options)


# wait


@pytest.mark.parametrize("tail", ["", "/", SERVICE_PATH, f"{SERVICE_PATH}?wsdl"])
def test_wait_is_silent_and_exits_with_0_where_an_emulator_answers(tail: str, emulator: Emulator) -> None:
    done = run("wait", root(emulator) + tail, "--timeout", "0")
    assert (done.output, done.exit_code) == ("", 0)


def test_wait_takes_a_space_that_is_open(emulator: Emulator) -> None:
    with RemoteEmulator(emulator.url, space="mine") as mine:
        assert run("wait", mine.url, "--timeout", "0").exit_code == 0


def test_wait_tells_of_a_space_that_is_not_open(emulator: Emulator) -> None:
    done = run("wait", f"{root(emulator)}/spaces/nobody", "--timeout", "0")
    assert "answers 404" in done.stderr
    assert done.exit_code == 1


def test_wait_takes_a_server_without_a_control_api() -> None:
    with Emulator.start(SCENARIO, Options(control=False)) as emulator:
        assert run("wait", emulator.url, "--timeout", "0").exit_code == 0


def test_wait_needs_no_token_where_one_is_set() -> None:
    with Emulator.start(SCENARIO, Options(control_token=TOKEN)) as emulator:
        assert run("wait", emulator.url, "--timeout", "0").exit_code == 0


def test_wait_gives_up_in_time_with_the_last_reason(deserted: str) -> None:
    done = run("wait", deserted, "--timeout", "0.2")
    assert done.stderr == f"not ready after 0.2 s: no answer from {deserted}/__admin/health: Connection refused\n"
    assert done.exit_code == 1


def test_wait_gives_up_in_time_where_nothing_is_ever_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = run("wait", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.2")
    assert done.stderr.endswith("/__admin/health: nothing, or not all, came in time\n")
    assert done.exit_code == 1


def test_the_patience_of_wait_can_come_from_the_environment(deserted: str) -> None:
    done = run("wait", deserted, env={"RESCUE_EMULATOR_TIMEOUT": "0"})
    assert done.stderr.startswith("not ready after 0 s: ")


@pytest.mark.parametrize(("status", "body"), [(404, b""), (500, b"[]"), (503, b"\xff"), (403, b'{"detail": "no"}')])
def test_wait_tells_what_a_server_answers_that_is_no_emulator(status: int, body: bytes) -> None:
    with another_server(body, status) as url:
        done = run("wait", url, "--timeout", "0")
    assert f"answers {status}" in done.stderr
    assert ("answers 403: no\n" in done.stderr) == (status == 403)
    assert done.exit_code == 1


def test_wait_tells_why_an_emulator_is_not_healthy(tmp_path: Path) -> None:
    file = tmp_path / "night.yaml"
    file.write_text("otherwise: startSessionRet_OK\n")
    with Emulator(load(file), file=file, watch=True) as emulator:
        file.write_text("othrwise: startSessionRet_OK\n")
        until = time.monotonic() + PATIENCE
        while (done := run("wait", emulator.url, "--timeout", "0")).exit_code == 0:
            assert time.monotonic() < until, "the edit was not seen"
    assert "/__admin/health answers 503: the last edit of the scenario is refused" in done.stderr
    assert "did you mean 'otherwise'?" in done.stderr
    assert done.exit_code == 1


def test_wait_ends_when_the_emulator_begins_to_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as early:
        port = early.getsockname()[1]
        waiting = process("wait", f"http://127.0.0.1:{port}", "--timeout", str(PATIENCE))
        early.settimeout(PATIENCE)
        first_look, _ = early.accept()
    first_look.close()
    with waiting, Emulator.start(SCENARIO, Options(port=port)):
        assert waiting.communicate(timeout=PATIENCE) == ("", "")
    assert waiting.returncode == 0


# verify


@pytest.fixture
def called(emulator: Emulator) -> Emulator:
    """An emulator that had two calls with session 1001, one with 1002."""
    for session, binding in (("1001", "get"), ("1001", "soap12"), ("1002", "post")):
        run("call", emulator.url, "--session", session, "--node", "5", "--auth-code", CODE, "--binding", binding)
    return emulator


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("", 0),
        ("--session 1001", 0),
        ("--session 1003", 1),
        ("--node 5", 0),
        ("--node 6", 1),
        (f"--auth-code {CODE}", 0),
        ("--auth-code demo-bob", 1),
        ("--binding post", 0),
        ("--binding soap11", 1),
        ("--session 1001 --binding soap12", 0),
        ("--session 1002 --binding soap12", 1),
        ("--session 1001 --times 2", 0),
        ("--session 1001 --times 1", 1),
        ("--session 1001 --times 3", 1),
        ("--session 1003 --times 0", 0),
        ("--at-least 3", 0),
        ("--at-least 4", 1),
        ("--at-most 3", 0),
        ("--at-most 2", 1),
        ("--at-least 1 --at-most 3", 0),
        ("--at-least 1 --at-most 2", 1),
        ("--session 1003 --never", 0),
        ("--session 1001 --never", 1),
    ],
)
def test_verify_exits_with_0_when_the_calls_came_as_often_as_they_should_and_else_with_1(
    asked: str, status: int, called: Emulator
) -> None:
    done = run("verify", called.url, *asked.split())
    assert done.exit_code == status, done.output
    assert (done.stderr if status else done.stdout).startswith("wanted ")


def test_verify_tells_what_came_near(called: Emulator) -> None:
    done = run("verify", called.url, "--session", "1003", "--binding", "post")
    wanted, near, *_ = done.stderr.splitlines()
    assert wanted == "wanted at least 1 call with session 1003, binding post; none came, of 3 calls in the journal"
    assert near == (
        f"near miss: call {called.calls[2].id}, post session=1002 node=5 auth_code={masked(CODE)}: "
        "session is 1002, wanted is 1003"
    )


@pytest.mark.parametrize("code", [CODE, "demo-ann-0124"])
def test_the_auth_code_never_appears_in_what_verify_prints(code: str, called: Emulator) -> None:
    output = run("verify", called.url, "--session", "1003", "--auth-code", code).output
    assert "-ann-" not in output


def test_verify_asks_the_journal_of_the_space_in_its_address(called: Emulator) -> None:
    with RemoteEmulator(called.url, space="mine") as mine:
        assert run("verify", mine.url, "--session", "1001").exit_code == 1
        run("call", mine.url, *CALL)
        assert run("verify", mine.url, "--session", "1001", "--times", "1").exit_code == 0


@pytest.mark.parametrize("tail", ["", "/", SERVICE_PATH, f"{SERVICE_PATH}?wsdl"])
def test_verify_takes_the_address_of_a_root_or_of_the_service(tail: str, called: Emulator) -> None:
    assert run("verify", root(called) + tail, "--times", "3").exit_code == 0


def test_every_option_of_verify_can_come_from_the_environment() -> None:
    given = {"SESSION": "1001", "NODE": "5", "AUTH_CODE": CODE, "BINDING": "get", "AT_LEAST": "1", "AT_MOST": "1"}
    with Emulator.start(SCENARIO, Options(control_token=TOKEN)) as emulator:
        run("call", emulator.url, *CALL, "--auth-code", CODE, "--binding", "get")
        options = {f"RESCUE_EMULATOR_{name}": value for name, value in (given | {"CONTROL_TOKEN": TOKEN}).items()}
        assert run("verify", emulator.url, env=options).exit_code == 0


def test_never_can_come_from_the_environment(called: Emulator) -> None:
    assert run("verify", called.url, env={"RESCUE_EMULATOR_NEVER": "1"}).exit_code == 1


@pytest.mark.parametrize(
    ("token", "told"), [((), "a token is missing"), (("--control-token", "wrong"), "the token is wrong")]
)
def test_verify_without_the_right_token_exits_with_4_and_tells_what_to_do(token: tuple[str, ...], told: str) -> None:
    with Emulator.start(SCENARIO, Options(control_token=TOKEN)) as emulator:
        done = run("verify", emulator.url, *token)
    assert done.stderr == f"{told}: send the server's --control-token as 'Authorization: Bearer TOKEN'\n"
    assert done.exit_code == 4


def test_verify_with_the_right_token_is_answered() -> None:
    with Emulator.start(SCENARIO, Options(control_token=TOKEN)) as emulator:
        assert run("verify", emulator.url, "--never", "--control-token", TOKEN).exit_code == 0


def test_verify_tells_that_nobody_listens_and_exits_with_4(deserted: str) -> None:
    done = run("verify", deserted)
    assert done.stderr == f"no answer from {deserted}/__admin/verify: Connection refused\n"
    assert done.exit_code == 4


def test_verify_tells_that_the_control_api_is_off_and_exits_with_4() -> None:
    with Emulator.start(SCENARIO, Options(control=False)) as emulator:
        done = run("verify", emulator.url)
    assert done.stderr.endswith("is it an emulator, and its control API on?\n")
    assert done.exit_code == 4


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b"\xff", b'"verified"'], ids=repr)
def test_verify_of_a_server_that_is_no_emulator_exits_with_4(body: bytes) -> None:
    with another_server(body) as url:
        done = run("verify", url)
    assert done.stderr.startswith(f"no answer from {url}")
    assert len(done.stderr.splitlines()) == 1
    assert done.exit_code == 4


def test_verify_does_not_guess_where_the_journal_has_dropped_calls() -> None:
    with Emulator.start(SCENARIO, Options(journal_size=1)) as emulator:
        for _ in range(2):
            run("call", emulator.url, *CALL)
        done = run("verify", emulator.url, "--session", "7", "--never")
    assert "that cannot be told for certain" in done.stderr
    assert done.exit_code == 1


def test_verify_as_a_process_tells_its_finding_on_standard_output(called: Emulator) -> None:
    with process("verify", called.url, "--times", "3") as done:
        output, error = done.communicate(timeout=PATIENCE)
    assert output.startswith("wanted exactly 3 calls")
    assert (error, done.returncode) == ("", 0)


# what the options of serve are called in the environment


def test_the_control_api_can_be_switched_off_in_the_environment() -> None:
    command = [sys.executable, "-m", "emulator", "serve"]
    settings = {"RESCUE_EMULATOR_PORT": "0", "RESCUE_EMULATOR_NO_CONTROL": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **settings}
    ) as server:
        assert server.stdout is not None
        try:
            done = run("verify", server.stdout.readline().split()[1])
        finally:
            server.terminate()
    assert done.stderr.endswith("is it an emulator, and its control API on?\n")
