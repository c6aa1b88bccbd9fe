"""The soak still runs, for a moment; and it would tell what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Event

import pytest

from emulator.core.contract import Result
from tests.helpers.calling import serving
from tests.helpers.paths import ROOT
from tests.soak.__main__ import MOST_GROWTH, left_behind, miscounted
from tests.soak.clients import Client, calling
from tests.soak.deeds import auth_code, scenario
from tests.soak.server import Log, Use

USED = Use(50_000_000, 4, 12)


def test_a_soak_of_two_seconds_passes_and_tells_what_was_done() -> None:
    command = [sys.executable, "-m", "tests.soak", "--seconds", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    for kind in ("result", "exception", "reset", "stall, given up", "refused, 415", "edit, bad", "result in a space"):
        assert f"│ {kind} " in run.stdout


def test_a_server_that_answers_otherwise_is_found_out(tmp_path: Path) -> None:
    over = Event()
    over.set()
    with serving(scenario("other").replace(Result.ACTION_FAILED.value, Result.OK.value)) as (_, port):
        client = Client(port, tmp_path / "file", over, 1)
        client.work(calling)
    (wrong,) = client.wrong
    assert wrong.startswith("calling: Wrong: result over ")


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param(USED, [], id="nothing"),
        pytest.param(USED._replace(memory=USED.memory + MOST_GROWTH), [], id="what an allocator keeps"),
        pytest.param(USED._replace(memory=USED.memory + 2 * MOST_GROWTH), ["the memory grew by 21.0 MB"], id="memory"),
        pytest.param(USED._replace(threads=5), ["1 more threads than after the warm-up"], id="a thread"),
        pytest.param(USED._replace(descriptors=14), ["2 more descriptors than after the warm-up"], id="descriptors"),
    ],
)
def test_what_is_left_behind_is_told(after: Use, told: list[str]) -> None:
    assert [*left_behind(USED, after)] == told


def test_a_call_that_the_journal_does_not_count_is_told() -> None:
    counted = Counter({("get", "exception"): 3, ("post", "exception"): 1})
    journal = Counter({("get", "exception"): 2, ("post", "exception"): 1})
    assert [*miscounted(counted, journal)] == ["get exception: clients count 3, the journal 2"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        pytest.param("12:00:00 INFO get session=1 auth_code=ok***", False, id="a call"),
        pytest.param("12:00:00 ERROR soak.yaml is refused, and the rules in force stay:", False, id="a bad edit"),
        pytest.param(f"12:00:00 INFO get session=1 auth_code={auth_code('OK')}", True, id="an auth code in full"),
        pytest.param("Traceback (most recent call last):", True, id="a traceback"),
        pytest.param("12:00:00 ERROR something else", True, id="an error"),
    ],
)
def test_what_should_not_be_in_the_log_is_found(line: str, wrong: bool) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stream:
        log = Log(stream)
        os.write(writing, f"before\n{line}\nafter\n".encode())
        os.close(writing)
        log.end()
    assert log.wrong == ([line] if wrong else [])
