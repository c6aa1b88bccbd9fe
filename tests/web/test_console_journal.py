"""The console's journal tells the truth: no call is missed, none outlives a restart, and waiting is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from emulator import Emulator, Options
from tests.helpers.console import burst, call, console_url, opened, opener, row, rows


def test_four_hundred_calls_between_two_polls_are_all_shown(page: Page, emulator: Emulator) -> None:
    call(emulator)
    expect(rows(page)).to_have_count(1)
    burst(emulator, 400)
    expect(rows(page)).to_have_count(401)
    shown = page.locator("#calls tbody tr").evaluate_all("rows => rows.map((row) => Number(row.dataset.id))")
    assert shown == [*range(401, 0, -1)]
    expect(page.locator("#older")).to_have_text("")


def test_of_three_thousand_entries_the_last_500_are_shown_and_a_new_call_appears(
    tab: BrowserContext, folder: Path
) -> None:
    options = Options(journal_size=5000)
    with Emulator.start(folder / "front-desk.yaml", options) as emulator:
        burst(emulator, 3000)
        page = opened(tab.new_page(), emulator)
        expect(rows(page)).to_have_count(500)
        expect(page.locator("#shown")).to_have_text("the newest 500 of 3,000")
        expect(page.locator("#older")).to_have_text("2,500 older entries are not shown. ")
        call(emulator)
        expect(row(page, 3001)).to_be_visible()
        expect(rows(page)).to_have_count(500)
        page.get_by_role("button", name="Show 500 older").click()
        expect(rows(page)).to_have_count(1000)
        expect(row(page, 2002)).to_have_count(1)


def test_more_calls_than_a_page_holds_leave_no_gap_and_are_counted(page: Page, emulator: Emulator) -> None:
    call(emulator)
    expect(rows(page)).to_have_count(1)
    burst(emulator, 900)
    expect(row(page, 901)).to_be_visible()
    expect(rows(page)).to_have_count(500)
    shown = page.locator("#calls tbody tr").evaluate_all("rows => rows.map((row) => Number(row.dataset.id))")
    assert shown == [*range(901, 401, -1)]
    expect(page.locator("#older")).to_have_text("401 older entries are not shown. ")


def test_entries_that_were_dropped_are_counted(tab: BrowserContext, folder: Path) -> None:
    with Emulator.start(folder / "front-desk.yaml", Options(journal_size=3)) as emulator:
        burst(emulator, 5)
        page = opened(tab.new_page(), emulator)
        expect(rows(page)).to_have_count(3)
        expect(page.locator("#older")).to_have_text("2 entries were dropped to save memory. ")
        page.evaluate("location.hash = '#call-1'")
        expect(page.locator("#call-why")).to_contain_text("the journal dropped it")


def test_after_a_restart_old_rows_go_at_once(tab: BrowserContext, folder: Path) -> None:
    with Emulator.start(folder / "front-desk.yaml") as emulator:
        port = urlsplit(emulator.url).port
        for session in (77, 88, 88):
            call(emulator, session, 1)
        page = opened(tab.new_page(), emulator)
        opener(page, 2).click()
        expect(page.locator("#call-answer")).to_contain_text("200 OK")
    expect(page.get_by_text("The emulator does not answer.")).to_be_visible()
    with Emulator.start(folder / "front-desk.yaml", Options(port=port or 0)) as emulator:
        burst(emulator, 5, session=4242)
        expect(rows(page)).to_have_count(5)
        assert set(page.locator("#calls td.session").all_text_contents()) == {"4242"}
        expect(page.locator("#call")).to_be_hidden()
        expect(page.locator("#notice")).to_be_hidden()


@contextmanager
def waiting_call(emulator: Emulator, timeout: float) -> Iterator[None]:
    """A client that sends a call inside the block, and waits for the answer at most so long."""

    def send() -> None:
        with suppress(requests.Timeout):
            requests.get(f"{emulator.url}/startSession?iSession=9&iNode=1&sAuthCode=demo-ann", timeout=timeout)

    client = Thread(target=send)
    client.start()
    yield
    client.join()


def test_a_waiting_a_delayed_and_an_abandoned_call_are_told_apart(page: Page, emulator: Emulator) -> None:
    emulator.when(session=9).returns("startSessionRet_OK", delay="1.5s")
    with waiting_call(emulator, timeout=10):
        expect(row(page, 1).locator(".tag")).to_have_text("waiting")
        opener(page, 1).click()
        expect(page.locator("#call-answer")).to_have_text("the answer still waits")
        opener(page, 1).focus()
        expect(row(page, 1).locator(".tag")).to_have_text("delayed 1.5 s")
        expect(opener(page, 1)).to_be_focused()
    expect(row(page, 1).locator(".waited")).to_have_text(re.compile(r"1\.5\d s"))
    expect(page.locator("#call-answer")).to_contain_text("200 OK")
    with waiting_call(emulator, timeout=0.5):
        expect(row(page, 2).locator(".tag")).to_have_text("waiting")
    expect(row(page, 2).locator(".tag")).to_have_text("client left")


def test_slow_calls_are_found_by_what_the_client_waited(page: Page, emulator: Emulator) -> None:
    emulator.when(session=9).returns("startSessionRet_OK", delay="200ms")
    for session in (5, 9, 5):
        call(emulator, session)
    expect(row(page, 3)).to_be_visible()
    page.get_by_label("Waited at least").select_option("from 100 ms")
    expect(page.locator("#calls tbody tr:visible")).to_have_count(1)
    expect(row(page, 2)).to_be_visible()
    expect(page.locator("#shown")).to_have_text("1 of 3 match")


def test_the_chart_shows_calls_also_where_the_clock_of_the_browser_is_wrong(page: Page, emulator: Emulator) -> None:
    page.clock.set_fixed_time("2020-01-01")
    call(emulator)
    expect(page.locator("#legend li")).to_have_text(["OK 1"])


def test_the_journal_is_filtered(page: Page, emulator: Emulator) -> None:
    call(emulator, 77, 1, "anothers")
    call(emulator, 5)
    requests.post(emulator.url, timeout=5)
    expect(row(page, 3)).to_be_visible()
    words = page.get_by_label("Words to find")
    for text, shown in (
        ("77", [1]),
        ("node:337366", [2]),
        ("node:77", []),
        ("an***", [1]),
        ("another", []),
        ("rule:night result:ok", [1]),
        ("refused", [3]),
    ):
        words.fill(text)
        expect(page.locator("#calls tbody tr:visible")).to_have_count(len(shown))
        for number in shown:
            expect(row(page, number)).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#calls tbody tr:visible")).to_have_count(3)
    for label, option, number, count in (
        ("Outcome", "OK", 1, 1),
        ("Outcome", "refused", 3, 1),
        ("Binding", "get", 1, 2),
    ):
        page.locator("#filters").get_by_label(label, exact=True).select_option(option)
        expect(page.locator("#calls tbody tr:visible")).to_have_count(count)
        expect(row(page, number)).to_be_visible()
        page.get_by_role("button", name="Clear").click()


def test_a_paused_journal_stands_still_and_counts_what_comes(page: Page, emulator: Emulator) -> None:
    call(emulator)
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#paused")).to_have_text("Paused")
    burst(emulator, 2)
    expect(page.locator("#paused")).to_have_text("Paused: 2 new calls")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Resume").click()
    expect(rows(page)).to_have_count(3)
    expect(page.locator("#paused")).to_have_text("")


@contextmanager
def unlocked(tab: BrowserContext, folder: Path) -> Iterator[tuple[Page, Emulator]]:
    """The console of an emulator that requires a token, which it has."""
    with Emulator.start(folder / "front-desk.yaml", Options(control_token="let-me-in")) as emulator:
        page = tab.new_page()
        page.goto(console_url(emulator))
        page.get_by_label("This emulator requires its control token").fill("let-me-in")
        page.keyboard.press("Enter")
        yield page, emulator


@pytest.mark.parametrize(("kind", "key", "name"), [("As JSON", "calls", "calls.json"), ("As HAR", "log", "calls.har")])
def test_the_journal_is_downloaded_with_the_token(
    kind: str, key: str, name: str, tab: BrowserContext, folder: Path
) -> None:
    with unlocked(tab, folder) as (page, emulator):
        burst(emulator, 150)
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name=kind).click()
        assert saved.value.suggested_filename == name
        content = json.loads(Path(saved.value.path()).read_text())[key]
        assert len(content if key == "calls" else content["entries"]) == 150


@pytest.mark.parametrize(
    ("link", "name", "text"),
    [("The scenario as written", "scenario.yaml", "name: front-desk"), ("OpenAPI", "openapi.json", '"openapi"')],
)
def test_a_document_is_downloaded_with_the_token(
    link: str, name: str, text: str, tab: BrowserContext, folder: Path
) -> None:
    with unlocked(tab, folder) as (page, _):
        page.get_by_role("button", name="Addresses").click()
        with page.expect_download() as saved:
            page.get_by_role("link", name=link).click()
        assert saved.value.suggested_filename == name
        assert text in Path(saved.value.path()).read_text()
