"""Inside a space all is as at the server, and every address that is told leads back into the space."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from emulator.core.contract import Binding
from emulator.core.engine import Engine
from emulator.scenario import loads
from emulator.web.control.controlled import TooManySpaces
from emulator.web.control.problems import PROBLEM
from emulator.web.control.routes import ROUTES
from emulator.web.settings import Settings
from emulator.web.spaces import MOST_SPACES, Spaces
from tests.helpers.calling import ALL_BINDINGS
from tests.helpers.control import SCENARIO, SERVICE, Emulated

ROOT = "/spaces/team-a"
RULE = {"when": {"session": 7}, "return": "startSessionRet_OK"}


def opened(settings: Settings | None = None) -> Emulated:
    """An emulator with one space."""
    emulated = Emulated(SCENARIO, settings)
    assert emulated.ask("PUT", "/spaces/team-a").status_code == 201
    return emulated


@ALL_BINDINGS
def test_a_call_is_answered_in_each_binding_and_noted_there_alone(binding: Binding) -> None:
    emulated = opened()
    answer = emulated.call(1001, binding=binding, root=ROOT)
    assert b">startSessionRet_OK<" in answer.data
    (entry,) = emulated.told("/calls", root=ROOT)["calls"]
    assert (entry["binding"], entry["rule"]) == (binding.value, "Ann")
    assert emulated.told("/calls/1", root=ROOT)["request"]["start"].split(" ")[1].startswith(f"{ROOT}{SERVICE}")
    assert emulated.told("/calls")["last"] == 0


def test_a_new_rule_is_where_its_answer_says() -> None:
    emulated = opened()
    location = emulated.ask("POST", "/rules", RULE, root=ROOT).headers["Location"]
    assert location == f"{ROOT}/__admin/rules/1"
    assert emulated.client.get(location).status_code == 200
    assert emulated.ask("GET", "/rules/1").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("GET", "/rules/9", None, "GET {root}/__admin/rules shows"),
        ("PUT", "/rules/9", RULE, "GET {root}/__admin/rules shows"),
        ("DELETE", "/rules/9", None, "GET {root}/__admin/rules shows"),
        ("GET", "/calls/9", None, "GET {root}/__admin/calls shows"),
        ("PUT", "/desk/technicians/9", {"status": "busy"}, "GET {root}/__admin/desk shows"),
        ("PUT", "/desk/sessions/9", {"status": "active"}, "GET {root}/__admin/desk shows"),
        ("GET", "/rulez", None, "there is no {root}/__admin/rulez; there is {root}/__admin/health, "),
        ("PATCH", "/rules", None, "{root}/__admin/rules takes GET"),
    ],
)
@pytest.mark.parametrize("root", ["", ROOT], ids=["the server", "a space"])
def test_a_problem_names_addresses_that_are_about_the_same_emulator(
    method: str, path: str, body: object, where: str, root: str
) -> None:
    answer = opened().ask(method, path, body, root=root)
    assert answer.content_type == PROBLEM
    assert answer.json is not None
    assert where.format(root=root) in answer.json["detail"]


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        (None, "http://localhost"),
        ("https://public.example", "https://public.example"),
        ("https://public.example/mocks", "https://public.example/mocks"),
        ("https://public.example/API/API.asmx", "https://public.example"),
    ],
)
def test_a_space_tells_the_address_that_its_wsdl_tells(public_url: str | None, origin: str) -> None:
    emulated = opened(Settings(public_url=public_url))
    (space,) = emulated.told("/spaces")["spaces"]
    assert space["url"] == f"{origin}{ROOT}{SERVICE}"
    assert space["wsdl_url"] == f"{space['url']}?wsdl"
    assert space["control_url"] == f"{origin}{ROOT}/__admin"
    assert f'location="{space["url"]}"' in emulated.client.get(f"{ROOT}{SERVICE}?wsdl").text


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_the_guard_stands_before_a_space_too(headers: dict[str, str]) -> None:
    assert opened().ask("POST", "/reset", root=ROOT, headers=headers).status_code == 403


def test_the_token_is_asked_for_in_a_space_too() -> None:
    emulated = Emulated(settings=Settings(control_token="let-me-in"))
    right = {"Authorization": "Bearer let-me-in"}
    emulated.ask("PUT", "/spaces/team-a", headers=right)
    assert emulated.ask("GET", "/calls", root=ROOT).status_code == 401
    assert emulated.ask("GET", "/calls", root=ROOT, headers=right).status_code == 200
    assert emulated.ask("GET", "/health", root=ROOT).status_code == 200


def test_every_route_but_those_of_spaces_is_there_again() -> None:
    emulated = opened()
    for route in ROUTES:
        status = emulated.ask("BOGUS", route.path, root=ROOT).status_code
        assert status == 405, route.path
    assert emulated.ask("PUT", "/spaces/inner", root=ROOT).status_code == 404


@pytest.mark.parametrize(
    "path", ["/API/startSession.aspx", "/API/startSession", "/startSession", "/nowhere", "/spaces/team-a/API/API.asmx"]
)
def test_a_wrong_address_is_a_refusal_of_that_space(path: str) -> None:
    emulated = opened()
    answer = emulated.client.get(ROOT + path)
    assert answer.status_code == 404
    assert f"http://localhost{ROOT}{SERVICE}/startSession?iSession=..." in answer.text.replace("&amp;", "&")
    (refusal,) = emulated.told("/calls", root=ROOT)["calls"]
    assert f"{ROOT}{path}" in refusal["reason"]
    assert emulated.told("/calls")["last"] == 0


def test_metrics_are_each_spaces_own() -> None:
    emulated = opened()
    emulated.call(1001, root=ROOT)
    line = 'rescue_emulator_calls_total{binding="get",result="startSessionRet_OK",rule="Ann"} 1.0'
    assert line in emulated.ask("GET", "/metrics", root=ROOT).text
    assert line not in emulated.ask("GET", "/metrics").text


def test_spaces_that_are_opened_at_the_same_time_are_all_there() -> None:
    emulated = Emulated()
    statuses: list[int] = []

    def open_and_call(number: int) -> None:
        statuses.append(emulated.ask("PUT", f"/spaces/worker-{number % 8}").status_code)
        statuses.append(emulated.call(2, root=f"/spaces/worker-{number % 8}").status_code)

    threads = [Thread(target=open_and_call, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(201) == 8
    assert set(statuses) == {200, 201}
    spaces = emulated.told("/spaces")["spaces"]
    assert sum(emulated.told("/calls", root=f"/spaces/{each['name']}")["totals"]["calls"] for each in spaces) == 32


def test_no_more_spaces_are_open_than_can_be_however_many_ask_at_once() -> None:
    spaces = Spaces(Engine(loads("name: small\n")), Settings())
    for number in range(MOST_SPACES - 2):
        spaces.put(f"space-{number}", None)
    at_once = Barrier(16)
    refused: list[int] = []

    def open_one(number: int) -> None:
        at_once.wait()
        try:
            spaces.put(f"more-{number}", None)
        except TooManySpaces:
            refused.append(number)

    threads = [Thread(target=open_one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(spaces.news()), len(refused)) == (MOST_SPACES, 14)


def test_to_open_a_space_again_is_to_use_it() -> None:
    now = [0.0]
    spaces = Spaces(Engine(loads("name: small\n")), Settings(space_idle=10), lambda: now[0])
    for seconds in (0, 8, 16):
        now[0] = seconds
        spaces.put("mine", None)
        spaces.put(f"another-{seconds}", None)
    assert [news.name for news in spaces.news()] == ["another-8", "mine", "another-16"]
