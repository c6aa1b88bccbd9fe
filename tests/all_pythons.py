"""Run the suite in an environment of its own on every installed Python from 3.10 on, and with the lowest dependencies.

Looks for Pythons on the PATH and among pyenv's versions. Prints one line for each run at the end; exits with 1 if any
failed. ``--lowest`` runs only the last: the oldest Python with the oldest versions that pyproject.toml allows.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MINORS = range(10, 20)
ROOT = Path(__file__).parent.parent
CONSTRAINTS = ROOT / ".venv-lowest" / "constraints.txt"


def interpreter(minor: int) -> str | None:
    """Return an executable that runs as Python 3.minor: pyenv's shims on the PATH need not."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    probe = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    for path in (shutil.which(f"python3.{minor}"), *sorted(pyenv.glob(f"3.{minor}.*/bin/python"))):
        if path and subprocess.run([path, "-c", probe], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


def lowest_versions() -> str:
    """Return pip constraints for the lower bounds of the runtime dependencies, that of the extra ``tls`` included."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    runtime = text.partition("\ndependencies = [")[2].partition("\ndev = [")[0]
    return "\n".join(re.findall(r'^    "([\w-]+>=[\d.]+)', runtime, re.MULTILINE)).replace(">=", "==")


def suite_passes(name: str, python: str, environment: dict[str, str] | None = None) -> bool:
    """Run the whole suite on this interpreter."""
    print(f"== {name}: {python}", flush=True)
    command = ["make", "test", f"PYTHON={python}", f"VENV=.venv-{name}"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | (environment or {}), check=False).returncode == 0


def main() -> int:
    """Run them all, oldest first."""
    found = {f"3.{minor}": path for minor in MINORS if (path := interpreter(minor))}
    results = {}
    if sys.argv[1:] != ["--lowest"]:
        results = {name: suite_passes(name, path) for name, path in found.items()}
    if found:
        CONSTRAINTS.parent.mkdir(exist_ok=True)
        CONSTRAINTS.write_text(lowest_versions())
        oldest = next(iter(found.values()))
        results["lowest"] = suite_passes("lowest", oldest, {"PIP_CONSTRAINT": str(CONSTRAINTS)})
    for name, passed in results.items():
        print(f"{name}: {'passed' if passed else 'FAILED'}")
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
