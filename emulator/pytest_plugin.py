"""The pytest plugin: the fixtures ``rescue``, ``rescue_server``, ``rescue_options``, and reports of failed tests.

The emulator itself is imported by the first test that uses it: pytest loads this module in every run.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from emulator.client.remote import RemoteEmulator
    from emulator.core.rules import Scenario
    from emulator.emulator import Emulator, Options
    from emulator.fluent import Rescue

_TOKEN = "RESCUE_EMULATOR_CONTROL_TOKEN"
_URL_HELP = (
    "use the emulator at this address, in a space of its own for each session or xdist worker, instead of starting "
    f"one; its control token is taken from the environment: {_TOKEN}"
)
_MARKER = (
    "rescue(scenario, strict=False): the scenario that the fixture 'rescue' serves to this test: a file's path, or a "
    "dict; strict=True: fail it for rules of its own that were never used, and for calls that no rule answered"
)
_MISUSED = "the marker 'rescue' takes one scenario (a file's path, or a dict), strict=True or False, or both; not "
_LOGGER = "emulator"

T = TypeVar("T")

_servers_key = pytest.StashKey["_Servers"]()
_rescue_key = pytest.StashKey["Rescue"]()
_strict_key = pytest.StashKey["bool"]()
_level_key = pytest.StashKey["int"]()
_definition_key = pytest.StashKey[object]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("rescue-emulator").addoption("--rescue-url", metavar="URL", help=_URL_HELP)
    parser.addini("rescue_url", _URL_HELP)
    parser.addini("rescue_scenario", "the scenario of the fixture 'rescue' for tests without the marker 'rescue'")
    parser.addini("rescue_strict", "true: all tests are strict, as with the marker rescue(strict=True)", "bool", False)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and keep the emulator's log out of pytest's unless somebody sets the level of its logger."""
    config.addinivalue_line("markers", _MARKER)
    logger = logging.getLogger(_LOGGER)
    config.stash[_level_key] = logger.level
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)


def pytest_unconfigure(config: pytest.Config) -> None:
    logging.getLogger(_LOGGER).setLevel(config.stash[_level_key])


@pytest.fixture(scope="session")
def rescue_options() -> Options:
    """The Options with which the emulator of 'rescue' and 'rescue_server' is started; override it to change them."""
    from emulator.emulator import Options

    return Options()


@pytest.fixture(scope="session")
def _rescue_servers(request: pytest.FixtureRequest) -> _Servers:
    servers = request.config.stash[_servers_key] = _Servers(request.config)
    request.config.add_cleanup(servers.close)  # not with the fixture: the report of its teardown comes later
    return servers


@pytest.fixture(scope="session")
def rescue_server(rescue_options: Options, _rescue_servers: _Servers) -> Rescue:
    """The emulator of the session, for applications that are built once: it keeps its URL."""
    return _rescue_servers.shared(rescue_options)


@pytest.fixture
def rescue(request: pytest.FixtureRequest, rescue_options: Options, _rescue_servers: _Servers) -> Iterator[Rescue]:
    """A running emulator, that of 'rescue_server': reset before each test, and with the scenario of the test."""
    scenario, named_by, is_strict = _wanted(request.node)
    emulator = _rescue_servers.serve(rescue_options, scenario, named_by)
    request.node.stash[_rescue_key] = emulator
    request.node.stash[_strict_key] = is_strict
    with _rescue_servers.used_by_a_test(emulator):
        yield emulator


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Prepare ``rescue_server`` for a test that uses it.

    pytest caches a session fixture even if ``rescue_options``, on which it depends, is another one for this test.
    """
    if "rescue_server" not in getattr(item, "fixturenames", ()):
        return
    manager: Any = item.session._fixturemanager
    definition = manager.getfixturedefs("rescue_options", item)[-1]
    if item.config.stash.setdefault(_definition_key, definition) is not definition:
        item.config.stash[_definition_key] = definition
        manager.getfixturedefs("rescue_server", item)[-1].finish(item._request)  # type: ignore[attr-defined]
    elif "rescue" not in item.fixturenames and _servers_key in item.config.stash:  # type: ignore[attr-defined]
        item.config.stash[_servers_key].prepare()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a strict test that has passed and left something unexpected."""
    result = yield
    if item.stash.get(_strict_key, False):
        from emulator.fluent import unexpected

        found = _or_error(unexpected, item.stash[_rescue_key])
        if found:
            pytest.fail(f"the test is strict:\n{found}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the calls and their replies to the report of a failed test."""
    report = yield
    if report.failed and (emulator := _emulator_of(item)) is not None:
        from emulator.escaping import encodable
        from emulator.fluent import account

        encoding = sys.__stdout__.encoding if sys.__stdout__ else None
        section = ("rescue calls", encodable(_or_error(account, emulator), encoding))  # else pytest escapes line breaks
        if add := getattr(report.longrepr, "addsection", None):
            add(*section)  # so that it is a part of the failure's text in JUnit XML, too
        else:
            report.sections.append(section)
    if call.when == "teardown" and _rescue_key in item.stash:
        del item.stash[_rescue_key], item.stash[_strict_key]
    return report


def _emulator_of(item: pytest.Item) -> Rescue | None:
    """Return the emulator that a test uses, if any."""
    if _rescue_key in item.stash:
        return item.stash[_rescue_key]
    servers = item.config.stash.get(_servers_key, None)
    return servers.of_session if servers and "rescue_server" in getattr(item, "fixturenames", ()) else None


def _or_error(function: Callable[[Rescue], str], rescue: Rescue) -> str:
    from emulator.errors import EmulatorError

    try:
        return function(rescue)
    except EmulatorError as error:
        return str(error)


def _wanted(item: pytest.Item) -> tuple[Any, str, bool]:
    """Return the scenario of a test, None for the default, what names it, and whether the test is strict."""
    scenario: list[Any] = []
    strict: list[bool] = []
    for marker in item.iter_markers("rescue"):  # the closest first
        named = dict(marker.kwargs)
        is_strict = named.pop("strict", None)
        usable = len(marker.args) <= 1 and not named and (marker.args or marker.kwargs)
        if not usable or not isinstance(is_strict, bool | None) or not _is_scenario(marker.args):
            words = [*map(repr, marker.args), *(f"{key}={value!r}" for key, value in marker.kwargs.items())]
            pytest.fail(f"{_MISUSED}rescue({', '.join(words)})", pytrace=False)
        scenario += marker.args
        strict += [] if is_strict is None else [is_strict]
    strict.append(item.config.getini("rescue_strict"))
    return (scenario[0], "the marker 'rescue'", strict[0]) if scenario else (*_of_ini(item.config), strict[0])


def _available(function: Callable[[], T], named_by: str = "") -> T:
    """Return what the function returns; let the test fail with an error of ours alone, without its traceback."""
    from emulator.errors import EmulatorError, ScenarioError

    try:
        return function()
    except ScenarioError as error:
        why = f"the scenario of {named_by} cannot be used:\n{error}"
    except EmulatorError as error:
        why = f"the fixture 'rescue' is not available:\n{error}"
    pytest.fail(why, pytrace=False)  # outside of the except clauses, so that pytest shows no cause


def _is_scenario(arguments: tuple[Any, ...]) -> bool:
    from emulator.core.rules import Scenario

    return all(each is None or isinstance(each, str | os.PathLike | Mapping | Scenario) for each in arguments)


def _of_ini(config: pytest.Config) -> tuple[Any, str]:
    return config.getini("rescue_scenario") or None, "the ini option 'rescue_scenario'"


class _Servers:
    """The emulators of a session: one for each distinct value of ``rescue_options``, or a space of one elsewhere.

    ``of_session`` is that of ``rescue_server``.
    """

    def __init__(self, config: pytest.Config) -> None:
        from emulator.scenario.loading import loads

        self.of_session: Rescue | None = None
        self._of_test: Rescue | None = None  # that of the fixture ``rescue`` in the test that runs
        self._to_clear: set[Rescue] = set()  # those with which a test has done as it likes
        self._config = config
        self._url = config.getoption("--rescue-url") or config.getini("rescue_url")
        self._local: list[tuple[Options, Emulator]] = []
        self._remote: RemoteEmulator | None = None
        self._options: Options | None = None  # those of ``of_session``
        self._loads = lru_cache(maxsize=64)(loads)  # by content and path: a file that was edited is another scenario

    def serve(self, options: Any, scenario: Any, named_by: str) -> Rescue:
        """Return the emulator for these options, running and reset, with a scenario; or let the test fail."""

        def serve() -> Rescue:
            self._check(options)
            return self._elsewhere(scenario) if self._url else self._here(options, scenario)

        return _available(serve, named_by)

    @contextmanager
    def used_by_a_test(self, emulator: Rescue) -> Iterator[None]:
        self._of_test = emulator
        self._to_clear.add(emulator)
        yield
        self._of_test = None

    def shared(self, options: Any) -> Rescue:
        """Return the emulator for these options; with the scenario of the session, unless the test is using it."""
        local = (emulator for known, emulator in self._local if known == options)
        running: Rescue | None = self._remote or next(local, None)
        if running is None or running is not self._of_test:
            running = self.serve(options, *_of_ini(self._config))
            self._to_clear.discard(running)
        self.of_session, self._options = running, options
        return running

    def prepare(self) -> None:
        """Clear what tests with ``rescue`` have left in ``of_session``; let it serve again if it was stopped."""
        if self.of_session in self._to_clear:
            self.shared(self._options)
        for options, emulator in self._local:
            if options == self._options:
                _available(emulator.restart)

    def close(self) -> None:
        """Stop the servers, and end the space."""
        from emulator.errors import RemoteError

        for _, emulator in self._local:
            emulator.stop()
        if self._remote is not None:
            with suppress(RemoteError):  # a server that is gone has no space either
                self._remote.close()

    def _check(self, options: Any) -> None:
        from emulator.emulator import Options
        from emulator.errors import StartError

        if not isinstance(options, Options):
            given = "None" if options is None else f"a {type(options).__name__}"
            raise StartError(f"the fixture 'rescue_options' has to return emulator.Options(...), not {given}")
        if self._url and options != Options():
            raise StartError(
                f"the fixture 'rescue_options' has no effect on the emulator at {self._url} (--rescue-url or the ini "
                "option 'rescue_url'): set its options where it is started, and do not override the fixture"
            )

    def _here(self, options: Options, scenario: Any) -> Emulator:
        from emulator.emulator import Emulator

        loaded = self._load(scenario)
        for known, emulator in self._local:
            if known == options:
                emulator.restart()
                emulator.reset(loaded)
                return emulator
        emulator = Emulator.start(loaded, options)
        emulator.scenario_folder = self._config.rootpath
        self._local.append((options, emulator))
        return emulator

    def _elsewhere(self, scenario: Any) -> RemoteEmulator:
        """Return the space of this session; it is opened with the scenario, again if it has ended."""
        from uuid import uuid4

        from emulator.client.remote import RemoteEmulator
        from emulator.scenario.files import DEFAULT_SCENARIO

        if self._remote is None:
            space = f"pytest-{uuid4().hex[:16]}"
            self._remote = RemoteEmulator(self._url, token=os.environ.get(_TOKEN), space=space)
            self._remote.scenario_folder = self._config.rootpath
        self._remote.open(DEFAULT_SCENARIO if scenario is None else self._named(scenario))
        self._remote.reset()
        return self._remote

    def _load(self, scenario: Any) -> Scenario:
        from emulator.emulator import load_scenario
        from emulator.scenario.files import DEFAULT_SCENARIO
        from emulator.scenario.loading import read_file

        if scenario is None:
            return self._loads(DEFAULT_SCENARIO.read_bytes(), DEFAULT_SCENARIO.name)
        named = self._named(scenario)
        if not isinstance(named, str):
            return load_scenario(named)
        return self._loads(read_file(named, self._config.rootpath), named)

    def _named(self, scenario: Any) -> Any:
        """Return the path of a scenario file as messages have it: from the root directory if it is in there."""
        if not isinstance(scenario, str | os.PathLike):
            return scenario
        root = self._config.rootpath
        path = Path(os.path.normpath(root / os.fsdecode(scenario)))
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
