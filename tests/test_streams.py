"""A server serves on where nobody takes what it writes: no space on the disk, no reader, no stream at all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.cli import main
from tests.helpers.calling import PATIENCE, Address, a_request, call, result
from tests.helpers.paths import ROOT
from tests.server.test_server import ready

MANY = 200  # calls: more lines than any buffer holds

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
LOST = [
    pytest.param("2>/dev/full", marks=full, id="a full disk"),
    pytest.param("2>&-", id="closed"),
    pytest.param(None, id="a pipe whose reader has left"),
]


@contextmanager
def serve(
    arguments: str, *, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """``serve`` with arguments and redirections as for the shell, and with streams of its own."""
    command = ["/bin/sh", "-c", f"exec '{sys.executable}' -m emulator serve {arguments}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=stderr, text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def left() -> Iterator[int]:
    """The end for writing of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def answers(address: Address) -> set[str]:
    return {result(call(address, a_request(auth_code="demo-ok"))) for _ in range(MANY)}


def ended(process: subprocess.Popen[str]) -> tuple[int, str | None]:
    """The status with which it ends, and what it wrote on standard error, once it is told to end."""
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=PATIENCE)
    return process.returncode, log


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("lost", LOST)
def test_a_log_that_nobody_takes_stops_nothing(lost: str | None, form: str, left: int) -> None:
    streams = {"stderr": left} if lost is None else {}
    with serve(f"--port 0 --log-format {form} {lost or ''}", **streams) as process:
        assert answers(ready(process)) == {"OK"}
        assert ended(process) == (0, None if lost is None else "")


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        pytest.param(">/dev/full", "No space left on device", marks=full, id="a full disk"),
        pytest.param(">&-", None, id="closed"),
        pytest.param(None, "Broken pipe", id="a pipe whose reader has left"),
    ],
)
def test_a_ready_line_that_nobody_takes_is_told_in_the_log_and_stops_nothing(
    lost: str | None, told: str | None, left: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    streams = {"stdout": left} if lost is None else {}
    with serve(f"--port {address[1]} {lost or ''}", **streams) as process:
        CliRunner().invoke(main, ["wait", f"http://127.0.0.1:{address[1]}"])
        assert answers(address) == {"OK"}
        status, log = ended(process)
    others = [line for line in (log or "").splitlines() if " INFO get session=" not in line]
    assert status == 0
    assert len(others) == (0 if told is None else 1)
    assert told is None or f"WARNING standard output takes nothing, {told}: ready http://127.0.0.1:" in others[0]


def test_both_can_be_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with serve(f"--port {address[1]} <&- >&- 2>&-") as process:
        CliRunner().invoke(main, ["wait", f"http://127.0.0.1:{address[1]}"])
        assert answers(address) == {"OK"}
        descriptors = Path(f"/proc/{process.pid}/fd")
        if descriptors.exists():
            assert {os.readlink(descriptors / number) for number in ("0", "1", "2")} == {"/dev/null"}
        assert ended(process) == (0, "")
