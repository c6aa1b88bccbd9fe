"""Comparison with golden files, which ``make golden`` rewrites."""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(file: Path, actual: str) -> None:
    """Assert that a golden file holds exactly this text; with REWRITE_GOLDEN in the environment, write it first."""
    if os.environ.get("REWRITE_GOLDEN"):
        file.write_text(actual, encoding="utf-8")
    assert actual == file.read_text(encoding="utf-8")
