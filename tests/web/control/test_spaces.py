"""Spaces: isolated emulators inside one server, each with a service and a control API under its root."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from emulator.core.engine import Engine
from emulator.core.journal import JournalLimits, Reason
from emulator.scenario.loading import loads
from emulator.web.control.routes import ROUTES
from emulator.web.spaces import Settings, Spaces, TooManySpaces
from tests.helpers.control import DESK, RULE, SCENARIO, SERVICE, Emulated, detail

ROOT = "/spaces/a"


def opened(*names: str, scenario: str = SCENARIO + DESK, settings: Settings | None = None) -> Emulated:
    """Return an emulator with open spaces, by default one named a."""
    emulated = Emulated(scenario, settings)
    for name in names or ("a",):
        assert emulated.request("PUT", f"/spaces/{name}").status_code == 201
    return emulated


def test_with_a_seed_each_space_has_the_same_chances_by_itself() -> None:
    emulated = opened(
        "a", "b", scenario="rules: [{return: startSessionRet_OK, chance: 50%}]", settings=Settings(seed=7)
    )
    first = [emulated.call(root=f"/spaces/{name}").data for name in ("a", "b", *"ab" * 20)]
    assert first[::2] == first[1::2]
    assert len({*first}) == 2


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        (None, "http://localhost"),
        ("https://public.example/mocks", "https://public.example/mocks"),
        ("https://public.example/API/API.asmx", "https://public.example"),
    ],
)
def test_a_space_names_its_addresses(public_url: str | None, origin: str) -> None:
    emulated = opened(settings=Settings(public_url=public_url))
    address = f"{origin}{ROOT}{SERVICE}"
    (space,) = emulated.get("/spaces")["spaces"]
    assert space | {"idle_s": 0} == {
        "name": "a",
        "url": address,
        "wsdl_url": f"{address}?wsdl",
        "control_url": f"{origin}{ROOT}/__admin",
        "scenario": "front-desk",
        "idle_s": 0,
    }
    assert emulated.client.get(f"{ROOT}{SERVICE}?wsdl").text.count(f'location="{address}"') == 4
    assert f'ref="{address}?wsdl"' in emulated.client.get(f"{ROOT}{SERVICE}?disco").text
    assert f'action="{address}/startSession"' in emulated.client.get(f"{ROOT}{SERVICE}?op=startSession").text


def test_a_space_begins_with_a_scenario_of_its_own_or_the_servers() -> None:
    emulated = opened("b")
    response = emulated.request("PUT", "/spaces/a", {"name": "own", "otherwise": "startSessionRet_OK"})
    assert response.json is not None
    assert (response.status_code, response.json["scenario"]) == (201, "own")
    assert emulated.get("/health", root="/spaces/a")["scenario"] == "own"
    assert emulated.get("/health", root="/spaces/b")["scenario"] == "front-desk"


def test_putting_an_open_space_replaces_its_scenario_only_if_one_is_given() -> None:
    emulated = opened()
    emulated.call(9, root=ROOT)
    for body, scenario in ((None, "front-desk"), ({"name": "other"}, "other")):
        assert emulated.request("PUT", "/spaces/a", body).status_code == 200
        assert emulated.get("/health", root=ROOT)["scenario"] == scenario
    assert len(emulated.get("/calls", root=ROOT)["calls"]) == 1


def test_rules_journal_desk_and_metrics_belong_to_each_space() -> None:
    emulated = opened("a", "b", scenario="name: desk alone\n" + DESK)
    emulated.post("/rules", RULE, root="/spaces/a")
    assert b"startSessionRet_OK" in emulated.call(7, root="/spaces/a").data
    assert emulated.get("/calls/1", root="/spaces/a")["request"]["start"].startswith(f"GET /spaces/a{SERVICE}/")
    assert b"startSessionRet_OK" not in emulated.call(7, root="/spaces/b").data
    roots = ("", "/spaces/a", "/spaces/b")
    for root in roots:
        assert b"startSessionRet_OK" in emulated.call(1001, root=root).data
    assert [len(emulated.get("/calls", root=root)["calls"]) for root in roots] == [1, 2, 2]
    line = 'rescue_emulator_calls_total{binding="get",result="startSessionRet_OK",rule="mine"} 1.0'
    assert [line in emulated.request("GET", "/metrics", root=root).text for root in roots] == [False, True, False]
    emulated.post("/reset", root="/spaces/a")
    statuses = [emulated.get("/desk", root=root)["sessions"][0]["status"] for root in roots]
    assert statuses == ["active", "waiting", "active"]


def test_every_route_exists_in_a_space_except_those_of_spaces() -> None:
    emulated = opened()
    for route in ROUTES:
        path = route.template.replace("{id}", "1").replace("{node}", "1")
        assert emulated.request("BOGUS", path, root=ROOT).status_code == 405, path
    for method, path in (("GET", "/spaces"), ("PUT", "/spaces/inner"), ("DELETE", "/spaces/a")):
        assert "ask at /__admin/spaces of the server" in detail(emulated.request(method, path, root=ROOT), 404)


def test_addresses_in_responses_lead_back_into_the_space() -> None:
    emulated = opened()
    location = emulated.request("POST", "/rules", RULE, root=ROOT).headers["Location"]
    assert location == f"{ROOT}/__admin/rules/1"
    assert emulated.client.get(location).status_code == 200
    assert f'href="{ROOT}{SERVICE}?disco"' in emulated.client.get(f"{ROOT}{SERVICE}").text
    for method, path, body, status, text in (
        ("GET", "/rules/9", None, 404, f"GET {ROOT}/__admin/rules lists"),
        ("GET", "/calls/9", None, 404, f"GET {ROOT}/__admin/calls lists"),
        ("PUT", "/desk/technicians/9", {"status": "busy"}, 404, f"GET {ROOT}/__admin/desk lists"),
        ("GET", "/rulez", None, 404, f"there is no {ROOT}/__admin/rulez; there is {ROOT}/__admin/health, "),
        ("PATCH", "/rules", None, 405, f"{ROOT}/__admin/rules takes "),
    ):
        assert text in detail(emulated.request(method, path, body, root=ROOT), status)


@pytest.mark.parametrize("path", ["/API/startSession.aspx", "/startSession", "/nowhere", "/spaces/a/API/API.asmx"])
def test_a_wrong_address_is_a_refusal_of_that_space(path: str) -> None:
    emulated = opened()
    answer = emulated.client.get(ROOT + path)
    assert answer.status_code == 404
    assert f"http://localhost{ROOT}{SERVICE}/startSession?iSession=..." in answer.text.replace("&amp;", "&")
    (refusal,) = emulated.get("/calls", root=ROOT)["calls"]
    assert f"{ROOT}{path}" in refusal["reason"]
    assert emulated.get("/calls")["last"] == 0


def test_deleting_a_space_keeps_the_others() -> None:
    emulated = opened("a", "b")
    emulated.post("/rules", RULE, root="/spaces/b")
    assert emulated.request("DELETE", "/spaces/a").status_code == 204
    assert [each["name"] for each in emulated.get("/spaces")["spaces"]] == ["b"]
    assert emulated.get("/rules", root="/spaces/b")["total"] == 4
    again = detail(emulated.request("DELETE", "/spaces/a"), 404)
    assert again == "there is no space 'a'; GET /__admin/spaces lists the open ones"


def test_a_request_to_an_unknown_space_says_how_to_open_it() -> None:
    for path in ("/__admin/calls", SERVICE):
        text = detail(Emulated().client.get(f"/spaces/nope{path}"), 404)
        assert text.startswith("there is no space 'nope': PUT /__admin/spaces/nope opens it")


def test_a_name_that_no_space_can_have_is_refused() -> None:
    for name in ("-x", "a%20b", "x" * 65, "\u00e9"):
        text = detail(Emulated().request("PUT", f"/spaces/{name}"), 400)
        assert "cannot name a space: 1 to 64 letters, digits, " in text


def test_one_space_too_many_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spaces, "max", 1)
    emulated = opened()
    text = detail(emulated.request("PUT", "/spaces/b"), 409)
    assert text == "1 spaces are open, and no more can be: DELETE some; idle ones end after 1800 s"
    assert [each["name"] for each in emulated.get("/spaces")["spaces"]] == ["a"]


def test_the_number_of_spaces_is_limited_for_concurrent_clients_too() -> None:
    spaces = Spaces(Engine(loads("name: small\n")), Settings())
    for number in range(Spaces.max - 2):
        spaces.put(f"space-{number}", None)
    barrier = Barrier(16)

    def is_opened(number: int) -> bool:
        barrier.wait()
        try:
            return spaces.put(f"more-{number}", None)[1]
        except TooManySpaces:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(is_opened, range(16))) == 2
    assert len(spaces.list()) == Spaces.max
    assert not spaces.put("space-0", None)[1]
    assert spaces.drop("space-0")
    assert spaces.put("one-more", None)[1]


def test_a_space_ends_when_it_is_idle_and_can_be_opened_anew() -> None:
    now = [0.0]
    spaces = Spaces(Engine(loads("name: small\n")), Settings(space_idle=10), lambda: now[0])
    for name in ("idle", "called", "put"):
        spaces.put(name, None)
    now[0] = 8
    assert spaces.get("called") is not None
    assert not spaces.put("put", None)[1]
    now[0] = 12
    assert [(space.name, space.used_at) for space in spaces.list()] == [("called", 8), ("put", 8)]
    assert spaces.get("idle") is None
    assert spaces.put("idle", None)[1]


def test_spaces_share_the_bytes_of_their_journals() -> None:
    spaces = Spaces(Engine(loads("name: small\n")), Settings(journal=JournalLimits(entries=1000, size=40_000)))

    def kept(name: str) -> int:
        """Return how many entries the journal of a space keeps when it is full."""
        space = spaces.get(name)
        assert space is not None
        for _ in range(100):
            space.engine.refuse(None, 404, Reason.literal("nothing is served there"))
        return len(space.engine.snapshot().entries)

    spaces.put("space-0", None)
    assert kept("space-0") == 80
    for number in range(1, 64):
        spaces.put(f"space-{number}", None)
    assert kept("space-63") == 20
    for number in range(60):
        spaces.drop(f"space-{number}")
    assert kept("space-63") == 80
