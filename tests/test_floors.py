"""The house: who may import whom, and who owns which library."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

PACKAGE = ROOT / "emulator"

# From the ground up. Modules on one line do not know each other's floor.
FLOORS = [
    {"errors", "garbage", "loopback", "visible"},
    {"core"},
    {"scenario", "wire"},
    {"web"},
    {"control_client", "signals", "tls"},
    {"http", "watching"},
    {"shipped", "logs", "rescue", "folder"},
    {"told"},
    {"server", "remote"},
    {"cli", "pytest_plugin"},
    {"__init__", "__main__"},
]

OWNERS = {
    "spyne": {"wire"},
    "lxml": {"wire"},
    "yaml": {"scenario"},
    "pydantic": {"scenario"},
    "werkzeug": {"web"},
    "jinja2": {"web"},
    "markupsafe": {"web"},
    "httptools": {"http"},
    "uvloop": {"http"},
    "watchfiles": {"watching"},
    "trustme": {"tls"},
    "click": {"cli"},
    "pytest": {"pytest_plugin"},
    "prometheus_client": {"web"},
    "rich": {"cli"},
}

# What the ground floor does without: it is pure.
IMPURE = {"socket", "time", "datetime", "logging", "asyncio", "os", "sys", "pathlib", "xml", "http", "urllib"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(module: Path) -> Iterator[str]:
    """The dotted names of everything that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield str(node.module)
            if node.module == "emulator":
                yield from (f"emulator.{name.name}" for name in node.names)


def room(module: Path) -> str:
    """The part of the package that a module is in: its top folder, or its own name."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def height(name: str) -> int:
    """How high up a room is."""
    (found,) = (number for number, floor in enumerate(FLOORS) if name in floor)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_its_own_room_or_a_lower_floor(module: Path) -> None:
    own = room(module)
    others = {name.split(".")[1] for name in imports(module) if name.startswith("emulator.")} - {own}
    assert {other for other in others if height(other) >= height(own)} <= FLOORS[height(own)] - {"scenario", "wire"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_only_by_its_owner(module: Path) -> None:
    used = {name.partition(".")[0] for name in imports(module)}
    assert {library for library in used & OWNERS.keys() if room(module) not in OWNERS[library]} == set()


@pytest.mark.parametrize("module", sorted((PACKAGE / "core").glob("*.py")), ids=lambda path: path.name)
def test_the_core_is_pure(module: Path) -> None:
    assert {name.partition(".")[0] for name in imports(module)} & IMPURE == set()


def test_spyne_comes_in_through_one_door_alone() -> None:
    doors = {module.name for module in MODULES if any(name.partition(".")[0] == "spyne" for name in imports(module))}
    assert doors == {"spyne_compat.py"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_first_what_it_knows(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))


def test_the_names_of_the_service_are_spelled_once() -> None:
    names = ("startSession", "iSession", "iNode", "sAuthCode", "secure.logmeinrescue.com")
    spelled = {
        (module.name, name)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
        for name in names
        if node.value == name
    }
    assert {module for module, _ in spelled} == {"contract.py"}
