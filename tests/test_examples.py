"""What a reader copies from tests/examples runs, or is checked as far as it can be without a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.cli import main
from emulator.scenario import load
from tests.helpers.paths import ROOT

EXAMPLES = ROOT / "tests" / "examples"
PROGRAM = "rescue-emulator"
PORT = "8085"
PATIENCE = 120.0

JOB = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]["test"]
SERVICES = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile with what follows them, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (EXAMPLES / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines) if word]


IMAGE = dict(instructions())


def steps() -> list[str]:
    """The commands of the job, in order, without the one that is for failures alone."""
    return [step["run"] for step in JOB["steps"] if "run" in step and "if" not in step]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command line of the program in the examples, and where it stands."""
    for step in steps():
        line = re.sub(r"(\s*\S*>\S+|\s*&$)", "", step.replace("> rescue.log", ">rescue.log"))
        if line.startswith(PROGRAM):
            yield f"job: {line.split()[1]}", shlex.split(line)[1:]
    for name, service in SERVICES.items():
        yield f"compose: {name}", service["command"]
        if "test" in service["healthcheck"]:
            yield f"compose: health of {name}", service["healthcheck"]["test"][2:]
    yield "Containerfile: CMD", json.loads(IMAGE["ENTRYPOINT"])[1:] + json.loads(IMAGE["CMD"])
    yield "Containerfile: HEALTHCHECK", health_of_the_image()[1:]


def health_of_the_image() -> list[str]:
    words: list[str] = json.loads(IMAGE["HEALTHCHECK"].partition("CMD ")[2])
    return words


COMMANDS = [pytest.param(words, id=where) for where, words in commands()]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The examples where a reader has copied them to, away from this checkout."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__")))


def test_the_suite_for_pytest_passes_where_it_is_copied_to(copied: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "suite_with_pytest"]
    done = subprocess.run(command, cwd=copied, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 7 passed" in done.stdout


def test_the_suite_for_unittest_passes_where_it_is_copied_to(copied: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "unittest", "discover", "suite_with_unittest"]
    done = subprocess.run(command, cwd=copied, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "Ran 5 tests" in done.stderr


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_in_the_examples_is_one_of_the_program(words: list[str]) -> None:
    name, *arguments = words
    context = main.commands[name].make_context(name, list(arguments))  # a UsageError for what is not
    assert context.params


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_in_the_examples_is_about_the_same_port(words: list[str]) -> None:
    line = " ".join(words)
    assert re.findall(r"--port (\S+)", line) + re.findall(r"https?://[\w.]+:(\d+)", line) == [PORT]


def test_the_examples_have_every_command_that_a_job_needs() -> None:
    named = [where for where, _ in commands()]
    assert named == [
        "job: serve",
        "job: wait",
        "job: call",
        "job: verify",
        "compose: rescue",
        "compose: health of rescue",
        "compose: client",
        "Containerfile: CMD",
        "Containerfile: HEALTHCHECK",
    ]


def test_the_commands_of_the_job_do_what_it_says(tmp_path: Path) -> None:
    script = "\n".join(["trap 'kill $!; wait $!' EXIT", *(step for step in steps() if PROGRAM in step.split()[0])])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script.replace(PORT, str(free_port()))],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    log = (tmp_path / "rescue.log").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + log
    result, verified = done.stdout.splitlines()
    assert result == "startSessionRet_OK"
    assert verified.startswith("wanted exactly 1 call with session 1001; 1 call came")
    assert log.startswith("ready http://127.0.0.1:")


def test_the_job_tells_the_tests_the_address_that_it_serves() -> None:
    assert JOB["env"]["RESCUE_BASE_URL"] == f"http://127.0.0.1:{PORT}"


def test_the_job_uses_public_actions_of_a_major_version() -> None:
    for action in (step["uses"] for step in JOB["steps"] if "uses" in step):
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", action)


def test_the_image_runs_as_nobody_special() -> None:
    user, _, group = IMAGE["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_needs_no_shell_to_tell_its_health() -> None:
    assert health_of_the_image() == [PROGRAM, "wait", f"http://127.0.0.1:{PORT}", "--timeout", "2"]


def test_the_image_begins_with_the_newest_python_that_is_supported() -> None:
    assert IMAGE["FROM"] == "python:3.13-slim"


def test_what_the_image_copies_is_there() -> None:
    copied = [name for word, rest in instructions() if word == "COPY" for name in rest.split()[:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_image_opens_the_port_that_it_serves() -> None:
    assert IMAGE["EXPOSE"] == PORT


def test_the_service_is_reached_from_other_containers() -> None:
    (command,) = (words for where, words in commands() if where == "compose: rescue")
    assert command[command.index("--host") + 1] == "0.0.0.0"


def test_no_token_is_written_down() -> None:
    token = SERVICES["rescue"]["environment"]["RESCUE_EMULATOR_CONTROL_TOKEN"]
    assert token.startswith("${RESCUE_EMULATOR_CONTROL_TOKEN:?")
    assert not any("RESCUE_EMULATOR_CONTROL_TOKEN" in rest for _, rest in instructions())


def test_the_port_is_published_to_this_machine_alone() -> None:
    assert SERVICES["rescue"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]


def test_the_scenario_is_mounted_to_be_read_only_where_the_service_reads_it() -> None:
    (volume,) = SERVICES["rescue"]["volumes"]
    source, target, mode = volume.split(":")
    assert load(EXAMPLES / source).name == "night-shift"
    assert target == SERVICES["rescue"]["command"][1]
    assert mode == "ro"


def test_the_container_tells_its_health_as_the_image_does() -> None:
    assert SERVICES["rescue"]["healthcheck"]["test"] == ["CMD", *health_of_the_image()]


def test_the_client_starts_when_the_emulator_is_healthy() -> None:
    assert SERVICES["client"]["depends_on"] == {"rescue": {"condition": "service_healthy"}}


def test_both_containers_are_built_from_the_containerfile() -> None:
    for service in SERVICES.values():
        built: dict[str, Any] = service["build"]
        context = (EXAMPLES / built["context"]).resolve()
        assert (context, context / built["dockerfile"]) == (ROOT, EXAMPLES / "Containerfile")


@pytest.mark.parametrize(
    "file", sorted(file for file in EXAMPLES.rglob("*") if file.suffix != ".pyc"), ids=lambda file: file.name
)
def test_no_example_names_a_machine_or_a_registry(file: Path) -> None:
    text = file.read_text() if file.is_file() else ""
    assert not re.search(r"pypi|index-url|ghcr\.io|docker\.io|/home/|/root/|/work/", text)


def engine() -> str | None:
    """The container engine that answers, if any does."""
    for name in ("docker", "podman"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, timeout=PATIENCE).returncode == 0:
            return name
    return None


def test_the_image_can_be_built() -> None:
    name = engine()
    if name is None:
        pytest.skip("no container engine answers 'docker info' or 'podman info'")
    command = [name, "build", "--file", str(EXAMPLES / "Containerfile"), "--quiet", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
