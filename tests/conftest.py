"""Settings of every test: hypothesis's examples are the same in each run, and have no deadline on a slow machine."""

import logging
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("steady")

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and the processes that tests start would inherit that

collect_ignore = ["plugins"]  # suites of tests/all_plugins.py


@pytest.hookimpl(trylast=True)  # after the plugin, which keeps the log of the emulator out of pytest's
def pytest_configure() -> None:
    logging.getLogger("emulator").setLevel(logging.NOTSET)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates in captured output: pytest-xdist cannot send them from its workers."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8")) for title, text in report.sections
    ]
    return report
