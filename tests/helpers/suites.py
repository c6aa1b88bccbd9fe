"""Suites for runs of pytest of their own, which load the plugin."""

from __future__ import annotations

from typing import Final

import pytest

LEAN: Final = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Options of a run of pytest that needs no other plugin: loading these two takes 4 s of the 6 s of a small run."""

CALL = """
    import pytest
    from urllib.request import urlopen

    def result(rescue, session=1001):
        with urlopen(f"{rescue.url}/startSession?iSession={session}&iNode=5&sAuthCode=demo-ann") as answer:
            return answer.read().decode().rpartition("startSessionRet_")[2].partition("<")[0]
"""


def suite(pytester: pytest.Pytester, tests: str) -> None:
    """Write the tests of a run, which may use ``result``."""
    pytester.makepyfile(test_it=CALL + tests)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in this process, which loads the plugin by its entry point."""
    return pytester.runpytest_inprocess(*LEAN, *arguments)
