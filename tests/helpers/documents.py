"""The pages of documentation: their code blocks and tables, and a terminal in which their commands run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.helpers.calling import free_port
from tests.helpers.paths import ROOT
from tests.helpers.suites import LEAN

PORT: Final = "8085"
PROGRAM: Final = "rescue-emulator"
TIMEOUT: Final = 60.0

PAGES: Final = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in ("", "emulator", "scenarios", "tests")
    for path in sorted((ROOT / folder).glob("**/README.md" if folder else "README.md"))
    if not {"node_modules", ".pytest_cache"} & {*path.parts}
}
"""The text of each page by its path."""

_BLOCK: Final = re.compile(r"(?:`([\w.-]+)`:\n\n)?^```(\w*)(?: (\w+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND: Final = re.compile(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", re.MULTILINE)
_CHANGING: Final = (
    (re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", re.MULTILINE), ""),  # when a line was logged
    (re.compile(r"\bin \d+\.\d\ds$", re.MULTILINE), "in 0.00s"),  # how long pytest took
    (re.compile(r"\r\n"), "\n"),
)


@dataclass(frozen=True)
class Block:
    """A code block; ``file`` is the name by which the page calls it, ``kind`` a second word after its language."""

    file: str
    language: str
    kind: str
    text: str


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the code blocks of a page in some languages, or in all."""
    found = [Block(*(group or "" for group in match.groups())) for match in _BLOCK.finditer(PAGES[page])]
    return [block for block in found if not languages or block.language in languages]


def commands(page: str) -> Iterator[tuple[str, str]]:
    """Yield each command of the console blocks of a page, and the output that is shown."""
    for block in blocks(page, "console"):
        yield from _COMMAND.findall(block.text)


def save_files(page: str, folder: Path) -> None:
    """Write the blocks of a page that have a name into a folder."""
    for block in blocks(page):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")


def section(page: str, heading: str) -> str:
    """Return the text under a heading of the second level."""
    found = PAGES[page].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, f"{page} has no section {heading}"
    return found


def table(page: str, head: str) -> list[list[str]]:
    """Return the cells of each row of the table whose head begins so."""
    rows = PAGES[page].partition(f"\n| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    assert rows, f"{page} has no table that begins with {head}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))] for row in rows]


def quoted(text: str) -> list[str]:
    """Return what is in backquotes."""
    return re.findall(r"`([^`]+)`", text)


def normalize(output: str) -> str:
    """Return output without what changes from one run to the next."""
    for pattern, replacement in _CHANGING:
        output = pattern.sub(replacement, output)
    return output.rstrip("\n")


def is_as_shown(output: str, shown: str) -> bool:
    """Return True if a command has printed what a page shows.

    Three dots stand for any text in a line, or for any lines on a line of their own.
    """
    any_text = re.escape("...")
    pattern = re.sub(f"^{re.escape(any_text)}$", "(?s:.*)", re.escape(normalize(shown)), flags=re.MULTILINE)
    return re.fullmatch(pattern.replace(any_text, ".+"), normalize(output)) is not None


def program_of(target: str) -> str:
    """Return the command of the Makefile's target that serves."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n(?:\t.*\n)*?\t@\$\(BIN\)/({PROGRAM} serve.*)$", makefile, re.MULTILINE)
    assert found, f"'make {target}' does not serve"
    return found[1]


class Terminal:
    """A shell in a folder, with an emulator that serves on a free port in the place of 8085."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = str(free_port())
        self._server: subprocess.Popen[str] | None = None
        config = folder / ".config"
        config.mkdir()
        (config / ".curlrc").write_text("silent\nshow-error\n")  # as curl prints to a terminal: without a progress bar
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ours = {
            "PATH": path,
            "CURL_HOME": str(config),
            "COLUMNS": "80",
            "PYTEST_ADDOPTS": " ".join(LEAN),
            f"{PROGRAM}_PORT".replace("-", "_").upper(): self.port,
        }
        self._environment = {
            name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
        } | ours

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_server()

    def run(self, command: str) -> str:
        """Run a command and return its output; one that serves goes on until the next one that does."""
        folder = self.folder
        if command.startswith("make "):
            command, folder = program_of(command.removeprefix("make ")), ROOT
        command = command.replace(f"{PORT}-8095", self.port).replace(PORT, self.port)
        if command.startswith(f"{PROGRAM} serve"):
            output = self._serve(command, folder)
        else:
            with self._start(command, folder) as process:
                output, _ = process.communicate(timeout=TIMEOUT)
        return output.replace(self.port, PORT)

    def _serve(self, command: str, folder: Path) -> str:
        self._end_server()
        self._server = self._start(f"exec {command}", folder)
        assert self._server.stdout is not None
        lines = []
        for line in self._server.stdout:
            lines.append(line)
            if line.startswith("ready "):
                break
        return "".join(lines)

    def _start(self, command: str, folder: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=folder,
            env=self._environment,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _end_server(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            self._server.communicate(timeout=TIMEOUT)
            self._server = None
