"""The pytest plugin, in runs of pytest of its own: the fixture, its scenario, and the report of a failed test."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from emulator.client.control_api import ControlApi, root_url
from emulator.emulator import Emulator, Options
from emulator.scenario.control_shapes import SpaceListJson
from tests.helpers.golden import check_golden
from tests.helpers.paths import GOLDEN
from tests.helpers.suites import CALL, LEAN, run, suite

OK_FOR_ALL = "otherwise: startSessionRet_OK\n"
BAD = "rules:\n  - whne: {session: 1}\n    return: startSessionRet_OK\n  - {when: {session: x}, return: OK}\n"
BAD_PROBLEMS = [
    "2:5: rules[0].whne: unknown key; did you mean 'when'?",
    "4:22: rules[1].when.session: must be a whole number, not 'x'",
    "4:34: rules[1].return: 'OK' is not a result; did you mean 'startSessionRet_OK'?",
]


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESCUE_EMULATOR_CONTROL_TOKEN", raising=False)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Emulator]:
    """A server for ``--rescue-url``; its own scenario is not that of the tests."""
    with Emulator.start({"name": "elsewhere", "otherwise": "startSessionRet_NotLoggedInAsAdmin"}) as server:
        yield server


def spaces(server: Emulator) -> list[str]:
    """The names of the spaces that are open."""
    data = ControlApi(root_url(server.url)).request("GET", "/spaces", shape=SpaceListJson)
    return [space["name"] for space in data["spaces"]]


def test_one_server_with_the_shipped_default_serves_the_session_and_is_reset_before_each_test(
    pytester: pytest.Pytester,
) -> None:
    suite(
        pytester,
        """
    urls = set()

    @pytest.mark.parametrize("number", range(3))
    def test_it(rescue, number):
        urls.add(rescue.url)
        assert rescue.engine.scenario.name == "default"
        assert rescue.calls == rescue.refusals == ()
        assert result(rescue, 7) != "OK"
        rescue.when(session=7).returns("startSessionRet_OK")
        assert result(rescue, 7) == "OK"
        assert rescue.calls[0].call.auth_code == "demo-ann"
        rescue.verify(session=7, times=2)
        rescue.use({"otherwise": "startSessionRet_OK"})

    def test_one_url():
        assert len(urls) == 1
    """,
    )
    run(pytester).assert_outcomes(passed=4)


def test_the_marker_names_a_file_from_the_root_directory_or_holds_the_scenario(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]")
    (pytester.path / "night.yaml").write_text(OK_FOR_ALL)
    (pytester.mkdir("below") / "test_it.py").write_text(
        dedent(
            CALL
            + """
    from pathlib import Path

    pytestmark = pytest.mark.rescue("night.yaml")

    def test_of_the_module(rescue):
        assert result(rescue) == "OK"

    @pytest.mark.rescue(Path("night.yaml"))
    def test_of_a_path(rescue):
        assert result(rescue) == "OK"

    @pytest.mark.rescue({"otherwise": "startSessionRet_ActionFailed"})
    def test_of_a_dict(rescue):
        assert result(rescue) == "ActionFailed"

    @pytest.mark.rescue(None)
    def test_of_the_default(rescue):
        assert rescue.engine.scenario.name == "default"
    """
        )
    )
    run(pytester, "below").assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("named_by", "content", "problems"),
    [
        pytest.param("the marker 'rescue'", None, ["1:1: no such file"], id="missing, of the marker"),
        pytest.param("the ini option 'rescue_scenario'", BAD, BAD_PROBLEMS, id="wrong, of the ini option"),
    ],
)
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_an_unusable_file_fails_its_tests_with_its_problems(
    where: str, named_by: str, content: str | None, problems: list[str], pytester: pytest.Pytester, elsewhere: Emulator
) -> None:
    pytester.makeini("[pytest]\nrescue_scenario = " + ("it.yaml" if "ini" in named_by else ""))
    if content is not None:
        (pytester.path / "it.yaml").write_text(content)
    suite(
        pytester,
        f"""
    {"# no marker" if "ini" in named_by else "@pytest.mark.rescue('it.yaml')"}
    def test_it(rescue):
        pass

    @pytest.mark.rescue({{"otherwise": "startSessionRet_OK"}})
    def test_another(rescue):
        assert result(rescue) == "OK"
    """,
    )
    outcome = run(pytester, *(() if where == "here" else ("--rescue-url", elsewhere.url)))
    outcome.assert_outcomes(errors=1, passed=1)
    title = next(number for number, line in enumerate(outcome.outlines) if "ERROR at setup of test_it" in line)
    lines = [line.partition("; its path counts from /")[0] for line in outcome.outlines]
    assert lines[title + 1 : title + 2 + len(problems)] == [
        f"the scenario of {named_by} cannot be used:",
        *(f"it.yaml:{each}" for each in problems),
    ]


def test_a_marker_with_other_arguments_fails_its_test(pytester: pytest.Pytester) -> None:
    wrong = ["", "'a.yaml', 'b.yaml'", "scenario='a.yaml'", "5", "strict='yes'", "'a.yaml', strickt=True"]
    tests = [f"    @pytest.mark.rescue({each})\n    def test_{n}(rescue): pass\n" for n, each in enumerate(wrong)]
    suite(pytester, "\n".join(["", *tests, "    def test_another(rescue): pass\n"]))
    outcome = run(pytester)
    outcome.assert_outcomes(errors=len(wrong), passed=1)
    message = "the marker 'rescue' takes one scenario (a file's path, or a dict), strict=True or False, or both; not "
    assert [line for line in outcome.outlines if line.startswith(message)] == [f"{message}rescue({e})" for e in wrong]


@pytest.mark.parametrize("given_by", ["the option", "the ini option"])
def test_an_emulator_elsewhere_gives_the_session_a_space_that_is_gone_afterwards(
    given_by: str, pytester: pytest.Pytester, elsewhere: Emulator
) -> None:
    pytester.makeini("[pytest]\nrescue_url = " + (elsewhere.url if given_by == "the ini option" else ""))
    suite(
        pytester,
        """
    urls = set()

    @pytest.mark.parametrize("number", range(2))
    def test_it(rescue, number):
        urls.add(rescue.url)
        assert result(rescue, 7) == "ActionFailed"
        rescue.when(session=7).returns("startSessionRet_OK")
        assert result(rescue, 7) == "OK"
        rescue.verify(session=7, times=2)

    @pytest.mark.rescue({"otherwise": "startSessionRet_ActionFailed"})
    def test_with_a_scenario(rescue):
        urls.add(rescue.url)
        assert result(rescue) == "ActionFailed"

    def test_that_fails(rescue):
        assert not result(rescue)

    def test_urls():
        assert len(urls) == 1
        assert "/spaces/pytest-" in urls.pop()
    """,
    )
    outcome = run(pytester, *(("--rescue-url", elsewhere.url) if given_by == "the option" else ()))
    outcome.assert_outcomes(passed=4, failed=1)
    assert (spaces(elsewhere), elsewhere.calls) == ([], ())


def test_the_token_of_an_emulator_elsewhere_comes_from_the_environment(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite(pytester, "\n    def test_it(rescue):\n        assert result(rescue)\n")
    with Emulator.start(None, Options(control_token="let-me-in")) as server:
        refused = run(pytester, "--rescue-url", server.url)
        monkeypatch.setenv("RESCUE_EMULATOR_CONTROL_TOKEN", "let-me-in")
        let_in = run(pytester, "--rescue-url", server.url)
    refused.assert_outcomes(errors=1)
    refused.stdout.fnmatch_lines(["the fixture 'rescue' is not available:", "a token is missing: *"])
    let_in.assert_outcomes(passed=1)


def test_an_emulator_that_cannot_be_reached_is_a_failure_that_says_so(pytester: pytest.Pytester) -> None:
    suite(pytester, "\n    def test_it(rescue):\n        pass\n\n    def test_else():\n        pass\n")
    outcome = run(pytester, "--rescue-url", "http://127.0.0.1:1")
    outcome.assert_outcomes(errors=1, passed=1)
    why = "no answer from http://127.0.0.1:1/__admin/health: Connection refused"
    outcome.stdout.fnmatch_lines(
        ["*ERROR at setup of test_it*", "the fixture 'rescue' is not available:", why], consecutive=True
    )


class Ending:
    """A plugin for a run, whose tests can end the server that they use."""

    def __init__(self, server: Emulator) -> None:
        self._server = server

    @pytest.fixture
    def end(self) -> Callable[[], None]:
        return self._server.stop


def test_an_emulator_that_stops_during_a_test_fails_only_that_test(pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    def test_it(rescue, end):
        end()
        rescue.reset()

    def test_else():
        pass
    """,
    )
    with Emulator.start() as server:
        outcome = pytester.runpytest_inprocess(*LEAN, "--rescue-url", server.url, plugins=[Ending(server)])
    outcome.assert_outcomes(failed=1, passed=1)
    outcome.stdout.fnmatch_lines(["*- rescue calls -*", "no answer from *: Connection refused"], consecutive=True)


def test_the_plugin_can_be_switched_off(pytester: pytest.Pytester) -> None:
    suite(pytester, "\n    def test_it(rescue):\n        pass\n\n    def test_else():\n        pass\n")
    outcome = run(pytester, "-p", "no:rescue_emulator")
    outcome.assert_outcomes(errors=1, passed=1)
    outcome.stdout.fnmatch_lines(["E       fixture 'rescue' not found"])


@pytest.mark.parametrize(
    ("option", "lines"),
    [
        ("--markers", ["@pytest.mark.rescue(scenario, strict=False): the scenario that the fixture 'rescue' serves *"]),
        ("--fixtures", [f"{name} *" for name in ("rescue_options", "rescue_server", "rescue")]),
        ("--help", ["*--rescue-url=URL*", "  rescue_scenario (string):*"]),
    ],
)
def test_the_help_of_pytest_has(option: str, lines: list[str], pytester: pytest.Pytester) -> None:
    run(pytester, option).stdout.fnmatch_lines(lines)


def sections(lines: list[str], root: Path) -> str:
    """Each section ``rescue calls`` under the title of its test, in order; ``ROOT`` stands for the folder."""
    parts: list[str] = []
    title, inside = "", False
    for line in lines:
        if heading := re.fullmatch(r"_+ (.+?) _+", line):
            title, inside = heading[1], False
        elif re.fullmatch(r"=+ .* =+", line):
            inside = False
        elif re.fullmatch(r"-+ rescue calls -+", line):
            parts += [f"\n{title}" if parts else title]
            inside = True
        elif inside:
            parts += [line.replace(str(root), "ROOT")]
    return "\n".join(parts) + "\n"


def test_the_report_of_a_failed_test_has_the_calls_their_replies_and_near_misses(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_failing=(GOLDEN / "plugin" / "suite.txt").read_text())
    (pytester.path / "night.yaml").write_text((GOLDEN / "plugin" / "night.yaml").read_text())
    outcome = run(pytester, "--tb=short", "--color=no")
    check_golden(GOLDEN / "plugin" / "report.txt", sections(outcome.outlines, pytester.path))


def test_a_passing_test_has_no_report(pytester: pytest.Pytester) -> None:
    suite(pytester, "\n    def test_it(rescue):\n        result(rescue)\n")
    outcome = run(pytester, "-rA")
    outcome.assert_outcomes(passed=1)
    assert "rescue calls" not in outcome.stdout.str()


def test_the_report_has_lines_in_any_encoding_of_the_terminal(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite(
        pytester,
        """
    def test_it(rescue):
        rescue.when(session=1, name="\\u4e88").returns("startSessionRet_OK")
        for session in (1, 2):
            result(rescue, session)
        assert False
    """,
    )
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    outcome = pytester.runpytest_subprocess(*LEAN)
    outcome.stdout.fnmatch_lines(["1 get session=1 * by rule ?u4e88", "2 get session=2 *"])


def test_the_report_covers_every_phase_of_a_test_in_a_space(pytester: pytest.Pytester, elsewhere: Emulator) -> None:
    pytester.makeini("[pytest]\nrescue_scenario = it.yaml")
    (pytester.path / "it.yaml").write_text("otherwise: startSessionRet_Error\n")
    suite(
        pytester,
        """
    @pytest.fixture
    def before(rescue):
        result(rescue, 1)
        raise RuntimeError

    @pytest.fixture
    def after(rescue):
        yield
        result(rescue, 3)
        rescue.verify(session=4)

    def test_before(before):
        pass

    def test_during(rescue):
        result(rescue, 2)
        raise RuntimeError

    def test_after(after):
        pass
    """,
    )
    outcome = run(pytester, "--rescue-url", elsewhere.url, "--color=no")
    by_otherwise = "auth_code=de*** -> startSessionRet_Error, by otherwise"
    assert sections(outcome.outlines, pytester.path) == (
        f"ERROR at setup of test_before\n1 get session=1 node=5 {by_otherwise}\n\n"
        f"ERROR at teardown of test_after\n3 get session=3 node=5 {by_otherwise}\n\n"
        f"test_during\n2 get session=2 node=5 {by_otherwise}\n"
    )


def test_a_run_that_does_not_use_the_fixture_imports_only_the_plugin() -> None:
    heavy = ["spyne", "lxml", "werkzeug", "pydantic", "yaml", "httptools", "click", "rich", "requests", "urllib3"]
    program = (
        "import sys, pytest; before = {*sys.modules}; import emulator.pytest_plugin; "
        f"print([name for name in {heavy} if name in {{*sys.modules}} - before], "
        "sorted(name for name in {*sys.modules} - before if name.startswith('emulator')))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded == "[] ['emulator', 'emulator.pytest_plugin']\n"
