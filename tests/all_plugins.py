"""Test the fixtures with pytest 8 and 9 and with plugins of pytest, in environments of their own.

First come this project's own tests of its plugin, then the suites of ``tests/plugins``: each with its plugin alone,
then all suites with all plugins at once. Prints one line for each run at the end; exits with 1 if any failed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUITES = ROOT / "tests" / "plugins"
PYTESTS = {"pytest-8": "pytest>=8.3,<9", "pytest-9": "pytest>=9,<10"}
OWN_TESTS = ("test_pytest_plugin.py", "test_pytest_server.py", "test_pytest_strict.py", "test_isolation.py")
OWN_PACKAGES = ("pytest-xdist", "hypothesis")
OURS = "rescue_emulator"


@dataclass(frozen=True)
class Suite:
    """A suite, the plugin that it needs and the arguments with which pytest is run; "" is no plugin."""

    file: str
    plugin: str = ""
    arguments: tuple[str, ...] = ()
    package: str = ""


ASYNC = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
COVERAGE = ("--cov=application", "--cov-report=term", "--cov-fail-under=100")
RUNS = [
    Suite("test_asyncio.py", "asyncio", ASYNC, "pytest-asyncio"),
    Suite("test_shared.py", "xdist", ("-n", "3"), "pytest-xdist"),
    Suite("test_shared.py", "randomly", (), "pytest-randomly"),
    Suite("test_timeout.py", "timeout", ("--timeout", "20"), "pytest-timeout"),
    Suite("test_coverage.py", "pytest_cov", COVERAGE, "pytest-cov"),
    Suite("test_rerunfailures.py", "rerunfailures", (), "pytest-rerunfailures"),
    Suite("test_hypothesis.py", "hypothesispytest", (), "hypothesis"),
    Suite("test_django.py", "django", ("--ds=django_settings",), "pytest-django"),
    Suite("test_unittest.py"),
    Suite("test_gevent.py", package="gevent"),
    Suite("test_eventlet.py", package="eventlet"),
]


def python_of(name: str, *packages: str) -> str:
    """Make an environment with the project and these packages; return its interpreter."""
    folder = ROOT / f".venv-{name}"
    python = str(folder / "bin" / "python")
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*install, "--editable", f"{ROOT}[tls]", *packages], check=True)
    return python


def passes(command: list[str], folder: Path, title: str, autoload: str = "1") -> bool:
    """Run pytest in a folder, with only the plugins that the command names; with ``autoload`` "" all are loaded."""
    print(f"== {title}", flush=True)
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": autoload}
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode == 0


def results_of(name: str, version: str) -> dict[str, bool]:
    """Run everything with a version of pytest."""
    python = python_of(name, version, *OWN_PACKAGES)
    command = [python, "-m", "pytest", "-q", *(f"tests/{file}" for file in OWN_TESTS)]
    results = {f"{name}, own tests": passes(command, ROOT, f"{name}, own tests", autoload="")}
    python = python_of(f"{name}-plugins", version, "Django", *(suite.package for suite in RUNS if suite.package))
    pytest = [python, "-m", "pytest", "-q", "-p", OURS]
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(SUITES, Path(folder) / "suites"))
        common = [*pytest, "-W", "error", "--strict-markers"]
        for suite in RUNS:
            title = f"{name}, {suite.package or 'unittest'}"
            plugin = ["-p", suite.plugin] if suite.plugin else []
            results[title] = passes([*common, *plugin, *suite.arguments, suite.file], copied, title)
        plugins = [part for suite in RUNS if suite.plugin for part in ("-p", suite.plugin)]
        arguments = [part for suite in RUNS for part in suite.arguments]
        title = f"{name}, all at once"
        results[title] = passes([*common, *plugins, *arguments], copied, title)
    return results


def main() -> int:
    """Run them all."""
    results: dict[str, bool] = {}
    for name, version in PYTESTS.items():
        results |= results_of(name, version)
    for title, passed in results.items():
        print(f"{title}: {'passed' if passed else 'FAILED'}")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
