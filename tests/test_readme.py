"""What the README says is run, and has to be true."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from emulator.cli import main
from emulator.core.call import Call
from emulator.core.contract import Binding, Result
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy
from emulator.emulator import Emulator
from emulator.scenario import load, loads
from emulator.scenario.files import DEFAULT_SCENARIO
from emulator.scenario.schema import schema
from emulator.server.limits import HttpLimits
from emulator.web.control.routes import ROUTES
from tests.helpers.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = README.partition("\n## ")[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
TYPO = "rules:\n  - whne: {session: 1}\n    return: OK\n"


def blocks(language: str) -> list[str]:
    """The code blocks in a language."""
    return [text for found, text in BLOCKS if found == language]


def commands() -> Iterator[tuple[list[str], str]]:
    """Each command in the console blocks, with what is shown as its output."""
    for block in blocks("console"):
        for command, output in re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.MULTILINE):
            yield shlex.split(command), output


@pytest.fixture(scope="module")
def default_emulator() -> Iterator[Emulator]:
    with Emulator(load(DEFAULT_SCENARIO)) as emulator:
        yield emulator


def test_the_first_screen_ends_with_a_working_call(default_emulator: Emulator) -> None:
    call = re.search(r"\$ curl '([^']*)'\n(.*)```\s*$", FIRST_SCREEN, re.DOTALL)
    assert call is not None
    url = call[1].replace("http://127.0.0.1:8085/API/API.asmx", default_emulator.url)
    answer = requests.get(url, timeout=5).content
    assert answer.decode() == call[2].rstrip("\n").replace("\n", "\r\n")
    assert len(FIRST_SCREEN.splitlines()) <= 30


def test_the_ready_line_is_the_one_of_the_default_scenario() -> None:
    rules = len(load(DEFAULT_SCENARIO).rules)
    assert f"ready http://127.0.0.1:8085/API/API.asmx scenario=default rules={rules}\n" in FIRST_SCREEN


ROWS = re.findall(r"^\| `(startSessionRet_\w+)` \| `([\w-]+)` \| (\d+) \|$", README, re.MULTILINE)


def test_the_table_of_codes_and_sessions_has_every_result() -> None:
    assert {row[0] for row in ROWS} == {result.value for result in Result}


@pytest.mark.parametrize(("result", "auth_code", "session"), ROWS)
def test_a_documented_code_or_session_gets_its_result(
    result: str, auth_code: str, session: str, default_emulator: Emulator
) -> None:
    for query in ({"iSession": "1", "sAuthCode": auth_code}, {"iSession": session, "sAuthCode": "another"}):
        answer = requests.get(f"{default_emulator.url}/startSession", query | {"iNode": "2"}, timeout=5)
        assert f">{result}<" in answer.text


FAILURES = re.findall(
    r"^\| [^|]* \| `(demo-[\w-]+)` \| (\d+) \|$", README.partition("| failure | auth code |")[2], re.MULTILINE
)


@pytest.mark.parametrize(("auth_code", "session"), FAILURES)
def test_a_documented_failure_is_the_same_by_code_and_by_session(auth_code: str, session: str) -> None:
    engine = Engine(load(DEFAULT_SCENARIO))
    by_code = engine.answer(Call(1, 2, auth_code, Binding.GET))
    by_session = engine.answer(Call(int(session), 2, "another", Binding.GET))
    assert by_code.decided_by is by_session.decided_by is DecidedBy.RULE
    assert (by_code.outcome, by_code.delay) == (by_session.outcome, by_session.delay)
    assert len(FAILURES) == 10


def rows(heading: str) -> list[str]:
    """The first cells, in code, of the table under a heading row."""
    table = README.partition(heading)[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]*)` \|", table, re.MULTILINE)


@pytest.mark.parametrize("written", rows("| condition | accepts |"))
def test_each_documented_condition_loads(written: str) -> None:
    field = "auth_code" if "matches" in written or "absent" in written else "session"
    assert loads(f"rules: [{{when: {{{field}: {written}}}, return: startSessionRet_OK}}]").rules


@pytest.mark.parametrize("written", rows("| failure | what the client sees |"))
def test_each_documented_failure_loads(written: str) -> None:
    assert loads(f"rules: [{{fail: {written}}}]").rules


@pytest.mark.parametrize("key", schema()["properties"])
def test_each_key_of_a_scenario_is_documented(key: str) -> None:
    assert key == "$schema" or f"`{key}`" in README


@pytest.mark.parametrize("block", blocks("yaml"))
def test_each_scenario_in_the_readme_loads(block: str) -> None:
    assert loads(block).rules


def test_the_commands_of_the_readme_do_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-tests.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "typo.yaml").write_text(TYPO)
    ours = [(words[1:], output) for words, output in commands() if words[0].endswith("rescue-emulator")]
    assert len(ours) >= 4
    for arguments, output in ours:
        if arguments[0] not in ("serve", "call"):  # these are tested where there is a process, and a demo
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code in (0, 1)
            assert not output or result.output == output


def test_the_eight_lines_of_the_readme_are_a_green_test(pytester: pytest.Pytester) -> None:
    (test, *_) = (block for block in blocks("python") if "def test_" in block)
    assert len(test.splitlines()) == 8
    pytester.makepyfile(test)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_report_that_the_readme_shows_is_that_of_a_call_for_another_session(pytester: pytest.Pytester) -> None:
    (test, *_) = (block for block in blocks("python") if "def test_" in block)
    pytester.makepyfile(test.replace("iSession=1001", "iSession=1010"))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*- rescue calls -*"])
    for line in blocks("text")[0].splitlines():
        assert line in result.outlines


@pytest.mark.parametrize("block", [block for block in blocks("python") if "def test_" not in block])
def test_each_program_in_the_readme_runs(block: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", block], check=True, timeout=60)


def test_each_path_of_the_control_api_is_documented() -> None:
    documented = README.partition("## The control API")[2].partition("\n## ")[0]
    for route in ROUTES:
        assert f"/__admin{route.path}" in documented


def test_each_option_that_the_control_api_mentions_is_one_of_serve() -> None:
    named = set(re.findall(r"--[a-z][a-z-]+", README.partition("## The control API")[2].partition("\n## ")[0]))
    assert len(named) >= 6
    assert named <= {option for each in main.commands["serve"].params for option in each.opts}


def test_each_limit_that_has_an_option_is_documented_with_its_default() -> None:
    unit = {"kB": 1024, "MB": 1024**2, "s": 1, "": 1}
    table = README.partition("| limit | by default |")[2].partition("\n\n")[0]
    told = re.findall(r"^\| `(--[a-z-]+)` \| ([\d,]+) ?(kB|MB|s|)[^|]*\|", table, re.MULTILINE)
    documented = {option: float(number.replace(",", "")) * unit[name] for option, number, name in told}
    defaults = {option: each.default for each in main.commands["serve"].params for option in each.opts}
    assert documented == {option: defaults[option] for option in documented}
    assert sorted(documented.values()) == sorted(asdict(HttpLimits()).values())


def test_the_demo_goes_as_it_is_told() -> None:
    with Emulator.start(ROOT / "scenarios" / "demo.yaml") as emulator:
        origin = emulator.url.removesuffix("/API/API.asmx")
        calls = [(words[1:], output) for words, output in commands() if words[1:2] == ["call"]]
        assert len(calls) == 2
        for arguments, output in calls:
            result = CliRunner().invoke(main, [word.replace("http://127.0.0.1:8085", origin) for word in arguments])
            assert result.output == output


def test_the_pictures_of_the_readme_are_there() -> None:
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", README):
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


def test_every_command_and_make_target_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)`", README):
        assert f"\n{target}:" in makefile
    named = re.findall(
        r"^\| `([a-z]+)[^|]*` \|", README.partition("## The command line")[2].partition("\n## ")[0], re.MULTILINE
    )
    assert set(named) == set(main.commands)
