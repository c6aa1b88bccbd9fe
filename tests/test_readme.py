"""The commands, code blocks and tables of the READMEs are true."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import requests

from emulator.cli import main
from emulator.core.contract import SERVICE_PATH, Binding, Call, Result
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy
from emulator.emulator import Emulator
from emulator.scenario.files import DEFAULT_SCENARIO
from emulator.scenario.loading import load, loads
from emulator.scenario.schema import schema
from emulator.server import HttpLimits
from emulator.web.control.routes import ROUTES
from tests.helpers.calling import run
from tests.helpers.paths import ROOT
from tests.helpers.recorded_cases import load_cases

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "emulator" / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = README.partition("\n## ")[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
TYPO = "rules:\n  - whne: {session: 1}\n    return: OK\n"
ORIGIN = "http://127.0.0.1:8085"


def blocks(language: str) -> list[str]:
    """Return the code blocks in a language."""
    return [text for name, text in BLOCKS if name == language]


def section(heading: str) -> str:
    return README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def cells(heading: str) -> list[tuple[str, ...]]:
    """Return the cells of each row of the table under a heading row; backquotes are removed."""
    table = README.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip().strip("`") for cell in row.strip("|").split(" | ")) for row in table]


def commands() -> Iterator[tuple[list[str], str]]:
    """Yield each command of the console blocks, and the output that is shown."""
    for block in blocks("console"):
        for command, output in re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.MULTILINE):
            yield shlex.split(command), output


def test_the_first_screen_ends_with_a_working_call() -> None:
    ((url, answer),) = re.findall(r"\$ curl '([^']*)'\n(.*)\n```\s*$", FIRST_SCREEN, re.DOTALL)
    with Emulator.start() as emulator:
        response = requests.get(url.replace(ORIGIN + SERVICE_PATH, emulator.url), timeout=5)
    assert response.text == answer.replace("\n", "\r\n")
    assert len(FIRST_SCREEN.splitlines()) <= 30


def test_the_ready_line_is_that_of_the_default_scenario() -> None:
    rules = len(load(DEFAULT_SCENARIO).rules)
    assert f"ready {ORIGIN}{SERVICE_PATH} scenario=default rules={rules}\n" in FIRST_SCREEN


def test_each_documented_code_and_session_gets_its_result() -> None:
    engine = Engine(load(DEFAULT_SCENARIO))
    rows = cells("| result | auth code | session |")
    assert {result for result, _, _ in rows} == {result.value for result in Result}
    for result, auth_code, session in rows:
        for call in (Call(1, 2, auth_code, Binding.GET), Call(int(session), 2, "another", Binding.GET)):
            assert str(engine.answer(call).outcome) == result, call


def test_each_documented_failure_is_the_same_by_code_and_by_session() -> None:
    rows = cells("| failure | auth code |")
    assert len(rows) == 10
    for _, auth_code, session in rows:
        engine = Engine(load(DEFAULT_SCENARIO))
        by_code = engine.answer(Call(1, 2, auth_code, Binding.GET))
        by_session = engine.answer(Call(int(session), 2, "another", Binding.GET))
        assert by_code.decided_by is by_session.decided_by is DecidedBy.RULE
        assert (by_code.outcome, by_code.delay) == (by_session.outcome, by_session.delay)


def test_each_documented_condition_failure_and_scenario_loads() -> None:
    for condition, _ in cells("| condition | accepts |"):
        field = "auth_code" if "matches" in condition or "absent" in condition else "session"
        assert loads(f"rules: [{{when: {{{field}: {condition}}}, return: startSessionRet_OK}}]").rules
    for failure, _ in cells("| failure | what the client sees |"):
        assert loads(f"rules: [{{fail: {failure}}}]").rules
    for block in blocks("yaml"):
        assert loads(block).rules


def test_the_first_screen_says_how_many_recorded_cases_there_are() -> None:
    cases = load_cases()
    whole = [case for case in cases if all(answer.compare == "all" for answer in case.answers)]
    assert f"{len(cases)} recorded cases, {len(whole)} of them byte for byte" in FIRST_SCREEN


def test_each_key_of_a_scenario_is_documented() -> None:
    assert [key for key in schema()["properties"] if key != "$schema" and f"`{key}`" not in README] == []


def test_the_commands_print_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-tests.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "typo.yaml").write_text(TYPO)
    ours = [(words[1:], output) for words, output in commands() if words[0].endswith("rescue-emulator")]
    offline = [(words, output) for words, output in ours if words[0] not in ("serve", "call")]
    assert len(offline) >= 3
    for arguments, output in offline:
        result = run(*arguments)
        assert result.exit_code in (0, 1)
        assert not output or result.output == output


def test_the_demo_goes_as_described() -> None:
    with Emulator.start(ROOT / "scenarios" / "demo.yaml") as emulator:
        origin = emulator.url.removesuffix(SERVICE_PATH)
        calls = [(words[1:], output) for words, output in commands() if words[1:2] == ["call"]]
        assert len(calls) == 2
        for arguments, output in calls:
            result = run(*(word.replace(ORIGIN, origin) for word in arguments))
            assert result.output == output


def test_the_test_with_pytest_passes_and_fails_with_the_report_that_is_shown(pytester: pytest.Pytester) -> None:
    test, fixtures = (block for block in blocks("python") if "def test_" in block)
    pytester.makepyfile(test_1=test.replace("iSession=1001", "iSession=1010"), test_2=test, test_3=fixtures)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*- rescue calls -*", *blocks("text")[0].splitlines()])


@pytest.mark.parametrize("number", range(sum("def test_" not in block for block in blocks("python"))))
def test_each_program_runs(number: int) -> None:
    program = [block for block in blocks("python") if "def test_" not in block][number]
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_each_route_and_option_of_the_control_api_is_documented() -> None:
    text = section("The control API")
    assert [route.template for route in ROUTES if f"/__admin{route.template}" not in text] == []
    options = set(re.findall(r"--[a-z][a-z-]+", text))
    assert len(options) >= 6
    assert options <= {option for parameter in main.commands["serve"].params for option in parameter.opts}


def test_each_limit_is_documented_with_its_default() -> None:
    units = {"kB": 1024, "MB": 1024**2, "s": 1, "": 1}
    documented: dict[str, float | None] = {}
    for option, default, _ in cells("| limit | by default |"):
        if default == "as `--max-body":  # its last backquote is removed
            documented[option] = None
            continue
        number, _, unit = default.removesuffix(" in all").partition(" ")
        documented[option] = float(number.replace(",", "")) * units[unit]
    defaults = {option: parameter.default for parameter in main.commands["serve"].params for option in parameter.opts}
    assert documented == {option: defaults[option] for option in documented}
    assert set(documented.values()) == set(asdict(HttpLimits()).values())
    assert len(documented) == len(asdict(HttpLimits()))


def test_each_command_make_target_and_picture_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"`make ([a-z-]+)`", README)
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
    named = {row[0].split()[0] for row in cells("| command | does |")}
    assert named == set(main.commands)
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", README):
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


def test_each_path_and_name_in_the_architecture_exists() -> None:
    places = re.findall(r"`((?:[\w.-]+/)*(?:[\w.-]+\.[a-z]{2,4}|[\w-]+/))(?::(\w+))?`", ARCHITECTURE)
    assert len(places) > 40
    for path, name in places:
        file = next((folder / path for folder in (ROOT / "emulator", ROOT) if (folder / path).exists()), None)
        assert file is not None, f"{path} does not exist"
        assert not name or name in names_in(file), f"{path} has no {name}"


def names_in(file: Path) -> set[str]:
    """Return the names that a module defines at its top and in its classes, or the words of any other file."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return set(re.findall(r"\w+", text))
    names: set[str] = set()
    tree = ast.parse(text)
    for node in [*tree.body, *(item for top in tree.body if isinstance(top, ast.ClassDef) for item in top.body)]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        else:
            stored = (leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name) and isinstance(leaf.ctx, ast.Store))
            names |= {name.id for name in stored}
    return names
