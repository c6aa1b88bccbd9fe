"""The log of the program: how lines look, and that a failing standard error does not stop it."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys

import pytest

from emulator.logs import WITH_LINES, JsonFormatter, TextFormatter

THREADS, LINES = 8, 500
PROGRAM = f"""
import logging, sys, threading
from emulator.logs import log_to_stderr
sys.setswitchinterval(1e-6)
log_to_stderr("text")
logger = logging.getLogger("emulator.made.later")
def write(thread):
    for number in range({LINES}):
        logger.info("%d-%d %s.", thread, number, "x" * 200)
threads = [threading.Thread(target=write, args=(thread,)) for thread in range({THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture
def record() -> logging.LogRecord:
    """A record of an error whose message has a line break."""
    try:
        raise ValueError("a\x1bb")
    except ValueError:
        info = sys.exc_info()
    record = logging.LogRecord("emulator.web", logging.ERROR, "", 0, "one\n%s", ("two",), info)
    record.created, record.msecs = 1_764_000_000.25, 250.0
    return record


def test_text_has_time_level_and_message_on_one_line_and_the_traceback_below(record: logging.LogRecord) -> None:
    first, *traceback = TextFormatter().format(record).splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.250 ERROR one\\ntwo", first)
    assert (traceback[0], traceback[-1]) == ("Traceback (most recent call last):", "ValueError: a\\x1bb")


def test_text_keeps_the_line_breaks_of_a_message_that_is_marked(record: logging.LogRecord) -> None:
    record.exc_info = None
    record.args = ("two\x1b",)
    vars(record).update(WITH_LINES)
    assert TextFormatter().format(record).splitlines()[1:] == ["two\\x1b"]


def test_json_is_one_line_with_the_same(record: logging.LogRecord) -> None:
    line = JsonFormatter().format(record)
    data = json.loads(line)
    assert "Traceback" in data.pop("traceback")
    assert data == {"time": 1_764_000_000.25, "level": "error", "logger": "emulator.web", "message": "one\ntwo"}
    assert line.isprintable()


def test_lines_of_threads_are_whole_and_none_is_missing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    found = re.findall(r"^\S+ \S+ INFO (\d+)-(\d+) x{200}\.$", done.stderr, re.MULTILINE)
    assert len(done.stderr.splitlines()) == len(found)
    assert {(int(a), int(b)) for a, b in found} == {(a, b) for a in range(THREADS) for b in range(LINES)}


def test_a_failing_standard_error_does_not_stop_the_program() -> None:
    program = "from emulator.logs import *; log_to_stderr('text'); logging.getLogger('emulator').info('x'); print('on')"
    for redirection in ("2>/dev/full", "2>&-"):
        command = f"exec '{sys.executable}' -c \"{program}\" {redirection}"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("on\n", "")
