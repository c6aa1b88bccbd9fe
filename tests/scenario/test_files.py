"""``--watch``: an edit is in force whole, or not at all; and health tells which."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.emulator import Emulator
from emulator.scenario import load
from emulator.scenario.files import Watcher
from tests.helpers.calling import a_request, call, result

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

    monkeypatch.setattr("emulator.scenario.files.watch", silent)
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


ENOUGH = 5  # states of the file that come into force in the midst of a storm


def state(number: int) -> bytes:
    """A whole state of a file, of which no part is a scenario; odd ones have another result than even ones."""
    rule = {"name": f"state {number}", "when": {"session": 1001}, "return": expected(number)}
    return json.dumps({"description": "x" * 20_000, "name": f"state-{number}", "rules": [rule]}).encode()


def expected(number: int) -> str:
    return "startSessionRet_" + ("ActionFailed" if number % 2 else "OK")


def edit(file: Path, text: bytes, random: Random) -> None:
    """One edit of a storm: a state of the file, whole or not, in the one way or the other."""
    beside = file.with_suffix(".new")
    half = text[: random.randrange(1, len(text))]
    match random.randrange(6):
        case 0:
            beside.write_bytes(text)
            beside.replace(file)
        case 1:
            with file.open("wb", buffering=0) as stream:
                for begin in range(0, len(text), 4096):
                    stream.write(text[begin : begin + 4096])
        case 2:
            file.write_bytes(half)
        case 3:
            beside.write_bytes(half)
            beside.replace(file)
        case 4:
            file.write_bytes(b"\0" + random.randbytes(1000))
        case 5:
            file.rename(beside)
            file.touch()


def calling(emulator: Emulator, seen: set[int], over: Event) -> None:
    """Notes the states by which calls are answered, until it is over: each is whole, and none comes back."""
    host, port = urlsplit(emulator.url).netloc.split(":")
    last = 0
    while not over.is_set():
        answer = call((host, int(port)), a_request(session=1001))
        found = re.match(r"state (\d+) ", answer.headers["X-Emulator-Rule"])
        assert found is not None, answer.headers["X-Emulator-Rule"]
        number = int(found[1])
        assert f"startSessionRet_{result(answer)}" == expected(number)
        assert number >= last
        last = number
        seen.add(number)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_in_a_storm_of_half_written_files_calls_get_whole_states_and_the_last_one_stays(file: Path) -> None:
    random, numbers = Random(1), count(1)
    file.write_bytes(state(0))
    over = Event()
    seen: tuple[set[int], ...] = (set(), set())

    def enough_came_into_force() -> bool:
        edit(file, state(next(numbers)), random)
        return all(len(each) > ENOUGH for each in seen)

    with Emulator(load(file), file=file, watch=True) as emulator, ThreadPoolExecutor(len(seen)) as threads:
        callers = [threads.submit(calling, emulator, each, over) for each in seen]
        try:
            wait_until(enough_came_into_force)
            last = next(numbers)
            file.write_bytes(state(last)[:-1])
            wait_until(lambda: "did not find expected ',' or '}'" in health(emulator)[1].get("detail", ""))
            assert health(emulator)[0] == 503
            file.write_bytes(state(last))
            wait_until(lambda: health(emulator)[0] == 200)
            assert health(emulator)[1]["scenario"] == f"state-{last}"
            wait_until(lambda: all(last in each for each in seen))
        finally:
            over.set()
        for caller in callers:
            caller.result()
