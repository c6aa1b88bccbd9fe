"""What the architecture names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.helpers.documents import PAGES
from tests.helpers.paths import ROOT

ARCHITECTURE = PAGES["emulator/README.md"]


def test_each_path_and_name_in_the_architecture_exists() -> None:
    places = re.findall(r"`((?:[\w.-]+/)*(?:[\w.-]+\.[a-z]{2,4}|[\w-]+/))(?::(\w+))?`", ARCHITECTURE)
    assert len(places) > 40
    for path, name in places:
        file = next((folder / path for folder in (ROOT / "emulator", ROOT) if (folder / path).exists()), None)
        assert file is not None, f"{path} does not exist"
        assert not name or name in names_in(file), f"{path} has no {name}"


def names_in(file: Path) -> set[str]:
    """Return the names that a module defines at its top and in its classes, or the words of any other file."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return set(re.findall(r"\w+", text))
    names: set[str] = set()
    tree = ast.parse(text)
    for node in [*tree.body, *(item for top in tree.body if isinstance(top, ast.ClassDef) for item in top.body)]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        else:
            stored = (leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name) and isinstance(leaf.ctx, ast.Store))
            names |= {name.id for name in stored}
    return names
