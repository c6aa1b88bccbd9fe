"""The demo of the README, as a person gives it in the browser."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from emulator import Emulator
from tests.helpers.console import card, opened, opener, rows, send
from tests.helpers.paths import ROOT


def test_the_demo_works(tab: BrowserContext) -> None:
    with Emulator.start(ROOT / "scenarios" / "demo.yaml") as emulator:
        page = opened(tab.new_page(), emulator)
        printer, result = card(page, "Printer prints only owls"), page.locator("#sent-result")
        expect(printer).to_have_class("warn")
        send(page)  # with the values that are in the form
        expect(result).to_contain_text("startSessionRet_OK")
        expect(printer).to_have_class("ok")
        expect(printer).to_contain_text("at Tess Turner")
        send(page)
        expect(result).to_contain_text("startSessionRet_ActionFailed")
        opener(page, 2).click()
        expect(page.locator("#call-why")).to_have_text("The desk decided: session 1073174914 is active already.")
        expect(page.locator("#call-request")).to_contain_text("POST /API/API.asmx HTTP/1.1")
        expect(page.locator("#call-answer")).to_contain_text("startSessionRet_ActionFailed")
        page.get_by_role("button", name="Close").click()
        page.get_by_label("State of Tess Turner").select_option("offline")
        page.get_by_label("State of Printer prints only owls").select_option("waiting")
        expect(printer).to_have_class("warn")
        send(page)
        opener(page, 3).click()
        expect(page.locator("#call-why")).to_contain_text("Tess Turner is offline")
        page.get_by_role("button", name="Close").click()
        page.get_by_label("State of Tess Turner").select_option("online")
        expect(card(page, "Tess Turner").filter(has_text="337366")).to_have_class("ok")
        send(page)
        expect(result).to_contain_text("startSessionRet_OK")
        send(page, session=1073174999, binding="get")
        expect(result).to_contain_text("the connection was reset before any byte")
        send(page)
        expect(result).to_contain_text("startSessionRet_OK")
        expect(rows(page)).to_have_count(6)
        page.get_by_role("button", name="Reset").click()
        expect(page.get_by_text("No calls yet.")).to_be_visible()
        expect(printer).to_have_class("warn")
