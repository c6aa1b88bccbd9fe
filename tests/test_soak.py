"""The soak passes for two seconds, and finds what is wrong."""

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
from tests.soak.__main__ import MAX_GROWTH, MAX_NEW_THREADS, leaks, miscounts
from tests.soak.clients import Client, send_calls
from tests.soak.probes import auth_code, scenario
from tests.soak.server import Log, Usage


def test_a_soak_of_two_seconds_passes_and_reports_what_was_done() -> None:
    command = [sys.executable, "-m", "tests.soak", "--seconds", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    kinds = {line[:24].strip() for line in run.stdout.splitlines()}
    assert kinds > {"result", "exception", "reset", "stall, abandoned", "refused, 415", "edit, invalid"}


def test_a_wrong_result_is_an_error(tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with serving(scenario("other").replace(Result.ACTION_FAILED.value, Result.OK.value)) as (_, port):
        client = Client(port, tmp_path / "file", stop, 1)
        client.run(send_calls)
    (error,) = client.errors
    assert error.startswith("send_calls: SoakError: result over ")


def test_leaks_are_more_memory_than_an_allocator_keeps_more_threads_than_a_pool_has_and_more_descriptors() -> None:
    usage = Usage(50_000_000, 4, 12)
    assert [*leaks(usage, Usage(usage.memory + MAX_GROWTH, usage.threads + MAX_NEW_THREADS, usage.descriptors))] == []
    assert [*leaks(usage, Usage(usage.memory + 2 * MAX_GROWTH, usage.threads + MAX_NEW_THREADS + 1, 14))] == [
        "the memory grew by 21.0 MB",
        "9 more threads than after the warm-up",
        "2 more descriptors than after the warm-up",
    ]


def test_a_call_that_the_journal_does_not_count_is_found() -> None:
    counted = Counter({("get", "exception"): 3, ("post", "exception"): 1})
    journal = Counter({("get", "exception"): 2, ("post", "exception"): 1})
    assert [*miscounts(counted, journal)] == ["get exception: clients count 3, the journal 2"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        pytest.param("12:00:00 INFO get session=1 auth_code=ok***", False, id="a call"),
        pytest.param("12:00:00 ERROR soak.yaml is refused, and the rules in force stay:", False, id="an invalid edit"),
        pytest.param(f"12:00:00 INFO get session=1 auth_code={auth_code('OK')}", True, id="an unmasked auth code"),
        pytest.param("Traceback (most recent call last):", True, id="a traceback"),
        pytest.param("12:00:00 ERROR something else", True, id="an error"),
    ],
)
def test_wrong_lines_of_the_log_are_found(line: str, wrong: bool) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stream:
        log = Log(stream)
        os.write(writing, f"before\n{line}\nafter\n".encode())
        os.close(writing)
        log.join()
    assert log.wrong == ([line] if wrong else [])
