"""Strict tests, the failure's text in JUnit XML, and what of the emulator's log pytest gets."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from emulator.emulator import Emulator, Options
from tests.helpers.suites import LEAN, run, suite

LEAVING = """
    def leave_a_rule(rescue):
        rescue.when(session=7).returns("startSessionRet_OK")
        rescue.when(session=8).returns("startSessionRet_OK")
        result(rescue, 8)

    def leave_a_rule_to_chance(rescue):
        rescue.when(session=7, chance="0.000001%").returns("startSessionRet_OK")

    def leave_a_refusal(rescue):
        with pytest.raises(OSError):
            result(rescue, "x")

    def leave_a_call(rescue):
        result(rescue, 7)

    def leave_nothing(rescue):
        rescue.when(session=7).returns("startSessionRet_OK")
        rescue.when(session=8).returns("startSessionRet_OK").remove()
        result(rescue, 7)
"""
LEFT = {
    "a_rule": "never used: rule when session 7",
    "a_rule_to_chance": "never used: rule when session 7, maybe by chance, which is 0.000001%: Options(seed=*",
    "a_refusal": "*1 get was refused with 500: *",
    "a_call": "*1 get session=7 node=5 auth_code=demo-ann -> startSessionRet_Error, by otherwise",
}
SCENARIO = "{'otherwise': 'startSessionRet_Error'}"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Emulator]:
    with Emulator.start(None, Options(show_auth_codes=True)) as server:
        yield server


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("what", [*LEFT, "nothing"])
def test_a_strict_test_fails_for_what_it_leaves(
    what: str, where: str, pytester: pytest.Pytester, elsewhere: Emulator
) -> None:
    suite(
        pytester,
        LEAVING
        + f"""
    @pytest.mark.rescue({SCENARIO}, strict=True)
    def test_it(rescue):
        leave_{what}(rescue)

    @pytest.mark.rescue({SCENARIO})
    def test_that_is_not_strict(rescue):
        leave_{what}(rescue)
    """,
    )
    outcome = run(pytester, *(() if where == "here" else ("--rescue-url", elsewhere.url)))
    if what in LEFT:
        outcome.assert_outcomes(failed=1, passed=1)
        outcome.stdout.fnmatch_lines(["the test is strict:", LEFT[what], "*- rescue calls -*"], consecutive=True)
    else:
        outcome.assert_outcomes(passed=2)


def test_the_ini_option_makes_all_tests_strict_and_the_closest_marker_counts(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nrescue_strict = true")
    suite(
        pytester,
        LEAVING
        + f"""
    pytestmark = pytest.mark.rescue({SCENARIO})

    def test_of_the_ini_option(rescue):
        leave_a_call(rescue)

    @pytest.mark.rescue(strict=False)
    def test_of_the_marker(rescue):
        leave_a_call(rescue)
        assert rescue.engine.scenario.name == "scenario"

    def test_of_the_server(rescue_server):
        result(rescue_server, 7)
    """,
    )
    run(pytester).assert_outcomes(failed=1, passed=2)


def test_a_strict_test_that_did_not_pass_keeps_its_own_outcome(pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        LEAVING
        + """
    import unittest

    pytestmark = pytest.mark.rescue({}, strict=True)

    def test_that_fails(rescue):
        leave_a_call(rescue)
        pytest.fail("wrong")

    def test_that_is_skipped(rescue):
        leave_a_call(rescue)
        pytest.skip()

    @pytest.mark.xfail
    def test_that_is_expected_to_fail(rescue):
        leave_a_call(rescue)

    @pytest.fixture
    def held(rescue, request):
        request.cls.rescue = rescue

    @pytest.mark.usefixtures("held")
    class TestCase(unittest.TestCase):
        def test_that_fails(self):
            leave_a_call(self.rescue)
            self.fail("wrong")

        def test_that_passes(self):
            leave_a_call(self.rescue)
    """,
    )
    outcome = run(pytester)
    outcome.assert_outcomes(failed=3, skipped=1, xfailed=1)
    assert outcome.outlines.count("the test is strict:") == 1


def test_junit_xml_has_the_calls_in_the_text_of_the_failure(pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    def test_it(rescue):
        result(rescue, 1)
        rescue.verify(session=2)

    @pytest.fixture
    def broken(rescue_server):
        result(rescue_server, 3)
        raise RuntimeError

    def test_of_the_server(broken):
        pass
    """,
    )
    run(pytester, "--junit-xml=report.xml")
    report = ElementTree.parse(pytester.path / "report.xml")
    failure, error = (element.text or "" for tag in ("failure", "error") for element in report.iter(tag))
    assert "- rescue calls -" in failure
    assert "1 get session=1 node=5 auth_code=demo-ann -> " in failure.partition("rescue calls")[2]
    assert "get session=3 node=5 auth_code=demo-ann -> " in error.partition("rescue calls")[2]


@pytest.mark.parametrize("asks", [False, True])
def test_pytest_gets_the_log_of_the_emulator_only_if_its_level_is_set(asks: bool, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nlog_level = INFO")
    suite(
        pytester,
        f"""
    import logging

    def test_it(rescue, caplog):
        {"caplog.set_level('INFO', logger='emulator')" if asks else ""}
        result(rescue, 1)
        logging.info("mine")
        ours = [record for record in caplog.records if record.name.startswith("emulator")]
        assert bool(ours) is {asks}
        assert "mine" in caplog.messages
    """,
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_level_that_is_set_for_all_tests_stays(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import logging\nlogging.getLogger('emulator').setLevel('INFO')")
    suite(pytester, "\n    def test_it(rescue, caplog):\n        result(rescue)\n        assert caplog.records\n")
    pytester.runpytest_subprocess(*LEAN).assert_outcomes(passed=1)
