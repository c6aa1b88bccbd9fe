"""The bench still runs: each of its sections once, with so few calls that the figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.bench import peers
from tests.bench.__main__ import SECTIONS
from tests.bench.server import first_answer
from tests.bench.wrk import wrk_is_there
from tests.helpers.paths import ROOT

BY_WRK = ("server", "console", "peers", "slow")
QUICK = tuple(name for name in SECTIONS if name not in BY_WRK)


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Runs of the bench beside each other, since those of wrk are waiting most of the time."""
    named = {" ".join(QUICK): QUICK, **{name: (name,) for name in BY_WRK if wrk_is_there()}}
    command = [sys.executable, "-m", "tests.bench", "--least", "--json"]
    started = {
        name: subprocess.Popen([*command, *sections], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for name, sections in named.items()
    }
    yield started
    for run in started.values():
        run.kill()
        run.communicate()


@pytest.mark.parametrize("sections", [" ".join(QUICK), *BY_WRK])
def test_a_section_runs_and_finds_its_figures(sections: str, runs: dict[str, subprocess.Popen[str]]) -> None:
    if sections not in runs:
        pytest.skip("the load needs the program wrk")
    told, _ = runs[sections].communicate(timeout=60)
    found = json.loads(told)
    assert runs[sections].returncode == 0
    assert (len(found["measured"]) >= 2, found["ratios"] != {}, found["left_out"]) == (True, True, {})


def test_a_table_is_printed_for_people() -> None:
    command = [sys.executable, "-m", "tests.bench", "--least", "fixture"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert SECTIONS["fixture"].says in told
    assert "start to first answer, ms" in told


@pytest.mark.parametrize("peer", [peers.node_soap, peers.stock_spyne], ids=lambda peer: str(peer.__name__))
def test_a_peer_gives_the_right_answer(
    peer: Callable[[], AbstractContextManager[peers.Serving]],
) -> None:
    if peer is peers.node_soap and not peers.SOAP.is_dir():
        pytest.skip("the package soap is installed by the bench, not by tests")
    try:
        with peer() as serving:
            assert first_answer(serving, peers.CALL) > 0
    except peers.Missing as missing:
        pytest.skip(str(missing))
