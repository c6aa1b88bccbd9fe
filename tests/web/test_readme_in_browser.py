"""The demo of the README: its commands in a terminal, and what it says of the page in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.helpers.documents import PORT, Terminal, commands, is_as_shown


def test_the_demo_goes_as_the_readme_says(tab: BrowserContext, tmp_path: Path) -> None:
    listed = [*commands("README.md")]
    start, *calls = listed[listed.index(("make demo", "...\n")) :]
    assert len(calls) == 2
    with Terminal(tmp_path) as terminal:
        terminal.run(start[0])
        page = tab.new_page()
        page.goto(f"http://127.0.0.1:{PORT}/".replace(PORT, terminal.port))
        session = page.locator("#sessions > li").filter(has_text="1073174914")
        why = page.locator("#call-why")
        expect(session.locator("select")).to_have_value("waiting")
        for command, shown in calls:
            assert is_as_shown(terminal.run(command), shown)
            expect(session.locator("select")).to_have_value("active")
        expect(session).to_contain_text("at Tess Turner")
        page.get_by_role("link", name="Open call 2", exact=True).click()
        expect(why).to_contain_text("is active already")
        expect(page.locator("#call-request")).to_contain_text("1073174914")
        expect(page.locator("#call-answer")).to_contain_text("startSessionRet_ActionFailed")
        page.get_by_role("button", name="Close").click()
        page.get_by_label("State of Tess Turner").select_option("offline")
        page.locator("#caller").get_by_role("button", name="Send").click()
        page.get_by_role("link", name="Open call 3", exact=True).click()
        expect(why).to_contain_text("Tess Turner is offline")
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Reset").click()
        expect(session.locator("select")).to_have_value("waiting")
