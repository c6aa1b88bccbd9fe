"""The console's layout at each width, its use by keyboard alone, and what axe-core finds in it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Literal

import pytest
import requests
from playwright.sync_api import Page, expect

from emulator import Emulator
from tests.helpers.axe import violations
from tests.helpers.console import burst, call, opener, row, rows, send

BOX = "element => element.getBoundingClientRect().toJSON()"


def test_the_opened_call_is_beside_the_table_and_in_view_with_two_hundred_rows(page: Page, emulator: Emulator) -> None:
    burst(emulator, 200)
    expect(rows(page)).to_have_count(200)
    for width in (1024, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 720})
        page.evaluate("location.hash = '#call-1'")
        expect(page.locator("#call-answer")).to_contain_text("200 OK")
        table, panel = page.locator("#calls-scroll").evaluate(BOX), page.locator("#call").evaluate(BOX)
        assert table["right"] <= panel["left"]
        assert 0 <= panel["top"] < panel["bottom"] <= 720
        row(page, 1).scroll_into_view_if_needed()
        assert page.locator("#calls th").first.evaluate(BOX)["top"] == pytest.approx(table["top"], abs=1)
        assert page.evaluate("[scrollY, document.documentElement.scrollHeight]") == [0, 720]
        assert page.locator("#desk").is_visible() is (width == 1920)
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#desk")).to_be_visible()
        assert page.locator("#side").evaluate(BOX)["left"] >= page.locator("#calls-scroll").evaluate(BOX)["right"]


def test_on_a_narrow_screen_the_opened_call_lies_over_the_page_with_a_way_back(page: Page, emulator: Emulator) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    burst(emulator, 50)
    expect(rows(page)).to_have_count(50)
    opener(page, 3).click()
    expect(page.locator("#call-title")).to_have_text("Call 3")
    panel = page.locator("#call").evaluate(BOX)
    assert [panel[side] for side in ("left", "top", "right", "bottom")] == [0, 0, 390, 844]
    assert page.locator("#journal").evaluate("element => element.inert")
    page.get_by_role("button", name="Back to the journal").click()
    expect(page.locator("#call")).to_be_hidden()
    expect(opener(page, 3)).to_be_focused()
    expect(opener(page, 3)).to_be_in_viewport()


def test_what_a_person_reads_stays_where_it_is_while_calls_come(page: Page, emulator: Emulator) -> None:
    burst(emulator, 100)
    expect(rows(page)).to_have_count(100)
    row(page, 20).scroll_into_view_if_needed()
    before = row(page, 20).evaluate(BOX)["top"]
    burst(emulator, 30)
    expect(rows(page)).to_have_count(130)
    assert row(page, 20).evaluate(BOX)["top"] == pytest.approx(before, abs=1)


def overflowing(page: Page, *parts: str) -> list[str]:
    """The parts whose content is wider than they are."""
    return [part for part in parts if page.locator(part).evaluate("part => part.scrollWidth > part.clientWidth")]


def test_the_console_fits_its_window(page: Page, emulator: Emulator) -> None:
    call(emulator, 1001, auth_code="demo-" + "x" * 120)
    requests.get(f"{emulator.url}/startSession?iSession=x", timeout=5)
    call(emulator, -2147483648, -2147483648, "nobody")
    emulator.when(session=3, name="x" * 200).returns("startSessionRet_User_Deleted_Or_Disabled")
    call(emulator, 3)
    expect(row(page, 4)).to_be_visible()
    for width in (360, 700, 1023, 1024, 1280, 1599, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert overflowing(page, "html", "#calls-scroll", "#side") == []
        opener(page, 1).click()
        expect(page.locator("#call-answer")).to_contain_text("200 OK")
        assert overflowing(page, "html", "#calls-scroll", "#call") == []
        page.locator("#close").click()


CUT = """cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth || cell.scrollHeight > cell.clientHeight)
    .map((cell) => cell.textContent)"""


@pytest.mark.parametrize("width", [360, 390, 768, 1024, 1920])
def test_outcome_and_reason_are_shown_in_full(width: int, page: Page, emulator: Emulator) -> None:
    emulator.when(session=9).fails(connection="stall")
    call(emulator, 1001)
    call(emulator, 1001, 337367)
    call(emulator, 1001, auth_code="nobody-has-this")
    call(emulator, -2147483648, -2147483648)
    with suppress(requests.Timeout):
        requests.get(f"{emulator.url}/startSession?iSession=9&iNode=337366&sAuthCode=demo-ann", timeout=0.3)
    expect(row(page, 5)).to_contain_text("client left")
    page.set_viewport_size({"width": width, "height": 844})
    assert page.locator("#calls :is(th, td, .outcome-name, .by span):visible").evaluate_all(CUT) == []


def test_on_a_narrow_screen_the_form_comes_before_the_desk(page: Page) -> None:
    for width, below in ((390, "#desk"), (1280, "#send-a-call"), (768, "#desk")):
        page.set_viewport_size({"width": width, "height": 844})
        above = {"#desk": "#send-a-call", "#send-a-call": "#desk"}[below]
        expect(page.locator(f"{above} ~ {below}, {above} ~ * {below}")).to_be_visible()
        assert page.locator(above).evaluate(BOX)["bottom"] <= page.locator(below).evaluate(BOX)["top"]
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_in_viewport()


def test_the_panel_says_that_the_desk_is_behind_it(page: Page, emulator: Emulator) -> None:
    call(emulator)
    opener(page, 1).click()
    for width, name in ((1280, "Close and show the desk"), (1920, "Close"), (390, "Back to the journal")):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()


def test_skip_links_lead_to_the_regions_also_while_a_call_is_open(page: Page, emulator: Emulator) -> None:
    call(emulator)
    for link, place in (("the journal", "#journal"), ("the desk", "#desk"), ("the form", "#send-a-call")):
        opener(page, 1).click()
        expect(page.locator("#call-title")).to_be_focused()
        page.get_by_role("link", name=f"Skip to {link}").press("Enter")
        expect(page.locator(place)).to_be_focused()
        expect(page.locator(place)).to_be_in_viewport()
        page.evaluate("location.hash = ''")
        expect(page.locator("#call")).to_be_hidden()


def test_rows_are_reached_and_opened_by_keyboard_and_focus_comes_back(page: Page, emulator: Emulator) -> None:
    call(emulator, 5)
    expect(rows(page)).to_have_count(1)
    for _ in range(3):
        call(emulator, 5)
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the journal")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if opener(page, 4).evaluate("link => link === document.activeElement"):
            break
    assert opener(page, 4).evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    for key, number in (("ArrowDown", 3), ("ArrowDown", 2), ("ArrowUp", 3), ("End", 1), ("ArrowDown", 1), ("Home", 4)):
        page.keyboard.press(key)
        expect(opener(page, number)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#call-title")).to_have_text("Call 3")
    expect(page.locator("#call-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#call")).to_be_hidden()
    expect(opener(page, 3)).to_be_focused()


def test_motion_is_only_shown_to_those_who_did_not_ask_for_less(page: Page, emulator: Emulator) -> None:
    motions: tuple[tuple[Literal["reduce", "no-preference"], str], ...] = (
        ("reduce", "none"),
        ("no-preference", "arrive"),
    )
    for number, (motion, animation) in enumerate(motions, 2):
        page.emulate_media(reduced_motion=motion)
        if number == 2:
            call(emulator)
            expect(row(page, 1)).to_be_visible()
        call(emulator)
        name = row(page, number).locator("td").first.evaluate("cell => getComputedStyle(cell).animationName")
        assert name == animation


def shown_calls(page: Page, emulator: Emulator) -> None:
    """Fill the journal with each kind of entry, and the form with an answer."""
    for session in (1001, 1001, 77, 5, 66):
        with suppress(requests.ConnectionError):
            call(emulator, session)
    requests.get(f"{emulator.url}/startSession", timeout=5)
    emulator.when(session=5).returns("startSessionRet_OK")
    send(page)
    expect(page.locator("#sent-result")).to_contain_text("startSessionRet_")


def background(page: Page) -> int:
    """Return the sum of red, green and blue of the page's background."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", color)[:3])


def test_axe_finds_nothing_in_the_console(page: Page, emulator: Emulator, axe: str) -> None:
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    assert background(page) >= 200
    assert violations(page, axe) == []
    shown_calls(page, emulator)
    for width in (360, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page, axe) == []
        opener(page, 4).click()
        expect(page.locator("#call-title")).to_be_focused()
        assert violations(page, axe) == []
        if width == 1280:
            page.get_by_role("button", name="Answer calls like this with").click()
            assert violations(page, axe) == []
            page.keyboard.press("Escape")
        page.locator("#close").click()
    page.get_by_role("button", name="Addresses").click()
    assert violations(page, axe) == []


def test_axe_finds_enough_contrast_in_the_dark_console(page: Page, emulator: Emulator, axe: str) -> None:
    """Only colors differ from the light one."""
    contrast = ["color-contrast"]
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    assert background(page) < 200
    assert violations(page, axe, rules=contrast) == []
    shown_calls(page, emulator)
    page.set_viewport_size({"width": 1920, "height": 900})  # which shows the desk beside an opened call
    opener(page, 4).click()
    page.get_by_role("button", name="Answer calls like this with").click()
    assert violations(page, axe, rules=contrast) == []
    page.keyboard.press("Escape")
    assert violations(page, axe, rules=contrast) == []
    page.locator("#close").click()
    page.get_by_role("button", name="Addresses").click()
    assert violations(page, axe, rules=contrast) == []


def test_each_help_page_fits_its_window_and_has_nothing_serious_for_axe(
    watched: Page, emulator: Emulator, axe: str
) -> None:
    for query in ("", "?op=startSession", "?op=other"):
        watched.goto(emulator.url + query)
        assert violations(watched, axe, {"serious", "critical"}) == []
        for width in (360, 1100):
            watched.set_viewport_size({"width": width, "height": 800})
            assert watched.evaluate("document.documentElement.scrollWidth") <= width


def test_invoke_on_the_help_page_opens_the_xml_answer(watched: Page, emulator: Emulator) -> None:
    watched.goto(emulator.url)
    watched.get_by_role("link", name="startSession").click()
    for label, value in (("iSession", "77"), ("iNode", "1"), ("sAuthCode", "a+b & é")):
        watched.get_by_label(label).fill(value)
    with watched.expect_popup() as popup:
        watched.get_by_role("button", name="Invoke").click()
    popup.value.wait_for_load_state()
    assert "startSessionRet_OK" in popup.value.content()
    assert popup.value.url == f"{emulator.url}/startSession"
    assert emulator.calls[0].call.auth_code == "a+b & é"
