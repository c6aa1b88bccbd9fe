"""spyne imports on every supported Python without a warning, and leaves nothing in the process behind."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import emulator.wire.spyne_compat  # noqa: F401  # imports spyne, whose loggers it disables

CHECK = """
import sys, emulator.wire.service
assert all(hasattr(finder, "find_spec") for finder in sys.meta_path), "six's finder is still there"
assert "cgi" not in sys.modules, "the stand-in for cgi is still there"
try:
    import no_such_module
except ModuleNotFoundError as error:
    assert error.name == "no_such_module"
"""


def test_it_imports_without_a_warning_in_a_fresh_interpreter_and_leaves_no_trace(tmp_path: Path) -> None:
    # Without cached bytecode, since the compiler warns of invalid escapes.
    command = [sys.executable, "-W", "error", "-X", f"pycache_prefix={tmp_path}", "-c", CHECK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_spyne_does_not_log_client_errors() -> None:
    assert not logging.getLogger("spyne.application.client").isEnabledFor(logging.CRITICAL)
    assert not logging.getLogger("spyne.protocol.soap.soap11.invalid").isEnabledFor(logging.CRITICAL)
