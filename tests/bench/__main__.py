"""Measure the emulator: ``make bench``, or ``python -m tests.bench SECTION``; ``--help`` lists the sections.

Absolute figures depend on the machine; the ratios are what counts. Each figure is the median of five rounds, in which
the compared variants take turns, with the least and the most. A figure with a bound says whether it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from statistics import median

import click

from tests.bench.application import application, rules
from tests.bench.fixture import fixture
from tests.bench.measuring import FULL, LEAST, Effort, Figures, Missing
from tests.bench.neighbours import console, slow_clients
from tests.bench.peers import peers
from tests.bench.server import server, starting

SECTIONS: dict[str, tuple[str, Callable[[Effort], Figures]]] = {
    "application": ("One request without a socket", application),
    "server": ("The server under load, journal and log on", server),
    "starting": ("From the start of the process", starting),
    "peers": ("Other servers of the same calls: SOAP 1.1, 8 connections, 10 rules", peers),
    "rules": ("Few rules and many", rules),
    "fixture": ("A server inside the test's own process", fixture),
    "slow": ("Beside slow clients: GET, 8 connections", slow_clients),
    "console": ("Beside open consoles: GET, 8 connections", console),
}
ROW = "{:<48} {:>12} {:>12} {:>12}  {}"


@click.command(epilog="Sections: " + ", ".join(SECTIONS))
@click.argument("sections", nargs=-1, type=click.Choice([*SECTIONS]))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with each round.")
@click.option("--least", is_flag=True, help="Smoke test: as few calls as possible; the figures mean nothing.")
def main(sections: tuple[str, ...], as_json: bool, least: bool) -> None:
    """Measure SECTIONS, or all of them."""
    results = {}
    for name in sections or SECTIONS:
        title, measure = SECTIONS[name]
        try:
            results[name] = measure(LEAST if least else FULL)
        except Missing as missing:
            results[name] = Figures(left_out={"all": str(missing)})
        if not as_json:
            click.echo(f"\n{title}")
            click.echo("\n".join(_table(name, results[name])))
    if as_json:
        click.echo(json.dumps({name: asdict(figures) for name, figures in results.items()}, indent=2))


def _table(section: str, figures: Figures) -> Iterator[str]:
    yield ROW.format(f"({section})", "median", "least", "most", "bound")
    for name, values in figures.values.items():
        spread = (median(values), min(values), max(values))[: 3 if len(values) > 1 else 1]
        texts = [f"{value:,.3f}" for value in spread] + [""] * (3 - len(spread))
        yield ROW.format(name, *texts, figures.verdict(name)).rstrip()
    for name, why in figures.left_out.items():
        yield f"{name}: left out, {why}"


if __name__ == "__main__":
    main()
