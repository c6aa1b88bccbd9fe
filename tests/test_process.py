"""A serving process: it stops on signals without losing a call, and works without standard streams."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from emulator.process import stop_on_signals
from tests.helpers.calling import (
    PATIENCE,
    Address,
    a_request,
    call,
    free_port,
    next_answer,
    next_answers,
    ready,
    result,
    sent,
    serve,
)
from tests.helpers.paths import ROOT

BUSY = 6  # clients that call again and again
WAITING = 6  # clients whose responses wait
SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - {when: {auth_code: slow}, delay: 3600s, return: startSessionRet_OK}
  - {when: {auth_code: trickle}, fail: {connection: trickle, over: 3600s}}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO)
    return file


# Signals


@dataclass(slots=True)
class Client:
    """A client with a connection and a thread of its own, which calls for one session after another while it can."""

    address: Address
    auth_code: str
    sessions: Iterator[int]
    answered: list[int] = field(default_factory=list)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._call, daemon=True)
        self.thread.start()

    def _call(self) -> None:
        with socket.create_connection(self.address, PATIENCE) as connection, suppress(OSError, HTTPException):
            for session in self.sessions:
                connection.sendall(a_request(session=session, auth_code=self.auth_code).head)
                if b">startSessionRet_OK</startSessionRet>" in next_answer(connection)[1]:
                    self.answered.append(session)


def called(log: Path) -> list[int]:
    """Return the sessions of the calls that arrived, from a log with the level debug."""
    return [int(session) for session in re.findall(r"arrived: get session=(\d+)", log.read_text())]


def test_sigterm_under_load_loses_no_call_that_came(scenario: Path, tmp_path: Path) -> None:
    log, sessions = tmp_path / "log", count(WAITING)
    with ExitStack() as stack:
        process = stack.enter_context(serve(f"{scenario} --log-level debug 2>{log}"))
        address = ready(process)
        waiting = [Client(address, ("slow", "trickle")[number % 2], iter([number])) for number in range(WAITING)]
        busy = [Client(address, "busy", sessions) for _ in range(BUSY)]
        until = time.monotonic() + PATIENCE
        while not all(client.answered for client in busy) or not {*range(WAITING)} <= {*called(log)}:
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        for client in [*waiting, *busy]:
            client.thread.join(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, PATIENCE)
    assert [len(client.answered) for client in waiting] == [1] * WAITING
    answered = [session for client in [*waiting, *busy] for session in client.answered]
    assert sorted(answered) == sorted(called(log))
    assert "Traceback" not in log.read_text()


def test_two_signals_end_a_process_with_a_call_under_way(scenario: Path) -> None:
    with serve(str(scenario)) as process:
        with sent(ready(process), a_request()) as connection:
            assert next_answer(connection)[0] == 200
            connection.sendall(a_request(auth_code="slow").head)
            for _ in range(2):
                process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_while_the_scenario_is_read_ends_the_process_with_0(number: signal.Signals, tmp_path: Path) -> None:
    pipe = tmp_path / "scenario.yaml"
    os.mkfifo(pipe)
    with serve(str(pipe)) as process, pipe.open("w"):  # opening waits until the process reads
        until = time.monotonic() + PATIENCE
        while process.poll() is None:  # again and again: one that comes just before a blocking read is not seen
            assert time.monotonic() < until
            process.send_signal(number)
            time.sleep(0.01)
        assert process.communicate() == ("", "")
        assert process.returncode == 0


def test_ctrl_c_at_a_terminal_ends_it_in_good_order(scenario: Path) -> None:
    ours, terminal = os.openpty()
    # A new session, whose controlling terminal is the first one that it opens.
    with serve(f"{scenario} <>{os.ttyname(terminal)} 2>&0", start_new_session=True) as process:
        assert result(call(ready(process), a_request())) == "OK"
        os.write(ours, b"\x03")
        assert process.wait(PATIENCE) == 0
    os.close(terminal)
    assert b"Traceback" not in os.read(ours, 65536)
    os.close(ours)


def run_script(script: str) -> tuple[int, bytes]:
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=PATIENCE)
    return done.returncode, done.stderr


def test_signals_after_the_work_is_done_change_nothing() -> None:
    script = (
        "import signal\nfrom emulator.process import exit_on_signals\nwith exit_on_signals():\n    pass\n"
        "signal.raise_signal(signal.SIGTERM)\nsignal.raise_signal(signal.SIGINT)"
    )
    assert run_script(script) == (0, b"")


def test_a_process_that_does_not_stop_in_time_exits() -> None:
    script = (
        "import signal, time\nfrom emulator.process import stop_on_signals\n"
        "with stop_on_signals(lambda: None):\n    signal.raise_signal(signal.SIGTERM)\n    time.sleep(3600)"
    )
    assert run_script(script) == (0, b"")


def test_a_second_signal_exits_at_once() -> None:
    script = (
        "import os, signal\nfrom emulator.process import stop_on_signals\n"
        "with stop_on_signals(lambda: os.write(2, b'stop')):\n"
        "    signal.raise_signal(signal.SIGTERM)\n    signal.raise_signal(signal.SIGINT)\n    os.write(2, b'on')"
    )
    assert run_script(script) == (0, b"stop")


def test_the_handlers_are_restored_after_the_work() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    with stop_on_signals(lambda: None):
        assert all(signal.getsignal(number) not in handlers for number in numbers)
    assert [signal.getsignal(number) for number in numbers] == handlers


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_ends_a_process_whose_regular_expression_runs_away(signals: int, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("rules: [{when: {auth_code: {matches: '(a+)+b'}}, return: startSessionRet_OK}]")
    with serve(str(scenario)) as process, sent(ready(process), a_request()) as connection:
        assert next_answer(connection)[0] == 200
        connection.sendall(a_request(auth_code="a" * 100).head)
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_hangup_ends_it_like_sigterm_and_no_file_is_left(tmp_path: Path) -> None:
    with serve("--tls", env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        ready(process)
        assert len([*tmp_path.glob("rescue-emulator-ca-*")]) == 1
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE) == 0
    assert [*tmp_path.iterdir()] == []


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(scenario: Path) -> None:
    with serve(str(scenario), before="trap '' HUP;") as process:
        address = ready(process)
        process.send_signal(signal.SIGHUP)
        assert result(call(address, a_request())) == "OK"
        assert ended(process)[0] == 0


def test_a_signal_ends_a_process_with_0_even_if_python_takes_long_to_end() -> None:
    script = (
        "import select, signal\nfrom emulator import process\nprocess._STOP_TIMEOUT = 0.05\n"
        "class Slow:\n"
        "    def __del__(self, wait=select.select):\n        wait([], [], [], 0.2)\n"
        "slow = Slow()\n"
        "with process.exit_on_signals():\n    signal.raise_signal(signal.SIGTERM)\n"
    )
    assert run_script(script) == (0, b"")


def test_a_signal_at_the_start_leaves_no_file(tmp_path: Path) -> None:
    script = (
        "import signal, tempfile, weakref, pathlib\nfrom emulator.process import exit_on_signals\n"
        "with exit_on_signals():\n"
        f"    weakref.finalize(exit_on_signals, pathlib.Path({str(tmp_path / 'file')!r}).touch)\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
    )
    assert run_script(script) == (0, b"")
    assert (tmp_path / "file").exists()


# Standard input


def test_it_ends_with_its_standard_input(scenario: Path) -> None:
    with serve(f"--exit-with-stdin {scenario}", stdin=subprocess.PIPE) as process:
        assert result(call(ready(process), a_request())) == "OK"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null"])
def test_a_standard_input_that_cannot_end_is_a_usage_error(redirection: str) -> None:
    with serve(f"--exit-with-stdin {redirection}") as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "--exit-with-stdin needs a standard input, such as a pipe: it is closed or /dev/null" in errors


# Open files and standard streams


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="reads the limits of another process as Linux can")
def test_the_limit_of_open_files_is_raised_as_far_as_the_system_allows() -> None:
    with serve("", before="ulimit -Sn 64;") as process:
        ready(process)
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture
def broken_pipe() -> Iterator[int]:
    """The writing end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def all_are_answered(address: Address) -> bool:
    """Return True if many calls are answered: more than the log lines that any buffer holds."""
    requests = [a_request(auth_code="demo-ok")] * 200
    with sent(address, *requests) as connection:
        return all(b"startSessionRet_OK" in body for _, body in next_answers(connection, len(requests)))


def ended(process: subprocess.Popen[str]) -> tuple[int, str | None]:
    """Stop a process; return its status and what it wrote to standard error."""
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=PATIENCE)
    return process.returncode, log


@pytest.mark.parametrize(
    ("redirection", "form"),
    [
        pytest.param("2>/dev/full", "text", marks=full, id="a full disk"),
        pytest.param(None, "json", id="a broken pipe"),
    ],
)
def test_a_log_that_cannot_be_written_stops_nothing(redirection: str | None, form: str, broken_pipe: int) -> None:
    streams: dict[str, Any] = {"stderr": broken_pipe} if redirection is None else {}
    with serve(f"--log-format {form} {redirection or ''}", **streams) as process:
        assert all_are_answered(ready(process))
        assert ended(process) == (0, None if redirection is None else "")


def wait_until_served(address: Address) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        with suppress(ConnectionRefusedError):
            return socket.create_connection(address, PATIENCE).close()
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("redirection", "reason"),
    [
        pytest.param(">/dev/full", "No space left on device", marks=full, id="a full disk"),
        pytest.param(None, "Broken pipe", id="a broken pipe"),
    ],
)
def test_a_ready_line_that_cannot_be_written_is_logged_and_stops_nothing(
    redirection: str | None, reason: str, broken_pipe: int
) -> None:
    address = "127.0.0.1", free_port()
    streams: dict[str, Any] = {"stdout": broken_pipe} if redirection is None else {}
    with serve(f"--port {address[1]} {redirection or ''}", **streams) as process:
        wait_until_served(address)
        assert all_are_answered(address)
        status, log = ended(process)
    others = [line for line in (log or "").splitlines() if " INFO get session=" not in line]
    assert status == 0
    assert len(others) == 2
    assert f"WARNING cannot write to standard output, {reason}: ready http://" in others[1]


def test_all_standard_streams_can_be_closed() -> None:
    address = "127.0.0.1", free_port()
    with serve(f"--port {address[1]} <&- >&- 2>&-") as process:
        wait_until_served(address)
        assert all_are_answered(address)
        descriptors = Path(f"/proc/{process.pid}/fd")
        if descriptors.exists():
            assert {os.readlink(descriptors / number) for number in ("0", "1", "2")} == {"/dev/null"}
        assert ended(process) == (0, "")
