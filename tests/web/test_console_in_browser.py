"""The console and the help pages in a real browser: a person sees what comes, and changes what calls get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
import zeep
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from emulator import Emulator, Options, RemoteEmulator
from emulator.core.contract import Binding, Call
from tests.helpers.axe import axe_source

SCENARIO = """
name: front-desk
rules:
  - {name: "the line <b>drops</b>", when: {session: 66}, fail: {connection: reset}}
  - {name: the night shift, when: {session: 77, node: 1}, return: startSessionRet_OK}
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{name: Tess, node: 337366}, {name: Omar, node: 337367, status: away}]
  sessions: [{id: 1001, customer: Printer on fire}, {id: 1002, customer: New phone}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "front-desk.yaml").write_text(SCENARIO)
    (tmp_path / "other.yaml").write_text("name: other\notherwise: startSessionRet_OK\n")
    (tmp_path / "wrong.yaml").write_text("rules: [{retrun: startSessionRet_OK}]\n")
    return tmp_path


@pytest.fixture
def emulator(folder: Path) -> Iterator[Emulator]:
    with Emulator.start(folder / "front-desk.yaml") as started:
        yield started


def console_url(emulator: Emulator) -> str:
    return emulator.url.replace("/API/API.asmx", "/__admin/")


def call(emulator: Emulator, session: int = 1001, node: int = 337366, auth_code: str = "demo-ann") -> str:
    """The result of a call over GET, without what all results begin with."""
    query: dict[str, str | int] = {"iSession": session, "iNode": node, "sAuthCode": auth_code}
    found = re.search(r"startSessionRet_(\w+)<", requests.get(f"{emulator.url}/startSession", query, timeout=5).text)
    return found[1] if found else ""


def service(emulator: Emulator) -> Any:
    """What zeep makes of the WSDL."""
    return zeep.Client(emulator.wsdl_url).service  # type: ignore[no-untyped-call]


@pytest.fixture
def watched(tab: BrowserContext, emulator: Emulator) -> Iterator[Page]:
    """A page; whatever the browser complains of, or asks of another server, fails the test."""
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    page = tab.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    origin = emulator.url.removesuffix("/API/API.asmx")
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []
    assert [text for text in said if "422" not in text and "ERR_CONNECTION_RESET" not in text] == []


@pytest.fixture
def page(watched: Page, emulator: Emulator) -> Page:
    """The console, open."""
    watched.goto(console_url(emulator))
    expect(watched.locator("#health")).to_have_text("front-desk: ready")
    return watched


def row(page: Page, number: int) -> Any:
    return page.locator("#calls tbody tr").filter(
        has=page.get_by_role("button", name=f"Open call {number}", exact=True)
    )


def card(page: Page, text: str) -> Any:
    return page.locator(".cards > li").filter(has_text=text)


def test_a_call_sent_by_zeep_appears_in_the_open_console(page: Page, emulator: Emulator) -> None:
    expect(page.get_by_text("No calls yet.")).to_be_visible()
    service(emulator).startSession(iSession=77, iNode=1, sAuthCode="demo-secret-code")
    expect(row(page, 1)).to_be_visible(timeout=2000)
    for text in ("soap11", "77", "demo***", "the night shift", "startSessionRet_OK"):
        expect(row(page, 1)).to_contain_text(text)
    assert "demo-secret-code" not in page.content()


def test_the_rule_that_answered_counts_and_leads_to_its_last_call_and_the_chart_has_each_result(
    page: Page, emulator: Emulator
) -> None:
    for session, node in ((77, 1), (77, 1), (5, 337366)):
        call(emulator, session, node)
    rule = page.locator("#rules > li").filter(has_text="the night shift")
    expect(rule).to_contain_text("2 calls")
    rule.get_by_role("button", name="last: call 2").click()
    expect(page.get_by_role("heading", name="Call 2")).to_be_focused()
    expect(page.locator("#legend")).to_contain_text("OK 2")
    expect(page.locator("#legend")).to_contain_text("Error 1")
    expect(page.locator("#bars rect").first).to_be_attached()


def test_the_desk_shows_what_calls_have_changed_and_is_changed_by_hand(page: Page, emulator: Emulator) -> None:
    printer, phone = card(page, "Printer on fire"), card(page, "New phone")
    expect(printer).to_have_class("warn")
    assert [call(emulator, 1001), call(emulator, 1001)] == ["OK", "ActionFailed"]
    expect(printer).to_have_class("ok")
    expect(printer).to_contain_text("at Tess")
    expect(phone).to_have_class("warn")
    page.get_by_label("State of Printer on fire").select_option("waiting")
    expect(printer).to_have_class("warn")
    assert call(emulator, 1001) == "OK"
    page.get_by_label("State of Tess").select_option("offline")
    expect(card(page, "node 337366")).to_have_class("bad")
    assert call(emulator, 1002) == "ActionFailed"


def test_a_call_that_the_desk_decided_opens_with_the_reason_and_without_near_misses(
    page: Page, emulator: Emulator
) -> None:
    call(emulator, 1001, 5)
    page.get_by_role("button", name="Open call 1").click()
    expect(page.locator("#call-summary")).to_have_text(
        "startSessionRet_ActionFailed, decided by desk (node 5 is not a technician)"
    )
    expect(page.get_by_role("heading", name="Near misses")).to_have_count(0)


def test_the_journal_is_filtered(page: Page, emulator: Emulator) -> None:
    call(emulator, 77, 1, "anothers")
    call(emulator, 5)
    requests.post(emulator.url, timeout=5)
    expect(row(page, 3)).to_be_visible()
    filters = page.get_by_role("form", name="Filter the journal")
    filters.get_by_label("Binding").select_option("get")
    expect(row(page, 3)).to_be_hidden()
    expect(row(page, 2)).to_be_visible()
    for label, value, shown in (
        ("Session", "77", [1]),
        ("Node", "337366", [2]),
        ("Auth code", "another", []),
        ("Auth code", "an***", [1]),
        ("Rule", "night", [1]),
        ("Result", "ok", [1]),
        ("Result", "refused", [3]),
        ("From ms", "100000", []),
    ):
        filters.get_by_role("button", name="Clear").click()
        expect(page.locator("#calls tbody tr:visible")).to_have_count(3)
        filters.get_by_label(label, exact=True).fill(value)
        for number in (1, 2, 3):
            expect(row(page, number)).to_be_visible(visible=number in shown)


def test_an_entry_opens_with_its_request_its_answer_and_the_condition_that_differed(
    page: Page, emulator: Emulator
) -> None:
    service(emulator).startSession(77, 337366, "demo-ann")
    page.get_by_role("button", name="Open call 1").click()
    opened = page.locator("#call")
    expect(opened.locator("#near")).to_contain_text("the night shift")
    expect(opened.locator("#near")).to_contain_text(": node is 337366, the rule wants 1")
    expect(opened.locator("#call-request")).to_contain_text("POST /API/API.asmx HTTP/1.1")
    expect(opened.locator("#call-request")).to_contain_text(re.compile(r"\n +<[^>]*iSession>77</[^>]*iSession>\n"))
    expect(opened.locator("#call-request")).to_contain_text("demo-ann")
    expect(opened.locator("#call-answer")).to_contain_text(
        re.compile(r"HTTP/1.1 200 OK\n(.*\n)+ +<startSessionResult>")
    )


def test_scenario_files_are_switched_and_a_bad_one_changes_nothing(page: Page, emulator: Emulator) -> None:
    page.get_by_label("Scenario file").select_option("wrong.yaml")
    page.get_by_role("button", name="Use").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "wrong.yaml:1:10: rules[0].retrun: unknown key; did you mean 'return'?"
    )
    expect(page.locator("#health")).to_have_text("front-desk: ready")
    assert call(emulator, 77, 1) == "OK"
    page.get_by_label("Scenario file").select_option("other.yaml")
    page.get_by_role("button", name="Use").click()
    expect(page.locator("#health")).to_have_text("other: ready")
    expect(page.get_by_text("This scenario has no desk.")).to_be_visible()
    assert call(emulator, 5) == "OK"


def test_a_reset_here_or_elsewhere_empties_the_journal_and_the_desk_begins_anew(page: Page, emulator: Emulator) -> None:
    for reset in (page.get_by_role("button", name="Reset").click, emulator.reset):
        call(emulator, 1001)
        expect(page.locator("#calls tbody tr")).to_have_count(1)
        expect(card(page, "Printer on fire")).to_have_class("ok")
        reset()
        expect(page.get_by_text("No calls yet.")).to_be_visible()
        expect(card(page, "Printer on fire")).to_have_class("warn")
        assert emulator.calls == ()


def test_a_call_is_sent_through_each_binding(page: Page, emulator: Emulator) -> None:
    form, result = page.locator("#caller"), page.locator("#sent-result")
    for binding in Binding:
        auth_code = "a+b & <é>" if binding.value.startswith("soap") else "a+b & é"
        form.get_by_label("Binding").select_option(binding.value)
        form.get_by_label("Session").fill("77")
        form.get_by_label("Node").fill("1")
        form.get_by_label("Auth code").fill(auth_code)
        form.get_by_role("button", name="Send").click()
        expect(result).to_have_text("startSessionRet_OK")
        expect(page.locator("#sent-answer")).to_contain_text("HTTP/1.1 200 OK")
        assert emulator.calls[-1].call == Call(77, 1, auth_code, binding)
        form.get_by_label("Session").fill("66")
        form.get_by_role("button", name="Send").click()
        expect(result).to_contain_text("no response")


def test_what_comes_from_outside_enters_the_page_as_text(page: Page, emulator: Emulator) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    markup = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    body = f"<a>{markup}</a>"
    service(emulator).startSession(5, 6, markup)
    requests.post(
        emulator.url, body, headers={"SOAPAction": markup.replace("/", ""), "Content-Type": "text/xml"}, timeout=5
    )
    emulator.when(session=5, name=markup).returns("startSessionRet_OK")
    call(emulator, 5)
    for number in (3, 2, 1):
        page.get_by_role("button", name=f"Open call {number}", exact=True).click()
        expect(page.locator("#call-title")).to_contain_text(f" {number}")
    expect(page.locator("#rules")).to_contain_text(markup)
    expect(page.locator("#rules")).to_contain_text("the line <b>drops</b>")
    assert page.locator("body script, body img, #rules b").count() == 0


def test_everything_is_reached_by_keyboard_alone(page: Page, emulator: Emulator) -> None:
    call(emulator, 5)
    expect(row(page, 1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the journal")).to_be_focused()
    page.keyboard.press("Enter")
    opener = page.get_by_role("button", name="Open call 1")
    for _ in range(12):
        page.keyboard.press("Tab")
        if opener.evaluate("button => button === document.activeElement"):
            break
    assert opener.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Call 1")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_the_console_fits_its_window(page: Page, emulator: Emulator) -> None:
    call(emulator, 1001, auth_code="demo-" + "x" * 120)
    requests.get(f"{emulator.url}/startSession?iSession=x", timeout=5)
    call(emulator, -2147483648, -2147483648, "nobody")
    expect(row(page, 3)).to_be_visible()
    page.get_by_role("button", name="Open call 1").click()
    expect(page.locator("#call")).to_be_visible()
    for width in (360, 700, 950, 980, 1100, 1400, 1420, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(
            "document.querySelector('#calls').scrollWidth <= document.querySelector('#journal').clientWidth"
        )


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    cache = request.config.cache
    assert cache is not None
    return axe_source(cache.mkdir("axe"))


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds that is serious or worse: the rule, and where."""
    page.evaluate(axe)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_serious_in_the_console(page: Page, emulator: Emulator, axe: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    for session in (1001, 1001, 77, 5):
        call(emulator, session)
    requests.get(f"{emulator.url}/startSession", timeout=5)
    page.get_by_role("button", name="Open call 4").click()
    expect(page.locator("#call")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent-result")).to_contain_text("startSessionRet_")
    schemes: list[tuple[Literal["light", "dark"], int]] = [("light", 360), ("dark", 1400)]
    for scheme, width in schemes:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3])
        assert (brightness < 200) is (scheme == "dark")
        assert violations(page, axe) == []


def test_each_help_page_fits_its_window_and_has_nothing_serious_for_axe(
    watched: Page, emulator: Emulator, axe: str
) -> None:
    for query in ("", "?op=startSession", "?op=other"):
        watched.goto(emulator.url + query)
        assert violations(watched, axe) == []
        for width in (360, 1100):
            watched.set_viewport_size({"width": width, "height": 800})
            assert watched.evaluate("document.documentElement.scrollWidth") <= width


def test_invoke_on_the_help_page_opens_the_xml_answer(watched: Page, emulator: Emulator) -> None:
    watched.goto(emulator.url)
    watched.get_by_role("link", name="startSession").click()
    for label, value in (("iSession", "77"), ("iNode", "1"), ("sAuthCode", "a+b & é")):
        watched.get_by_label(label).fill(value)
    with watched.expect_popup() as opened:
        watched.get_by_role("button", name="Invoke").click()
    opened.value.wait_for_load_state()
    assert "startSessionRet_OK" in opened.value.content()
    assert opened.value.url == f"{emulator.url}/startSession"
    assert emulator.calls[0].call.auth_code == "a+b & é"


def test_a_console_with_a_token_asks_for_it(browser: Browser, folder: Path) -> None:
    with (
        Emulator.start(folder / "front-desk.yaml", Options(control_token="let-me-in")) as emulator,
        browser.new_context() as tab,
    ):
        page = tab.new_page()
        held_back: list[Route] = []

        def hold_back_a_wrong_token(route: Route) -> None:
            if route.request.headers.get("authorization") == "Bearer wrong":
                held_back.append(route)
            else:
                route.continue_()

        page.route("**/calls?*", hold_back_a_wrong_token)
        page.goto(console_url(emulator))
        for token in ("wrong", "let-me-in"):
            page.get_by_label("This emulator requires its control token").fill(token)
            page.get_by_role("button", name="Unlock").click()
        expect(page.locator("#health")).to_have_text("front-desk: ready")
        with page.expect_response(lambda response: response.status == 401):
            for route in held_back:  # of the form and, if it came in between, of the next poll
                route.continue_()
        expect(page.locator("#unlock")).to_be_hidden()


def test_a_console_without_control_says_why(browser: Browser, folder: Path) -> None:
    with Emulator.start(folder / "front-desk.yaml", Options(host="0.0.0.0")) as emulator, browser.new_context() as tab:
        page = tab.new_page()
        page.goto(console_url(emulator).replace("0.0.0.0", "127.0.0.1"))
        expect(page.get_by_role("alert")).to_contain_text("start it with --control-token")


def test_a_space_has_a_console_of_its_own(tab: BrowserContext, emulator: Emulator) -> None:
    with RemoteEmulator(emulator.url, space="team-a") as space:
        call(emulator)
        requests.get(f"{space.url}/startSession?iSession=5&iNode=6&sAuthCode=demo-ann", timeout=5)
        page = tab.new_page()
        page.goto(space.url.replace("/API/API.asmx", "/__admin"))
        expect(page.locator("#calls tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#sent-result")).to_have_text("startSessionRet_OK")
        assert len(space.calls) == 2


def test_a_console_tells_why_the_last_edit_is_not_in_force(tab: BrowserContext, folder: Path) -> None:
    file = folder / "front-desk.yaml"
    with Emulator(file, watch=True) as emulator:
        page = tab.new_page()
        page.goto(console_url(emulator))
        expect(page.locator("#health")).to_have_text("front-desk: ready")
        file.write_text("rules: [{retrun: startSessionRet_OK}]\n")
        expect(page.locator("#health")).to_have_text("not healthy")
        expect(page.get_by_role("alert")).to_contain_text("did you mean 'return'?")
        file.write_text(SCENARIO)
        expect(page.locator("#health")).to_have_text("front-desk: ready")
        expect(page.locator("#notice")).to_be_hidden()
