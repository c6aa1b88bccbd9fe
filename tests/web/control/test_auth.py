"""Who may use the control API, and who may not."""

from __future__ import annotations

import hmac
import logging

import pytest

from emulator.web.control.problems import PROBLEM
from emulator.web.settings import Settings
from tests.helpers.control import SERVICE, Emulated

TOKEN = Settings(control_token="let-me-in")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no token"),
        pytest.param({"Authorization": "Bearer wrong"}, 401, id="a wrong token"),
        pytest.param({"Authorization": "Bearer "}, 401, id="an empty token"),
        pytest.param({"Authorization": "Basic let-me-in"}, 401, id="another scheme"),
        pytest.param({"Authorization": "Bearer"}, 401, id="the scheme alone"),
        pytest.param({"Authorization": "let-me-in"}, 401, id="no scheme"),
        pytest.param({"Authorization": "Bearer let-me-in-too"}, 401, id="more than the token"),
        pytest.param({"Authorization": "Bearer let-me-in, Bearer let-me-in"}, 401, id="the token twice"),
        pytest.param({"X-Control-Token": "let-me-in", "Cookie": "token=let-me-in"}, 401, id="the token elsewhere"),
        pytest.param({"Authorization": "Bearer l\u00e9t-me-in"}, 401, id="a token that is no ASCII"),
        pytest.param({"Authorization": "Bearer \xff\x80\x9b"}, 401, id="bytes that are no text"),
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


@pytest.mark.parametrize("name", ["token", "control_token", "access_token"])
def test_a_token_in_the_query_opens_nothing_and_is_repeated_nowhere(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    emulated = Emulated(settings=TOKEN)
    with caplog.at_level(logging.DEBUG):
        answer = emulated.ask("GET", f"/calls?{name}=let-me-in")
        also = emulated.ask("GET", f"/calls?{name}=let-me-in", headers={"Authorization": "Bearer let-me-in"})
    assert (answer.status_code, also.status_code) == (401, 400)
    assert "let-me-in" not in answer.text + also.text + str(answer.headers) + caplog.text


def test_a_token_that_is_no_ascii_can_be_sent_as_utf_8() -> None:
    token = "ouvre-\u00e0"  # its last byte would be a space in Latin-1
    settings = Settings(control_token=token)
    headers = {"Authorization": f"Bearer {token.encode().decode('latin-1')}"}
    assert Emulated(settings=settings).ask("GET", "/calls", headers=headers).status_code == 200


def test_an_empty_token_is_none() -> None:
    emulated = Emulated(settings=Settings(control_token="", exposed=True))
    assert emulated.ask("GET", "/calls", headers={"Authorization": "Bearer "}).status_code == 403


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare_digest(given: bytes, wanted: bytes) -> bool:
        compared.append((given, wanted))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    Emulated(settings=TOKEN).ask("GET", "/calls", headers={"Authorization": "Bearer guess"})
    assert compared == [(b"guess", b"let-me-in")]


def test_a_server_that_others_reach_and_that_has_no_token_has_its_control_api_off() -> None:
    emulated = Emulated(settings=Settings(exposed=True))
    answer = emulated.ask("GET", "/calls")
    assert (answer.status_code, answer.content_type) == (403, PROBLEM)
    assert answer.json is not None
    assert "start it with --control-token" in answer.json["detail"]
    assert emulated.call().status_code == 200


@pytest.mark.parametrize("settings", [TOKEN, Settings(exposed=True), Settings()], ids=["a token", "exposed", "local"])
def test_that_it_is_ready_is_told_to_everybody_by_any_name_and_no_more(settings: Settings) -> None:
    answer = Emulated(settings=settings).ask("GET", "/health", headers={"Host": "rescue:8085"})
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_what_is_wrong_is_told_to_those_who_may_ask() -> None:
    emulated = Emulated(settings=TOKEN, trouble="front-desk.yaml:7:3: unknown key")
    stranger = emulated.ask("GET", "/health")
    known = emulated.ask("GET", "/health", headers={"Authorization": "Bearer let-me-in"})
    assert (stranger.status_code, known.status_code) == (503, 503)
    assert "front-desk" not in stranger.text
    assert "front-desk.yaml:7:3" in known.text


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True), ("localhost:8085", True), ("LOCALHOST:8085", True), ("127.0.0.1:8085", True),
        ("127.1.2.3", True), ("[::1]:8085", True), ("rescue.localhost", True), ("public.example", True),
        ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.evil.example", False),
        ("192.168.0.7:8085", False), ("[", False), ("a b", False),
        ("LocalHost:9999", True), ("[::1]", True), ("127.0.0.1:", True),
        ("localhost.", False), ("[::ffff:127.0.0.1]", True), ("[::ffff:192.168.0.7]", False),
        ("[::1%25lo]:8085", False), ("0.0.0.0:8085", False),
        ("2130706433", False), ("0x7f.1", False), ("::1", False), ("127.0.0.1:8085:1", False),
        ("evil.example@localhost", False), ("localhost@evil.example", False), ("evil.example:x@localhost:8085", False),
        ("localhost/evil.example", False), ("localhost#evil.example", False), ("localhost?evil.example", False),
        ("localhost\\evil.example", False), ("localhost, evil.example", False), ("evil.example,a.localhost", False),
        ("evil.example a.localhost", False), ("evil.example\ta.localhost", False), ("evillocalhost", False),
        ("l\u00f6calhost", False), ("localhost\x00.evil.example", False),
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
        ("HTTP://LOCALHOST", True),
        ("http://evil.example", False), ("null", False), ("http://localhost:9999", False), ("http://[", False),
        ("", False), ("localhost", False), ("http://", False), ("http://localhost.evil.example", False),
        ("http://evil.example@localhost", False), ("http://localhost@evil.example", False),
        ("http://127.0.0.1", False), ("http://localhost, http://evil.example", False), ("file://", False),
        ("http://evil.example/http://localhost", False), ("http://localhost\u2028", False), ("NULL", False),
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


@pytest.mark.parametrize(
    ("site", "mode", "destination", "allowed"),
    [
        ("same-origin", "cors", "empty", True), ("none", "navigate", "document", True),
        ("cross-site", "navigate", "document", True), ("same-site", "navigate", "document", True),
        ("cross-site", "navigate", "iframe", False), ("cross-site", "no-cors", "image", False),
        ("cross-site", "no-cors", "script", False), ("same-site", "no-cors", "empty", False),
        ("same-site", "cors", "empty", False), ("cross-site", "websocket", "empty", False),
        ("anything", "", "", False),
    ],
)  # fmt: skip
def test_what_a_browser_asks_for_a_page_of_another_site_is_refused(
    site: str, mode: str, destination: str, allowed: bool
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    emulated = Emulated()
    assert emulated.ask("GET", "/calls", headers=headers).status_code == (200 if allowed else 403)
    is_own = site in ("same-origin", "none")
    assert emulated.ask("POST", "/reset", headers=headers).status_code == (204 if is_own else 403)


@pytest.mark.parametrize(
    "path", ["/calls", "/calls/1", "/metrics", "/scenario", "/openapi.json", "/health", "/nope", ""]
)
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_no_answer_becomes_part_of_a_page_of_another_origin(path: str, host: str) -> None:
    headers = Emulated().ask("GET", path, headers={"Host": host}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not [name for name, _ in headers if name.lower().startswith("access-control-")]


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
