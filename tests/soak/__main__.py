"""Run the soak: ``python -m tests.soak --seconds 600``; exits with 1 and the reasons if anything was wrong.

It passes if every response is what the request must get, the server has as many descriptors as after the warm-up,
no more threads than its pools may have and not much more memory, the journal's totals are what the clients counted,
and the log has no traceback and no unmasked auth code.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

import click

from tests.soak.clients import TASKS, Client, SoakError
from tests.soak.probes import scenario
from tests.soak.server import Server, Usage, served, settled

MAX_GROWTH: Final = 10 * 1024 * 1024
"""Bytes by which the memory may grow after the warm-up, however long the soak: what an allocator does not give back."""

MAX_NEW_THREADS: Final = 8
"""Threads that may start after the warm-up: the pool for deferred work starts one whenever all others are busy."""

_WARM_UP: Final = (1.0, 15.0)  # the least and the most seconds; between them, a quarter of the soak


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0.5), default=60.0, show_default=True, help="Without the warm-up.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the clients' choices.")
def main(seconds: float, seed: int) -> None:
    """Load a server with every kind of request at once, and check what comes of it."""
    with TemporaryDirectory() as folder:
        errors = soak(Path(folder, "soak.yaml"), seconds, seed)
    for error in errors:
        click.echo(f"WRONG: {error}", err=True)
    click.echo("failed" if errors else "passed: every response was right, and nothing was left behind")
    sys.exit(1 if errors else 0)


def soak(file: Path, seconds: float, seed: int) -> list[str]:
    """Run it all, with a scenario file for the server to watch; print what was done and return what was wrong."""
    file.write_text(scenario("edition-0"))
    with served(file) as server:
        warm_up = _load(server, file, min(max(_WARM_UP[0], seconds / 4), _WARM_UP[1]), seed)
        before = settled(server.usage)
        began = time.monotonic()
        clients = _load(server, file, seconds, seed + len(TASKS))
        took = time.monotonic() - began
        after = settled(server.usage, before.descriptors)
        errors = [error for client in (*warm_up, *clients) for error in client.errors]
        expected = sum((client.journal for client in (*warm_up, *clients)), Counter[tuple[str, str]]())
        try:
            errors += miscounts(expected, _journal_counts(server, file))
        except Exception as error:
            errors.append(f"the journal could not be read: {error}")
        if (status := server.stop()) != 0:
            errors.append(f"the server exited with {status}")
    counts = sum((client.counts for client in clients), Counter[str]())
    for kind, number in sorted(counts.items()):
        click.echo(f"{kind:<24} {number:>10,}")
    click.echo(f"{counts.total():,} requests in {took:.1f} s, {counts.total() / took:,.0f}/s")
    click.echo(f"After the warm-up: {before}\nAfter the end: {after}")
    return [*errors, *leaks(before, after), *(f"in the log: {line}" for line in server.log.wrong)]


def miscounts(clients: Counter[tuple[str, str]], journal: Counter[tuple[str, str]]) -> Iterator[str]:
    """Yield where the journal's totals, by binding and outcome, differ from the clients' counts."""
    for key in sorted(clients.keys() | journal.keys()):
        if clients[key] != journal[key]:
            yield f"{' '.join(key)}: clients count {clients[key]}, the journal {journal[key]}"


def leaks(before: Usage, after: Usage) -> Iterator[str]:
    """Yield what the server holds at the end beyond what it held after the warm-up."""
    memory, threads, descriptors = (now - then for then, now in zip(before, after, strict=True))
    if memory > MAX_GROWTH:
        yield f"the memory grew by {memory / 1e6:.1f} MB"
    if threads > MAX_NEW_THREADS:
        yield f"{threads} more threads than after the warm-up"
    if descriptors > 0:
        yield f"{descriptors} more descriptors than after the warm-up"


def _load(server: Server, file: Path, seconds: float, seed: int) -> list[Client]:
    """Run all clients for some seconds."""
    stop = Event()
    clients = [Client(server.port, file, stop, seed + number) for number in range(len(TASKS))]
    with ThreadPoolExecutor(len(TASKS)) as threads:
        for client, task in zip(clients, TASKS, strict=True):
            threads.submit(client.run, task)
        time.sleep(seconds)
        stop.set()
    return clients


def _journal_counts(server: Server, file: Path) -> Counter[tuple[str, str]]:
    """Return the journal's counts by binding and outcome, from the metrics; they must add up to its totals."""
    client = Client(server.port, file, Event(), 0)
    metrics = client.control("GET", "/__admin/metrics", 200).text
    totals = client.control("GET", "/__admin/calls?limit=1", 200).json()["totals"]
    counts: Counter[tuple[str, str]] = Counter()
    sample = r'^rescue_emulator_(?:calls|refusals)_total{binding="(\w+)",(?:result|status)="([^"]*)"[^}]*} (\S+)$'
    for binding, outcome, number in re.findall(sample, metrics, re.MULTILINE):
        counts[binding, outcome] += int(float(number))
    if sum(counts.values()) != totals["calls"] + totals["refusals"]:
        raise SoakError(f"the metrics count {sum(counts.values())} calls and refusals, the journal {totals}")
    return counts


if __name__ == "__main__":
    main()
