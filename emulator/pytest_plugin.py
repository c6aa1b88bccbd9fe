"""The pytest plugin: the fixture ``rescue``, and the section of a failed test's report that tells what came.

Only what every run needs is imported here; the emulator itself is loaded by the first test that uses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.core.rules import Scenario
    from emulator.emulator import Emulator
    from emulator.fluent import Rescue

_TOKEN = "RESCUE_EMULATOR_CONTROL_TOKEN"
_URL_HELP = (
    "use the emulator at this address, in a space of its own for each test, instead of starting one; "
    f"its control token is taken from the environment: {_TOKEN}"
)
_MARKER = "rescue(scenario): the scenario that the fixture 'rescue' serves to this test: a file's path, or a dict"
_MISUSED = "the marker 'rescue' takes one scenario: a file's path, or a dict"

_used = pytest.StashKey["Rescue"]()
_open = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, on the command line and in the configuration file."""
    parser.getgroup("rescue-emulator").addoption("--rescue-url", metavar="URL", help=_URL_HELP)
    parser.addini("rescue_url", _URL_HELP)
    parser.addini("rescue_scenario", "the scenario of the fixture 'rescue' for tests without the marker 'rescue'")


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _rescue_server() -> Iterator[Callable[[Scenario], Emulator]]:
    """Starts the one server of the session when it is first asked for, and puts a scenario in force there."""
    from emulator.emulator import Emulator

    with ExitStack() as stack:
        started: list[Emulator] = []

        def serve(scenario: Scenario) -> Emulator:
            if not started:
                started.append(stack.enter_context(Emulator.start(scenario)))
            (emulator,) = started
            if emulator.engine.scenario is not scenario:
                emulator.use(scenario)
            emulator.reset()
            return emulator

        yield serve


@pytest.fixture
def rescue(request: pytest.FixtureRequest, _rescue_server: Callable[[Scenario], Emulator]) -> Rescue:
    """A running emulator, as at its start: one server for the session, reset before each test."""
    from emulator.errors import EmulatorError, ScenarioError

    scenario, named_by = _scenario_of(request)
    url = request.config.getoption("--rescue-url") or request.config.getini("rescue_url")
    try:
        found = _remote(url, scenario, request) if url else _rescue_server(_loaded(request.config, scenario))
    except ScenarioError as error:
        why = f"{named_by}:\n{error}"
    except EmulatorError as error:
        why = f"the fixture 'rescue' cannot be had:\n{error}"
    else:
        request.node.stash[_used] = found
        return found
    pytest.fail(why, pytrace=False)  # here, so that no cause is told before it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test that used the emulator tells what came there, and what that got."""
    report = yield
    if report.failed and _used in item.stash:
        report.sections.append(("rescue calls", _told(item.stash[_used])))
    if call.when == "teardown":
        _end(item)
    return report


def _told(rescue: Rescue) -> str:
    from emulator.errors import EmulatorError
    from emulator.fluent import account

    try:
        return account(rescue)
    except EmulatorError as error:
        return str(error)


def _end(item: pytest.Item) -> None:
    """A space ends after the last report of its test, which may tell what came there; or when the session does."""
    if _used in item.stash:
        del item.stash[_used]
    if _open in item.stash:
        item.stash[_open].close()


def _scenario_of(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """The scenario that a test wants, None for the default, and who says so."""
    from emulator.core.rules import Scenario

    marker = request.node.get_closest_marker("rescue")
    if marker is not None:
        if len(marker.args) != 1 or marker.kwargs:
            pytest.fail(_MISUSED, pytrace=False)
        wanted, named_by = marker.args[0], "the scenario of the marker 'rescue' cannot be used"
    else:
        wanted = request.config.getini("rescue_scenario") or None
        named_by = "the scenario of the ini option 'rescue_scenario' cannot be used"
    if wanted is None:
        named_by = "the fixture 'rescue' cannot be had"
    if isinstance(wanted, str | os.PathLike):
        wanted = _near(request.config.rootpath / Path(wanted))
    elif wanted is not None and not isinstance(wanted, Mapping | Scenario):
        pytest.fail(_MISUSED, pytrace=False)
    return wanted, named_by


def _near(path: Path) -> str:
    """A path as a person would write it here."""
    near = os.path.relpath(path)
    return str(path) if near.startswith(os.pardir) else near


_defaults = pytest.StashKey["dict[str | None, Scenario]"]()


def _loaded(config: pytest.Config, wanted: Any) -> Scenario:
    """The scenario; what comes from a file is read once a session."""
    from emulator.emulator import loaded

    if wanted is not None and not isinstance(wanted, str):
        return loaded(wanted)
    read = config.stash.setdefault(_defaults, {})
    if wanted not in read:
        read[wanted] = loaded(wanted)
    return read[wanted]


def _remote(url: str, scenario: Any, request: pytest.FixtureRequest) -> Rescue:
    """The emulator at an address, in a new space."""
    from uuid import uuid4

    from emulator.client.remote import RemoteEmulator
    from emulator.errors import RemoteError
    from emulator.scenario.files import DEFAULT_SCENARIO

    emulator = RemoteEmulator(url, token=os.environ.get(_TOKEN), space=f"pytest-{uuid4().hex[:16]}")
    emulator.open(DEFAULT_SCENARIO if scenario is None else scenario)

    def close() -> None:
        with suppress(RemoteError):  # where nobody answers any more, no space is left either
            emulator.close()

    stack = request.node.stash[_open] = ExitStack()
    stack.callback(close)
    request.config.add_cleanup(stack.close)  # where an interrupt leaves no time for a report
    return emulator
