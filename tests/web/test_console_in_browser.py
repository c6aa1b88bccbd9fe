"""The console in a real browser: a person sees what comes, why, and changes what calls get."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from emulator import Emulator, Options, RemoteEmulator
from tests.helpers.console import SCENARIO, call, card, console_url, opened, opener, row, rows, send


def service(emulator: Emulator) -> Any:
    """What zeep makes of the WSDL."""
    return zeep.Client(emulator.wsdl_url).service  # type: ignore[no-untyped-call]


def test_the_first_screen_has_the_addresses_the_form_and_the_desk(page: Page, emulator: Emulator) -> None:
    expect(page.get_by_text("No calls yet.")).to_be_visible()
    for text in (emulator.url, emulator.wsdl_url, "Three people and two sessions."):
        expect(page.locator("main").get_by_text(text, exact=True).first).to_be_in_viewport()
    for part in (page.locator("#sessions"), page.get_by_role("button", name="Send", exact=True)):
        expect(part).to_be_in_viewport()
    expect(page.locator("#chart, #filters, #calls")).to_have_count(3)
    assert not any(part.is_visible() for part in page.locator("#chart, #filters, #calls").all())
    call(emulator)
    expect(page.locator("#chart")).to_be_visible()
    expect(page.locator("#filters")).to_be_visible()
    expect(page.locator("#start")).to_be_hidden()


def test_an_address_is_copied(page: Page, emulator: Emulator, tab: BrowserContext) -> None:
    tab.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#start").get_by_role("button", name="Copy the address of the WSDL").click()
    expect(page.locator("#said")).to_have_text("Copied the address of the WSDL")
    assert page.evaluate("navigator.clipboard.readText()") == emulator.wsdl_url


def test_a_call_sent_by_zeep_appears_in_the_open_console(page: Page, emulator: Emulator) -> None:
    service(emulator).startSession(iSession=77, iNode=1, sAuthCode="demo-secret-code")
    expect(row(page, 1)).to_be_visible(timeout=2000)
    for text in ("soap11", "77", "demo***", "the night shift", "startSessionRet_OK"):
        expect(row(page, 1)).to_contain_text(text)
    assert "demo-secret-code" not in page.content()


def test_the_rule_that_answered_counts_and_leads_to_its_last_call(page: Page, emulator: Emulator) -> None:
    for session, node in ((77, 1), (77, 1), (5, 337366)):
        call(emulator, session, node)
    rule = page.locator("#rules > li").filter(has_text="the night shift")
    rule.get_by_role("link", name="2 calls, open the last, call 2").click()
    expect(page.get_by_role("heading", name="Call 2")).to_be_focused()


def test_the_chart_tells_results_from_failures_by_label_order_and_pattern(page: Page, emulator: Emulator) -> None:
    for session in (88, 88, 66):
        try:
            call(emulator, session)
        except requests.ConnectionError:
            assert session == 66
    requests.post(emulator.url, timeout=5)
    expect(page.locator("#legend li")).to_have_text(["OK 1", "Error 1", "connection reset 1", "refused 1"])
    kinds = ["ok", "other", "failure", "refused"]
    for marks in ("#bars rect", "#legend rect"):
        patterns = [mark.get_attribute("fill") for mark in page.locator(marks).all()]
        assert patterns == [f"url(#pattern-{kind})" for kind in kinds]


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
    expect(card(page, "Tess").filter(has_text="337366")).to_have_class("bad")
    assert call(emulator, 1002) == "ActionFailed"


@pytest.mark.parametrize(
    ("session", "node", "why"),
    [
        (1001, 5, "The desk decided: node 5 is not a technician."),
        (77, 1, "The rule “the night shift” (front-desk.yaml:6) accepted the call."),
        (
            5,
            337366,
            "No rule accepted the call and the desk left it undecided (the desk has no session 5), "
            "so “otherwise” answered.",
        ),
    ],
)
def test_an_opened_call_says_in_one_sentence_why(
    session: int, node: int, why: str, page: Page, emulator: Emulator
) -> None:
    call(emulator, session, node)
    opener(page, 1).click()
    expect(page.locator("#call-why")).to_have_text(re.compile(re.escape(why).replace("front", ".*front")))
    expect(page.get_by_role("heading", name="Near misses")).to_be_hidden()


def test_an_entry_opens_with_its_request_its_answer_and_the_condition_that_differed(
    page: Page, emulator: Emulator
) -> None:
    service(emulator).startSession(77, 337366, "demo-ann")
    opener(page, 1).click()
    expect(page.locator("#near")).to_contain_text("the night shift node is 337366, the rule wants 1")
    expect(page.locator("#call-request")).to_contain_text("POST /API/API.asmx HTTP/1.1")
    expect(page.locator("#call-request")).to_contain_text(re.compile(r"\n +<[^>]*iSession>77</[^>]*iSession>\n"))
    expect(page.locator("#call-request")).to_contain_text("demo-ann")
    expect(page.locator("#call-answer")).to_contain_text(re.compile(r"HTTP/1.1 200 OK\n(.*\n)+ +<startSessionResult>"))


def test_each_technical_word_explains_itself_by_keyboard(page: Page, emulator: Emulator) -> None:
    page.set_viewport_size({"width": 1920, "height": 900})  # all columns, and the desk beside an opened call
    call(emulator, 77)
    opener(page, 1).click()
    for word in (
        "Binding",
        "Session",
        "Node",
        "Auth code",
        "Decided by",
        "Outcome",
        "Waited",
        "Desk",
        "Rules",
        "Near misses",
    ):
        term = page.get_by_role("button", name=word, exact=True)
        term.press("Enter")
        explanation = page.locator(f"#{term.get_attribute('popovertarget')}")
        expect(explanation).to_be_visible()
        expect(explanation).to_contain_text(re.compile(r"\w+ \w+ .+\."))
        page.keyboard.press("Escape")
        expect(explanation).to_be_hidden()
        expect(term).to_be_focused()


def test_scenario_files_are_switched_and_a_bad_one_changes_nothing(page: Page, emulator: Emulator) -> None:
    page.get_by_label("Scenario file").select_option("wrong.yaml")
    page.get_by_role("button", name="Use", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(
        "wrong.yaml:1:10: rules[0].retrun: unknown key; did you mean 'return'?"
    )
    expect(page.locator("#health")).to_have_text("front-desk: ready")
    assert call(emulator, 77, 1) == "OK"
    page.get_by_label("Scenario file").select_option("other.yaml")
    page.get_by_role("button", name="Use", exact=True).click()
    expect(page.locator("#health")).to_have_text("other: ready")
    expect(page.get_by_text("This scenario has no desk.")).to_be_visible()
    expect(page.locator("#notice")).to_be_hidden()
    assert call(emulator, 5) == "OK"


def test_a_reset_here_or_elsewhere_empties_the_journal_and_the_desk_begins_anew(page: Page, emulator: Emulator) -> None:
    for reset in (page.get_by_role("button", name="Reset").click, emulator.reset):
        call(emulator, 1001)
        expect(rows(page)).to_have_count(1)
        rows(page).get_by_role("link").click()
        expect(page.locator("#call-answer")).to_contain_text("200 OK")
        expect(card(page, "Printer on fire")).to_have_class("ok")
        reset()
        expect(page.get_by_text("No calls yet.")).to_be_visible()
        expect(page.locator("#call")).to_be_hidden()
        expect(card(page, "Printer on fire")).to_have_class("warn")
        assert emulator.calls == ()


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
        opener(page, number).click()
        expect(page.locator("#call-title")).to_contain_text(f" {number}")
    expect(page.locator("#rules")).to_contain_text(markup)
    expect(page.locator("#rules")).to_contain_text("the line <b>drops</b>")
    assert page.locator("body script, body img, #rules b").count() == 0


def test_a_console_with_a_token_is_locked_and_empty_until_it_has_the_right_one(browser: Browser, folder: Path) -> None:
    options = Options(control_token="let-me-in")
    with Emulator.start(folder / "front-desk.yaml", options) as emulator, browser.new_context() as tab:
        call(emulator)
        page = tab.new_page()
        page.goto(console_url(emulator))
        token = page.get_by_label("This emulator requires its control token")
        expect(token).to_be_focused()
        token.fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The token is wrong.")).to_be_visible()
        expect(page.locator("#health")).to_have_text("locked")
        assert not any(part.is_visible() for part in page.locator(".data").all())
        token.fill("let-me-in")
        page.keyboard.press("Enter")
        expect(rows(page)).to_have_count(1)
        page.evaluate("sessionStorage.clear()")
        expect(token).to_be_visible()
        expect(page.get_by_text("The token is wrong.")).to_be_hidden()
        expect(rows(page)).to_have_count(0)
        assert "Printer on fire" not in page.content()


def test_a_late_refusal_of_an_earlier_token_does_not_lock_the_console(browser: Browser, folder: Path) -> None:
    options = Options(control_token="let-me-in")
    with Emulator.start(folder / "front-desk.yaml", options) as emulator, browser.new_context() as tab:
        page = tab.new_page()
        held_back: list[Route] = []

        def hold_back_a_wrong_token(route: Route) -> None:
            if route.request.headers.get("authorization") == "Bearer wrong":
                held_back.append(route)
            else:
                route.continue_()

        page.route("**/calls?*", hold_back_a_wrong_token)
        page.goto(console_url(emulator))
        token = page.get_by_label("This emulator requires its control token")
        with page.expect_request(lambda request: request.headers.get("authorization") == "Bearer wrong"):
            token.fill("wrong")
            page.keyboard.press("Enter")
        token.fill("let-me-in")
        page.keyboard.press("Enter")
        for route in held_back:
            route.continue_()
        expect(page.locator("#health")).to_have_text("front-desk: ready")
        expect(page.locator("#unlock")).to_be_hidden()


def test_a_console_without_control_says_why(browser: Browser, folder: Path) -> None:
    with Emulator.start(folder / "front-desk.yaml", Options(host="0.0.0.0")) as emulator, browser.new_context() as tab:
        page = tab.new_page()
        page.goto(console_url(emulator).replace("0.0.0.0", "127.0.0.1"))
        expect(page.get_by_role("alert")).to_contain_text("start it with --control-token")
        expect(page.locator("#journal")).to_be_hidden()


def test_a_space_has_a_console_of_its_own_which_the_servers_leads_to(page: Page, emulator: Emulator) -> None:
    with RemoteEmulator(emulator.url, space="team-a") as space:
        call(emulator)
        requests.get(f"{space.url}/startSession?iSession=5&iNode=6&sAuthCode=demo-ann", timeout=5)
        page.get_by_role("button", name="Spaces").click()
        page.get_by_role("link", name="team-a").click()
        expect(page).to_have_url(re.compile("/spaces/team-a/__admin/$"))
        expect(rows(page)).to_have_count(1)
        expect(page.locator("#about dd").first).to_contain_text(space.url)
        send(page)
        expect(page.locator("#sent-result")).to_contain_text("startSessionRet_OK")
        assert len(space.calls) == 2
        page.get_by_role("button", name="Space team-a").click()
        page.get_by_role("link", name="The server itself").click()
        expect(page).to_have_url(console_url(emulator))


def test_a_console_tells_why_the_last_edit_is_not_in_force(tab: BrowserContext, folder: Path) -> None:
    file = folder / "front-desk.yaml"
    with Emulator(file, watch=True) as emulator:
        page = opened(tab.new_page(), emulator)
        file.write_text("rules: [{retrun: startSessionRet_OK}]\n")
        expect(page.locator("#health")).to_have_text("front-desk: not healthy")
        expect(page.get_by_role("alert")).to_contain_text("did you mean 'return'?")
        file.write_text(SCENARIO)
        expect(page.locator("#health")).to_have_text("front-desk: ready")
        expect(page.locator("#notice")).to_be_hidden()
