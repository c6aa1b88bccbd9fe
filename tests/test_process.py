"""How a real server ends when it is told to: every request that it took is answered, whatever else goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.calling import PATIENCE, Address, a_request, call, next_answer, result
from tests.helpers.paths import ROOT
from tests.server.test_server import ready

BUSY = 6  # clients that call again and again,
WAITING = 6  # and others whose answers wait
SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - {when: {auth_code: slow}, delay: 3600s, return: startSessionRet_OK}
  - {when: {auth_code: trickle}, fail: {connection: trickle, over: 3600s}}
"""


@contextmanager
def serve(file: Path, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """``serve`` in a process of its own, which is no more afterwards."""
    command = [sys.executable, "-m", "emulator", "serve", str(file), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **how) as process:
        yield process
        process.kill()


@dataclass(slots=True)
class Client:
    """A client with a connection of its own, in a thread, which calls for one session after another while it can."""

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
                request = a_request(session=session, auth_code=self.auth_code)
                connection.sendall(request.head + request.content)
                if b">startSessionRet_OK</startSessionRet>" in next_answer(connection)[1]:
                    self.answered.append(session)


def called(log: Path) -> list[int]:
    """The sessions of the calls in a log."""
    return [int(session) for session in re.findall(r"INFO get session=(\d+)", log.read_text())]


def test_sigterm_under_load_loses_no_call_that_came(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    log, sessions = tmp_path / "log", count(WAITING)
    with ExitStack() as stack:
        process = stack.enter_context(serve(tmp_path / "scenario.yaml", stderr=stack.enter_context(log.open("w"))))
        address = ready(process)
        waiting = [Client(address, ("slow", "trickle")[number % 2], iter([number])) for number in range(WAITING)]
        busy = [Client(address, "busy", sessions) for _ in range(BUSY)]
        until = time.monotonic() + PATIENCE
        while not all(client.answered for client in busy) or not {*range(WAITING)} <= {*called(log)}:
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - began < 1.0
        for client in [*waiting, *busy]:
            client.thread.join(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, PATIENCE)
    assert [len(client.answered) for client in waiting] == [1] * WAITING
    answered = [session for client in [*waiting, *busy] for session in client.answered]
    assert sorted(answered) == sorted(called(log))
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_while_the_scenario_is_read_ends_the_process_with_0(number: signal.Signals, tmp_path: Path) -> None:
    pipe = tmp_path / "scenario.yaml"
    os.mkfifo(pipe)
    with serve(pipe, stderr=subprocess.PIPE) as process, pipe.open("w"):  # it is opened once it is read
        until = time.monotonic() + PATIENCE
        while process.poll() is None:  # again and again: one that comes just before it waits in a read is not seen
            assert time.monotonic() < until
            process.send_signal(number)
            time.sleep(0.01)
        assert process.communicate() == ("", "")
        assert process.returncode == 0


def test_ctrl_c_at_a_terminal_ends_it_in_good_order(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    ours, terminal = os.openpty()
    serve = f"exec '{sys.executable}' -m emulator serve '{tmp_path}/scenario.yaml' --port 0"
    with subprocess.Popen(  # of a new session, whose terminal is the first that it opens
        ["/bin/sh", "-c", f"{serve} <>{os.ttyname(terminal)} 2>&0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert result(call(ready(process), a_request())) == "OK"
        os.write(ours, b"\x03")
        assert process.wait(PATIENCE) == 0
    os.close(terminal)
    assert b"Traceback" not in os.read(ours, 65536)
    os.close(ours)


def test_signals_that_come_when_it_has_ended_change_nothing(tmp_path: Path) -> None:
    script = (
        "import signal\nfrom emulator.signals import ended_at_once_by_signals\n"
        "with ended_at_once_by_signals():\n    pass\n"
        "signal.raise_signal(signal.SIGTERM)\nsignal.raise_signal(signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_is_not_in_good_order_in_time_is_left(tmp_path: Path) -> None:
    script = (
        "import os, signal, threading, time\nfrom emulator.signals import ended_by_signals\n"
        "with ended_by_signals(lambda: None):\n    signal.raise_signal(signal.SIGTERM)\n    time.sleep(3600)"
    )
    began = time.monotonic()
    assert subprocess.run([sys.executable, "-c", script], cwd=tmp_path, timeout=PATIENCE).returncode == 0
    assert time.monotonic() - began < PATIENCE
