"""Measures the product, section by section; ``python -m tests.bench --help`` tells which there are.

Run by hand: ``make bench``. Absolute figures are this machine's; the ratios are what counts. Each figure is the median
of five rounds, the rounds of the compared things taking turns, with the spread from the least to the most.
"""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from tests.bench.application import application
from tests.bench.console import console
from tests.bench.fixture import fixture
from tests.bench.measuring import FULL, LEAST, Figures, Section
from tests.bench.peers import peers
from tests.bench.rules import rules
from tests.bench.server import server, starting
from tests.bench.slow_clients import slow_clients

SECTIONS = {
    section.name: section
    for section in (
        Section("application", "One request without a socket", application),
        Section("server", "The server under load, journal and log on", server),
        Section("starting", "From the start of the process", starting),
        Section("peers", "The same job by others: SOAP 1.1, 8 connections, 10 rules", peers),
        Section("rules", "Few rules and many", rules),
        Section("fixture", "A server inside the test's own process", fixture),
        Section("slow", "Clients that are slow beside those that are busy: GET, 8 connections", slow_clients),
        Section("console", "Consoles that people keep open", console),
    )
}


@click.command(epilog="Sections: " + ", ".join(SECTIONS))
@click.argument("sections", nargs=-1, type=click.Choice([*SECTIONS]))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with each round.")
@click.option("--least", is_flag=True, help="Only show that it runs; the figures mean nothing.")
def main(sections: tuple[str, ...], as_json: bool, least: bool) -> None:
    """Measure all SECTIONS, or those that are named."""
    chosen = [SECTIONS[name] for name in sections or SECTIONS]
    found = {section.name: section.measure(LEAST if least else FULL) for section in chosen}
    if as_json:
        click.echo(json.dumps(_as_data(found), indent=2))
        return
    for section in chosen:
        Console().print(_table(section, found[section.name]))


def _as_data(found: dict[str, Figures]) -> dict[str, object]:
    return {
        "measured": {name: values for figures in found.values() for name, values in figures.rounds.items()},
        "ratios": {name: value for figures in found.values() for name, value in figures.ratios.items()},
        "left_out": {section: figures.left_out for section, figures in found.items() if figures.left_out},
    }


def _table(section: Section, figures: Figures) -> Table:
    table = Table(section.name, "median", "least", "most", title=section.says, title_justify="left", min_width=80)
    for name, values in figures.rounds.items():
        table.add_row(name, *(f"{value:,.3f}" for value in (figures.middle(name), min(values), max(values))))
    for name, value in figures.ratios.items():
        table.add_row(name, f"{value:,.3f}", "", "", style="bold")
    for name, why in figures.left_out.items():
        table.add_row(f"{name}: left out, {why}")
    return table


if __name__ == "__main__":
    main()
