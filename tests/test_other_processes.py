"""An emulator in forked and spawned children, under gevent and eventlet, and in a running event loop."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from emulator import Emulator, EmulatorError, RemoteEmulator
from tests.helpers.calling import PATIENCE
from tests.helpers.suites import LEAN

SCENARIO: Final[dict[str, Any]] = {"otherwise": "startSessionRet_OK"}
QUERY: Final = {"iSession": "1", "iNode": "2", "sAuthCode": "demo"}


def call(url: str) -> None:
    assert "startSessionRet_OK" in requests.get(f"{url}/startSession", QUERY, timeout=PATIENCE).text


@pytest.fixture
def rescue() -> Iterator[Emulator]:
    """An emulator that has answered a call."""
    with Emulator.start(SCENARIO) as rescue:
        call(rescue.url)
        yield rescue


def in_child(function: Callable[[], object]) -> str:
    """Return what a function returns in a forked child, or "SystemExit" or an error that it raises, as text."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
        child = os.fork()
    if not child:
        try:
            result = str(function())
        except BaseException as error:
            result = "".join(traceback.format_exception_only(type(error), error))
        os.write(writing, result.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        result = file.read()
    os.waitpid(child, 0)
    return result


def message(rescue: Emulator) -> str:
    return (
        f"emulator.errors.EmulatorError: this emulator runs in process {os.getpid()}, from which this one was forked: "
        f"use RemoteEmulator(rescue.url) here, where rescue.url is {rescue.url}\n"
    )


METHODS: Final[dict[str, Callable[[Emulator], object]]] = {
    "when": lambda rescue: rescue.when(session=1),
    "add_rule": lambda rescue: rescue.add_rule({"return": "startSessionRet_OK"}),
    "change_rule": lambda rescue: rescue.change_rule(1, {"return": "startSessionRet_OK"}),
    "remove_rule": lambda rescue: rescue.remove_rule(1),
    "calls": lambda rescue: rescue.calls,
    "refusals": lambda rescue: rescue.refusals,
    "verify": lambda rescue: rescue.verify(never=True),
    "verification": lambda rescue: rescue.verification({"never": True}),
    "rule_hits": lambda rescue: rescue.rule_hits(1),
    "unused_rules": lambda rescue: rescue.unused_rules(),
    "use": lambda rescue: rescue.use(None),
    "reset": lambda rescue: rescue.reset(),
    "stop": lambda rescue: rescue.stop(),
    "restart": lambda rescue: rescue.restart(),
    "with": lambda rescue: rescue.__enter__(),
    "run": lambda rescue: rescue.run(lambda: None),
    "engine": lambda rescue: rescue.engine,
}


@pytest.mark.parametrize("name", METHODS)
def test_a_forked_child_is_told_to_use_a_remote_emulator(name: str, rescue: Emulator) -> None:
    assert in_child(lambda: METHODS[name](rescue)) == message(rescue)
    call(rescue.url)
    rescue.verify(times=2)


def test_every_method_is_refused_in_a_forked_child() -> None:
    public = {name for name in dir(Emulator) if not name.startswith("_")}
    assert public - {*METHODS} == {"start", "url", "wsdl_url", "ca_file", "scenario_folder"}


def test_the_addresses_can_be_used_in_a_forked_child(rescue: Emulator) -> None:
    assert in_child(lambda: (rescue.url, rescue.wsdl_url, rescue.ca_file)) == str(
        (rescue.url, f"{rescue.url}?wsdl", None)
    )


def test_a_forked_child_uses_a_remote_emulator(rescue: Emulator) -> None:
    def use() -> None:
        remote = RemoteEmulator(rescue.url)
        remote.verify(times=1)
        remote.when(session=7).returns("startSessionRet_Error")

    assert in_child(use) == "None"
    assert [status.id for status in rescue.engine.rules()] == [1]


def test_a_forked_child_that_exits_inside_the_block_ends_nothing(tmp_path: Path) -> None:
    """``sys.exit`` in a child calls the exit functions of its parent."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "from emulator import Emulator, MadeCertificate, Options\n"
        "with Emulator.start({}, Options(certificate=MadeCertificate())) as rescue:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        sys.exit(5)\n"
        "    print(os.waitpid(child, 0)[1] >> 8, rescue.ca_file.exists())\n"
        "print(rescue.ca_file.exists())\n"
    )
    command = [sys.executable, "-W", "ignore", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.stdout, done.stderr) == ("5 True\nFalse\n", "")


def _verify(rescue: Any, results: Any) -> None:
    try:
        rescue.verify(never=True)
    except EmulatorError as error:
        results.put(str(error))


def _call_from_child(url: str, results: Any) -> None:
    call(url)
    RemoteEmulator(url).verify(times=2)
    results.put("verified")


def of_child(method: str, target: Callable[..., None], argument: object) -> str:
    """Return what a process of ``multiprocessing`` puts into its queue."""
    context: Any = multiprocessing.get_context(method)
    results = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = context.Process(target=target, args=(argument, results))
        process.start()
    result: str = results.get(timeout=PATIENCE)
    process.join(PATIENCE)
    results.close()
    results.join_thread()
    return result


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_uses_a_remote_emulator(method: str, rescue: Emulator) -> None:
    assert of_child(method, _call_from_child, rescue.url) == "verified"
    rescue.verify(times=2)


def test_a_forked_child_of_multiprocessing_cannot_verify(rescue: Emulator) -> None:
    assert of_child("fork", _verify, rescue) in message(rescue)


def test_an_emulator_cannot_be_sent_to_another_process(rescue: Emulator) -> None:
    with pytest.raises(EmulatorError, match=r"cannot be sent to another process: use RemoteEmulator\(rescue\.url\)"):
        pickle.dumps(rescue)


# gevent, eventlet and event loops

PATCHED: Final = {
    "gevent": ("gevent.monkey", "is_module_patched", "threading"),
    "gevent's sockets": ("gevent.monkey", "is_module_patched", "socket"),
    "eventlet": ("eventlet.patcher", "is_monkey_patched", "thread"),
    "eventlet's sockets": ("eventlet.patcher", "is_monkey_patched", "socket"),
}


def fake(monkeypatch: pytest.MonkeyPatch, module: str, function: str, patched: str) -> None:
    """Install a module that says of one module of the standard library that it is patched."""
    library = type(sys)(module)
    setattr(library, function, lambda name: name == patched)
    monkeypatch.setitem(sys.modules, module, library)


@pytest.mark.parametrize("name", PATCHED)
def test_a_monkey_patched_process_gets_an_error_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, *PATCHED[name])
    with pytest.raises(EmulatorError) as error:
        Emulator.start(SCENARIO)
    assert type(error.value).__name__ == "StartError"
    assert str(error.value) == (
        f"{name.partition(chr(39))[0]} has patched this process, and a server thread would hang in it: run "
        "'rescue-emulator serve' in a process of its own, and use RemoteEmulator(url) here, or pytest --rescue-url URL"
    )


@pytest.mark.parametrize(
    ("module", "function"), [("gevent.monkey", "is_module_patched"), ("eventlet.patcher", "is_monkey_patched")]
)
def test_a_library_that_patched_nothing_is_no_error(
    module: str, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, module, function, "ssl")
    with Emulator.start(SCENARIO) as rescue:
        call(rescue.url)


def test_a_fixture_in_a_monkey_patched_process_fails_at_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, *PATCHED["gevent"])
    pytester.makepyfile("def test_it(rescue): pass")
    outcome = pytester.runpytest_inprocess(*LEAN)
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*not available:*", "gevent has patched this process*--rescue-url URL"])


def test_an_emulator_is_used_in_a_running_loop() -> None:
    """As in a cell of Jupyter, whose kernel runs an event loop in the main thread."""

    async def cell() -> None:
        with Emulator.start(SCENARIO) as rescue:
            rescue.when(session=1).returns("startSessionRet_OK")
            await asyncio.to_thread(call, rescue.url)
            rescue.verify(times=1)
            rescue.reset()
            assert rescue.calls == ()

    asyncio.run(cell())
