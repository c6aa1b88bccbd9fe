"""The pytest plugin: the fixture ``rescue``, and the section ``rescue calls`` in the report of a failed test.

The emulator itself is imported by the first test that uses it: pytest loads this module in every run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.emulator import Emulator
    from emulator.fluent import Rescue

_TOKEN = "RESCUE_EMULATOR_CONTROL_TOKEN"
_URL_HELP = (
    "use the emulator at this address, in a space of its own for each test, instead of starting one; "
    f"its control token is taken from the environment: {_TOKEN}"
)
_MARKER = "rescue(scenario): the scenario that the fixture 'rescue' serves to this test: a file's path, or a dict"
_MISUSED = "the marker 'rescue' takes one scenario: a file's path, or a dict"

_rescue_key = pytest.StashKey["Rescue"]()
_space_key = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("rescue-emulator").addoption("--rescue-url", metavar="URL", help=_URL_HELP)
    parser.addini("rescue_url", _URL_HELP)
    parser.addini("rescue_scenario", "the scenario of the fixture 'rescue' for tests without the marker 'rescue'")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _rescue_server() -> Iterator[Callable[[Any], Emulator]]:
    """Start the server of the session at its first use, and reset it to a scenario; a file is loaded once."""
    from emulator.emulator import Emulator, load_scenario

    load_file = cache(load_scenario)
    emulator: Emulator | None = None

    def serve(scenario: Any) -> Emulator:
        nonlocal emulator
        is_file = scenario is None or isinstance(scenario, str)
        loaded = load_file(scenario) if is_file else load_scenario(scenario)
        if emulator is None:
            emulator = Emulator.start(loaded)
        elif emulator.engine.scenario is not loaded:
            emulator.use(loaded)
        emulator.reset()
        return emulator

    yield serve
    if emulator is not None:
        emulator.stop()


@pytest.fixture
def rescue(request: pytest.FixtureRequest, _rescue_server: Callable[[Any], Emulator]) -> Rescue:
    """A running emulator: one server for the session, reset before each test."""
    from emulator.errors import EmulatorError, ScenarioError

    scenario, named_by = _scenario_of(request)
    url = request.config.getoption("--rescue-url") or request.config.getini("rescue_url")
    try:
        emulator = _remote(url, scenario, request) if url else _rescue_server(scenario)
    except ScenarioError as error:
        why = f"{named_by}:\n{error}"
    except EmulatorError as error:
        why = f"the fixture 'rescue' is not available:\n{error}"
    else:
        request.node.stash[_rescue_key] = emulator
        return emulator
    pytest.fail(why, pytrace=False)  # outside of the except clauses, so that pytest shows no cause


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls and their replies to the report of a failed test; end its space after the last report."""
    report = yield
    if report.failed and _rescue_key in item.stash:
        from emulator.escaping import encodable

        text = _account(item.stash[_rescue_key])
        encoding = sys.__stdout__.encoding if sys.__stdout__ else None
        report.sections.append(("rescue calls", encodable(text, encoding)))  # else pytest escapes line breaks, too
    if call.when == "teardown":
        if _rescue_key in item.stash:
            del item.stash[_rescue_key]
        if _space_key in item.stash:
            item.stash[_space_key].close()
    return report


def _account(rescue: Rescue) -> str:
    from emulator.errors import EmulatorError
    from emulator.fluent import account

    try:
        return account(rescue)
    except EmulatorError as error:
        return str(error)


def _scenario_of(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """Return the scenario of a test, None for the default, and the beginning of a message if it cannot be used."""
    from emulator.core.rules import Scenario

    marker = request.node.get_closest_marker("rescue")
    if marker is None:
        scenario, named_by = request.config.getini("rescue_scenario") or None, "the ini option 'rescue_scenario'"
    elif len(marker.args) == 1 and not marker.kwargs:
        scenario, named_by = marker.args[0], "the marker 'rescue'"
    else:
        pytest.fail(_MISUSED, pytrace=False)
    if scenario is None:
        return None, "the fixture 'rescue' is not available"
    if isinstance(scenario, str | os.PathLike):
        scenario = request.config.rootpath / Path(scenario)
        relative = os.path.relpath(scenario)
        scenario = str(scenario) if relative.startswith(os.pardir) else relative  # shorter in messages
    elif not isinstance(scenario, Mapping | Scenario):
        pytest.fail(_MISUSED, pytrace=False)
    return scenario, f"the scenario of {named_by} cannot be used"


def _remote(url: str, scenario: Any, request: pytest.FixtureRequest) -> Rescue:
    """Return the emulator at a URL, in a new space."""
    from uuid import uuid4

    from emulator.client.remote import RemoteEmulator
    from emulator.errors import RemoteError
    from emulator.scenario.files import DEFAULT_SCENARIO

    emulator = RemoteEmulator(url, token=os.environ.get(_TOKEN), space=f"pytest-{uuid4().hex[:16]}")
    emulator.open(DEFAULT_SCENARIO if scenario is None else scenario)

    stack = request.node.stash[_space_key] = ExitStack()
    stack.enter_context(suppress(RemoteError))  # of close: a server that is gone has no space either
    stack.callback(emulator.close)
    request.config.add_cleanup(stack.close)  # also if an interrupt prevents the report
    return emulator
