"""Each page of documentation is true: its commands, programs, tables, links and names."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

from emulator import HttpLimits, Options
from emulator.cli import main
from emulator.emulator import Emulator
from emulator.scenario.loading import loads
from emulator.web import asmx
from emulator.web.control.routes import ROUTES
from emulator.wire import input_limits
from tests.helpers.documents import (
    PAGES,
    TIMEOUT,
    Terminal,
    blocks,
    commands,
    is_as_shown,
    quoted,
    save_files,
    section,
    table,
)
from tests.helpers.paths import ROOT
from tests.helpers.suites import run

COMMAND_LINE = "emulator/cli/README.md"
CONTROL_API = "emulator/web/control/README.md"
SERVER = "emulator/server/README.md"
TESTING = "tests/examples/README.md"
ARCHITECTURE = "emulator/README.md"

CHECKED = {"console", "ini", "python", "text", "yaml"}
"""The languages of blocks: each is run or read by a test below; text is output, which test_readme.py compares."""

PROGRAMS = [
    pytest.param(page, block.text, id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "python"))
    if not (block.file and "pytest -q" in dict(commands(page)))  # which runs it
]
UNITS = {"kB": 1024, "MB": 1024**2, "s": 1, "": 1}


def all_pages(pattern: str) -> set[str]:
    return {found for text in PAGES.values() for found in re.findall(pattern, text)}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")])
def test_the_commands_of_a_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    save_files(page, tmp_path)
    with Terminal(tmp_path) as terminal:
        for command, shown in commands(page):
            if not command.startswith("pip install "):
                output = terminal.run(command)
                assert is_as_shown(output, shown), f"$ {command}\n{output}"


@pytest.mark.parametrize(("page", "program"), PROGRAMS)
def test_each_program_of_a_page_runs(page: str, program: str, pytester: pytest.Pytester) -> None:
    save_files(page, pytester.path)
    (pytester.path / "test_program.py").write_text(program, encoding="utf-8")
    if "def test_" in program:
        assert run(pytester, "-p", "no:anyio", "-W", "error", "test_program.py").ret == 0
    else:
        command = [sys.executable, "-W", "error", "test_program.py"]
        done = subprocess.run(command, cwd=pytester.path, timeout=TIMEOUT, capture_output=True)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("page", PAGES)
def test_each_code_block_of_a_page_is_checked(page: str) -> None:
    assert {block.language for block in blocks(page)} <= CHECKED
    for block in blocks(page, "yaml"):
        if block.kind != "wrong":
            assert loads(block.text)


def test_each_package_that_pip_installs_has_the_extra() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '\nreadme = "README.md"\n' in project
    installed = all_pages(r"pip install '?\.\./rescue-emulator(?:\[(\w+)\])?")
    assert installed == {"", "tls"}
    assert re.search(r"^\[project\.optional-dependencies\]\ntls = ", project, re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_each_link_of_a_page_leads_somewhere_in_the_source_distribution(page: str) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    included = re.findall(r'"([\w.]+)"', re.findall(r"sdist\]\ninclude = (.*)", project)[0])
    for link in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page
        assert target.exists(), link
        assert target.relative_to(ROOT).parts[0] in included, link
        text = (target / "README.md" if target.is_dir() else target).read_bytes()
        assert not anchor or anchor in anchors(text.decode()), link


def test_the_readme_leads_to_each_page() -> None:
    links = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)#]+)", PAGES["README.md"])}
    assert [page for page in PAGES if page != "README.md" and (ROOT / page) not in links] == []


def options_of(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts if name.startswith("--")}


def documented_options() -> dict[str, set[str]]:
    """Return the options that the tables give to each command."""
    documented: dict[str, set[str]] = {name: set() for name in main.commands}
    for name, *_ in [*table(COMMAND_LINE, "option of `serve`"), *table(SERVER, "limit")]:
        documented["serve"] |= {option for option in quoted(name) if option.startswith("--")}
    for names, of, _ in table(COMMAND_LINE, "option"):
        for command in quoted(of):
            documented[command] |= set(quoted(names))
    return documented


@pytest.mark.parametrize("command", main.commands)
def test_each_option_is_in_the_table_of_its_command(command: str) -> None:
    assert documented_options()[command] == options_of(main.commands[command])


def test_each_command_is_in_the_table() -> None:
    assert {quoted(name)[0].split()[0] for name, *_ in table(COMMAND_LINE, "command")} == set(main.commands)


def test_no_page_names_an_option_of_serve_that_there_is_not() -> None:
    known = {name for command in main.commands.values() for name in options_of(command)} | {"--help"}
    assert all_pages(r"`serve (--[a-z-]+)") <= known


def value(text: str) -> float:
    """Return a number with a unit, in bytes or seconds."""
    number, _, unit = text.removesuffix(" in all").partition(" ")
    return float(number.replace(",", "")) * UNITS[unit]


def test_each_limit_and_default_is_right() -> None:
    defaults = {name: option.default for option in main.commands["serve"].params for name in option.opts}
    rows = table(SERVER, "limit")[: len(fields(HttpLimits))]
    limits = {quoted(option)[0]: (quoted(field)[0], default) for option, field, default, _ in rows}
    assert {field for field, _ in limits.values()} == {field.name for field in fields(HttpLimits)}
    for option, (field, default) in limits.items():
        if default != "as `--max-body`":
            assert value(default) == defaults[option] == getattr(HttpLimits(), field), option
    numbers = [(quoted(name)[0], default) for name, default, _ in table(COMMAND_LINE, "option of `serve`")]
    numbers = [(name, default) for name, default in numbers if re.fullmatch(r"[\d,]+( \w+)?", default)]
    assert len(numbers) >= 5
    assert [name for name, default in numbers if value(default) != defaults[name]] == []


def test_each_limit_without_an_option_is_right() -> None:
    named = re.findall(r"(?<![-\d])(\d[\d,]* \w+)", " ".join(cells[0] for cells in table(SERVER, "limit | beyond it")))
    limits = {
        "characters": asmx._LONGEST_QUERY,
        "pairs": input_limits.MOST_PAIRS,
        "percent": input_limits.MOST_ESCAPES,
        "tags": input_limits.MOST_MARKUP,
        "levels": input_limits.DEEPEST,
        "kB": input_limits.LONGEST_TO_DECODE // 1024,
    }
    assert named == [f"{number:,} {unit}" for unit, number in limits.items()]


def test_each_request_of_the_control_api_is_in_the_table() -> None:
    documented = {
        (method, path)
        for requests, _ in table(CONTROL_API, "request")
        for methods, path in re.findall(r"((?:`[A-Z]+`, )*`[A-Z]+) /__admin(/[^`]*)`", requests)
        for method in re.findall("[A-Z]+", methods)
    }
    assert documented == {(route.method, route.template) for route in ROUTES}


def test_each_parameter_of_the_journal_is_in_the_table() -> None:
    (route,) = (route for route in ROUTES if (route.method, route.template) == ("GET", "/calls"))
    rows = table(CONTROL_API, "parameter of `calls`")
    assert {name for names, _ in rows for name in quoted(names)} == set(route.query)


def test_each_fixture_and_option_of_pytest_is_in_the_table() -> None:
    plugin = (ROOT / "emulator" / "pytest_plugin.py").read_text(encoding="utf-8")
    names = re.findall(r'add(?:ini|option)\("([\w-]+)"', plugin)
    names += re.findall(r"@pytest\.fixture.*\ndef ([a-z]\w+)", plugin)
    assert len(names) == 7
    documented = {name for names, _ in table(TESTING, "fixture, option") for name in quoted(names)}
    assert set(names) <= documented


def test_each_option_in_python_is_named() -> None:
    names = set(re.findall(r"`(\w+)", section(TESTING, "In Python")))
    assert {field.name for field in fields(Options)} - names == set()
    assert all_pages(r"Options\((\w+)=") <= {field.name for field in fields(Options)}


def test_each_attribute_of_the_emulator_that_a_page_names_exists() -> None:
    names = all_pages(r"\brescue(?:_server)?\.([a-z_]+)\b(?!/)") - {"yml", "log"}  # these are files
    assert "verify" in names
    assert [name for name in names if not hasattr(Emulator, name)] == []


def test_each_make_target_is_described_and_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert {
        name for names, _ in table(ARCHITECTURE, "command") for name in re.findall("`make ([a-z-]+)", names)
    } == targets
    assert all_pages(r"`make ([a-z-]+)") <= targets
