"""The description of the control API: complete, and true as far as generated requests can tell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from emulator import Emulator
from emulator.web.control.routes import ROUTES, description

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
METHODS = ("get", "head", "post", "put", "delete")


def test_every_route_is_described_and_nothing_else() -> None:
    described = {
        (method.upper(), path) for path, item in description()["paths"].items() for method in item if method in METHODS
    }
    assert described == {(method, f"/__admin{route.path}") for route in ROUTES for method in route.methods}


def test_each_operation_has_a_name_of_its_own() -> None:
    ids = [
        operation["operationId"]
        for item in description()["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    ]
    assert len(ids) == len(set(ids))


def test_each_schema_that_is_referred_to_is_there() -> None:
    schemas = description()["components"]["schemas"]
    prefix = "#/components/schemas/"
    referred = [part.partition('"')[0] for part in str(description()).replace("'", '"').split(prefix)[1:]]
    assert set(referred) <= set(schemas)
    assert len(referred) > 50


@pytest.mark.parametrize("phase", ["coverage", "fuzzing", "stateful"])
def test_schemathesis_finds_nothing(phase: str, tmp_path: Path) -> None:
    with Emulator.start() as emulator:
        requests.get(f"{emulator.url}/startSession?iSession=1&iNode=2&sAuthCode=demo-ok", timeout=5)
        address = emulator.url.replace("/API/API.asmx", "/__admin/openapi.json")
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION), "run"]
        options = ["--phases", phase, "--max-examples", "10", "--generation-deterministic", "--no-color", address]
        run = subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert any(int(number) > 50 for number in re.findall(r"(\d+) generated", run.stdout)), run.stdout
