"""The console in a browser: a scenario to show, calls to see, and where things are on the page."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Locator, Page, expect

from emulator import Emulator
from tests.helpers.calling import next_answers, sent
from tests.helpers.raw_http import Request

SCENARIO = """
name: front-desk
description: Three people and two sessions.
rules:
  - {name: "the line <b>drops</b>", when: {session: 66}, fail: {connection: reset}}
  - {name: the night shift, when: {session: 77, node: 1}, return: startSessionRet_OK}
  - {name: in turn, when: {session: 88}, replies: [startSessionRet_Error, startSessionRet_OK]}
desk:
  administrators: [{name: Ann, auth_code: demo-ann}]
  technicians: [{name: Tess, node: 337366}, {name: Omar, node: 337367, status: away}]
  sessions: [{id: 1001, customer: Printer on fire}, {id: 1002, customer: New phone}]
"""


def console_url(emulator: Emulator) -> str:
    return emulator.url.replace("/API/API.asmx", "/__admin/")


def call(emulator: Emulator, session: int = 1001, node: int = 337366, auth_code: str = "demo-ann") -> str:
    """The result of a call over GET, without what all results begin with."""
    query: dict[str, str | int] = {"iSession": session, "iNode": node, "sAuthCode": auth_code}
    found = re.search(r"startSessionRet_(\w+)<", requests.get(f"{emulator.url}/startSession", query, timeout=5).text)
    return found[1] if found else ""


def burst(emulator: Emulator, times: int, session: int = 5) -> None:
    """Send so many calls, pipelined on one connection."""
    address = urlsplit(emulator.url)
    request = Request("GET", f"{address.path}/startSession?iSession={session}&iNode=337366&sAuthCode=demo-ann")
    for size in [*[500] * (times // 500), times % 500]:
        with sent((address.hostname or "", address.port or 0), *[request] * size) as connection:
            next_answers(connection, size)


def opened(page: Page, emulator: Emulator) -> Page:
    """The page with the console, which has shown the state of the emulator."""
    page.goto(console_url(emulator))
    expect(page.locator("#health")).to_contain_text(": ready")
    return page


def rows(page: Page) -> Locator:
    return page.locator("#calls tbody tr")


def row(page: Page, number: int) -> Locator:
    return page.locator(f"#calls tbody tr[data-id='{number}']")


def opener(page: Page, number: int) -> Locator:
    return page.get_by_role("link", name=f"Open call {number}", exact=True)


def card(page: Page, text: str) -> Locator:
    return page.locator(".cards > li").filter(has_text=text)


def send(page: Page, **values: Any) -> None:
    """Fill in fields of the form "Send a call" by their names, and send it."""
    form = page.locator("#caller")
    for name, value in values.items():
        if name == "binding":
            form.get_by_label("Binding").select_option(value)
        else:
            form.locator(f"[name={name}]").fill(str(value))
    form.get_by_role("button", name="Send").click()
