"""Runs the suite on every Python from 3.10 on that this machine has, each in an environment of its own.

Looks on the PATH and among pyenv's versions. Prints one line for each Python at the end; exits with 1 if any failed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MINORS = range(10, 20)
ROOT = Path(__file__).parent.parent


def candidates(minor: int) -> Iterator[str]:
    """Executables that may be Python 3.minor."""
    found = shutil.which(f"python3.{minor}")
    if found:
        yield found
    if shutil.which("pyenv"):
        root = Path(subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip())
        yield from sorted(str(path) for path in root.glob(f"versions/3.{minor}.*/bin/python"))


def interpreter(minor: int) -> str | None:
    """The first executable that really runs as Python 3.minor (a shim on the PATH need not)."""
    probe = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    for path in candidates(minor):
        if subprocess.run([path, "-c", probe], capture_output=True, check=False).returncode == 0:
            return path
    return None


def suite_passes(minor: int, python: str) -> bool:
    """Whether the whole suite passes on this interpreter."""
    print(f"== Python 3.{minor}: {python}", flush=True)
    command = ["make", "test", f"PYTHON={python}", f"VENV=.venv-3.{minor}"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    """Runs them all, oldest first."""
    found = {minor: path for minor in MINORS if (path := interpreter(minor))}
    results = {minor: suite_passes(minor, path) for minor, path in found.items()}
    for minor, passed in results.items():
        print(f"Python 3.{minor}: {'passed' if passed else 'FAILED'}")
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
