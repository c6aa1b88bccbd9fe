"""The structure of the package: who imports whom, who imports which library, and how large a module may be."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter

from tests.helpers.paths import ROOT

PACKAGE = ROOT / "emulator"
MOST_LINES = 350

BASE = {"errors", "escaping", "process", "network", "delivery", "logs"}

# The rooms, lowest first, and what each imports beside itself. A room is a package or a module at the top.
ROOMS: dict[str, set[str]] = {
    **dict.fromkeys(BASE, BASE),
    "core": BASE,
    "server": BASE,
    "scenario": BASE | {"core"},
    "wire": BASE | {"core"},
    "fluent": BASE | {"core", "scenario"},
    "client": BASE | {"core", "scenario", "wire", "fluent"},
    "web": BASE | {"core", "scenario", "wire", "fluent", "client"},
}
ROOMS["emulator"] = BASE | ROOMS.keys()
ROOMS["cli"] = ROOMS["pytest_plugin"] = BASE | ROOMS.keys()
ROOMS["__init__"] = ROOMS["__main__"] = BASE | ROOMS.keys()

# The modules that import a library, by the beginning of their names.
LIBRARIES = {
    "spyne": ("wire.spyne_compat",),
    "lxml": ("wire.", "client.soap"),
    "pydantic": ("scenario.", "client.", "web.control."),
    "pytest": ("pytest_plugin",),
    "click": ("cli.",),
    **dict.fromkeys(("yaml", "watchfiles", "pydantic_core"), ("scenario.",)),
    **dict.fromkeys(("werkzeug", "jinja2", "markupsafe", "prometheus_client"), ("web.",)),
    **dict.fromkeys(("requests", "urllib3"), ("client.",)),
    **dict.fromkeys(("httptools", "uvloop", "trustme"), ("server.",)),
    **dict.fromkeys(("typing_extensions", "_typeshed"), ("",)),
}

IMPURE = {"socket", "time", "datetime", "logging", "asyncio", "os", "sys", "pathlib", "xml", "http", "urllib"}
PURE = {"os.path.commonprefix"}  # compares strings only
SERVICE_NAMES = ("startSession", "iSession", "iNode", "sAuthCode", "secure.logmeinrescue.com", "API.asmx")

TREES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imports(module: str) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports: anywhere in it, also under TYPE_CHECKING."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def own_imports(module: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports, named as in ``TREES``."""
    for name in imports(module):
        parts = name.split(".")
        if parts.pop(0) == "emulator":
            candidates = (".".join(parts[:end] + tail) for end in (3, 2, 1, 0) for tail in ([], ["__init__"]))
            yield next(candidate for candidate in candidates if candidate in TREES)


def texts(module: str) -> Iterator[str]:
    """Yield each string constant of a module but its docstrings: they are statements of their own."""
    statements = {id(node.value) for node in ast.walk(TREES[module]) if isinstance(node, ast.Expr)}
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


def room(module: str) -> str:
    return module.partition(".")[0]


def test_a_module_imports_its_own_room_and_lower_ones() -> None:
    assert [
        f"{module} imports {other}"
        for module in TREES
        for other in own_imports(module)
        if room(other) not in {room(module), *ROOMS[room(module)]}
    ] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter({module: {*own_imports(module)} for module in TREES}).prepare()  # a CycleError names the circle


def test_a_library_is_imported_only_where_it_belongs() -> None:
    assert [
        f"{module} imports {name}"
        for module in TREES
        for name in imports(module)
        if (library := name.partition(".")[0]) not in {"emulator", *sys.stdlib_module_names}
        and not module.startswith(LIBRARIES.get(library, ()))
    ] == []


def test_the_core_is_pure() -> None:
    assert [
        f"{module} imports {name}"
        for module in TREES
        if room(module) == "core"
        for name in {*imports(module)} - PURE
        if name.partition(".")[0] in IMPURE
    ] == []


def test_the_names_of_the_service_are_spelled_in_the_contract_only() -> None:
    assert [
        f"{module}: {text!r}"
        for module in TREES
        for text in texts(module)
        if module != "core.contract" and any(name in text for name in SERVICE_NAMES)
    ] == []


def test_no_module_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}
