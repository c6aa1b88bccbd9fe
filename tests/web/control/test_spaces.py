"""Spaces: emulators of their own inside one server."""

from __future__ import annotations

import pytest

from emulator.core.engine import Engine
from emulator.core.journal import JournalLimits
from emulator.scenario import loads
from emulator.web.control.controlled import TooManySpaces
from emulator.web.settings import Settings
from emulator.web.spaces import MOST_SPACES, Spaces
from tests.helpers.control import SERVICE, Emulated

DESK = """
name: with a desk
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{name: Tess, node: 5}]
  sessions: [{id: 1001}]
"""
RULE = {"when": {"session": 7}, "return": "startSessionRet_OK"}


def opened(*names: str, settings: Settings | None = None) -> Emulated:
    emulated = Emulated(DESK, settings)
    for name in names:
        assert emulated.ask("PUT", f"/spaces/{name}").status_code == 201
    return emulated


def test_a_space_tells_where_it_is() -> None:
    answer = Emulated(DESK).ask("PUT", "/spaces/team-a")
    assert answer.json == {
        "name": "team-a",
        "url": "http://localhost/spaces/team-a/API/API.asmx",
        "wsdl_url": "http://localhost/spaces/team-a/API/API.asmx?wsdl",
        "control_url": "http://localhost/spaces/team-a/__admin",
        "scenario": "with a desk",
        "idle_s": 0.0,
    }


def test_a_space_begins_with_a_scenario_of_its_own_or_the_servers() -> None:
    emulated = Emulated(DESK)
    emulated.ask("PUT", "/spaces/a", {"name": "own", "otherwise": "startSessionRet_OK"})
    emulated.ask("PUT", "/spaces/b")
    assert emulated.told("/health", root="/spaces/a")["scenario"] == "own"
    assert emulated.told("/health", root="/spaces/b")["scenario"] == "with a desk"


def test_putting_a_space_again_changes_nothing_but_a_scenario_that_is_given() -> None:
    emulated = opened("a")
    emulated.call(9, root="/spaces/a")
    assert emulated.ask("PUT", "/spaces/a").status_code == 200
    assert emulated.told("/health", root="/spaces/a")["scenario"] == "with a desk"
    assert emulated.ask("PUT", "/spaces/a", {"name": "other"}).status_code == 200
    assert emulated.told("/health", root="/spaces/a")["scenario"] == "other"
    assert len(emulated.told("/calls", root="/spaces/a")["calls"]) == 1


def test_rules_journal_counters_and_desk_are_each_spaces_own() -> None:
    emulated = opened("a", "b")
    emulated.ask("POST", "/rules", RULE, root="/spaces/a")
    assert b"startSessionRet_OK" in emulated.call(7, root="/spaces/a").data
    assert b"startSessionRet_OK" not in emulated.call(7, root="/spaces/b").data
    for root in ("", "/spaces/a", "/spaces/b"):
        assert b"startSessionRet_OK" in emulated.call(1001, root=root).data
    counts = {root: len(emulated.told("/calls", root=root)["calls"]) for root in ("", "/spaces/a", "/spaces/b")}
    assert counts == {"": 1, "/spaces/a": 2, "/spaces/b": 2}
    emulated.ask("POST", "/reset", root="/spaces/a")
    assert emulated.told("/desk", root="/spaces/b")["sessions"][0]["status"] == "active"
    assert emulated.told("/desk", root="/spaces/a")["sessions"][0]["status"] == "waiting"


def test_deleting_a_space_loses_nothing_of_another() -> None:
    emulated = opened("a", "b")
    emulated.ask("POST", "/rules", RULE, root="/spaces/b")
    emulated.call(7, root="/spaces/b")
    assert emulated.ask("DELETE", "/spaces/a").status_code == 204
    assert [each["name"] for each in emulated.told("/spaces")["spaces"]] == ["b"]
    assert emulated.told("/rules", root="/spaces/b")["rules"][0]["hits"] == 1
    assert emulated.ask("GET", "/calls", root="/spaces/a").status_code == 404


@pytest.mark.parametrize("public_url", [None, "https://public.example", "https://public.example/API/API.asmx"])
def test_addresses_in_documents_are_those_of_the_space(public_url: str | None) -> None:
    emulated = opened("a", settings=Settings(public_url=public_url))
    origin = "https://public.example" if public_url else "http://localhost"
    address = f"{origin}/spaces/a{SERVICE}"
    wsdl = emulated.client.get(f"/spaces/a{SERVICE}?wsdl").text
    assert wsdl.count(f'location="{address}"') == 4
    assert f'ref="{address}?wsdl"' in emulated.client.get(f"/spaces/a{SERVICE}?disco").text
    assert f'action="{address}/startSession"' in emulated.client.get(f"/spaces/a{SERVICE}?op=startSession").text


def test_links_of_the_help_page_stay_in_the_space() -> None:
    page = opened("a").client.get(f"/spaces/a{SERVICE}").text
    assert f'href="/spaces/a{SERVICE}?disco"' in page


def test_a_wrong_address_in_a_space_names_the_right_one_there() -> None:
    emulated = opened("a")
    answer = emulated.client.get("/spaces/a/API/startSession.aspx?session=1")
    assert answer.status_code == 404
    assert "Call http://localhost/spaces/a/API/API.asmx/startSession?iSession=..." in answer.text
    assert emulated.told("/calls", root="/spaces/a")["calls"][0]["kind"] == "refusal"


def test_there_are_no_spaces_inside_a_space() -> None:
    answer = opened("a").ask("GET", "/spaces", root="/spaces/a")
    assert answer.status_code == 404
    assert answer.json is not None
    assert "ask at /__admin/spaces of the server" in answer.json["detail"]


def test_only_so_many_spaces_can_be_open() -> None:
    spaces = Spaces(Engine(loads("name: small\n")), Settings())
    for number in range(MOST_SPACES):
        assert spaces.put(f"space-{number}", None)
    with pytest.raises(TooManySpaces):
        spaces.put("one-more", None)
    assert not spaces.put("space-0", None)
    assert spaces.drop("space-0")
    assert spaces.put("one-more", None)


def test_one_space_too_many_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spaces, "most", 1)
    emulated = opened("a")
    answer = emulated.ask("PUT", "/spaces/b")
    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["detail"] == "1 spaces are open, and no more can be: DELETE some; idle ones end after 1800 s"
    assert [each["name"] for each in emulated.told("/spaces")["spaces"]] == ["a"]


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_space_that_nobody_uses_ends() -> None:
    clock = Clock()
    spaces = Spaces(Engine(loads("name: small\n")), Settings(space_idle=10), clock)
    spaces.put("used", None)
    spaces.put("idle", None)
    clock.now = 8
    assert spaces.get("used") is not None
    clock.now = 12
    assert [news.name for news in spaces.news()] == ["used"]
    assert spaces.get("idle") is None
    assert spaces.get("used") is not None


def test_a_space_that_ended_can_be_opened_anew() -> None:
    clock = Clock()
    spaces = Spaces(Engine(loads("name: small\n")), Settings(space_idle=10), clock)
    spaces.put("a", None)
    clock.now = 11
    assert spaces.put("a", None)


def test_many_spaces_share_the_bytes_of_their_journals() -> None:
    settings = Settings(journal=JournalLimits(entries=1000, size=40_000))
    spaces = Spaces(Engine(loads("name: small\n")), settings)
    kept = []
    for number in range(64):
        spaces.put(f"space-{number}", None)
        space = spaces.get(f"space-{number}")
        assert space is not None
        for _ in range(100):
            space.engine.refuse(None, 404, "nothing is served there")
        kept.append(len(space.engine.snapshot().entries))
    assert (kept[0], kept[-1]) == (80, 20)
    for news in spaces.news()[:60]:
        spaces.drop(news.name)
    (last,) = spaces.news()[-1:]
    assert len(last.engine.snapshot().entries) == 20
    for _ in range(100):
        last.engine.refuse(None, 404, "nothing is served there")
    assert len(last.engine.snapshot().entries) == 80
