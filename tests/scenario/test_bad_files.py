"""What is said to somebody who made a mistake: each file in golden/bad_scenarios, and the exact messages beside it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from emulator.errors import ScenarioError
from emulator.scenario import load, loads
from tests.helpers.paths import GOLDEN

BAD = sorted((GOLDEN / "bad_scenarios").glob("*.yaml"))


@pytest.mark.parametrize("file", BAD, ids=[file.stem for file in BAD])
def test_a_bad_file_gets_exactly_the_messages_that_help(file: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        loads(file.read_bytes(), file.name)

    expected = file.with_suffix(".txt").read_text(encoding="utf-8").replace("{version}", version("rescue-emulator"))
    assert str(caught.value).splitlines() == expected.splitlines()


@pytest.mark.parametrize("file", BAD, ids=[file.stem for file in BAD])
def test_problems_come_in_the_order_of_the_file(file: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        loads(file.read_bytes(), file.name)
    places = [(problem.line, problem.column) for problem in caught.value.problems]

    assert places == sorted(places)
    assert all(line >= 1 and column >= 1 for line, column in places)


@pytest.mark.parametrize("file", BAD, ids=[file.stem for file in BAD])
def test_no_message_tells_an_auth_code(file: Path) -> None:
    assert "demo-ann" not in file.with_suffix(".txt").read_text(encoding="utf-8").replace("not 'demo-ann'", "")


def test_there_are_forty_bad_files_and_more() -> None:
    assert len(BAD) >= 40


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"night\.yaml:1:1: no such file"):
        load(tmp_path / "night.yaml")


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r":1:1: a folder, not a file"):
        load(tmp_path)


def test_a_file_under_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text("rules: []")

    with pytest.raises(ScenarioError, match=r":1:1: cannot be read: "):
        load(tmp_path / "night.yaml" / "more.yaml")


def test_an_impossible_name_is_told() -> None:
    with pytest.raises(ScenarioError, match=r":1:1: cannot be read: "):
        load("night\0.yaml")


def test_a_file_that_never_ends_is_told() -> None:
    with pytest.raises(ScenarioError, match=r"/dev/zero:1:1: larger than 16 MB"):
        load("/dev/zero")
