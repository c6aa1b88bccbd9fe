"""The commands that need no running service, and ``serve``: what they print, where, and how they exit."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from emulator.scenario.fields import package_version
from tests.helpers.calling import run
from tests.helpers.paths import ROOT

BAD = """\
version: 1
rules:
  - whne: {session: 1}
    return: startSessionRet_OK
  - when: {session: 3000000000}
    return: OK
"""


@contextmanager
def serving(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``serve`` in a process of its own; yield it with the line that it prints once it answers."""
    command = [sys.executable, "-m", "emulator", "serve", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_check_prints_every_problem_with_its_place_and_the_nearest_right_word(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    result = run("check", str(file), str(ROOT / "scenarios/default.yaml"))
    unknown, out_of_range, wrong = result.output.splitlines()
    assert unknown == f"{file}:3:5: rules[0].whne: unknown key; did you mean 'when'?"
    assert out_of_range.startswith(f"{file}:5:21: rules[1].when.session: ")
    assert wrong == f"{file}:6:13: rules[1].return: 'OK' is not a result; did you mean 'startSessionRet_OK'?"
    assert result.exit_code == 1


@pytest.mark.parametrize("command", ["check", "serve"])
def test_an_unusable_file_is_one_line_and_status_1(command: str, tmp_path: Path) -> None:
    for file, message in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "a folder, not a file")):
        result = run(command, str(file))
        assert (result.output, result.exit_code) == (f"{file}:1:1: {message}\n", 1)


REMARKABLE = """\
otherwise:
  fail: {status: 401}
rules:
  - when: {session: 1}
    fail: {status: 426, headers: {Upgrade: h2c, Connection: Upgrade}}
  - when: {session: 2}
    replies:
      - fail: {status: 405, headers: {keep-alive: timeout=5}}
      - fail: {status: 401, headers: {www-authenticate: Basic}}
"""
REMARKS = (
    "2:10: remark: otherwise.fail.status: real servers send WWW-Authenticate with 401, and clients may need it; "
    "add it to 'headers'",
    "5:49: remark: rules[0].fail.headers.Connection: this header is about one connection, and proxies drop it; "
    "the server closes the connection for 'close', and only sends any other value",
    "8:16: remark: rules[1].replies[0].fail.status: real servers send Allow with 405, and clients may need it; "
    "add it to 'headers'",
    "8:39: remark: rules[1].replies[0].fail.headers.keep-alive: this header is about one connection, and proxies drop "
    "it; the server sends it, but keeps its own time limit (--idle-timeout)",
)


@pytest.fixture
def remarkable(tmp_path: Path) -> Path:
    """A scenario that is valid, but rarely meant."""
    file = tmp_path / "remarkable.yaml"
    file.write_text(REMARKABLE)
    return file


def test_check_remarks_on_what_is_valid_but_rarely_meant_and_exits_with_0(remarkable: Path) -> None:
    result = run("check", str(remarkable))
    assert result.output.splitlines() == [f"{remarkable}:{remark}" for remark in REMARKS]
    assert result.exit_code == 0


def test_serve_logs_each_remark_once_as_a_warning(remarkable: Path) -> None:
    with serving(str(remarkable), "--port", "0") as (process, _):
        process.terminate()
        _, log = process.communicate(timeout=20)
    for remark in REMARKS:
        (line,) = [line for line in log.splitlines() if remark in line]
        assert f" WARNING {remarkable}:{remark}" in line


def test_a_copy_that_is_not_installed_says_so_instead_of_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    package_version.cache_clear()
    try:
        assert run("--version").output == "rescue-emulator, version (unknown version)\n"
    finally:
        package_version.cache_clear()


def test_check_is_silent_about_good_files() -> None:
    result = run("check", *(str(file) for file in sorted((ROOT / "scenarios").glob("*.yaml"))))
    assert (result.output, result.exit_code) == ("", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("nope",),
        ("serve", "--port", "65536"),
        ("serve", "--prot", "1"),
        ("serve", "--max-delay", "nan"),
        ("serve", "--head-timeout", "0"),
        ("serve", "--public-url", "rescue.test"),
        ("serve", "--control-token", " "),
    ],
    ids=" ".join,
)
def test_a_usage_error_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["serve", "check", "explain", "schema", "wsdl"])
def test_each_command_has_a_help(command: str) -> None:
    result = run(command, "--help")
    assert (result.output[:7], result.exit_code) == ("Usage: ", 0)


def test_serve_prints_one_line_once_it_answers_and_ends_with_0_on_sigterm() -> None:
    with serving("--port", "0") as (process, ready):
        word, url, *about = ready.split()
        assert (word, about[0]) == ("ready", "scenario=default")
        query = {"iSession": "1", "iNode": "2", "sAuthCode": "secret-code"}
        assert "startSessionRet_" in requests.get(f"{url}/startSession", query, timeout=5).text
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=5)
    assert (process.returncode, output) == (0, "")
    assert "INFO get session=1 node=2 auth_code=se***" in log
    assert "secret-code" not in log


def test_options_can_come_from_the_environment() -> None:
    env = {"PORT": "0", "HOST": "localhost", "NO_CONTROL": "1", "LOG_FORMAT": "json", "MAX_REQUEST_LINE": "100"}
    with serving(env={f"RESCUE_EMULATOR_{name}": value for name, value in env.items()}) as (process, ready):
        url = ready.split()[1]
        assert requests.get(url.replace("/API/API.asmx", "/__admin/calls"), timeout=5).status_code == 404
        assert requests.get(f"{url}?{'x' * 100}", timeout=5).status_code == 414
        requests.get(f"{url}/startSession", timeout=5)
        process.send_signal(signal.SIGINT)
        log = process.communicate(timeout=5)[1].splitlines()
    assert "Missing parameter: iSession." in [json.loads(line).get("reason") for line in log]


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", ["DEBUG", "INFO"]), ("info", ["INFO"]), ("warning", []), ("error", [])]
)
def test_the_log_begins_with_its_level(level: str, lines: list[str]) -> None:
    with serving("--port", "0", "--log-level", level) as (process, ready):
        requests.get(f"{ready.split()[1]}/startSession?iSession=1001&iNode=2&sAuthCode=demo-ann", timeout=5)
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=5)[1].splitlines()
    assert [line.split()[2] for line in log if "session=1001" in line] == lines


def test_a_taken_port_is_one_clear_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert (result.output, result.exit_code) == (f"cannot listen on 127.0.0.1:{port}: Address already in use\n", 1)


def test_the_next_free_port_is_taken_and_the_log_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        with serving("demo", "--port", f"{first}-{first + 20}") as (process, ready):
            port = urlsplit(ready.split()[1]).port
            process.send_signal(signal.SIGTERM)
            console, about_port, *_ = process.communicate(timeout=5)[1].splitlines()
    assert console.endswith(f"console: http://127.0.0.1:{port}/__admin/")
    assert about_port.endswith(f" WARNING port {first} is taken, serving on {port}")


def test_explain_names_the_rule_that_answers_and_why_the_ones_before_it_did_not() -> None:
    options = ("--session", "7", "--node", "1", "--auth-code", "demo-error")
    result = run("explain", str(ROOT / "scenarios/default.yaml"), *options)
    assert "no   code for OK" in result.output
    assert "answer: startSessionRet_Error, decided by rule code for Error" in result.output
    assert "auth code demo-error" in result.output
    assert result.exit_code == 0


def test_schema_prints_json() -> None:
    assert json.loads(run("schema").output)["type"] == "object"


def test_wsdl_prints_the_wsdl_for_an_address() -> None:
    result = run("wsdl", "--address", "https://rescue.test/API/API.asmx")
    assert result.stdout_bytes.startswith(b'<?xml version="1.0" encoding="utf-8"?>\r\n<wsdl:definitions')
    assert result.stdout_bytes.count(b'location="https://rescue.test/API/API.asmx"') == 4


def test_what_serving_needs_is_imported_only_to_serve() -> None:
    script = (
        "import sys\nfrom emulator.cli import main\n"
        "for command in ('--help', 'serve --help', 'check scenarios/default.yaml'):\n"
        "    main(command.split(), standalone_mode=False)\n"
        "heavy = {'spyne', 'lxml', 'werkzeug', 'httptools', 'uvloop', 'jinja2', 'requests', 'trustme'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_what_serving_does_not_need_is_not_imported(tmp_path: Path) -> None:
    file = tmp_path / "imports"
    command = [sys.executable, "-X", "importtime", "-m", "emulator", "serve", "--port", "0"]
    with file.open("w") as log, subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log) as server:
        assert server.stdout is not None
        server.stdout.readline()
        server.terminate()
    imported = {line.rpartition("|")[2].strip() for line in file.read_text().splitlines()}
    unneeded = {"jinja2", "prometheus_client", "requests", "trustme", "emulator.client.remote"}
    assert (imported & unneeded, "emulator.emulator" in imported) == (set(), True)
