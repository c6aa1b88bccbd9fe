"""The OpenAPI description: complete, and true of every kind of response and of generated requests."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from emulator import Emulator
from emulator.core.contract import Binding
from emulator.web.control.openapi import describe
from emulator.web.control.routes import ROUTES
from tests.helpers.control import SERVICE, Emulated, limited

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
DESCRIPTION = describe(ROUTES)
SCHEMAS = DESCRIPTION["components"]["schemas"]
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DESCRIPTION["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
]

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
  - {name: code, when: {session: 78, auth_code: demo-amn}, return: startSessionRet_OK}
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{node: 5}]
  sessions: [{id: 1001}, {id: 1002, customer: Printer}]
"""


def full() -> Emulated:
    """Return an emulator with every kind of entry: 1 to 6 by rules, 7 and 8 by the desk, 9 by otherwise, 4 refusals."""
    emulated = Emulated(SCENARIO)
    for session in (1, 2, 3, 4, 5, 6, 1001, 1001):
        emulated.call(session)
    emulated.call(78, auth_code="demo-abc", binding=Binding.SOAP12)
    emulated.client.get(f"{SERVICE}/startSession?iSession=x")
    emulated.client.get("/nowhere")
    emulated.client.get("/API/startSession.aspx?authcode=1")
    emulated.client.post(SERVICE, data="<", content_type="text/xml")
    emulated.post("/rules", {"when": {"session": 999}, "return": "startSessionRet_OK"})
    emulated.request("PUT", "/spaces/a")
    return emulated


CASES: dict[str, list[tuple[str, str, Any]]] = {
    "HealthJson": [("GET", "/health", None)],
    "ScenarioSummaryJson": [("PUT", "/scenario", {"name": "other"})],
    "ScenarioFilesJson": [("GET", "/scenarios", None)],
    "RuleListJson": [("GET", "/rules", None)],
    "RuleJson": [
        ("GET", "/rules/1", None),
        ("POST", "/rules", {"return": "startSessionRet_OK"}),
        ("PUT", "/rules/1", {"return": "startSessionRet_OK"}),
    ],
    "CallListJson": [("GET", "/calls", None)],
    "HarJson": [("GET", "/calls?format=har", None), ("GET", "/calls/1?format=har", None)],
    "ExchangeDetailJson": [("GET", f"/calls/{number}", None) for number in range(1, 10)],
    "RefusalDetailJson": [("GET", f"/calls/{number}", None) for number in range(10, 14)],
    "DeskJson": [("GET", "/desk", None)],
    "TechnicianStatusJson": [("PUT", "/desk/technicians/5", {"status": "busy"})],
    "SessionStatusJson": [("PUT", "/desk/sessions/1001", {"status": "closed"})],
    "VerificationJson": [
        ("POST", "/verify", {"when": {"session": 1}}),
    ],
    "ExplanationJson": [
        ("POST", "/explain", {"session": 78, "node": 5, "auth_code": "demo-abc"}),
        ("POST", "/explain", {"session": 1, "node": 5, "binding": "post"}),
        ("POST", "/explain", {"session": 1002, "node": 5, "auth_code": "demo-ann"}),
    ],
    "SpaceJson": [("PUT", "/spaces/b", None)],
    "SpaceListJson": [("GET", "/spaces", None)],
    "ProblemJson": [
        ("PUT", "/scenario", {"ruls": 1}),
        ("GET", "/nope", None),
        ("POST", "/verify", {"when": {"session": 78, "node": 5, "auth_code": "demo-amn"}}),
    ],
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": {"schemas": SCHEMAS}})


def undescribed(schema: dict[str, Any], data: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of keys that no schema describes; objects without described properties may have any."""
    schema = resolved(schema)
    for part in (*schema.get("oneOf", []), *schema.get("anyOf", [])):
        if validator(part).is_valid(data):
            yield from undescribed(part, data, path)
    if isinstance(data, list):
        for item in data:
            yield from undescribed(schema.get("items", {}), item, f"{path}[]")
    elif isinstance(data, dict) and (known := schema.get("properties")):
        for key, value in data.items():
            if key in known:
                yield from undescribed(known[key], value, f"{path}.{key}")
            else:
                yield f"{path}.{key}"


def assert_described(name: str, data: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}"}
    assert [error.message for error in validator(schema).iter_errors(data)] == []
    assert list(undescribed(schema, data)) == []


@pytest.mark.parametrize("name", CASES)
def test_a_response_is_as_described_to_the_last_key(name: str) -> None:
    for method, path, body in CASES[name]:
        assert_described(name, full().request(method, path, body).json)


def test_health_for_strangers_and_an_uncertain_verification_are_as_described() -> None:
    emulated = Emulated(SCENARIO, limited(entries=1))
    emulated.call(1)
    emulated.call(1)
    data = emulated.request("POST", "/verify", {"times": 1}).json
    assert data is not None
    assert (data["count"], data["dropped"]) == (1, 1)
    assert_described("ProblemJson", data)
    assert_described("HealthJson", emulated.request("GET", "/health", headers={"Host": "evil.example"}).json)


def test_a_call_that_was_sent_is_as_described() -> None:
    with Emulator.start({"rules": [{"when": {"session": 1}, "fail": {"connection": "reset"}}]}) as emulator:
        address = emulator.url.replace(SERVICE, "/__admin/calls")
        for session in (1, 2):
            response = requests.post(address, json={"session": session, "node": 5}, timeout=5)
            assert_described("SentCallJson", response.json())


def test_the_503_of_a_full_server_is_described_for_every_operation() -> None:
    for _, path, operation in OPERATIONS:
        described = operation["responses"]["503"]
        assert "Too many requests" in described["description"], path
        assert described["content"]["text/plain"] == {"schema": {"type": "string"}}, path
    assert "application/problem+json" in DESCRIPTION["paths"]["/__admin/health"]["get"]["responses"]["503"]["content"]


def test_every_described_response_is_tested() -> None:
    bodies = [
        content["schema"]
        for _, _, operation in OPERATIONS
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
    ]
    references = [part["$ref"] for schema in bodies for part in schema.get("oneOf", [schema]) if "$ref" in part]
    assert {reference.rpartition("/")[2] for reference in references} == {*CASES, "SentCallJson"}


@pytest.mark.parametrize(("path", "limit"), [("/__admin/calls", 100), ("/__admin/rules", 1000)])
def test_the_default_of_limit_is_described(path: str, limit: int) -> None:
    parameters = {each["name"]: each["schema"] for each in DESCRIPTION["paths"][path]["get"]["parameters"]}
    assert parameters["limit"]["default"] == limit


def test_every_route_is_described_once() -> None:
    routes = [(route.method, f"/__admin{route.template}") for route in ROUTES]
    assert sorted((method, path) for method, path, _ in OPERATIONS) == sorted(routes)
    assert len({operation["operationId"] for _, _, operation in OPERATIONS}) == len(OPERATIONS)


def test_every_schema_is_valid_and_every_reference_leads_to_one() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    references = re.findall(r"#/components/schemas/(\w+)", str(DESCRIPTION))
    assert set(references) <= set(SCHEMAS)
    assert len(references) > 50


WAITS = {
    True: "1ms 250ms 0.5ms 0.001s 2s 59.9s 60s 60.0s 0060s 60000ms 60000.00ms",
    False: "0s 0ms 0.0s 00.000ms 60.1s 61s 100s 60000.5ms 60001ms 99999ms 100000ms 5 s -1s 1.s .5s 1m inf",
}


@pytest.mark.parametrize(("valid", "text"), [(valid, text) for valid, texts in WAITS.items() for text in texts.split()])
def test_the_time_to_wait_is_described_as_it_is_read(valid: bool, text: str) -> None:
    schema = validator(SCHEMAS["VerificationModel"])
    response = Emulated().request("POST", "/verify", {"within": text, "at_least": 0})
    assert (schema.is_valid({"within": text}), response.status_code) == (valid, 200 if valid else 422)


@pytest.mark.parametrize(
    ("phases", "options"),
    [
        # The other bodies are those of /rules, and scenarios, whose schema tests/scenario/test_schema.py has.
        ("coverage", ["--exclude-path-regex", "(rules|spaces)/{|scenario$"]),
        ("fuzzing,stateful", ["--max-examples", "5"]),
    ],
    ids=["coverage", "fuzzing"],
)
def test_schemathesis_finds_nothing(phases: str, options: list[str], tmp_path: Path) -> None:
    with Emulator.start() as emulator:
        emulator.engine.close("a verification that waits a minute is too long for this test")
        requests.get(f"{emulator.url}/startSession?iSession=1&iNode=2&sAuthCode=demo-ok", timeout=5)
        address = emulator.url.replace(SERVICE, "/__admin/openapi.json")
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION), "run"]
        command += ["--phases", phases, *options, "--generation-deterministic", "--no-color", address]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert any(int(number) > 50 for number in re.findall(r"(\d+) generated", run.stdout)), run.stdout
