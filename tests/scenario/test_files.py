"""Scenario files on disk: reloading an edited file, all or nothing, and choosing another file of the folder."""

from __future__ import annotations

import errno
import json
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
import requests

from emulator.core.engine import Engine
from emulator.core.rules import Scenario
from emulator.emulator import Emulator
from emulator.errors import ScenarioError
from emulator.logs import TextFormatter
from emulator.scenario.files import ScenarioFolder
from emulator.scenario.loading import load
from tests.helpers.builders import a_call

GOOD = "name: {name}\nrules:\n  - when: {{session: 1}}\n    return: startSessionRet_{result}\n"
PATIENCE = 10.0  # seconds, for a busy machine


class EventEngine(Engine):
    """An engine that sets an event when its scenario was replaced."""

    def __init__(self, scenario: Scenario) -> None:
        self.replaced = Event()
        super().__init__(scenario)
        self.replaced.clear()

    def replace(self, scenario: Scenario) -> None:
        super().replace(scenario)
        self.replaced.set()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "night.yaml"
    path.write_text(GOOD.format(name="first", result="Error"))
    return path


@pytest.fixture
def engine(file: Path) -> EventEngine:
    return EventEngine(load(file))


@pytest.mark.parametrize("how", ["written in place", "replaced by another file", "link retargeted"])
def test_a_valid_edit_is_loaded(how: str, file: Path, engine: EventEngine, tmp_path: Path) -> None:
    text = GOOD.format(name="second", result="OK")
    if how == "link retargeted":
        file.rename(tmp_path / "one")
        file.symlink_to(tmp_path / "one")
    folder = ScenarioFolder(file, engine)
    folder.start()
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
        folder.stop()
    assert engine.scenario.name == "second"


def test_a_change_that_the_system_did_not_report_is_found(
    file: Path, engine: EventEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As between the start and the first report, and on mounts that report none."""

    def silent(*_: object, **__: object) -> Iterator[set[object]]:
        yield set()
        assert not engine.replaced.is_set()
        file.write_text(GOOD.format(name="second", result="OK"))
        yield set()

    monkeypatch.setattr("watchfiles.watch", silent)
    folder = ScenarioFolder(file, engine)
    folder.start()
    folder.stop()
    assert engine.scenario.name == "second"


def no_watch_left(*_: object, **__: object) -> Iterator[set[object]]:
    raise OSError(errno.ENOSPC, "OS file watch limit reached.")


def panic(*_: object, **__: object) -> Iterator[set[object]]:
    raise BaseException("called `Result::unwrap()` on an `Err` value")


@contextmanager
def watching(file: Path) -> Iterator[Callable[[int, str], str]]:
    """Serve a file with its watcher; yield a function that waits until health has a status and a text in it."""
    with Emulator(load(file), file=file, watch=True) as emulator:
        url = emulator.url.replace("/API/API.asmx", "/__admin/health")

        def wait_for(status: int, text: str) -> str:
            deadline = time.monotonic() + PATIENCE
            while True:
                response = requests.get(url, timeout=PATIENCE)
                if response.status_code == status and text in response.text:
                    return response.text
                assert time.monotonic() < deadline, response.text

        yield wait_for


def test_health_says_that_changes_are_notified(file: Path) -> None:
    with watching(file) as wait_for:
        wait_for(200, '"watch": "notifications"')


def test_an_emulator_that_serves_again_watches_its_file_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfiles.watch", no_watch_left)  # it polls, so that an edit before the restart is found, too
    with Emulator(load(file), file=file, watch=True) as emulator:
        emulator.stop()
        file.write_text("rules: 7\n")
        emulator.restart()
        url = emulator.url.replace("/API/API.asmx", "/__admin/health")
        deadline = time.monotonic() + PATIENCE
        while requests.get(url, timeout=PATIENCE).status_code == 200:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("fail", [no_watch_left, panic, lambda *_, **__: iter(())], ids=["limit", "panic", "end"])
def test_where_notifications_fail_edits_are_found_by_polling_and_log_and_health_say_so(
    fail: Any, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("watchfiles.watch", fail)
    with watching(file) as wait_for:
        wait_for(200, '"watch": "polling, since notifications failed: ')
        file.write_text("rules: 7\n")
        wait_for(503, f"{file}:1:8: ")
        file.write_text(GOOD.format(name="second", result="OK"))
        wait_for(200, '"second"')
    assert caplog.text.count(f"notifications of changes failed, polling {file} instead: ") == 1


def test_a_watcher_that_died_is_bad_health_and_is_logged(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_file: Path) -> Scenario:
        raise MemoryError("too much")

    with watching(file) as wait_for:
        wait_for(200, "notifications")
        monkeypatch.setattr("emulator.scenario.files.load", fail)
        file.write_text(GOOD.format(name="second", result="OK"))
        wait_for(
            503, "the watcher died: MemoryError: too much; edits are no longer loaded, so start the emulator again"
        )
    assert "the watcher died, and edits are no longer loaded: MemoryError: too much" in caplog.text


def test_an_edit_whose_loading_failed_for_once_is_loaded_by_polling(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_once(_file: Path) -> Scenario:
        monkeypatch.setattr("emulator.scenario.files.load", load)
        raise MemoryError

    with watching(file) as wait_for:
        wait_for(200, "notifications")
        monkeypatch.setattr("emulator.scenario.files.load", fail_once)
        file.write_text(GOOD.format(name="second", result="OK"))
        wait_for(200, '"second"')


@pytest.mark.parametrize("fail", [None, no_watch_left], ids=["notifications", "polling"])
@pytest.mark.parametrize("gone", ["the file", "the folder"])
def test_a_file_that_is_deleted_and_made_again_is_loaded_and_so_are_its_later_edits(
    gone: str, fail: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fail:
        monkeypatch.setattr("watchfiles.watch", fail)
    inner = file.parent / "folder" / file.name
    inner.parent.mkdir()
    file.rename(inner)
    with watching(inner) as wait_for:
        wait_for(200, "watch")
        inner.unlink() if gone == "the file" else shutil.rmtree(inner.parent)
        wait_for(503, f"{inner}:1:1: no such file")
        inner.parent.mkdir(exist_ok=True)
        for name in ("second", "third"):
            inner.write_text(GOOD.format(name=name, result="OK"))
            wait_for(200, f'"{name}"')


@pytest.mark.parametrize("fail", [None, no_watch_left], ids=["notifications", "polling"])
def test_an_updated_config_map_of_kubernetes_is_loaded(fail: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet replaces the link ``..data`` to a folder; the file is a link through it."""
    if fail:
        monkeypatch.setattr("watchfiles.watch", fail)
    folder = file.parent

    def publish(name: str) -> None:
        (folder / f"..{name}").mkdir()
        (folder / f"..{name}" / file.name).write_text(GOOD.format(name=name, result="OK"))
        (folder / "..data_tmp").symlink_to(f"..{name}")
        (folder / "..data_tmp").replace(folder / "..data")

    file.unlink()
    publish("zero")
    file.symlink_to(f"..data/{file.name}")
    with watching(file) as wait_for:
        for name in ("one", "two"):
            publish(name)
            shutil.rmtree(folder / ("..zero" if name == "one" else "..one"))
            wait_for(200, f'"{name}"')


def test_an_invalid_edit_keeps_the_scenario_and_is_logged_once(
    file: Path, engine: EventEngine, caplog: pytest.LogCaptureFixture
) -> None:
    folder = ScenarioFolder(file, engine)
    folder.reload()
    assert not engine.replaced.is_set(), "an unchanged file was loaded"
    file.write_text("rules:\n  - whne: {}\n")
    folder.reload()
    folder.reload()
    assert engine.scenario.name == "first"
    assert folder.error is not None
    assert caplog.text.count("unknown key; did you mean 'when'?") == 1
    (refused,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "stays:\n" in TextFormatter().format(refused), "the problems are not on lines of their own"
    file.write_text(GOOD.format(name="first", result="Error"))
    folder.reload()
    assert folder.error is None


def test_another_file_of_the_folder_can_be_used_and_is_watched_from_then_on(file: Path, engine: EventEngine) -> None:
    other = file.with_name("day.yml")
    other.write_text(GOOD.format(name="day", result="OK"))
    file.with_name("notes.txt").touch()
    folder = ScenarioFolder(file, engine)

    assert (folder.names(), folder.current) == (["day.yml", "night.yaml"], "night.yaml")
    assert folder.use("day.yml").name == "day"
    assert (engine.scenario.name, folder.current) == ("day", "day.yml")
    other.write_text(GOOD.format(name="day again", result="OK"))
    folder.reload()
    assert engine.scenario.name == "day again"


def test_an_invalid_or_missing_file_of_the_folder_changes_nothing(file: Path, engine: EventEngine) -> None:
    file.with_name("bad.yaml").write_text("rules: 7")
    folder = ScenarioFolder(file, engine)

    for name in ("bad.yaml", "missing.yaml"):
        with pytest.raises(ScenarioError):
            folder.use(name)
    assert (engine.scenario.name, folder.current) == ("first", "night.yaml")


def test_health_reports_that_the_last_edit_is_invalid_and_watching_ends_with_the_emulator(file: Path) -> None:
    with watching(file) as wait_for:
        wait_for(200, '"first"')
        file.write_text("rules: 7\n")
        wait_for(503, f"{file}:1:8: ")
        file.write_text(GOOD.format(name="second", result="OK"))
        wait_for(200, '"second"')
    assert "watcher" not in {thread.name for thread in threading.enumerate()}


ENOUGH = 5  # states of the file that are loaded during a storm of edits


def state(number: int) -> bytes:
    """Return a whole state of the file, of which no part is a scenario; odd ones have another result than even ones."""
    rule = {"name": f"state {number}", "when": {"session": 1001}, "return": expected(number)}
    return json.dumps({"description": "x" * 20_000, "name": f"state-{number}", "rules": [rule]}).encode()


def expected(number: int) -> str:
    return "startSessionRet_" + ("ActionFailed" if number % 2 else "OK")


def edit(file: Path, text: bytes, random: Random) -> None:
    """Edit the file in one of many ways, to a whole or an incomplete state."""
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


def call_until(stop: Event, engine: Engine, seen: set[int]) -> None:
    """Note the states by which calls are answered: each is whole, and none comes back."""
    last = 0
    while not stop.is_set():
        exchange = engine.answer(a_call(session=1001))
        match = re.match(r"state (\d+) ", str(exchange.rule))
        assert match is not None, exchange.rule
        number = int(match[1])
        assert exchange.outcome.word == expected(number)
        assert number >= last
        last = number
        seen.add(number)


def test_during_a_storm_of_edits_calls_are_answered_by_whole_states_and_the_last_one_stays(file: Path) -> None:
    random, numbers = Random(1), count(1)
    file.write_bytes(state(0))
    engine = EventEngine(load(file))
    folder = ScenarioFolder(file, engine)
    stop = Event()
    seen: tuple[set[int], ...] = (set(), set())
    deadline = time.monotonic() + 2 * PATIENCE

    with ThreadPoolExecutor(len(seen)) as threads:
        callers = [threads.submit(call_until, stop, engine, states) for states in seen]
        folder.start()
        try:
            while any(len(states) <= ENOUGH for states in seen):
                assert time.monotonic() < deadline
                assert not any(caller.done() for caller in callers)
                edit(file, state(next(numbers)), random)
                engine.replaced.wait(0.005)
                engine.replaced.clear()
        finally:
            folder.stop()
            stop.set()
        for caller in callers:
            caller.result()

    last = next(numbers)
    file.write_bytes(state(last)[:-1])
    folder.reload()
    assert "did not find expected ',' or '}'" in str(folder.error)
    file.write_bytes(state(last))
    folder.reload()
    assert (folder.error, engine.scenario.name) == (None, f"state-{last}")
