"""The server beside others that answer the same SOAP 1.1 calls by the same ten rules: node's ``soap``, stock spyne.

The others keep no journal and no log, so ours runs with both and without. The npm package is installed into the user's
cache when it is first measured; what is missing is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.core.contract import Binding, Call
from emulator.wire.wsdl import wsdl
from tests.bench.measuring import Effort, Figures, Missing, scenario
from tests.bench.server import FEW, MAX_FIRST_ANSWER, MAX_MEGABYTES, Serve, first_answer, megabytes_after
from tests.bench.wrk import measure_load, served, started

RULES = 10
CALL = Call(3, 2, "demo-3", Binding.SOAP11)
OURS, SILENT, NODE, STOCK = "ours", "ours, journal and log off", "node soap", "stock spyne on waitress"
PACKAGE = "soap@1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "rescue-emulator-bench")
SOAP = CACHE / "node_modules" / "soap"


def peers(effort: Effort) -> Figures:
    """Measure calls a second over 8 connections, seconds to the first answer, and megabytes after 20,000 calls."""
    bounds = {f"{OURS}, first answer, s": MAX_FIRST_ANSWER, f"{OURS}, MB after {FEW:,} calls": MAX_MEGABYTES}
    figures = Figures(bounds=bounds)
    with ExitStack() as stack:
        servers: dict[str, Serve] = {}
        for name, peer in effort.variants([*PEERS.items()]):
            try:
                servers[name] = stack.enter_context(peer())
            except Missing as missing:
                figures.left_out[name] = str(missing)
        _compare(servers, effort, figures)
    for name, other, bound in ((OURS, NODE, ">= 0.95"), (SILENT, NODE, ">= 1.1"), (OURS, STOCK, ">= 6")):
        figures.add_ratio(f"{name} / {other}, rate", f"{name}, calls/s", f"{other}, calls/s", bound)
    return figures


def _compare(servers: dict[str, Serve], effort: Effort, figures: Figures) -> None:
    """Measure each server; in each round all take their turn."""
    with ExitStack() as stack:
        origins = {name: stack.enter_context(serve())[0] for name, serve in servers.items()}
        for _ in range(effort.rounds):
            for name, origin in origins.items():
                measure_load(figures, name, effort, origin, CALL)
    figures.measure(
        effort, {f"{name}, first answer, s": partial(first_answer, serve, CALL) for name, serve in servers.items()}
    )
    for name, serve in servers.items():
        with serve() as (origin, process):
            figures.add(f"{name}, MB after {FEW:,} calls", megabytes_after(effort.number(FEW), origin, process, CALL))


@contextmanager
def ours(*options: str, log: bool = True) -> Iterator[Serve]:
    with TemporaryDirectory() as folder:
        file = Path(folder, "rules.yaml")
        file.write_text(scenario(RULES))
        yield lambda: served(str(file), *options, log=log)


@contextmanager
def node_soap() -> Iterator[Serve]:
    """The most used SOAP server on node, with the WSDL of this project."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Missing("node and npm are not installed")
    if not SOAP.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", PACKAGE]
        done = subprocess.run(install, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise Missing(f"npm cannot install {PACKAGE}: {' '.join(done.stderr.split())[:80]}")
    program = str(Path(__file__).with_name("node_soap.js"))
    with TemporaryDirectory() as folder:
        document = Path(folder, "api.wsdl")
        document.write_bytes(wsdl("http://127.0.0.1/API/API.asmx"))
        yield lambda: started([node, program, str(CACHE), str(document), str(RULES)])


@contextmanager
def stock_spyne() -> Iterator[Serve]:
    """spyne as its documentation shows it, under the WSGI server that is most used with it."""
    if sys.version_info >= (3, 12):
        raise Missing("stock spyne does not import on Python 3.12 and later")
    if find_spec("waitress") is None:
        raise Missing("waitress is not installed; pip install waitress")
    yield lambda: started([sys.executable, "-m", "tests.bench.stock_spyne", str(RULES)])


PEERS: dict[str, Callable[[], AbstractContextManager[Serve]]] = {
    OURS: ours,
    SILENT: lambda: ours("--journal-size", "0", log=False),
    NODE: node_soap,
    STOCK: stock_spyne,
}
