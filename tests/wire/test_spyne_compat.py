"""spyne imports on every supported Python, quietly, and leaves no trace of how."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import emulator.wire.service  # noqa: F401  # brings spyne in


@pytest.mark.parametrize("module", ["emulator.wire.spyne_compat", "emulator.wire.service"])
def test_it_imports_without_a_warning_in_a_fresh_interpreter_that_compiles_everything(
    module: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "error", "-X", f"pycache_prefix={tmp_path}", "-c", f"import {module}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "check",
    [
        pytest.param("assert all(hasattr(finder, 'find_spec') for finder in sys.meta_path)", id="no old finder"),
        pytest.param("import cgi_does_not_exist_either", id="an unknown module is only unknown"),
        pytest.param("assert 'cgi' not in sys.modules", id="no stand-in for cgi"),
    ],
)
def test_nobody_else_in_the_process_notices(check: str) -> None:
    script = (
        "import sys, emulator.wire.service\n"
        f"try:\n    {check}\nexcept ModuleNotFoundError as error:\n    assert 'cgi_does' in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_spyne_says_nothing_of_a_clients_mistakes() -> None:
    assert not logging.getLogger("spyne.application.client").isEnabledFor(logging.CRITICAL)
    assert not logging.getLogger("spyne.protocol.soap.soap11.invalid").isEnabledFor(logging.CRITICAL)
