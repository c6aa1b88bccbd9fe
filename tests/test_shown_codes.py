"""One policy for auth codes in every channel: one that the scenario, its desk or a rule in force names is shown, any
other is masked, unless the operator has all shown; in a test's own process nothing is masked.

tests/web/test_redaction.py has all places in raw requests.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import requests

from emulator import Emulator, Options, RemoteEmulator
from emulator.core.contract import Binding
from emulator.errors import VerificationError
from emulator.fluent import Rescue, account
from emulator.logs import JsonFormatter, TextFormatter
from emulator.scenario.loading import loads
from tests.helpers.calling import a_request, call, run

BY_RULE, BY_DESK, BY_RUNTIME_RULE = "rule-code-of-ann", "desk-code-of-bob", "test-code-of-cat"
TYPO: Final = "rule-code-of-amn"  # the code of the rule with one letter wrong
DESK_TYPO: Final = "desk-code-of-bib"
STRANGE: Final = "s3cret-of-nobody"
POSITION: Final = "at character 15"
WITHOUT_DESK: Final = f"""
rules:
  - {{name: Ann, when: {{session: 1, auth_code: {BY_RULE}}}, return: startSessionRet_OK}}
  - {{name: none, when: {{session: 3, auth_code: {{matches: "s3cret-.*x"}}}}, return: startSessionRet_OK}}
"""
SCENARIO: Final = f"{WITHOUT_DESK}desk: {{administrators: [{{auth_code: {BY_DESK}}}], technicians: [{{node: 5}}]}}\n"
RUNTIME_RULE: Final = {"when": {"session": 2, "auth_code": {"not": BY_RUNTIME_RULE}}, "return": "startSessionRet_OK"}


class Served(NamedTuple):
    """An emulator that got the same call over each binding, and the code in it."""

    emulator: Emulator
    code: str
    log: list[logging.LogRecord]
    folder: Path

    @property
    def remote(self) -> RemoteEmulator:
        return RemoteEmulator(self.emulator.url)

    def control(self, path: str, body: object = None) -> str:
        url = self.emulator.url.replace("/API/API.asmx", f"/__admin{path}")
        return (requests.get(url, timeout=20) if body is None else requests.post(url, json=body, timeout=20)).text

    def sent(self, path: str = "", method: str = "POST", **request: Any) -> str:
        """Send a request that is refused; return its entry in the journal, and the log."""
        requests.request(method, self.emulator.url + path, timeout=20, **request)
        journal = json.loads(self.control("/calls"))
        assert journal["calls"][-1]["kind"] == "refusal"
        return self.control(f"/calls/{journal['last']}") + text_log(self)


@contextmanager
def served(code: str, folder: Path, scenario: str = SCENARIO, *, show: bool = False) -> Iterator[Served]:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment, method-assign]
    logger = logging.getLogger("emulator")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with Emulator.start(loads(scenario), Options(show_auth_codes=show)) as emulator:
            emulator.add_rule(RUNTIME_RULE)
            host, port = emulator.url.split("/")[2].split(":")
            for binding in Binding:
                call((host, int(port)), a_request(binding, session=9, node=5, auth_code=code))
            yield Served(emulator, code, records, folder)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def text_log(at: Served) -> str:
    return "\n".join(map(TextFormatter().format, at.log))


def failed_verification(rescue: Rescue) -> str:
    with pytest.raises(VerificationError) as error:
        rescue.verify(auth_code="another-code")
    return str(error.value)


def explained(at: Served) -> str:
    file = at.folder / "scenario.yaml"
    file.write_text(SCENARIO)
    return run("explain", str(file), "--session", "1", "--node", "2", "--auth-code", at.code).output


def entry(number: int) -> Callable[[Served], str]:
    return lambda at: at.control(f"/calls/{number}")


Channel = Callable[[Served], str]

FROM_OUTSIDE: Final[dict[str, Channel]] = {  # where codes may be those of others
    "the log as text": text_log,
    "the log as JSON": lambda at: "\n".join(map(JsonFormatter().format, at.log)),
    "the journal": lambda at: at.control("/calls"),  # the console's data, too
    **{f"an entry, {binding.value}": entry(number) for number, binding in enumerate(Binding, start=1)},
    "explain": lambda at: at.control("/explain", {"session": 1, "node": 2, "auth_code": at.code}),
    "verify": lambda at: at.control("/verify", {"when": {"auth_code": "another-code"}}),
    "a remote journal": lambda at: str(at.remote.calls[0].call.auth_code),
    "a remote report": lambda at: account(at.remote),
    "a remote verification": lambda at: failed_verification(at.remote),
    "the session of a refusal": lambda at: at.sent(f"/startSession?iSession={at.code}&iNode=1", "GET"),
    "a header": lambda at: at.sent(data="<a/>", headers={"X-Other": at.code, "Content-Type": "text/xml"}),
    "the SOAPAction": lambda at: at.sent(
        data="<a/>", headers={"SOAPAction": f'"{at.code}"', "Content-Type": "text/xml"}
    ),
    "the action": lambda at: at.sent(
        data="<a/>", headers={"Content-Type": f'application/soap+xml; action="{at.code}"'}
    ),
    "an attribute": lambda at: at.sent(data=f'<a b="{at.code}"/>', headers={"Content-Type": "text/xml"}),
    "behind the operation": lambda at: at.sent(f"/startSession/1/2/{at.code}", "GET"),
    "a form without names": lambda at: at.sent(
        "/startSession", data=at.code, headers={"Content-Type": "application/x-www-form-urlencoded"}
    ),
}
OWN: Final[dict[str, Channel]] = {  # what a test, or a person at a terminal, shows to itself
    "the journal in Python": lambda at: str(at.emulator.calls[0].call.auth_code),
    "the report": lambda at: account(at.emulator),
    "a verification": lambda at: failed_verification(at.emulator),
    "the command explain": explained,
}
WITHOUT: Final[dict[str, Channel]] = {  # what has no code of a call at all
    "metrics": lambda at: at.control("/metrics"),
    "rules": lambda at: at.control("/rules"),
    "the scenario": lambda at: at.control("/scenario"),
    "the desk": lambda at: at.control("/desk"),
    "headers": lambda at: str(
        requests.get(f"{at.emulator.url}/startSession?iSession=9&iNode=5&sAuthCode={at.code}", timeout=20).headers
    ),
    "a help page": lambda at: str(requests.get(f"{at.emulator.url}?{at.code}", timeout=20).headers) + text_log(at),
    "a refusal of the control API": lambda at: at.control("/calls/77") + at.control("/rules", {"when": {"x": 1}}),
}


@pytest.mark.parametrize("code", [BY_RULE, BY_DESK, BY_RUNTIME_RULE])
@pytest.mark.parametrize("channel", FROM_OUTSIDE)
def test_a_code_that_a_rule_or_the_desk_names_is_shown(channel: str, code: str, tmp_path: Path) -> None:
    with served(code, tmp_path) as at:
        assert code in FROM_OUTSIDE[channel](at)


@pytest.mark.parametrize("code", [TYPO, STRANGE])
@pytest.mark.parametrize("channel", FROM_OUTSIDE)
def test_any_other_code_is_masked(channel: str, code: str, tmp_path: Path) -> None:
    with served(code, tmp_path) as at:
        shown = FROM_OUTSIDE[channel](at)
    assert f"{code[:4]}***" in shown
    assert code not in shown


@pytest.mark.parametrize("channel", FROM_OUTSIDE)
def test_any_code_is_shown_if_the_operator_says_so(channel: str, tmp_path: Path) -> None:
    with served(STRANGE, tmp_path, show=True) as at:
        assert STRANGE in FROM_OUTSIDE[channel](at)


@pytest.mark.parametrize("channel", OWN)
def test_nothing_is_masked_in_ones_own_process(channel: str, tmp_path: Path) -> None:
    with served(STRANGE, tmp_path) as at:
        assert STRANGE in OWN[channel](at)


@pytest.mark.parametrize("channel", WITHOUT)
def test_other_channels_have_no_code_of_a_call(channel: str, tmp_path: Path) -> None:
    with served(STRANGE, tmp_path) as at:
        assert STRANGE not in WITHOUT[channel](at)


def test_a_code_is_masked_again_once_no_rule_names_it(tmp_path: Path) -> None:
    with served(BY_RUNTIME_RULE, tmp_path) as at:
        at.emulator.remove_rule(1)
        assert BY_RUNTIME_RULE not in at.control("/calls/1")


TYPOS: Final[dict[str, Channel]] = {
    "the log": text_log,
    "an entry": entry(1),
    "explain": lambda at: at.control("/explain", {"session": 1, "node": 2, "auth_code": at.code}),
    "the report": lambda at: account(at.emulator),
    "a remote report": lambda at: account(at.remote),
}


@pytest.mark.parametrize("channel", TYPOS)
def test_a_wrong_letter_is_pointed_at(channel: str, tmp_path: Path) -> None:
    with served(TYPO, tmp_path, WITHOUT_DESK) as at:
        assert POSITION in TYPOS[channel](at)


@pytest.mark.parametrize("channel", TYPOS)
def test_a_wrong_letter_in_a_code_of_the_desk_is_pointed_at(channel: str, tmp_path: Path) -> None:
    with served(DESK_TYPO, tmp_path) as at:
        assert POSITION in TYPOS[channel](at)


def test_a_verification_and_the_command_explain_point_at_a_wrong_letter(tmp_path: Path) -> None:
    with served(TYPO, tmp_path) as at:
        assert POSITION in at.control("/verify", {"when": {"auth_code": BY_RULE}})
        assert POSITION in explained(at)
