"""The command line as a person meets it: what it prints, where, and the status with which it exits."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from emulator.cli import main
from tests.helpers.paths import ROOT

BAD = """\
version: 1
rules:
  - whne: {session: 1}
    return: startSessionRet_OK
  - when: {session: 3000000000}
    return: OK
  - when: {session: 5, session: 6}
    return: startSessionRet_OK
"""


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """One run of the program in this process, whose logging is as before afterwards."""
    root, own = logging.getLogger(), logging.getLogger("emulator")
    before = [*root.handlers], root.level, own.level, logging.raiseExceptions, logging._srcfile
    factory = logging.getLogRecordFactory()
    try:
        return CliRunner().invoke(main, arguments, env=env)
    finally:
        root.handlers[:], root_level, own_level, logging.raiseExceptions, logging._srcfile = before
        logging.setLogRecordFactory(factory)
        root.setLevel(root_level)
        own.setLevel(own_level)


@contextmanager
def serving(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``serve`` as a process of its own, with the line that it prints once it answers."""
    command = [sys.executable, "-m", "emulator", "serve", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    return file


def test_check_prints_every_problem_with_its_place_and_the_nearest_right_word(bad_file: Path) -> None:
    result = run("check", str(bad_file))
    unknown, out_of_range, *others = result.output.splitlines()
    assert unknown == f"{bad_file}:3:5: rules[0].whne: unknown key; did you mean 'when'?"
    assert out_of_range.startswith(f"{bad_file}:5:21: rules[1].when.session: ")
    assert "-2147483648 to 2147483647" in out_of_range
    assert others == [
        f"{bad_file}:6:13: rules[1].return: 'OK' is not a result; did you mean 'startSessionRet_OK'?",
        f"{bad_file}:7:24: rules[2].when.session: the key is given twice, first in line 7",
    ]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"rules: [\n", "2:1: not YAML", id="broken YAML"),
        pytest.param(b"", "1:1: empty", id="an empty file"),
        pytest.param(b"name: \xff\xfe\x00", "1:7: not UTF-8", id="a binary file"),
        pytest.param(None, "1:1: no such file", id="a missing file"),
    ],
)
@pytest.mark.parametrize("command", ["check", "serve"])
def test_an_unusable_file_gives_one_message_and_status_1(
    command: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "scenario.yaml"
    if content is not None:
        file.write_bytes(content)
    result = run(command, str(file))
    assert result.output.startswith(f"{file}:{message}")
    assert len(result.output.splitlines()) == 1
    assert result.exit_code == 1


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    result = run("check", str(tmp_path))
    assert (result.output, result.exit_code) == (f"{tmp_path}:1:1: a folder, not a file\n", 1)


def test_check_is_silent_about_good_files() -> None:
    result = run("check", *(str(file) for file in sorted((ROOT / "scenarios").glob("*.yaml"))))
    assert (result.output, result.exit_code) == ("", 0)


@pytest.mark.parametrize(
    "arguments",
    [("check",), ("serve", "--port", "65536"), ("serve", "--prot", "1"), ("serve", "--log-format", "xml"), ("nope",)],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["serve", "check", "explain", "schema", "wsdl"])
def test_each_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_serve_prints_one_ready_line_once_it_answers_and_ends_with_0_on_sigterm() -> None:
    with serving("--port", "0") as (process, ready):
        word, url, *about = ready.split()
        assert word == "ready"
        assert url.endswith("/API/API.asmx")
        assert about[0] == "scenario=default"
        query = {"iSession": "1", "iNode": "2", "sAuthCode": "demo-ok"}
        assert "startSessionRet_OK" in requests.get(f"{url}/startSession", query, timeout=5).text
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=5)
        assert (process.returncode, output) == (0, "")
        assert "get session=1 node=2 auth_code=d***" in log
        assert "demo-ok" not in log


def test_log_lines_can_be_json() -> None:
    with serving("--port", "0", "--log-format", "json") as (process, ready):
        requests.get(f"{ready.split()[1]}/startSession", timeout=5)
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=5)
        assert json.loads(log)["message"].startswith("get refused with 500: Missing parameter: iSession.")


def test_options_can_come_from_the_environment() -> None:
    with serving(env={"RESCUE_EMULATOR_PORT": "0", "RESCUE_EMULATOR_HOST": "localhost"}) as (_, ready):
        assert ready.startswith("ready http://")


def test_a_taken_port_is_one_clear_line_and_status_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port))
    assert result.output == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert result.exit_code == 1


def test_explain_names_the_rule_that_answers_and_why_the_ones_before_it_did_not() -> None:
    result = run(
        "explain", str(ROOT / "scenarios/default.yaml"), "--session", "7", "--node", "1", "--auth-code", "demo-error"
    )
    assert "no   code for OK" in result.output
    assert "answer: startSessionRet_Error, decided by rule code for Error" in result.output
    assert "demo-error" not in result.output
    assert result.exit_code == 0


def test_schema_prints_json() -> None:
    assert json.loads(run("schema").output)["type"] == "object"


def test_wsdl_prints_the_wsdl_for_an_address() -> None:
    result = run("wsdl", "--address", "https://rescue.test/API/API.asmx")
    assert result.stdout_bytes.startswith(b'<?xml version="1.0" encoding="utf-8"?>\r\n<wsdl:definitions')
    assert result.stdout_bytes.count(b'location="https://rescue.test/API/API.asmx"') == 4


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["serve", "--help"], ["check", "scenarios/default.yaml"], ["schema"]]
)
def test_what_serving_needs_is_imported_only_to_serve(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom emulator.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'spyne', 'lxml', 'werkzeug', 'httptools', 'uvloop', 'jinja2'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_what_callers_need_not_wait_for_is_imported_after_the_server_is_ready(tmp_path: Path) -> None:
    told = tmp_path / "imports"
    command = [sys.executable, "-X", "importtime", "-m", "emulator", "serve", "--port", "0"]
    with told.open("w") as file, subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=file) as server:
        assert server.stdout is not None
        server.stdout.readline()
        server.terminate()
    imported = {line.rpartition("|")[2].strip() for line in told.read_text().splitlines()}
    late = {"jinja2", "markupsafe", "prometheus_client", "rich", "werkzeug", "emulator.web.control.api"}
    late |= {
        "emulator.scenario.control_models",
        "emulator.scenario.schema",
        "emulator.client.remote",
        "emulator.web.samples",
    }
    assert (imported & late, "emulator.emulator" in imported) == (set(), True)
