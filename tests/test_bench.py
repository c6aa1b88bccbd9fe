"""The benchmarks run: each section once, with so few calls that the figures mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.bench import peers
from tests.bench.__main__ import SECTIONS, main
from tests.bench.measuring import Effort, Figures, Missing
from tests.bench.server import first_answer
from tests.bench.wrk import NO_WRK
from tests.helpers.paths import ROOT


def test_each_section_has_figures() -> None:
    command = [sys.executable, "-m", "tests.bench", "--least", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    sections = json.loads(run.stdout)
    assert [*sections] == [*SECTIONS]
    for figures in sections.values():
        assert len(figures["values"]) >= 3 or figures["left_out"] == {"all": NO_WRK}


def test_the_table_shows_figures_and_whether_they_keep_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(effort: Effort) -> Figures:
        figures = Figures(left_out={"node": "not installed"})
        for value in (1.0, 2.0, 6.0)[: effort.rounds]:
            figures.add("latency, ms", value, "<= 3")
            figures.add("base, ms", 2 * value)
        figures.add_ratio("latency / base", "latency, ms", "base, ms", ">= 0.6")
        return figures

    monkeypatch.setitem(SECTIONS, "fixture", ("Some title", measure))
    lines = CliRunner().invoke(main, ["fixture"]).output.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "",
        "Some title",
        "(fixture) median least most bound",
        "latency, ms 2.000 1.000 6.000 <= 3 ok",
        "base, ms 4.000 2.000 12.000",
        "latency / base 0.500 >= 0.6 MISSED",
        "node: left out, not installed",
    ]


@pytest.mark.parametrize("name", [peers.NODE, peers.STOCK])
def test_another_server_gives_the_right_answer(name: str) -> None:
    if name == peers.NODE and not peers.SOAP.is_dir():
        pytest.skip("the package soap is installed by the bench, not by tests")
    try:
        with peers.PEERS[name]() as serve:
            assert first_answer(serve, peers.CALL) > 0
    except Missing as missing:
        pytest.skip(str(missing))
