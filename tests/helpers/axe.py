"""The accessibility checker axe-core, fetched from the npm registry once and kept among pytest's own files."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Collection
from pathlib import Path

import pytest
from playwright.sync_api import Page

PACKAGE = "axe-core@4.10.3"
SCRIPT = "package/axe.min.js"
IMPACTS = ("minor", "moderate", "serious", "critical")


def axe_source(folder: Path) -> str:
    """The script; skips the test, with what to do, where it cannot be had."""
    kept = folder / f"{PACKAGE}.js"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("the accessibility tests need the program npm; on Debian and Ubuntu: apt-get install npm")
        packed = subprocess.run(
            [npm, "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        if packed.returncode:
            pytest.skip(f"the accessibility tests need {PACKAGE} from the npm registry: {packed.stderr.strip()[-200:]}")
        with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
            member = archive.extractfile(SCRIPT)
            assert member is not None
            kept.write_bytes(member.read())
    return kept.read_text(encoding="utf-8")


def violations(page: Page, axe: str, impacts: Collection[str] = IMPACTS, rules: Collection[str] = ()) -> list[str]:
    """Return what axe-core finds of some impacts, by some rules or by all: the rule, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    options = {"resultTypes": ["violations"], **({"runOnly": [*rules]} if rules else {})}
    found = page.evaluate("options => axe.run(options)", options)
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in impacts
    ]
