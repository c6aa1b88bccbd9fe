"""An auth code, or the control token, is in nothing that prints itself: no ``repr``, no traceback, no crash's log."""

from __future__ import annotations

import gc
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from emulator import Emulator, Options, RemoteEmulator
from emulator.core.contract import Binding
from emulator.scenario.control_models import CallModel
from emulator.scenario.language import ScenarioModel
from emulator.scenario.loading import loads
from tests.helpers.calling import a_request, call
from tests.helpers.control import SERVICE, Emulated
from tests.helpers.suites import run

SECRET = "s3cret-of-ann-0123"
UNNAMED = "0ther-secret-that-no-rule-names"
TOKEN = "let-me-in-4567"
SCENARIO = f"""
name: secrets
rules:
  - {{name: Ann, when: {{auth_code: {SECRET}, session: 1}}, per: auth_code, times: 9, return: startSessionRet_OK}}
  - {{name: others, when: {{auth_code: [{SECRET}x, other]}}, return: startSessionRet_OK}}
  - {{name: alike, when: {{auth_code: {{matches: "{SECRET}.+"}}}}, return: startSessionRet_OK}}
  - {{name: not, when: {{auth_code: {{not: [{SECRET}, a]}}, session: 3}}, return: startSessionRet_OK}}
desk: {{administrators: [{{name: Ann, auth_code: {SECRET}-of-the-desk}}]}}
"""


def told(thing: object) -> str:
    """What prints of a thing; "" for one that cannot print itself yet."""
    try:
        return f"{thing!r} {thing}"
    except Exception:
        return ""


def test_nothing_of_this_package_that_is_in_memory_prints_an_auth_code_or_the_token() -> None:
    read = [ScenarioModel.model_validate(_data()), CallModel(session=1, node=2, auth_code=SECRET)]
    with (
        Emulator.start(loads(SCENARIO), Options(control_token=TOKEN)) as emulator,
        RemoteEmulator(emulator.url, token=TOKEN, space="a") as remote,
    ):
        begun = emulator.when(name="mine", auth_code=SECRET, session=7)
        rules = [
            begun.returns("startSessionRet_OK"),
            remote.when(name="mine", auth_code=SECRET).returns("startSessionRet_OK"),
        ]
        for binding in Binding:
            host, port = emulator.url.split("/")[2].split(":")
            call((host, int(port)), a_request(binding, session=1, auth_code=SECRET))
            call((host, int(port)), a_request(binding, session="x", auth_code=SECRET))
        kept: list[Any] = [read, rules, emulator.calls, emulator.refusals, emulator.engine.snapshot(), remote.calls]
        kept += [emulator.engine.rules(), emulator.engine.desk(), emulator.calls[0].near_misses()]
        gc.collect()
        ours = [thing for thing in gc.get_objects() if str(type(thing).__module__).startswith("emulator.")]
        kinds = {type(thing).__name__ for thing in ours}
        assert {
            "Exchange",
            "Refusal",
            "Call",
            "When",
            "OneOf",
            "Matches",
            "Not",
            "Rule",
            "Scenario",
            "RawMessage",
        } <= kinds
        assert {"CallModel", "Reason", "Administrator", "Emulator", "ControlApi"} <= kinds
        leaking = {type(thing).__name__ for thing in ours if SECRET in told(thing) or TOKEN in told(thing)}
        assert leaking <= {"Reason"}  # its str() is the full message by intent; its repr() quotes no value
        assert SECRET not in repr(kept)
        assert TOKEN not in repr(kept)


def _data() -> dict[str, Any]:
    return {
        "rules": [{"when": {"auth_code": {"not": {"matches": SECRET}}}, "return": "startSessionRet_OK"}],
        "desk": {"administrators": [{"auth_code": SECRET}]},
    }


FAILING = """
    import json, os
    import pytest
    from emulator import Emulator, Options, RemoteEmulator

    class Kept:  # what a test would hold in variables is its own to hide
        def __init__(self, name): self.text = os.environ[name]

    code, token = Kept("CODE"), Kept("TOKEN")

    def test_a_rule(rescue): rescue.when(auth_code={"mathces": code.text})
    def test_a_rule_of_a_wrong_kind(rescue): rescue.when(auth_code=code.text, session="x")
    def test_a_rule_of_an_unknown_word(rescue): rescue.when(auth_code=code.text, sesion=1)
    def test_a_result(rescue): rescue.when(auth_code=code.text).returns("OK")
    def test_more_of_a_rule(rescue): rescue.when(auth_code=code.text).returns("startSessionRet_OK").then("OK")
    def test_a_verification(rescue): rescue.verify(auth_code=code.text)
    def test_a_wrong_verification(rescue): rescue.verify(auth_code=code.text, times=-1)
    def test_a_scenario(rescue): rescue.use({"rules": [{"when": {"auth_code": code.text}, "retrun": 1}]})
    def test_a_file(rescue): rescue.use("bad.yaml")
    def test_a_file_that_is_no_yaml(rescue): rescue.use("worse.yaml")
    def test_a_start(): Emulator.start("bad.yaml", Options(control_token=token.text))
    def test_a_port(): Emulator.start("good.yaml", Options(control_token=token.text, host="no.such.host.invalid"))
    def test_nobody(): RemoteEmulator("http://127.0.0.1:9", token=token.text).verify(auth_code=code.text)
    def test_nobody_for_a_rule():
        RemoteEmulator("http://127.0.0.1:9", token=token.text).when(auth_code=code.text).returns("startSessionRet_OK")
    def test_elsewhere(rescue): RemoteEmulator(rescue.url, token=token.text).use("bad.yaml")
    def test_a_problem_elsewhere(rescue):
        RemoteEmulator(rescue.url, token=token.text).when(auth_code={"not": {"mathces": code.text}})
    def test_a_call(rescue):
        from urllib.request import urlopen
        urlopen(f"{rescue.url}/startSession?iSession=5&iNode=1&sAuthCode={code.text}").read()
        urlopen(f"{rescue.url}/startSession?iSession=6&iNode=1&sAuthCode={code.text}").read()
        found = rescue.calls[0]
        assert rescue.calls == [found]
"""


def test_a_failing_test_shows_auth_codes_in_messages_only_even_with_local_variables(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_it=FAILING)
    for name, text in {
        "good.yaml": SCENARIO,
        "bad.yaml": SCENARIO + "ruels: []\n",
        "worse.yaml": SCENARIO + "  a: {\n",
    }.items():
        (pytester.path / name).write_text(text)
    for name, text in {"CODE": SECRET, "TOKEN": TOKEN, "COLUMNS": "400"}.items():
        monkeypatch.setenv(name, text)
    outcome = run(pytester, "--showlocals", "-vv")
    outcome.assert_outcomes(failed=FAILING.count("def test_"))
    in_messages = re.compile(rf"auth_code(=| | is |.* wants ){SECRET}")  # in a test's own process they show codes
    lines = [*outcome.outlines, *outcome.errlines]
    assert [line for line in lines if TOKEN in line or SECRET in in_messages.sub("", line)] == []


def test_what_a_model_refuses_is_not_repeated_even_by_the_library() -> None:
    with pytest.raises(ValidationError) as error:
        CallModel.model_validate({"session": 1, "node": 2, "auth_code": [SECRET]})
    assert SECRET not in f"{error.value}"


@pytest.mark.parametrize("broken", ["emulator.core.engine.Engine.answer", "emulator.web.asmx.service.respond"])
def test_a_crash_is_logged_without_what_was_sent(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(broken, crash)
    monkeypatch.setattr("emulator.web.pages.overview", crash)
    emulated = Emulated()
    with caplog.at_level(logging.DEBUG):
        emulated.client.get(f"{SERVICE}/startSession/1/2/{SECRET}?iSession=1&iNode=2&sAuthCode={SECRET}")
        emulated.call(auth_code=SECRET)
        emulated.client.get(f"{SERVICE}?{SECRET}")
    assert "broken" in caplog.text
    assert SECRET not in caplog.text


def test_a_server_that_prints_where_it_is_prints_no_secret(tmp_path: Path) -> None:
    """faulthandler tells files and lines, and no values."""
    file = tmp_path / "secrets.yaml"
    file.write_text(SCENARIO)
    command = [sys.executable, "-X", "faulthandler", "-m", "emulator", "serve", str(file), "--port", "0"]
    command += ["--control-token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[1]
            requests.get(f"{url}/startSession?iSession=1&iNode=2&sAuthCode={UNNAMED}", timeout=5)
            requests.get(url.replace(SERVICE, "/__admin/calls"), headers={"Authorization": TOKEN}, timeout=5)
            process.send_signal(6)
            _, log = process.communicate(timeout=20)
        finally:
            process.kill()
    assert "Fatal Python error" in log
    assert "auth_code=0the***" in log
    assert UNNAMED not in log
    assert TOKEN not in log
