"""Runs a fuzz target by hand: ``python -m tests.fuzz service --runs 100000``; needs atheris, on CPython 3.11.

The first corpus is made anew at each start, from the recorded cases or the shipped scenarios. What a run finds is
written to a file that the last lines name; ``--input FILE`` runs that one input again.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Final

import atheris

from tests.fuzz.target import Target

TARGETS: Final = ("http", "service", "scenarios")
LONGEST_INPUT: Final = 4096  # bytes: longer ones are slow and teach little; the table of hostile requests has those


def loaded(name: str) -> Target:
    """A target, with the modules of the emulator that it uses instrumented."""
    with atheris.instrument_imports(include=["emulator"]):
        target: Target = importlib.import_module(f"tests.fuzz.{name}").TARGET
    return target


def written(folder: Path, target: Target) -> list[str]:
    """The arguments of libFuzzer for the corpus and the dictionary of a target, once they are in a folder."""
    corpus, words = folder / "corpus", folder / "words"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds()):
        (corpus / f"{number:05}").write_bytes(seed)
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    return [str(corpus), f"-dict={words}"]


def main() -> None:
    """Ends with 0 when no input broke a promise."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--input", type=Path)
    chosen = parser.parse_args()
    target = loaded(chosen.target)
    if chosen.input:
        target.check(chosen.input.read_bytes())
        return
    with tempfile.TemporaryDirectory() as folder:
        limits = [f"-runs={chosen.runs}", f"-max_len={LONGEST_INPUT}", "-timeout=20", "-rss_limit_mb=4096"]
        limits.append(f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{chosen.target}-")
        atheris.Setup([sys.argv[0], *written(Path(folder), target), *limits], target.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
