"""Use the emulator as another project does: installed from its wheel, in an environment of its own.

The first recipe is the README's test with pytest, in an empty folder. The others are those of ``tests/examples``; one
whose tool is missing is skipped. Prints one line for each, with the output of what failed; exits with 1 if any failed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parent.parent
EXAMPLES: Final = ROOT / "tests" / "examples"
TIMEOUT: Final = 300.0  # seconds for each command: npm downloads, and wsdl starts slowly

README_TEST: Final = re.compile(r"```python\n((?:(?!```).)*?def test_.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """A command to run in a folder of ``tests/examples/recipes``.

    ``tools`` are the programs that it needs, each with where to get it. ``setup`` is a command that gets, or looks
    for, what else it needs: the recipe is skipped where that fails.
    """

    folder: str
    command: str
    tools: Mapping[str, str]
    setup: str = "true"


NODE: Final = {"node": "18 or later; Debian's nodejs"}

RECIPES: Final = {
    "curl": Recipe("curl", "bash start_session.sh", {"bash": "4 or later", "curl": "7.82 or later"}),
    "node with fetch": Recipe("node", "node --test fetch.test.mjs", NODE),
    "node with soap": Recipe(
        "node",
        "node --test soap.test.mjs",
        NODE | {"npm": "Debian's npm"},
        "npm install --silent --ignore-scripts --no-audit --no-fund",
    ),
    "php": Recipe(
        "php",
        "php start_session.php",
        {"php": "8 or later; Debian's php-cli and php-soap"},
        'php -r \'exit(extension_loaded("soap") ? 0 : "PHP lacks the extension soap");\' | (! grep .)',
    ),
    "java": Recipe(
        "java",
        "java StartSession.java ../../scenarios/night_shift.yaml",
        {"javac": "11 or later; Debian's default-jdk-headless"},
    ),
    "mono": Recipe("mono", "sh run.sh", dict.fromkeys(("mono", "mcs", "wsdl"), "Debian's mono-devel")),
}


def perform(recipe: Recipe, folder: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Run a recipe in a copy of its folder; return the result, and why it was not passed."""
    for tool, source in recipe.tools.items():
        if shutil.which(tool, path=environment["PATH"]) is None:
            return "skipped", f"{tool} is not installed ({source})"
    if failure := run(recipe.setup, folder, environment):
        return "skipped", failure
    failure = run(recipe.command, folder, environment)
    return ("failed" if failure else "passed"), failure


def run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command of the shell; return it with its output if it fails, else nothing."""
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return f"{command}: not done after {TIMEOUT:.0f} s"
    return f"{command}: exit status {done.returncode}\n{done.stdout}".rstrip() if done.returncode else ""


def install(folder: Path) -> dict[str, str]:
    """Build the wheel, install it with pytest into a new environment, and return the variables that select that."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    venv.create(folder / "venv", with_pip=True)
    environment["PATH"] = os.pathsep.join([str(folder / "venv" / "bin"), os.environ["PATH"]])
    pip = "python -m pip --disable-pip-version-check --quiet"
    for command in (f"{pip} wheel --no-deps --wheel-dir . '{ROOT}'", f"{pip} install ./rescue_emulator-*.whl pytest"):
        if failure := run(command, folder, environment):
            sys.exit(failure)
    return environment


def perform_readme_test(folder: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Run the README's first test in an empty folder; return the result, and why it was not passed."""
    found = README_TEST.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README has no test"
    folder.mkdir()
    (folder / "test_readme.py").write_text(found[1])
    installed = "python -c 'import emulator, sys; assert emulator.__file__.startswith(sys.prefix), emulator.__file__'"
    failure = run(f"{installed} && pytest", folder, environment)
    return ("failed" if failure else "passed"), failure


def main() -> int:
    """Run them all, and print a line for each."""
    results = dict.fromkeys(("passed", "failed", "skipped"), 0)

    def report(name: str, result: str, why: str) -> None:
        results[result] += 1
        print(f"{name}: {result}" + (f": {why}" if why else ""), flush=True)

    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = install(folder)
        report("the README's test", *perform_readme_test(folder / "project", environment))
        copied = shutil.copytree(EXAMPLES, folder / "examples")
        for name, recipe in RECIPES.items():
            report(name, *perform(recipe, copied / "recipes" / recipe.folder, environment))
    print(", ".join(f"{number} {result}" for result, number in results.items()))
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
