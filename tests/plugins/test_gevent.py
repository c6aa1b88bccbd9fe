"""A process that gevent has patched: an emulator of its own is an error at once, one elsewhere works."""

import subprocess
import sys

PATCHED = "from gevent import monkey; monkey.patch_all(); "


def run(code):
    command = [sys.executable, "-W", "ignore", "-c", PATCHED + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_an_emulator_does_not_start():
    done = run("from emulator import Emulator; Emulator.start()")
    assert done.returncode == 1
    assert "StartError: gevent has patched this process" in done.stderr.splitlines()[-1]


def test_an_emulator_elsewhere_is_used(rescue):
    code = f"from emulator import RemoteEmulator; RemoteEmulator({rescue.url!r}).when(session=1).fails(status=503)"
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert len([rule for rule in rescue.engine.rules() if rule.id is not None]) == 1
