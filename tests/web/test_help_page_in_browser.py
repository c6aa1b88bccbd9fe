"""The help pages of a running emulator in a real browser: a person finds the form, fills it in and sees the XML."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext

from emulator.emulator import Emulator
from emulator.scenario.loading import loads

SCENARIO = """
rules:
  - when: {session: 7, node: 8, auth_code: 'a+b & é'}
    return: startSessionRet_OK
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Emulator(loads(SCENARIO)) as emulator:
        yield emulator.url


def test_invoke_on_the_help_page_opens_the_xml_answer(url: str, tab: BrowserContext) -> None:
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    page = tab.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(url)
    page.get_by_role("link", name="startSession").click()
    page.get_by_label("iSession").fill("7")
    page.get_by_label("iNode").fill("8")
    page.get_by_label("sAuthCode").fill("a+b & é")
    with tab.expect_page() as opened:
        page.get_by_role("button", name="Invoke").click()
    opened.value.wait_for_load_state()
    assert "startSessionRet_OK" in opened.value.content()
    assert opened.value.url == f"{url}/startSession"
    origin = url.removesuffix("/API/API.asmx")
    assert [other for other in asked if not other.startswith((origin, "data:"))] == []
    assert said == []


@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("query", ["", "?op=startSession", "?op=other"])
def test_a_page_fits_its_window(url: str, query: str, width: int, tab: BrowserContext) -> None:
    page = tab.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(url + query)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
