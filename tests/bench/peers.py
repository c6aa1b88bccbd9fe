"""The server beside others that do the same job: node's ``soap``, and stock spyne on waitress.

All three answer the same SOAP 1.1 calls by the same ten rules; ours keeps its journal and its log besides. What the
others need is no part of this project: the npm package is installed into the user's cache when the figures are taken,
waitress is used where it is installed, and what is missing is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.core.call import Call
from emulator.core.contract import Binding
from emulator.wire.wsdl import wsdl
from tests.bench.measuring import Effort, Figures, scenario
from tests.bench.server import first_answer, megabytes_after
from tests.bench.wrk import NO_WRK, SECONDS, load, served, started, wrk_is_there

RULES = 10
CALLS = 20_000
CALL = Call(3, 2, "demo-3", Binding.SOAP11)
OURS, NODE, STOCK = "ours", "node soap", "stock spyne on waitress"
PACKAGE = "soap@1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "rescue-emulator-bench")
SOAP = CACHE / "node_modules" / "soap"

Serving = Callable[[], AbstractContextManager[tuple[str, int]]]


class Missing(Exception):
    """A peer cannot be measured here; the message says why."""


def peers(effort: Effort) -> Figures:
    """Calls a second over 8 connections, seconds to the first right answer, and megabytes after 20,000 calls."""
    if not wrk_is_there():
        return Figures(left_out={"all": NO_WRK})
    figures = Figures()
    with ExitStack() as open_until_the_end:
        servings: dict[str, Serving] = {}
        for name, peer in effort.few(PEERS):
            try:
                servings[name] = open_until_the_end.enter_context(peer())
            except Missing as missing:
                figures.left_out[name] = str(missing)
        compare(servings, effort, figures)
    for peer_name in (NODE, STOCK):
        figures.ratio(f"ours / {peer_name}, rate", f"{OURS}, calls/s", f"{peer_name}, calls/s")
        figures.ratio(f"ours / {peer_name}, first answer", f"{OURS}, first answer, s", f"{peer_name}, first answer, s")
    return figures


def compare(servings: dict[str, Serving], effort: Effort, figures: Figures) -> None:
    """The figures of each, the rounds of all taking turns."""
    with ExitStack() as running:
        servers = {name: running.enter_context(serving()) for name, serving in servings.items()}
        for _ in range(effort.rounds):
            for name, (origin, _) in servers.items():
                found = load(origin, CALL, seconds=effort.time(SECONDS))
                assert found.errors == 0, f"{found.errors} errors of {name}"
                figures.add(f"{name}, calls/s", found.rate)
                figures.add(f"{name}, p99 ms", found.p99)
    for _ in range(effort.rounds):
        for name, serving in servings.items():
            figures.add(f"{name}, first answer, s", first_answer(serving, CALL))
    for name, serving in servings.items():
        with serving() as (origin, process):
            held = megabytes_after(effort.some(CALLS), origin, process, CALL)
        figures.ratios[f"{name}, MB after {CALLS:,} calls"] = held


@contextmanager
def ours() -> Iterator[Serving]:
    """This project's server, as it comes."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "rules.yaml")
        file.write_text(scenario(RULES))
        yield lambda: served(str(file))


@contextmanager
def node_soap() -> Iterator[Serving]:
    """The most used server for SOAP on node, with the WSDL of this project."""
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
def stock_spyne() -> Iterator[Serving]:
    """spyne as its documentation shows it, under the server that most use with it."""
    if sys.version_info >= (3, 12):
        raise Missing("stock spyne does not import on Python 3.12 and later")
    if find_spec("waitress") is None:
        raise Missing("waitress is not installed; pip install waitress")
    yield lambda: started([sys.executable, "-m", "tests.bench.stock_spyne", str(RULES)])


PEERS = ((OURS, ours), (NODE, node_soap), (STOCK, stock_spyne))
