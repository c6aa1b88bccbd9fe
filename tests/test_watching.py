"""``--watch``: an edit is in force whole, or not at all; and health tells which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.scenario import load
from emulator.server import Emulator
from emulator.watching import Watcher

GOOD = "name: {name}\nrules:\n  - when: {{session: 1}}\n    return: startSessionRet_{result}\n"
PATIENCE = 10.0  # seconds, for a machine that is busy


class EagerEngine(Engine):
    """An engine that tells when its scenario was replaced."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.replaced = Event()

    def replace(self, scenario: Scenario) -> None:
        super().replace(scenario)
        self.replaced.set()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "night.yaml"
    path.write_text(GOOD.format(name="first", result="Error"))
    return path


@pytest.fixture
def engine(file: Path) -> EagerEngine:
    return EagerEngine(load(file))


@pytest.fixture
def emulator(file: Path) -> Iterator[Emulator]:
    with Emulator(load(file), file=file, watch=True) as emulator:
        yield emulator


def health(emulator: Emulator) -> tuple[int, dict[str, Any]]:
    answer = requests.get(emulator.url.replace("/API/API.asmx", "/__admin/health"), timeout=5)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("how", ["written in place", "replaced by another file", "behind a link that is turned"])
def test_a_good_edit_comes_into_force_by_itself(how: str, file: Path, engine: EagerEngine, tmp_path: Path) -> None:
    text = GOOD.format(name="second", result="OK")
    if how == "behind a link that is turned":
        file.rename(tmp_path / "one")
        file.symlink_to(tmp_path / "one")
    watcher = Watcher(file, engine)
    watcher.start()
    try:
        if how == "written in place":
            file.write_text(text)
        else:
            (tmp_path / "two").write_text(text)
            if how == "replaced by another file":
                (tmp_path / "two").replace(file)
            else:
                (tmp_path / "link").symlink_to(tmp_path / "two")
                (tmp_path / "link").replace(file)
        assert engine.replaced.wait(PATIENCE)
    finally:
        watcher.stop()
    assert engine.scenario.name == "second"


def test_a_change_of_which_the_system_told_nothing_is_found(
    file: Path, engine: EagerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are one between the start and the first notice, and one on a mount that gives none."""

    def silent(*_: object, **__: object) -> Iterator[set[object]]:
        yield set()
        assert not engine.replaced.is_set()
        file.write_text(GOOD.format(name="second", result="OK"))
        yield set()

    monkeypatch.setattr("emulator.watching.watch", silent)
    watcher = Watcher(file, engine)
    watcher.start()
    watcher.stop()
    assert engine.scenario.name == "second"


def test_a_bad_edit_leaves_the_rules_in_force_and_is_told(
    file: Path, engine: EagerEngine, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = Watcher(file, engine)
    file.write_text("rules:\n  - whne: {}\n")
    watcher.look()
    watcher.look()
    assert engine.scenario.name == "first"
    assert watcher.refused is not None
    assert caplog.text.count("unknown key; did you mean 'when'?") == 1
    file.write_text(GOOD.format(name="first", result="Error"))
    watcher.look()
    assert watcher.refused is None


def test_an_unchanged_file_is_not_taken_over_again(file: Path, engine: EagerEngine) -> None:
    watcher = Watcher(file, engine)
    file.touch()
    watcher.look()
    assert not engine.replaced.is_set()


def test_health_tells_that_the_last_edit_was_refused_and_why(emulator: Emulator, file: Path) -> None:
    status, body = health(emulator)
    assert (status, body["status"], body["scenario"]) == (200, "ready", "first")
    assert emulator._watcher is not None
    file.write_text("rules: 7\n")
    emulator._watcher.look()
    status, body = health(emulator)
    assert (status, body["status"]) == (503, 503)
    assert f"{file}:1:8: " in body["detail"]


def test_the_watch_ends_with_the_emulator(file: Path) -> None:
    with Emulator(load(file), file=file, watch=True) as emulator:
        assert emulator._watcher is not None
    assert not emulator._watcher._thread.is_alive()
