"""Files with mistakes: each file in golden/bad_scenarios gets exactly the messages in the text file beside it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from emulator.errors import ScenarioError
from emulator.scenario.loading import load, loads
from tests.helpers.golden import check_golden
from tests.helpers.paths import GOLDEN

BAD = sorted((GOLDEN / "bad_scenarios").glob("*.yaml"))


@pytest.mark.parametrize("file", BAD, ids=[file.stem for file in BAD])
def test_a_bad_file_gets_exactly_the_messages_that_help(file: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        loads(file.read_bytes(), file.name)

    messages = f"{caught.value}\n"
    check_golden(file.with_suffix(".txt"), messages.replace(version("rescue-emulator"), "{version}"))
    places = [(problem.line, problem.column) for problem in caught.value.problems]
    assert places == sorted(places)
    assert all(line >= 1 and column >= 1 for line, column in places)
    secrets = [line for line in messages.splitlines() if "demo-ann" in line and "not 'demo-ann'" not in line]
    assert secrets == [], "a message quotes an auth code"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("night.yaml", r"night\.yaml:1:1: no such file"),
        ("", ":1:1: a folder, not a file"),
        ("file.txt/more.yaml", ":1:1: cannot be read: "),
        ("night\0.yaml", ":1:1: cannot be read: "),
        ("/dev/zero", "/dev/zero:1:1: larger than 16 MB"),
    ],
    ids=["missing", "folder", "under a file", "null byte", "endless"],
)
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file.txt").touch()

    with pytest.raises(ScenarioError, match=message):
        load(tmp_path / name)
