"""What the control API answers is what its description says, to the last key, for every kind of thing it can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from emulator.core.contract import Binding
from emulator.web.control.answers import ANSWERS
from emulator.web.control.routes import description
from tests.helpers.control import SERVICE, Emulated, limited

SCENARIO = """
name: everything
rules:
  - {name: result, when: {session: 1}, return: startSessionRet_OK, delay: 1ms}
  - {name: in turn, when: {session: 2}, replies: [startSessionRet_OK, {fail: {exception: boom}}], times: 2, per: node}
  - {name: exception, when: {session: 3}, fail: {exception: boom}}
  - {name: status, when: {session: 4}, fail: {status: 503, body: busy, headers: {Retry-After: '5'}}}
  - {name: reset, when: {session: 5}, fail: {connection: reset}}
  - {name: trickle, when: {session: 6}, fail: {connection: trickle, over: 10s}}
  - {name: conditions, when: {session: {not: [7, 8]}, node: {from: 900}, auth_code: {matches: 'x+'}, binding: get},
     return: startSessionRet_Error}
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{node: 5}]
  sessions: [{id: 1001}, {id: 1002, customer: Printer}]
"""


def told() -> Emulated:
    """An emulator to which everything has happened: entries 1 to 6 are its rules', 7 to 9 the desk's and nobody's."""
    emulated = Emulated(SCENARIO)
    for session in (1, 2, 3, 4, 5, 6, 1001, 1001):
        emulated.call(session)
    emulated.call(77, auth_code=None, binding=Binding.SOAP12)
    emulated.client.get(f"{SERVICE}/startSession?iSession=x")
    emulated.client.get("/nowhere")
    emulated.client.get("/API/startSession.aspx?authcode=1")
    emulated.client.post(SERVICE, data="<", content_type="text/xml")
    emulated.ask("POST", "/rules", {"when": {"session": 999}, "return": "startSessionRet_OK"})
    emulated.ask("PUT", "/spaces/a")
    return emulated


CASES: dict[str, tuple[str, str, Any]] = {
    "Health": ("GET", "/health", None),
    "ScenarioNews": ("PUT", "/scenario", {"name": "other"}),
    "ScenarioFiles": ("GET", "/scenarios", None),
    "Rules": ("GET", "/rules", None),
    "Rule": ("POST", "/rules", {"return": "startSessionRet_OK"}),
    "Calls": ("GET", "/calls", None),
    "Desk": ("GET", "/desk", None),
    "TechnicianNews": ("PUT", "/desk/technicians/5", {"status": "busy"}),
    "SessionNews": ("PUT", "/desk/sessions/1001", {"status": "closed"}),
    "Verification": ("POST", "/verify", {"when": {"session": 78, "node": 5}}),
    "Explanation": ("POST", "/explain", {"session": 78, "node": 5}),
    "Space": ("PUT", "/spaces/b", None),
    "Spaces": ("GET", "/spaces", None),
    "Problem": ("PUT", "/scenario", {"ruls": 1}),
}
MORE = [
    *((f"CallInFull, {number}", "CallInFull", "GET", f"/calls/{number}", None) for number in range(1, 14)),
    ("Rule, one", "Rule", "GET", "/rules/1", None),
    ("Rule, changed", "Rule", "PUT", "/rules/1", {"return": "startSessionRet_OK"}),
    ("Explanation, rule", "Explanation", "POST", "/explain", {"session": 1, "node": 5, "binding": "post"}),
    ("Explanation, desk", "Explanation", "POST", "/explain", {"session": 1002, "node": 5, "auth_code": "demo-ann"}),
    ("Verification, true", "Verification", "POST", "/verify", {"when": {"session": 1}}),
    ("Problem, unknown", "Problem", "GET", "/nope", None),
]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = ANSWERS[schema["$ref"].rpartition("/")[2]]
    return schema


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": {"schemas": ANSWERS}})


def properties(schema: dict[str, Any], data: Any) -> dict[str, Any]:
    """The schemas of all properties that a schema describes of this data."""
    schema = resolved(schema)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found |= properties(part, data)
    for part in (*schema.get("oneOf", []), *schema.get("anyOf", [])):
        if validator(part).is_valid(data):
            found |= properties(part, data)
    return found


def undescribed(schema: dict[str, Any], data: Any, path: str = "") -> Iterator[str]:
    """Where data has a key that no schema describes; objects that are described as open are let be."""
    schema = resolved(schema)
    if isinstance(data, list):
        for item in data:
            yield from undescribed(schema.get("items", {}), item, f"{path}[]")
    elif isinstance(data, dict) and (known := properties(schema, data)):
        for key, value in data.items():
            if key in known:
                yield from undescribed(known[key], value, f"{path}.{key}")
            else:
                yield f"{path}.{key}"


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        *(pytest.param(name, *case, id=name) for name, case in CASES.items()),
        *(pytest.param(name, method, path, body, id=title) for title, name, method, path, body in MORE),
    ],
)
def test_an_answer_is_as_described(name: str, method: str, path: str, body: Any) -> None:
    data = told().ask(method, path, body).json
    schema = {"$ref": f"#/components/schemas/{name}"}
    assert [error.message for error in validator(schema).iter_errors(data)] == []
    assert set(undescribed(schema, data)) == set()


def test_every_answer_that_is_described_is_tested() -> None:
    named = {
        content["schema"]["$ref"].rpartition("/")[2]
        for item in description()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
    }
    assert named - {"Any", "Text", "ScenarioFile"} == {*CASES, "CallInFull"}


def test_the_description_is_a_schema_that_validators_accept() -> None:
    for schema in description()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_a_refused_verification_is_as_described() -> None:
    emulated = Emulated(SCENARIO, limited(entries=1))
    emulated.call(1)
    emulated.call(1)
    data = emulated.ask("POST", "/verify", {"times": 1}).json
    assert validator(ANSWERS["Problem"]).is_valid(data)
    assert set(undescribed(ANSWERS["Problem"], data)) == set()
    assert data is not None
    assert (data["count"], data["dropped"]) == (1, 1)
