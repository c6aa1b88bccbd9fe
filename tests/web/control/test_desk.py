"""The desk of the control API: as it is now, and changes to it."""

from __future__ import annotations

from tests.helpers.control import DESK, Emulated, detail


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
