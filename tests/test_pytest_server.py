"""The fixtures ``rescue_server`` and ``rescue_options``: one emulator for the session, shared with ``rescue``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.emulator import Emulator
from tests.helpers.suites import CALL, run, suite

DIFFERS = "otherwise: startSessionRet_ActionFailed\n"
APPLICATION = """
    class Application:
        def __init__(self, url):
            self.url = url

    @pytest.fixture(scope="{scope}")
    def application(rescue_server):
        return Application(rescue_server.url)
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Emulator]:
    with Emulator.start() as server:
        yield server


@pytest.fixture(params=["here", "elsewhere"])
def where(request: pytest.FixtureRequest, elsewhere: Emulator) -> tuple[str, ...]:
    """The arguments of a run that starts an emulator, or uses one elsewhere."""
    return () if request.param == "here" else ("--rescue-url", elsewhere.url)


@pytest.mark.parametrize("scope", ["session", "module", "class"])
def test_an_application_that_is_built_once_sees_the_rules_of_each_test(
    scope: str, where: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    suite(
        pytester,
        APPLICATION.format(scope=scope)
        + """
    @pytest.mark.parametrize("number", range(3))
    def test_it(application, rescue, number):
        assert rescue.url == application.url
        assert rescue.calls == ()
        rescue.when(session=7).returns("startSessionRet_OK")
        assert result(application, 7) == "OK"
        rescue.verify(times=1)

    @pytest.mark.rescue({"otherwise": "startSessionRet_ActionFailed"})
    def test_of_another_scenario(application, rescue):
        assert result(application, 7) == "ActionFailed"
    """,
    )
    run(pytester, *where).assert_outcomes(passed=4)


def test_a_reset_clears_what_was_made_through_the_server(where: tuple[str, ...], pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    def test_first(rescue_server):
        rescue_server.when(session=7).returns("startSessionRet_OK")
        assert result(rescue_server, 7) == "OK"

    def test_without_rescue_nothing_is_reset(rescue_server):
        assert result(rescue_server, 7) == "OK"
        rescue_server.verify(times=2)

    def test_with_rescue(rescue_server, rescue):
        assert (rescue_server.url, rescue.calls) == (rescue.url, ())
        assert result(rescue_server, 7) != "OK"
        rescue.use({"otherwise": "startSessionRet_OK"})

    def test_that_has_nothing_of_the_one_before(rescue_server):
        assert rescue_server.calls == ()
        assert result(rescue_server, 7) != "OK"
    """,
    )
    run(pytester, *where).assert_outcomes(passed=4)


def test_hypothesis_resets_the_server_in_each_example(where: tuple[str, ...], pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    from hypothesis import given, settings, strategies

    @settings(max_examples=10, deadline=None)
    @given(session=strategies.integers(1, 9))
    def test_it(rescue_server, session):
        rescue_server.reset()
        rescue_server.when(session=session).returns("startSessionRet_OK")
        assert result(rescue_server, session) == "OK"
        rescue_server.verify(times=1)
    """,
    )
    run(pytester, *where).assert_outcomes(passed=1)


@pytest.mark.parametrize("how", ["rescue.stop()", "rescue.__exit__()"])
def test_a_test_that_stops_the_server_does_not_break_the_next(how: str, pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        APPLICATION.format(scope="session")
        + f"""
    def test_that_stops(rescue):
        {how}
        with pytest.raises(OSError):
            result(rescue)

    def test_of_the_server(application):
        assert result(application)

    def test_that_stops_again(rescue_server):
        rescue_server.stop()

    def test_of_rescue(application, rescue):
        assert result(application)
        assert len(rescue.calls) == 1
    """,
    )
    run(pytester).assert_outcomes(passed=4)


def test_a_test_that_ends_the_space_does_not_break_the_next(pytester: pytest.Pytester, elsewhere: Emulator) -> None:
    suite(
        pytester,
        """
    def test_that_ends_it(rescue):
        with rescue:
            pass

    @pytest.mark.parametrize("number", range(2))
    def test_of_rescue(rescue, number):
        assert result(rescue)
    """,
    )
    run(pytester, "--rescue-url", elsewhere.url).assert_outcomes(passed=3)


def test_a_port_that_was_taken_meanwhile_is_an_error_that_says_so(pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    import socket
    from urllib.parse import urlsplit

    taken = socket.socket()

    def test_that_stops(rescue):
        rescue.stop()
        taken.bind(("127.0.0.1", urlsplit(rescue.url).port))
        taken.listen()

    def test_of_rescue(rescue): pass

    def test_of_the_server(rescue_server): pass

    def test_else():
        taken.close()
    """,
    )
    outcome = run(pytester)
    outcome.assert_outcomes(passed=2, errors=2)
    outcome.stdout.fnmatch_lines(["the fixture 'rescue' is not available:", "cannot listen on 127.0.0.1:*"] * 2)


def test_a_server_over_tls_keeps_its_certificate_when_it_serves_again(pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    import ssl
    from emulator import MadeCertificate, Options

    @pytest.fixture(scope="session")
    def rescue_options():
        return Options(certificate=MadeCertificate())

    @pytest.fixture(scope="session")
    def context(rescue_server):
        return ssl.create_default_context(cafile=rescue_server.ca_file)

    @pytest.mark.parametrize("number", range(2))
    def test_it(rescue, context, number):
        for trusting in (context, ssl.create_default_context(cafile=rescue.ca_file)):
            urlopen(rescue.wsdl_url, context=trusting).close()
        rescue.stop()

    def test_that_the_file_is_removed(rescue, rescue_server):
        rescue.stop()
        assert not rescue.ca_file.exists()
    """,
    )
    run(pytester).assert_outcomes(passed=3)


def test_one_server_for_each_value_of_the_options(pytester: pytest.Pytester) -> None:
    body = """
    def test_of_rescue(rescue):
        assert rescue.engine.snapshot() is not None
        sizes.append((limit(rescue), rescue.url))

    def test_of_the_server(application):
        sizes.append((limit(application.server), application.server.url))
    """
    pytester.makeconftest(
        CALL
        + """
    sizes = []

    def limit(rescue):
        for session in range(3):
            result(rescue, session)
        return len(rescue.calls)

    class Application:
        def __init__(self, server):
            self.server = server

    @pytest.fixture(scope="session")
    def application(rescue_server):
        rescue_server.reset()
        return Application(rescue_server)

    def pytest_sessionfinish():
        print(*[size for size, url in sizes], len({url for size, url in sizes}))
    """
    )
    override = """
    from emulator import Options

    @pytest.fixture(scope="session")
    def rescue_options():
        return Options(journal_size=2)
    """
    head = "\n    import pytest\n    from conftest import limit, sizes\n"
    pytester.makepyfile(
        test_1=head + body, test_2=head + override + body, test_3=head + body, test_4=head + override + body
    )
    pytester.makeini("[pytest]\npythonpath = .")
    outcome = run(pytester, "-s")
    outcome.assert_outcomes(passed=8)
    outcome.stdout.fnmatch_lines(["*3 3 2 2 3 3 2 2 2"])


@pytest.mark.parametrize(
    ("returned", "arguments", "message"),
    [
        ("{'port': 0}", (), "the fixture 'rescue_options' has to return emulator.Options(...), not a dict"),
        ("None", (), "the fixture 'rescue_options' has to return emulator.Options(...), not None"),
        ("Options(journal_size=5)", ("--rescue-url", "http://here"), "*has no effect on the emulator at http://here *"),
    ],
)  # fmt: skip
def test_unusable_options_fail_the_tests_that_need_them(
    returned: str, arguments: tuple[str, ...], message: str, pytester: pytest.Pytester
) -> None:
    suite(
        pytester,
        f"""
    from emulator import Options

    @pytest.fixture(scope="session")
    def rescue_options():
        return {returned}

    def test_of_rescue(rescue): pass
    def test_of_the_server(rescue_server): pass
    def test_else(): pass
    """,
    )
    outcome = run(pytester, *arguments)
    outcome.assert_outcomes(passed=1, errors=2)
    outcome.stdout.fnmatch_lines([message] * 2)


def test_two_tests_that_change_folder_have_scenarios_of_their_own(
    where: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]")
    for folder, word in (("a", "OK"), ("b", "ActionFailed")):
        (pytester.mkdir(folder) / "answers.yaml").write_text(f"otherwise: startSessionRet_{word}\n")
    suite(
        pytester,
        """
    import os
    from pathlib import Path

    @pytest.fixture(autouse=True)
    def folder(request, monkeypatch):
        monkeypatch.chdir(request.config.rootpath / request.function.__name__[-1])

    @pytest.mark.rescue("a/answers.yaml")
    def test_a(rescue):
        assert result(rescue) == "OK"

    @pytest.mark.rescue("b/answers.yaml")
    def test_b(rescue):
        assert result(rescue) == "ActionFailed"
        rescue.use("a/answers.yaml")
        assert result(rescue) == "OK"
        with pytest.raises(Exception, match=r"^answers.yaml:1:1: no such file; its path counts from /"):
            rescue.use("answers.yaml")

    @pytest.mark.rescue("a/answers.yaml")
    def test_that_writes_a(rescue):
        Path("answers.yaml").write_text("otherwise: startSessionRet_NotLoggedInAsAdmin")

    @pytest.mark.rescue("a/answers.yaml")
    def test_again_a(rescue):
        assert result(rescue) == "NotLoggedInAsAdmin"
    """,
    )
    run(pytester, *where).assert_outcomes(passed=4)


def test_a_deleted_working_folder_is_no_error(where: tuple[str, ...], pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nrescue_scenario = it.yaml")
    (pytester.path / "it.yaml").write_text(DIFFERS)
    suite(
        pytester,
        """
    @pytest.fixture(autouse=True)
    def folder(tmp_path, monkeypatch):
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()

    @pytest.mark.parametrize("number", range(2))
    def test_it(rescue, number):
        rescue.use("it.yaml")
        assert result(rescue) == "ActionFailed"
    """,
    )
    run(pytester, *where).assert_outcomes(passed=2)


def test_a_request_belongs_to_the_test_in_which_it_began(where: tuple[str, ...], pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        """
    import socket
    from urllib.parse import urlsplit

    left = []

    @pytest.mark.rescue({"rules": [{"delay": "100ms", "return": "startSessionRet_OK"}]}, strict=True)
    @pytest.mark.parametrize("number", range(3))
    def test_it(rescue, number):
        for old in left:
            with old, old.makefile("rb") as stream:
                old.sendall(b"Host: localhost\\r\\nConnection: close\\r\\n\\r\\n")
                assert stream.read().count(b"startSessionRet_OK<") == 2
        assert (rescue.calls, rescue.refusals) == ((), ())
        request = f"GET {urlsplit(rescue.url).path}/startSession?iSession=1&iNode=2&sAuthCode=3 HTTP/1.1\\r\\n"
        left[:] = [socket.create_connection(urlsplit(rescue.url).netloc.split(":"), 20)] if number < 2 else []
        for new in left:
            new.sendall(f"{request}Host: localhost\\r\\n\\r\\n{request}".encode())
    """,
    )
    run(pytester, *where).assert_outcomes(passed=3)
