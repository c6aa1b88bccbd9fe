"""Run a fuzz target: ``python -m tests.fuzz service --runs 100000``; needs atheris and CPython 3.11 or later.

The corpus is made anew at each start, from the recorded cases or the shipped scenarios. An input that breaks a promise
is written to a file that the last lines name; ``--input FILE`` runs that input again.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Final

import atheris

TARGETS: Final = ("http", "service", "scenarios")
"""The targets, each a module: ``seeds()``, ``WORDS`` for the dictionary, and ``check(data)``, which raises."""

MAX_LENGTH: Final = 4096  # bytes; longer inputs are slow and find little: the tests of hostile requests have those


def write_corpus(folder: Path, target: ModuleType) -> list[str]:
    """Write the corpus and the dictionary of a target; return libFuzzer's arguments for them."""
    corpus, words = folder / "corpus", folder / "words"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds()):
        (corpus / f"{number:05}").write_bytes(seed)
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in target.WORDS)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    return [str(corpus), f"-dict={words}"]


def main() -> None:
    """Run the target; exit with 0 if no input broke a promise."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--input", type=Path)
    options = parser.parse_args()
    with atheris.instrument_imports(include=["emulator"]):
        target = importlib.import_module(f"tests.fuzz.{options.target}")
    if options.input:
        target.check(options.input.read_bytes())
        return
    with tempfile.TemporaryDirectory() as folder:
        limits = [f"-runs={options.runs}", f"-max_len={MAX_LENGTH}", "-timeout=20", "-rss_limit_mb=4096"]
        limits.append(f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{options.target}-")
        atheris.Setup([sys.argv[0], *write_corpus(Path(folder), target), *limits], target.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
