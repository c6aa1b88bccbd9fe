"""Runs the soak by hand: ``python -m tests.soak --seconds 600``; ends with 1 and says why if anything was wrong.

Right is: no answer but what was asked for; no more threads and descriptors at the end than after the warm-up, and not
much more memory; the journal's totals are what the clients counted; no traceback and no auth code in full in the log.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from emulator.core.contract import Binding
from tests.soak.clients import WORK, Client, Wrong
from tests.soak.deeds import scenario
from tests.soak.server import Server, Use, served, settled

MOST_GROWTH: Final = 10 * 1024 * 1024
"""Bytes by which the memory may grow after the warm-up, however long the soak: what an allocator does not give back."""

_WARM_UP: Final = (1.0, 15.0)  # seconds, at least and at most; else a quarter of the time
_COLUMNS: Final = (*(binding.value for binding in Binding), "none")


class Found(NamedTuple):
    """What a soak found: what was done, in how many seconds of the clock and of the server, and what was wrong."""

    done: Mapping[tuple[str, str], int]
    seconds: float
    busy: float
    before: Use
    after: Use
    wrong: Sequence[str]


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0.5), default=60.0, show_default=True, help="Without the warm-up.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the clients' choices.")
def main(seconds: float, seed: int) -> None:
    """Load a server with everything that it can be asked for, and tell what became of it."""
    with TemporaryDirectory() as folder:
        found = soak(Path(folder, "soak.yaml"), seconds, seed)
    for table in _tables(found):
        Console().print(table)
    for wrong in found.wrong:
        click.echo(f"WRONG: {wrong}", err=True)
    click.echo("failed" if found.wrong else "passed: nothing came that was not asked for, and nothing was left behind")
    sys.exit(1 if found.wrong else 0)


def soak(file: Path, seconds: float, seed: int) -> Found:
    """The whole of it, with a file that the server is to watch."""
    file.write_text(scenario("edition-0"))
    with served(file) as server:
        warming = _loaded(server, file, min(max(_WARM_UP[0], seconds / 4), _WARM_UP[1]), seed)
        before = settled(server.use)
        began, busy = time.monotonic(), server.seconds()
        working = _loaded(server, file, seconds, seed + len(WORK))
        took, busy = time.monotonic() - began, server.seconds() - busy
        after = settled(server.use, before.descriptors)
        clients = [*warming, *working]
        wrong = [wrong for client in clients for wrong in client.wrong]
        try:
            wrong += miscounted(sum((client.journal for client in clients), Counter()), _told(server, file))
        except Exception as error:
            wrong.append(f"the journal cannot be asked: {error}")
        if (status := server.stop()) != 0:
            wrong.append(f"the server ended with {status}")
    wrong += left_behind(before, after)
    wrong += [f"in the log: {line}" for line in server.log.wrong]
    done = sum((client.done for client in working), Counter[tuple[str, str]]())
    return Found(done, took, busy, before, after, wrong)


def miscounted(clients: Counter[tuple[str, str]], journal: Counter[tuple[str, str]]) -> Iterator[str]:
    """Where the journal's totals, by binding and outcome, are not what the clients counted."""
    for key in sorted(clients.keys() | journal.keys()):
        if clients[key] != journal[key]:
            yield f"{' '.join(key)}: clients count {clients[key]}, the journal {journal[key]}"


def left_behind(before: Use, after: Use) -> Iterator[str]:
    """What the server holds at the end that it did not hold after the warm-up."""
    if after.memory - before.memory > MOST_GROWTH:
        yield f"the memory grew by {(after.memory - before.memory) / 1e6:.1f} MB"
    if after.threads > before.threads:
        yield f"{after.threads - before.threads} more threads than after the warm-up"
    if after.descriptors > before.descriptors:
        yield f"{after.descriptors - before.descriptors} more descriptors than after the warm-up"


def _loaded(server: Server, file: Path, seconds: float, seed: int) -> list[Client]:
    """All clients at work for some seconds, and then at rest."""
    over = Event()
    clients = [Client(server.port, file, over, seed + number) for number in range(len(WORK))]
    with ThreadPoolExecutor(len(WORK)) as threads:
        for client, doing in zip(clients, WORK, strict=True):
            threads.submit(client.work, doing)
        time.sleep(seconds)
        over.set()
    return clients


def _told(server: Server, file: Path) -> Counter[tuple[str, str]]:
    """What the journal counted, by binding and outcome, as the metrics tell it."""
    with Client(server.port, file, Event(), 0).asking() as admin:
        text = admin.ask("GET", "/__admin/metrics").text
        totals = admin.ask("GET", "/__admin/calls?limit=1").data["totals"]
    counted: Counter[tuple[str, str]] = Counter()
    sample = r'^rescue_emulator_(?:calls|refusals)_total{binding="(\w+)",(?:result|status)="([^"]*)"[^}]*} (\S+)$'
    for binding, outcome, number in re.findall(sample, text, re.MULTILINE):
        counted[binding, outcome] += int(float(number))
    if sum(counted.values()) != totals["calls"] + totals["refusals"]:
        raise Wrong(f"the metrics tell {sum(counted.values())} calls and refusals, the journal {totals}")
    return counted


def _tables(found: Found) -> Iterator[Table]:
    total = sum(found.done.values())
    rate = f"{total:,} requests in {found.seconds:.1f} s: {total / found.seconds:,.0f}/s"
    table = Table("kind", *(f"{column}" for column in _COLUMNS), "all", title=rate, title_justify="left")
    for kind in sorted({kind for kind, _ in found.done}):
        counts = [found.done.get((kind, column), 0) for column in _COLUMNS]
        table.add_row(kind, *(f"{number:,}" if number else "" for number in (*counts, sum(counts))))
    yield table
    busy = f"The server, busy for {found.busy:.1f} s"
    table = Table("after", "memory, MB", "threads", "descriptors", title=busy, title_justify="left")
    for when, use in (("the warm-up", found.before), ("the end", found.after)):
        table.add_row(when, f"{use.memory / 1e6:.1f}", str(use.threads), str(use.descriptors))
    yield table


if __name__ == "__main__":
    main()
