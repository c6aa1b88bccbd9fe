"""The scenario of the control API: shown as written, replaced, taken from a folder; its desk, and the reset."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import Client

from emulator.core.engine import Engine
from emulator.scenario.files import ScenarioFolder
from emulator.scenario.loading import load
from emulator.web.app import Application
from tests.helpers.builders import a_scenario
from tests.helpers.control import DESK, RULE, SCENARIO, Emulated, detail


def test_the_scenario_is_shown_as_it_was_written() -> None:
    response = Emulated().request("GET", "/scenario")
    assert (response.content_type, response.text) == ("application/yaml", SCENARIO)


def test_a_scenario_made_by_a_program_has_no_text() -> None:
    emulated = Emulated()
    emulated.engine.replace(a_scenario())
    assert "was made by a program, and has no text" in detail(emulated.request("GET", "/scenario"), 404)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("name: other\notherwise: startSessionRet_OK\n", "application/yaml"),
        ("name: other\notherwise: startSessionRet_OK\n", "text/yaml; charset=utf-8"),
        ('{"name": "other", "otherwise": "startSessionRet_OK"}', "application/json"),
    ],
    ids=["yaml", "yaml by another name", "json"],
)
def test_the_scenario_is_replaced(body: str, content_type: str) -> None:
    emulated = Emulated()
    response = emulated.request("PUT", "/scenario", body, content_type=content_type)
    assert (response.status_code, response.json) == (200, {"scenario": "other", "rules": 0})
    assert b"startSessionRet_OK" in emulated.call(99).data


def test_sending_the_scenario_back_gives_the_same_rules() -> None:
    emulated = Emulated()
    before = emulated.get("/rules")
    text = emulated.request("GET", "/scenario").text
    assert emulated.request("PUT", "/scenario?file=front-desk.yaml", text, content_type="text/yaml").status_code == 200
    assert emulated.get("/rules") == before


@pytest.mark.parametrize(
    ("file", "source"),
    [("night.yaml", "night.yaml:1"), ("sc%C3%A9nario%20b.yaml", "sc\u00e9nario b.yaml:1"), ("", "body:1")],
    ids=["a name", "an escaped name", "none"],
)
def test_the_places_of_rules_name_the_file_of_the_scenario(file: str, source: str) -> None:
    emulated = Emulated()
    scenario = "rules: [{return: startSessionRet_OK}]"
    emulated.request("PUT", f"/scenario?file={file}", scenario, content_type="application/yaml")
    assert emulated.get("/rules")["rules"][0]["source"] == source


def test_all_problems_come_at_once_with_their_places() -> None:
    response = Emulated().request("PUT", "/scenario", "ruls: 1\nnme: x\n", content_type="application/yaml")
    assert "body:2:1: nme: unknown key" in detail(response, 422)
    assert response.json is not None
    assert response.json["problems"] == [
        {"line": 1, "column": 1, "message": "ruls: unknown key; did you mean 'rules'?"},
        {"line": 2, "column": 1, "message": "nme: unknown key; did you mean 'name'?"},
    ]


def test_without_a_folder_there_are_no_files() -> None:
    emulated = Emulated()
    assert emulated.get("/scenarios") == {"files": [], "in_force": None}
    assert detail(emulated.request("POST", "/scenarios/x.yaml"), 404).endswith("; no folder is served here")


def test_a_file_of_the_folder_is_used_unless_it_is_invalid(tmp_path: Path) -> None:
    for name, text in {"day": "name: day", "night": "name: night", "bad": "nme: x", "note": ""}.items():
        (tmp_path / f"{name}.{'txt' if name == 'note' else 'yaml'}").write_text(text)
    engine = Engine(load(tmp_path / "day.yaml"))
    client = Client(Application(engine, files=ScenarioFolder(tmp_path / "day.yaml", engine)))
    files = ["bad.yaml", "day.yaml", "night.yaml"]
    assert client.get("/__admin/scenarios").json == {"files": files, "in_force": "day.yaml"}
    assert client.post("/__admin/scenarios/night.yaml").json == {"scenario": "night", "rules": 0}
    assert "did you mean 'name'?" in detail(client.post("/__admin/scenarios/bad.yaml"), 422)
    assert detail(client.post("/__admin/scenarios/nigth.yaml"), 404).endswith("; did you mean 'night.yaml'?")
    assert client.get("/__admin/scenarios").json == {"files": files, "in_force": "night.yaml"}
    assert engine.scenario.name == "night"


def test_the_desk_is_shown_as_calls_have_left_it() -> None:
    emulated = Emulated(DESK)
    assert emulated.get("/desk") == {
        "administrators": [{"name": "Ann", "auth_code": "demo-ann", "status": "active", "role": "administrator"}],
        "technicians": [{"name": "Tess", "node": 5, "status": "online"}],
        "sessions": [{"id": 1001, "customer": "Printer", "status": "waiting", "node": None}],
    }
    emulated.call()
    assert emulated.get("/desk")["sessions"][0] == {"id": 1001, "customer": "Printer", "status": "active", "node": 5}


def test_the_status_of_a_technician_and_of_a_session_is_set() -> None:
    emulated = Emulated(DESK)
    offline = emulated.request("PUT", "/desk/technicians/5", {"status": "offline"})
    assert offline.json == {"node": 5, "status": "offline"}
    assert b"ActionFailed" in emulated.call().data
    emulated.request("PUT", "/desk/technicians/5", {"status": "busy"})
    emulated.call()
    on_hold = emulated.request("PUT", "/desk/sessions/1001", {"status": "on_hold"})
    assert on_hold.json == {"id": 1001, "status": "on_hold"}
    assert emulated.get("/desk")["sessions"][0]["node"] is None


def test_without_a_desk_its_lists_are_empty_and_nothing_can_be_set() -> None:
    emulated = Emulated()
    assert emulated.get("/desk") == {"administrators": [], "technicians": [], "sessions": []}
    node = emulated.request("PUT", "/desk/technicians/-5", {"status": "away"})
    assert detail(node, 404) == "there is no technician at node -5; GET /__admin/desk lists them"
    session = emulated.request("PUT", "/desk/sessions/9", {"status": "active"})
    assert detail(session, 404) == "the desk has no session 9; GET /__admin/desk lists them"


def test_a_reset_keeps_the_scenario_the_totals_and_the_numbers_of_calls() -> None:
    emulated = Emulated()
    emulated.post("/rules", RULE)
    emulated.call(2)
    assert emulated.request("POST", "/reset").status_code == 204
    rules = emulated.get("/rules")
    assert (rules["total"], rules["rules"][1]["hits"]) == (3, 0)
    journal = emulated.get("/calls")
    assert (journal["calls"], journal["totals"]) == ([], {"calls": 1, "refusals": 0})
    assert emulated.call().headers["X-Emulator-Call"] == "2"
