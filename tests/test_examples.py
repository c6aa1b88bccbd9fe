"""The examples run, or are checked as far as it is possible without a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from emulator.cli import main
from emulator.scenario.loading import load
from tests.helpers.calling import free_port
from tests.helpers.paths import ROOT

EXAMPLES = ROOT / "tests" / "examples"
PROGRAM = "rescue-emulator"
PORT = "8085"
TIMEOUT = 120.0

JOB = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]["test"]
STEPS = [step["run"] for step in JOB["steps"] if "run" in step and "if" not in step]
SERVICES = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (EXAMPLES / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines) if word]


IMAGE = dict(instructions())
HEALTHCHECK: list[str] = json.loads(IMAGE["HEALTHCHECK"].partition("CMD ")[2])


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield each command line of the program in the examples, and where it is."""
    for step in STEPS:
        if step.startswith(PROGRAM):
            line = re.sub(r"\s+> .*", "", step)
            yield f"job: {line.split()[1]}", shlex.split(line)[1:]
    for name, service in SERVICES.items():
        yield f"compose: {name}", service["command"]
    yield "Containerfile: CMD", json.loads(IMAGE["CMD"])
    yield "Containerfile: HEALTHCHECK", HEALTHCHECK[1:]


COMMANDS = dict(commands())


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        (["pytest", "-p", "no:cacheprovider", "-p", "no:anyio", "suite_with_pytest"], " 7 passed"),
        (["unittest", "discover", "suite_with_unittest"], "Ran 3 tests"),
    ],
)
def test_a_suite_passes_where_it_is_copied_to(arguments: list[str], passed: str, tmp_path: Path) -> None:
    copied = shutil.copytree(EXAMPLES, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-W", "error", "-m", *arguments]
    run = subprocess.run(command, cwd=copied, capture_output=True, text=True, timeout=TIMEOUT)
    assert run.returncode == 0, run.stdout + run.stderr
    assert passed in run.stdout + run.stderr


def test_the_examples_use_existing_commands_and_the_same_port() -> None:
    assert [*COMMANDS] == [
        *("job: serve", "job: wait", "job: call", "job: verify"),
        *("compose: rescue", "compose: client", "Containerfile: CMD", "Containerfile: HEALTHCHECK"),
    ]
    for where, (name, *arguments) in COMMANDS.items():
        assert main.commands[name].make_context(name, list(arguments)).params, where  # a UsageError if it is wrong
        line = " ".join(arguments)
        assert re.findall(r"--port (\S+)", line) + re.findall(r"https?://[\w.]+:(\d+)", line) == [PORT], where
    assert JOB["env"]["RESCUE_BASE_URL"] == f"http://127.0.0.1:{PORT}"
    assert IMAGE["EXPOSE"] == PORT


def test_the_commands_of_the_job_succeed(tmp_path: Path) -> None:
    port = str(free_port())
    script = "\n".join(["trap 'kill $!; wait $!' EXIT", *(step for step in STEPS if step.startswith(PROGRAM))])
    command = ["bash", "-e", "-o", "pipefail", "-c", script.replace(PORT, port)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    log = (tmp_path / "rescue.log").read_text()
    assert run.returncode == 0, run.stdout + run.stderr + log
    result, *verification = run.stdout.splitlines()
    assert result == "startSessionRet_OK"
    assert verification
    assert f"ready http://127.0.0.1:{port}" in log


def test_the_image_has_the_newest_python_copies_existing_files_and_runs_without_root() -> None:
    assert IMAGE["FROM"] == "python:3.13-slim"
    copied = [name for word, rest in instructions() if word == "COPY" for name in rest.split()[:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", IMAGE["USER"])


def test_the_compose_file_builds_the_image_and_waits_until_the_emulator_is_healthy() -> None:
    for service in SERVICES.values():
        context = (EXAMPLES / service["build"]["context"]).resolve()
        assert (context, context / service["build"]["dockerfile"]) == (ROOT, EXAMPLES / "Containerfile")
    assert SERVICES["rescue"]["healthcheck"]["test"] == ["CMD", *HEALTHCHECK]
    assert SERVICES["client"]["depends_on"] == {"rescue": {"condition": "service_healthy"}}


def test_the_compose_file_serves_other_containers_and_this_machine_only_with_a_token() -> None:
    rescue = SERVICES["rescue"]
    assert rescue["command"][2:4] == ["--host", "0.0.0.0"]
    assert rescue["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    token = rescue["environment"]["RESCUE_EMULATOR_CONTROL_TOKEN"]
    assert token.startswith("${RESCUE_EMULATOR_CONTROL_TOKEN:?")  # compose stops if it is not set
    source, target, mode = rescue["volumes"][0].split(":")
    assert load(EXAMPLES / source).name == "night-shift"
    assert (target, mode) == (rescue["command"][1], "ro")


def test_no_example_names_a_registry_or_a_folder_of_a_developer() -> None:
    for file in EXAMPLES.rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            assert not re.search(r"pypi|index-url|ghcr\.io|docker\.io|/home/|/root/|/work/", file.read_text()), file


def test_the_image_can_be_built() -> None:
    for engine in filter(shutil.which, ("docker", "podman")):
        if subprocess.run([engine, "info"], capture_output=True, timeout=TIMEOUT).returncode == 0:
            command = [engine, "build", "--file", str(EXAMPLES / "Containerfile"), "--quiet", str(ROOT)]
            run = subprocess.run(command, capture_output=True, text=True, timeout=600)
            assert run.returncode == 0, run.stderr
            return
    pytest.skip("neither 'docker info' nor 'podman info' succeeds")
