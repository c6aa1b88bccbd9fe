"""What the log says of a call: enough to mend a scenario, and never an auth code."""

from __future__ import annotations

import logging
import re

import pytest
from werkzeug.test import Client

from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from emulator.web.app import Application

RULE = (
    "  - name: rule {number}\n    when: {{session: {number}, auth_code: demo-secret}}\n    return: startSessionRet_OK\n"
)


def logged(rules: int, caplog: pytest.LogCaptureFixture, *, session: int, auth_code: str = "other-secret") -> list[str]:
    """The log lines of one call to a scenario of so many rules."""
    scenario = loads("rules:\n" + "".join(RULE.format(number=number) for number in range(rules)))
    client = Client(Application(Engine(scenario)))
    with caplog.at_level(logging.INFO, "emulator"):
        client.get(f"/API/API.asmx/startSession?iSession={session}&iNode=2&sAuthCode={auth_code}")
    return [record.getMessage() for record in caplog.records]


def test_a_matched_call_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = logged(2, caplog, session=1, auth_code="demo-secret")
    assert re.fullmatch(
        r"get session=1 node=2 auth_code=demo-secret rule='rule 1' startSessionRet_OK \(\d+\.\d ms\)", line
    )


def test_an_unmatched_call_names_the_nearest_rules_and_the_one_condition_that_differed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (line,) = logged(2, caplog, session=7, auth_code="demo-secret")
    near = "rule 0 (<string>:2): session is 7, the rule wants 0; rule 1 (<string>:5): session is 7, the rule wants 1"
    assert f": near misses: {near} (" in line


def test_a_code_that_no_rule_names_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = logged(1, caplog, session=0)
    assert "auth_code=oth*** " in line
    assert "auth_code is oth***, the rule wants demo-secret (they differ at character 1)" in line


def test_among_very_many_rules_the_nearest_are_left_to_explain(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = logged(1001, caplog, session=7000)
    assert ": near misses: not looked for among 1001 rules; 'explain' finds them (" in line


def test_without_rules_there_is_nothing_to_be_near_to(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Application(Engine(loads("name: empty\n"))))
    with caplog.at_level(logging.INFO, "emulator"):
        client.get("/API/API.asmx/startSession?iSession=1&iNode=2&sAuthCode=demo-secret")
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "query",
    [
        "iSession=demo-secret&iNode=2&sAuthCode=x",
        "iSession=1&iNode=2&sAuthCode=demo-secret%3Cb",
        "sAuthCode=demo-secret",
    ],
)
def test_a_refusal_is_logged_without_what_might_be_an_auth_code(query: str, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Application(Engine(loads("name: empty\n"))))
    with caplog.at_level(logging.INFO, "emulator"):
        assert client.get(f"/API/API.asmx/startSession?{query}").status_code == 500
    (record,) = caplog.records
    assert record.getMessage().startswith("get refused with 500: ")
    assert "demo-secret" not in record.getMessage()
