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
from typing import Any

import pytest
import requests
import yaml

from emulator.cli import main
from emulator.core.contract import SERVICE_PATH
from emulator.emulator import Emulator, Options
from emulator.scenario.loading import load
from tests.helpers.calling import free_port
from tests.helpers.paths import ROOT
from tests.helpers.suites import LEAN
from tests.recipes import EXAMPLES, RECIPES, Recipe, perform

PROGRAM = "rescue-emulator"
TOKEN = "RESCUE_EMULATOR_CONTROL_TOKEN"
HEALTH = "/__admin/health"
SCENARIO = EXAMPLES / "scenarios" / "night_shift.yaml"
PORT = "8085"
TIMEOUT = 120.0

JOBS = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]
STEPS = {
    name: [step["run"] for step in job["steps"] if "run" in step and "if" not in step] for name, job in JOBS.items()
}
SERVICES = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
MANIFESTS = {manifest["kind"]: manifest for manifest in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text())}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (EXAMPLES / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines) if word]


IMAGE = dict(instructions())
HEALTHCHECK: list[str] = json.loads(IMAGE["HEALTHCHECK"].partition("CMD ")[2])


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield each command line of the program in the examples, and where it is."""
    for job, steps in STEPS.items():
        for step in steps:
            if f"{PROGRAM} " in step and "docker build" not in step:
                line = re.sub(r"\s+> .*", "", step).rpartition(f"{PROGRAM} ")[2]
                yield f"{job}: {line.split()[0]}", shlex.split(line)
    for name, service in SERVICES.items():
        yield f"compose: {name}", service["command"]
    yield "kubernetes", CONTAINER["args"]
    yield "Containerfile: CMD", json.loads(IMAGE["CMD"])
    yield "Containerfile: HEALTHCHECK", HEALTHCHECK[1:]


COMMANDS = dict(commands())


@pytest.mark.parametrize(
    ("folder", "command", "passed"),
    [
        (".", "-W error -m pytest -p no:anyio suite_with_pytest", " 10 passed"),
        (".", "-W error -m unittest discover suite_with_unittest", "Ran 3 tests"),
        ("suite_with_django", "-W error -m django test --settings settings", "Ran 3 tests"),
        # no -W error: the last anyio for Python 3.10 warns under pytest 9
        (".", "-m pytest suite_with_asyncio", " 3 passed"),
    ],
)
def test_a_suite_passes_where_it_is_copied_to(folder: str, command: str, passed: str, tmp_path: Path) -> None:
    copied = shutil.copytree(EXAMPLES, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__"))
    environment = os.environ | {"PYTEST_ADDOPTS": " ".join(LEAN)}
    arguments = [sys.executable, *command.split()]
    run = subprocess.run(
        arguments, cwd=copied / folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert passed in run.stdout + run.stderr


def test_the_examples_use_existing_commands_and_the_same_port() -> None:
    assert [*COMMANDS] == [
        *(f"{job}: {name}" for job in STEPS for name in ("serve", "wait", "call", "verify")),
        *("compose: rescue", "compose: client", "kubernetes", "Containerfile: CMD", "Containerfile: HEALTHCHECK"),
    ]
    for where, (name, *arguments) in COMMANDS.items():
        assert main.commands[name].make_context(name, list(arguments)).params, where  # a UsageError if it is wrong
        line = " ".join(arguments)
        assert re.findall(r"--port (\S+)", line) + re.findall(r"https?://[\w.]+:(\d+)", line) == [PORT], where
    assert {job["env"]["RESCUE_BASE_URL"] for job in JOBS.values()} == {f"http://127.0.0.1:{PORT}"}
    assert IMAGE["EXPOSE"] == PORT


def test_the_commands_of_the_job_succeed(tmp_path: Path) -> None:
    port = str(free_port())
    script = "\n".join(["trap 'kill $!; wait $!' EXIT", *(step for step in STEPS["test"] if step.startswith(PROGRAM))])
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


def serve_options(where: str) -> dict[str, Any]:
    """Return the values of a command line of ``serve``, which other machines can reach."""
    (name, *arguments) = COMMANDS[where]
    assert name == "serve"
    return main.commands["serve"].make_context("serve", list(arguments)).params


@pytest.mark.parametrize("where", ["test-with-container: serve", "compose: rescue", "kubernetes"])
def test_a_container_watches_the_scenario_in_a_mounted_folder(where: str) -> None:
    volumes = {
        "compose: rescue": SERVICES["rescue"]["volumes"],
        "test-with-container: serve": re.findall(r'--volume "\$PWD/(\S+)"', " ".join(STEPS["test-with-container"])),
        "kubernetes": [
            f"scenarios:{mount['mountPath']}:{'ro' if mount['readOnly'] else 'rw'}"
            for mount in CONTAINER["volumeMounts"]
            if "subPath" not in mount
        ],
    }[where]
    options = serve_options(where)
    ((source, target, mode),) = (volume.split(":") for volume in volumes)
    assert (options["watch"], mode) == (True, "ro")
    assert load(EXAMPLES / source / options["scenario"].relative_to(target)).name == "night-shift"


@pytest.mark.parametrize("where", ["test-with-container: serve", "compose: rescue", "kubernetes"])
def test_a_container_serves_other_machines_only_with_a_token(where: str) -> None:
    assert [*serve_options(where)["host"]] == ["0.0.0.0"]
    match where.partition(":")[0]:
        case "compose":
            rescue = SERVICES["rescue"]
            assert rescue["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
            assert rescue["environment"][TOKEN].startswith(f"${{{TOKEN}:?")  # compose stops if it is not set
        case "kubernetes":
            (key,) = (
                variable["valueFrom"]["secretKeyRef"] for variable in CONTAINER["env"] if variable["name"] == TOKEN
            )
            secret = MANIFESTS["Secret"]
            assert key["name"] == secret["metadata"]["name"]
            assert secret["stringData"][key["key"]]
        case job:
            (command,) = (step for step in STEPS[job] if step.startswith("docker run"))
            assert JOBS[job]["env"][TOKEN]
            assert f"--env {TOKEN} " in command
            assert f"--publish 127.0.0.1:{PORT}:{PORT} " in command


def test_the_manifests_fit_each_other_and_the_emulator() -> None:
    config, deployment, service = (MANIFESTS[kind] for kind in ("ConfigMap", "Deployment", "Service"))
    assert config["data"] == {SCENARIO.name: SCENARIO.read_text()}
    assert POD["volumes"] == [{"name": "scenarios", "configMap": {"name": config["metadata"]["name"]}}]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    assert [(port["name"], str(port["containerPort"])) for port in CONTAINER["ports"]] == [("http", PORT)]
    assert [(port["targetPort"], str(port["port"])) for port in service["spec"]["ports"]] == [("http", PORT)]
    serve = main.commands["serve"]
    known = {f"{PROGRAM}_{option.name}".replace("-", "_").upper() for option in serve.params}
    assert {variable["name"] for variable in CONTAINER["env"]} <= known


def test_the_probes_of_the_pod_ask_for_the_health_but_a_wrong_edit_does_not_restart_it() -> None:
    probes = {name: CONTAINER[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    assert probes["startup"]["httpGet"] == probes["readiness"]["httpGet"] == {"path": HEALTH, "port": "http"}
    assert probes["liveness"]["tcpSocket"] == {"port": "http"}
    assert "httpGet" not in probes["liveness"]
    with Emulator.start(SCENARIO, options=Options(control=False)) as emulator:
        assert requests.get(emulator.url.removesuffix(SERVICE_PATH) + HEALTH, timeout=5).status_code == 200


def test_no_example_names_a_registry_or_a_folder_of_a_developer() -> None:
    for file in EXAMPLES.rglob("*"):
        if file.is_file() and not {"__pycache__", "node_modules"} & {*file.parts}:
            assert not re.search(r"pypi|index-url|ghcr\.io|docker\.io|/home/|/root/|/work/", file.read_text()), file


def test_the_image_can_be_built() -> None:
    for engine in filter(shutil.which, ("docker", "podman")):
        if subprocess.run([engine, "info"], capture_output=True, timeout=TIMEOUT).returncode == 0:
            command = [engine, "build", "--file", str(EXAMPLES / "Containerfile"), "--quiet", str(ROOT)]
            run = subprocess.run(command, capture_output=True, text=True, timeout=600)
            assert run.returncode == 0, run.stderr
            return
    pytest.skip("neither 'docker info' nor 'podman info' succeeds")


def test_each_example_is_described_and_each_recipe_is_run() -> None:
    text = (EXAMPLES / "README.md").read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in links if not (EXAMPLES / link).exists()] == []
    folders = {path.name for path in (EXAMPLES / "recipes").iterdir()}
    assert {recipe.folder for recipe in RECIPES.values()} == folders
    described = {link.split("/")[1] if link.startswith("recipes/") else link.split("/")[0] for link in links}
    assert described == folders | {path.name for path in EXAMPLES.glob("[!._]*")} - {"README.md", "recipes"}
    assert [recipe.command for recipe in RECIPES.values() if f"`{recipe.command}`" not in text] == []


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_whose_tool_is_missing_is_skipped_by_its_name(name: str, tmp_path: Path) -> None:
    result, why = perform(RECIPES[name], tmp_path, {"PATH": str(tmp_path)})
    assert result == "skipped"
    assert why.split(" is not installed")[0] in RECIPES[name].tools


@pytest.mark.parametrize(
    ("command", "setup", "result", "why"),
    [
        ("true", "true", "passed", ""),
        ("echo wrong; exit 3", "true", "failed", "echo wrong; exit 3: exit status 3\nwrong"),
        ("true", "echo absent; false", "skipped", "echo absent; false: exit status 1\nabsent"),
    ],
)
def test_a_recipe_ends_with_its_result_and_the_output_of_what_failed(
    command: str, setup: str, result: str, why: str, tmp_path: Path
) -> None:
    assert perform(Recipe(".", command, {}, setup), tmp_path, os.environ) == (result, why)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_recipe_for_curl_passes() -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    recipe = RECIPES["curl"]
    assert perform(recipe, EXAMPLES / "recipes" / recipe.folder, os.environ | {"PATH": path}) == ("passed", "")
