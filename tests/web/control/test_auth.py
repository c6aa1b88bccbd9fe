"""Who may use the control API: the token, the Host header, and pages of other origins."""

from __future__ import annotations

import hmac
import logging

import pytest

from emulator.web.spaces import Settings
from tests.helpers.control import SERVICE, Emulated, detail

TOKEN = Settings(control_token="let-me-in")
RIGHT = {"Authorization": "Bearer let-me-in"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer wrong"}, id="a wrong one"),
        pytest.param({"Authorization": "Bearer "}, id="an empty one"),
        pytest.param({"Authorization": "Basic let-me-in"}, id="another scheme"),
        pytest.param({"Authorization": "let-me-in"}, id="no scheme"),
        pytest.param({"Authorization": "Bearer let-me-in-too"}, id="more than the token"),
        pytest.param({"Authorization": "Bearer let-me-in, Bearer let-me-in"}, id="twice"),
        pytest.param({"X-Control-Token": "let-me-in", "Cookie": "token=let-me-in"}, id="elsewhere"),
        pytest.param({"Authorization": "Bearer \xff\x80\x9b"}, id="bytes that are not UTF-8"),
    ],
)
def test_a_request_without_the_token_is_refused(headers: dict[str, str]) -> None:
    response = Emulated(settings=TOKEN).request("GET", "/calls", headers=headers)
    wrong = "wrong" if headers.get("Authorization", "").partition(" ")[2] else "missing"
    assert f"{wrong}: send the server's --control-token as 'Authorization: Bearer TOKEN'" in detail(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "let-me-in" not in response.text + repr(TOKEN)


def test_a_request_with_the_token_is_answered_under_any_host() -> None:
    for headers in (RIGHT, {"Authorization": "bearer  let-me-in"}, {**RIGHT, "Host": "rescue:8085"}):
        assert Emulated(settings=TOKEN).request("GET", "/calls", headers=headers).status_code == 200


def test_a_token_in_the_query_does_not_count_and_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    emulated = Emulated(settings=TOKEN)
    with caplog.at_level(logging.DEBUG):
        alone = emulated.request("GET", "/calls?token=let-me-in")
        beside = emulated.request("GET", "/calls?token=let-me-in", headers=RIGHT)
    assert (alone.status_code, beside.status_code) == (401, 400)
    assert "let-me-in" not in alone.text + beside.text + str(alone.headers) + caplog.text


@pytest.mark.parametrize("token", ["ouvre-\u00e0", "two==", 'a="b", c'], ids=["UTF-8", "equals signs", "parameters"])
def test_a_token_may_have_any_characters(token: str) -> None:
    headers = {"Authorization": f"Bearer {token.encode().decode('latin-1')}"}
    assert Emulated(settings=Settings(control_token=token)).request("GET", "/calls", headers=headers).status_code == 200


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare_digest(given: bytes, token: bytes) -> bool:
        compared.append((given, token))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    Emulated(settings=TOKEN).request("GET", "/calls", headers={"Authorization": "Bearer guess"})
    assert compared == [(b"guess", b"let-me-in")]


@pytest.mark.parametrize("token", [None, ""], ids=["none", "an empty one"])
def test_without_a_token_other_machines_reach_the_service_only(token: str | None) -> None:
    emulated = Emulated(settings=Settings(exposed=True, control_token=token))
    response = emulated.request("GET", "/calls", headers={"Authorization": "Bearer "})
    assert "start it with --control-token" in detail(response, 403)
    service = emulated.client.get(f"{SERVICE}?wsdl", headers={"Host": "evil.example", "Origin": "http://evil.example"})
    assert service.status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LocalHost:9999", 200), ("127.0.0.1:8085", 200), ("127.0.0.1:", 200),
        ("127.1.2.3", 200), ("[::1]:8085", 200), ("[::ffff:127.0.0.1]", 200), ("rescue.localhost", 200),
        ("public.example", 200),
        ("evil.example", 403), ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403),
        ("evillocalhost", 403), ("localhost.", 403), ("192.168.0.7:8085", 403), ("0.0.0.0:8085", 403),
        ("[::ffff:192.168.0.7]", 403), ("2130706433", 403), ("0x7f.1", 403),
        ("[::1%25lo]:8085", 400), ("::1", 400), ("[", 400), ("a b", 400), ("127.0.0.1:8085:1", 400),
        ("evil.example@localhost", 400), ("localhost@evil.example", 400), ("localhost/evil.example", 400),
        ("localhost#evil.example", 400), ("localhost\\evil.example", 400), ("localhost, evil.example", 400),
        ("evil.example,a.localhost", 400), ("evil.example\ta.localhost", 400), ("l\u00f6calhost", 400),
        ("localhost\x00.evil.example", 400),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_foreign_host_is_refused(host: str, status: int) -> None:
    settings = Settings(public_url="https://public.example/rescue")
    response = Emulated(settings=settings).request("GET", "/calls", headers={"Host": host})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True), ("HTTPS://LOCALHOST", True), ("https://public.example", True),
        ("http://evil.example", False), ("null", False), ("http://localhost:9999", False), ("http://[", False),
        ("", False), ("localhost", False), ("http://", False), ("http://localhost.evil.example", False),
        ("http://evil.example@localhost", False), ("http://localhost@evil.example", False),
        ("http://127.0.0.1", False), ("http://localhost, http://evil.example", False), ("file://", False),
        ("http://evil.example/http://localhost", False), ("http://localhost\u2028", False),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_page_of_another_origin_is_refused(origin: str, allowed: bool) -> None:
    emulated = Emulated(settings=Settings(public_url="https://public.example"))
    assert emulated.request("GET", "/calls", headers={"Origin": origin}).status_code == (200 if allowed else 403)
    assert emulated.request("POST", "/reset", headers={"Origin": origin}).status_code == (204 if allowed else 403)


@pytest.mark.parametrize(
    ("site", "mode", "destination", "allowed"),
    [
        ("same-origin", "cors", "empty", True), ("none", "navigate", "document", True),
        ("cross-site", "navigate", "document", True), ("same-site", "navigate", "document", True),
        ("cross-site", "navigate", "iframe", False), ("cross-site", "no-cors", "image", False),
        ("same-site", "no-cors", "empty", False), ("same-site", "cors", "empty", False), ("anything", "", "", False),
    ],
)  # fmt: skip
def test_what_a_browser_requests_for_a_page_of_another_site_is_refused(
    site: str, mode: str, destination: str, allowed: bool
) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    emulated = Emulated()
    assert emulated.request("GET", "/calls", headers=headers).status_code == (200 if allowed else 403)
    is_own = site in ("same-origin", "none")
    assert emulated.request("POST", "/reset", headers=headers).status_code == (204 if is_own else 403)


def test_the_guard_protects_spaces_too() -> None:
    emulated = Emulated(settings=TOKEN)
    emulated.request("PUT", "/spaces/a", headers=RIGHT)
    for status, headers in ((401, {}), (403, {**RIGHT, "Origin": "http://evil.example"}), (200, RIGHT)):
        assert emulated.request("GET", "/calls", root="/spaces/a", headers=headers).status_code == status
    assert emulated.request("GET", "/health", root="/spaces/a").status_code == 200


def test_without_control_there_is_neither_a_header_of_ours_nor_any_of_the_api_but_health_as_strangers_see_it() -> None:
    emulated = Emulated(settings=Settings(control=False))
    assert emulated.get("/health") == {"service": "rescue-emulator", "status": "ready"}
    for method, path in (("GET", "/openapi.json"), ("GET", "/calls"), ("POST", "/health"), ("GET", ""), ("GET", "/")):
        answer = emulated.request(method, path)
        assert (answer.status_code, "problem" in answer.content_type) == (404, False)
    for answer in (emulated.call(), emulated.client.get(f"{SERVICE}/startSession"), emulated.client.get("/nowhere")):
        assert not [name for name, _ in answer.headers if name.startswith("X-Emulator")]


def test_with_control_each_answer_of_the_service_has_its_number() -> None:
    emulated = Emulated()
    answers = [emulated.call(), emulated.client.get(f"{SERVICE}/startSession"), emulated.client.get("/nowhere")]
    assert [answer.headers["X-Emulator-Call"] for answer in answers] == ["1", "2", "3"]
    assert answers[0].headers["X-Emulator-Rule"] == "Ann (front-desk.yaml:5)"
    assert emulated.client.get("/favicon.ico").headers.get("X-Emulator-Call") is None
