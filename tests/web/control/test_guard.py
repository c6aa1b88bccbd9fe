"""Who may use the control API, and who may not."""

from __future__ import annotations

import pytest

from emulator.web.control.problems import PROBLEM
from emulator.web.settings import Settings
from tests.web.control.asking import SERVICE, Emulated

TOKEN = Settings(control_token="let-me-in")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no token"),
        pytest.param({"Authorization": "Bearer wrong"}, 401, id="a wrong token"),
        pytest.param({"Authorization": "Bearer "}, 401, id="an empty token"),
        pytest.param({"Authorization": "Basic let-me-in"}, 401, id="another scheme"),
        pytest.param({"Authorization": "Bearer l\u00e9t-me-in"}, 401, id="a token that is no ASCII"),
        pytest.param({"Authorization": "Bearer let-me-in"}, 200, id="the token"),
        pytest.param({"Authorization": "bearer  let-me-in"}, 200, id="the token, in other letters"),
        pytest.param({"Authorization": "Bearer let-me-in", "Host": "rescue:8085"}, 200, id="the token, by any name"),
    ],
)
def test_where_a_token_is_set_it_is_asked_for(headers: dict[str, str], status: int) -> None:
    answer = Emulated(settings=TOKEN).ask("GET", "/calls", headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json is not None
        assert "Authorization: Bearer TOKEN" in answer.json["detail"]


def test_the_token_is_in_no_answer_and_in_no_repr() -> None:
    answer = Emulated(settings=TOKEN).ask("GET", "/calls", headers={"Authorization": "Bearer wrong"})
    assert "let-me-in" not in answer.text + repr(TOKEN)


def test_a_server_that_others_reach_and_that_has_no_token_has_its_control_api_off() -> None:
    emulated = Emulated(settings=Settings(exposed=True))
    answer = emulated.ask("GET", "/calls")
    assert (answer.status_code, answer.content_type) == (403, PROBLEM)
    assert answer.json is not None
    assert "start it with --control-token" in answer.json["detail"]
    assert emulated.call().status_code == 200


@pytest.mark.parametrize("settings", [TOKEN, Settings(exposed=True)], ids=["a token", "exposed"])
def test_the_health_is_told_to_everybody_by_any_name(settings: Settings) -> None:
    assert Emulated(settings=settings).ask("GET", "/health", headers={"Host": "rescue:8085"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True), ("localhost:8085", True), ("LOCALHOST:8085", True), ("127.0.0.1:8085", True),
        ("127.1.2.3", True), ("[::1]:8085", True), ("rescue.localhost", True), ("public.example", True),
        ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.evil.example", False),
        ("192.168.0.7:8085", False), ("[", False), ("a b", False),
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused(host: str, allowed: bool) -> None:
    settings = Settings(public_url="https://public.example/rescue")
    answer = Emulated(settings=settings).ask("GET", "/calls", headers={"Host": host})
    assert answer.status_code == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True), ("https://localhost", True), ("https://public.example", True),
        ("http://evil.example", False), ("null", False), ("http://localhost:9999", False), ("http://[", False),
        ("", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_is_refused(method: str, origin: str, allowed: bool) -> None:
    emulated = Emulated(settings=Settings(public_url="https://public.example"))
    path = "/calls" if method == "GET" else "/reset"
    answer = emulated.ask(method, path, headers={"Origin": origin})
    assert (answer.status_code < 300) is allowed
    if not allowed:
        assert answer.status_code == 403


def test_the_token_does_not_open_the_door_to_pages_of_other_origins() -> None:
    headers = {"Authorization": "Bearer let-me-in", "Origin": "http://evil.example"}
    assert Emulated(settings=TOKEN).ask("GET", "/calls", headers=headers).status_code == 403


def test_the_service_itself_is_for_everybody() -> None:
    emulated = Emulated(settings=TOKEN)
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert emulated.client.get(f"{SERVICE}?wsdl", headers=headers).status_code == 200


def test_without_control_there_is_neither_the_api_nor_a_header_of_ours() -> None:
    emulated = Emulated(settings=Settings(control=False))
    assert emulated.ask("GET", "/health").status_code == 404
    for answer in (emulated.call(), emulated.client.get(f"{SERVICE}/startSession"), emulated.client.get("/nowhere")):
        assert not [name for name, _ in answer.headers if name.startswith("X-Emulator")]


def test_with_control_each_answer_of_the_service_tells_its_number() -> None:
    emulated = Emulated()
    answers = [emulated.call(), emulated.client.get(f"{SERVICE}/startSession"), emulated.client.get("/nowhere")]
    assert [answer.headers["X-Emulator-Call"] for answer in answers] == ["1", "2", "3"]
    assert answers[0].headers["X-Emulator-Rule"] == "Ann (front-desk.yaml:5)"


def test_a_browsers_own_question_for_an_icon_is_no_refusal() -> None:
    emulated = Emulated()
    assert emulated.client.get("/favicon.ico").status_code == 404
    assert emulated.told("/calls")["calls"] == []


def test_the_console_is_strict_about_what_it_loads() -> None:
    emulated = Emulated(settings=TOKEN)
    page = emulated.ask("GET", "/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for name in ("console.css", "console.js"):
        assert f"static/{name}" in page.text
        assert emulated.ask("GET", f"/static/{name}").status_code == 200
    assert emulated.ask("GET", "/static/secrets.js").status_code == 404
    assert emulated.ask("GET", "").headers["Location"] == "/__admin/"
