"""A server goes on when the files of the package are gone, as while another version is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from tests.helpers.calling import PATIENCE, ready
from tests.helpers.paths import ROOT

FILES = {
    "static": sorted(file.name for file in (ROOT / "emulator/web/static").iterdir()),
    "scenarios": sorted(file.name for file in (ROOT / "scenarios").glob("*.yaml")),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that runs from a copy of the package, which is deleted once it is ready."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("emulator", "scenarios"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "emulator", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        host, port = ready(process)
        shutil.rmtree(folder)
        yield f"http://{host}:{port}"
        process.kill()


@pytest.mark.parametrize(
    ("path", "status", "content"),
    [
        ("/API/API.asmx", 200, b"The following operations are supported."),
        ("/API/API.asmx?op=startSession", 200, b"Invoke"),
        ("/API/API.asmx?op=other", 200, b"Method Not Found"),
        ("/API/API.asmx?wsdl", 200, b"<wsdl:definitions"),
        ("/API/API.asmx?disco", 200, b"<discovery"),
        ("/nothing", 404, b"<h1>Not Found</h1>"),
        ("/API/API.asmx/other", 500, b"<h2>Runtime Error</h2>"),
        ("/__admin/", 200, b"<title>Console of rescue-emulator</title>"),
        *(
            (f"/__admin/static/{name}", 200, (ROOT / "emulator/web/static" / name).read_bytes())
            for name in FILES["static"]
        ),
        ("/__admin/health", 200, b'"version": "'),
        ("/__admin/metrics", 200, b"rescue_emulator_calls"),
        ("/__admin/scenarios", 200, json.dumps(FILES["scenarios"]).encode()),
        ("/__admin/openapi.json", 200, b'"The lowest number accepted (default: no lower bound)."'),
    ],
)
def test_each_page_is_answered(path: str, status: int, content: bytes, server: str) -> None:
    answer = requests.get(server + path, timeout=PATIENCE)
    assert (answer.status_code, content in answer.content) == (status, True), answer.text


@pytest.mark.parametrize("name", FILES["scenarios"])
def test_each_shipped_scenario_can_still_be_used(name: str, server: str) -> None:
    answer = requests.post(f"{server}/__admin/scenarios/{name}", timeout=PATIENCE)
    assert (answer.status_code, answer.json().get("scenario")) == (200, name.removesuffix(".yaml")), answer.text
    assert (
        requests.get(f"{server}/__admin/scenario", timeout=PATIENCE).content == (ROOT / "scenarios" / name).read_bytes()
    )
