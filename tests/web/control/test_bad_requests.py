"""Whatever is wrong with a request to the control API is told so that a person can mend it, and changes nothing."""

# ruff: noqa: E501 - a row of the table is a line

from __future__ import annotations

from typing import Any

import pytest

from emulator.web.control.problems import PROBLEM
from tests.helpers.builders import a_scenario
from tests.helpers.control import SCENARIO, Emulated, limited

JSON = {"content_type": "application/json"}
TOO_LONG = b" " * (4 * 1024 * 1024 + 1)
RULE = {"when": {"session": 7}, "return": "startSessionRet_OK"}


def state(emulated: Emulated) -> Any:
    """All that a request could change."""
    desk, spaces = emulated.told("/desk"), emulated.told("/spaces")["spaces"]
    return emulated.engine.scenario, emulated.told("/rules"), emulated.told("/calls"), desk, spaces


BODIES = [
    pytest.param("POST", "/rules", b"{", JSON, 400, "the body is not JSON: ", id="a rule cut short"),
    pytest.param("POST", "/rules", b"", JSON, 400, "the body is not JSON: ", id="no rule"),
    pytest.param("POST", "/rules", b"\xff\xfe{", JSON, 400, "not JSON", id="a rule in no UTF-8"),
    pytest.param("POST", "/rules", b'{"a": NaN}', JSON, 400, "NaN is no JSON", id="no number"),
    pytest.param("POST", "/rules", b"[" * 100_000, JSON, 400, "nests too deep", id="nested too deep"),
    pytest.param("POST", "/rules", b'{"a": %s}' % (b"1" * 5000), JSON, 400, "not JSON", id="a number without end"),
    pytest.param(
        "POST", "/rules", b'{"times": 1, "times": 2}', JSON, 400, "the key 'times' is given twice", id="a key twice"
    ),
    pytest.param("POST", "/rules", b"{}", {}, 415, "the Content-Type is missing; it has to be application/json", id="no type"),
    pytest.param(
        "POST", "/rules", b"a=b", {"content_type": "application/x-www-form-urlencoded"}, 415,
        "is 'application/x-www-form-urlencoded'; it has to be application/json", id="a form",
    ),
    pytest.param("POST", "/rules", TOO_LONG, JSON, 413, "the body is longer than 4 MB", id="a rule too long"),
    pytest.param("PUT", "/scenario", TOO_LONG, JSON, 413, "the body is longer than 4 MB", id="a scenario too long"),
    pytest.param("POST", "/rules", [], {}, 422, "a rule is a mapping of name, when, ", id="a list for a rule"),
    pytest.param("POST", "/rules", {"whne": {}}, {}, 422, "whne: unknown key; did you mean 'when'?", id="a rule's key"),
    pytest.param("POST", "/rules", {"return": "OK"}, {}, 422, "did you mean 'startSessionRet_OK'?", id="a result"),
    pytest.param("POST", "/rules", {**RULE, "times": 0}, {}, 422, "0 is outside 1 to 2147483647", id="times"),
    pytest.param("PUT", "/rules/1", {"return": "OK"}, {}, 422, "did you mean 'startSessionRet_OK'?", id="a changed rule"),
    pytest.param(
        "PUT", "/scenario", b"rules: [{retrun: x}]", {"content_type": "application/yaml"}, 422,
        "body:1:10: rules[0].retrun: unknown key; did you mean 'return'?", id="a scenario's key",
    ),
    pytest.param("PUT", "/scenario", b"a: [", {"content_type": "text/yaml"}, 422, "body:2:1: not YAML: ", id="no YAML"),
    pytest.param("PUT", "/scenario", {"ruls": []}, {}, 422, "ruls: unknown key; did you mean 'rules'?", id="a JSON scenario"),
    pytest.param("PUT", "/scenario", b"x", {"content_type": "text/plain"}, 415, "application/json or application/yaml", id="plain text"),
    pytest.param("POST", "/verify", {"wen": {}}, {}, 422, "wen: unknown key; did you mean 'when'?", id="verify's key"),
    pytest.param("POST", "/verify", {"when": {"sesion": 1}}, {}, 422, "did you mean 'session'?", id="verify's condition"),
    pytest.param("POST", "/verify", {"times": -1}, {}, 422, "-1 is outside 0 to", id="verify's number"),
    pytest.param("POST", "/verify", {"times": 1, "never": True}, {}, 422, "'times' cannot stand beside 'never'", id="verify in two ways"),
    pytest.param("POST", "/verify", {"at_least": 2, "at_most": 1}, {}, 422, "'at_least' is more than 'at_most'", id="verify's ends"),
    pytest.param("POST", "/verify", {"never": False}, {}, 422, "false says nothing", id="never false"),
    pytest.param("POST", "/explain", {"session": 1}, {}, 422, "node: missing", id="explain without node"),
    pytest.param("POST", "/explain", {"session": "1", "node": 2}, {}, 422, "write the number without quotes", id="explain's type"),
    pytest.param("PUT", "/desk/technicians/5", {"status": "ofline"}, {}, 422, "did you mean 'offline'?", id="a technician's status"),
    pytest.param("PUT", "/desk/sessions/1", {"sttus": "active"}, {}, 422, "did you mean 'status'?", id="a session's key"),
    pytest.param("PUT", "/desk/technicians/5", {"status": "away"}, {}, 404, "nobody is at node 5", id="an unknown node"),
    pytest.param("PUT", "/desk/sessions/9", {"status": "active"}, {}, 404, "the desk has no session 9", id="an unknown session"),
    pytest.param("PUT", "/rules/9", RULE, {}, 404, "there is no rule 9 that was added at run time", id="an unknown rule changed"),
    pytest.param("DELETE", "/rules/9", None, {}, 404, "there is no rule 9", id="an unknown rule removed"),
    pytest.param("GET", "/rules/nine", None, {}, 404, "there is no rule 'nine'; ids are whole numbers", id="no rule's id"),
    pytest.param("GET", "/calls/99", None, {}, 404, "there is no call 99 in the journal; GET /__admin/calls", id="an unknown call"),
    pytest.param("POST", "/scenarios/x.yaml", None, {}, 404, "no folder is served here", id="an unknown file"),
    pytest.param("DELETE", "/spaces/nope", None, {}, 404, "there is no space 'nope'", id="an unknown space"),
    pytest.param("PUT", "/spaces/-x", None, {}, 400, "'-x' cannot name a space: 1 to 64 letters", id="no space's name"),
    pytest.param("PUT", "/spaces/a", {"ruls": 1}, {}, 422, "did you mean 'rules'?", id="a space's scenario"),
    pytest.param("GET", "/calls?sesion=1", None, {}, 400, "unknown query parameter 'sesion'; did you mean 'session'?", id="a query's name"),
    pytest.param("GET", "/calls?session=x", None, {}, 400, "a whole number is wanted here, not 'x'", id="a query's number"),
    pytest.param("GET", "/calls?limit=-1", None, {}, 400, "limit='-1' is not a whole number from 0", id="a limit"),
    pytest.param("GET", "/calls?matched=yes", None, {}, 400, "matched='yes' is neither true nor false", id="no truth"),
    pytest.param("GET", "/calls?binding=soap", None, {}, 400, "did you mean 'soap11' or 'soap12'?", id="a query's binding"),
    pytest.param("GET", "/calls?limit=1&limit=2", None, {}, 400, "'limit' is given twice", id="a query twice"),
    pytest.param("POST", "/reset?hard=1", None, {}, 400, "unknown query parameter 'hard'", id="a query where none is"),
    pytest.param("GET", "/nope", None, {}, 404, "there is no /__admin/nope; there is /__admin/health, ", id="an unknown path"),
    pytest.param("POST", "/health", None, {}, 405, "/__admin/health takes GET and HEAD", id="an unknown method"),
    pytest.param("PATCH", "/rules", None, {}, 405, "/__admin/rules takes GET and POST and DELETE", id="no patch"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "options", "status", "detail"), BODIES)
def test_a_bad_request_is_refused_with_what_would_be_right_and_changes_nothing(
    method: str, path: str, body: Any, options: dict[str, str], status: int, detail: str
) -> None:
    emulated = Emulated()
    emulated.ask("POST", "/rules", RULE)
    emulated.call(1001)
    before = state(emulated)
    answer = emulated.ask(method, path, body, **options)
    assert (answer.status_code, answer.content_type) == (status, PROBLEM)
    assert answer.json is not None
    assert detail in answer.json["detail"]
    assert answer.json["status"] == status
    assert state(emulated) == before


def test_all_that_is_wrong_comes_at_once_with_its_place() -> None:
    answer = Emulated().ask("PUT", "/scenario", "ruls: 1\nnme: x\n", content_type="application/yaml")
    assert answer.json is not None
    assert answer.json["problems"] == [
        {"line": 1, "column": 1, "message": "ruls: unknown key; did you mean 'rules'?"},
        {"line": 2, "column": 1, "message": "nme: unknown key; did you mean 'name'?"},
    ]


def test_a_call_that_was_dropped_is_told_from_one_that_never_came() -> None:
    emulated = Emulated(settings=limited(entries=1))
    emulated.call()
    emulated.call()
    answer = emulated.ask("GET", "/calls/1")
    assert answer.json is not None
    assert answer.json["detail"] == "there is no call 1 in the journal; the journal has dropped it to make room"


def test_a_verification_that_dropped_entries_could_change_is_refused() -> None:
    emulated = Emulated(settings=limited(entries=1))
    emulated.call()
    emulated.call()
    answer = emulated.ask("POST", "/verify", {"when": {"session": 1001}, "times": 1})
    assert (answer.status_code, answer.content_type) == (409, PROBLEM)
    assert answer.json is not None
    assert "the journal has dropped 1 older entries" in answer.json["detail"]
    assert "--journal-size" in answer.json["detail"]


def test_a_request_in_a_space_that_is_not_open_says_how_to_open_it() -> None:
    emulated = Emulated()
    for path in ("/spaces/nope/__admin/calls", "/spaces/nope/API/API.asmx"):
        answer = emulated.client.get(path)
        assert (answer.status_code, answer.content_type) == (404, PROBLEM)
        assert answer.json is not None
        assert answer.json["detail"].startswith("there is no space 'nope': PUT /__admin/spaces/nope opens it")


def test_a_scenario_that_a_program_made_has_no_text_to_be_told() -> None:
    emulated = Emulated(SCENARIO)
    emulated.engine.replace(a_scenario())
    answer = emulated.ask("GET", "/scenario")
    assert answer.json is not None
    assert (answer.status_code, answer.json["detail"]) == (
        404,
        "the scenario in force was made by a program, and has no text",
    )
