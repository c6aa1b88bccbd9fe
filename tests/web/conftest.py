"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from emulator import Emulator
from tests.helpers.axe import axe_source
from tests.helpers.console import SCENARIO, opened

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.test 127.0.0.1",  # what DNS rebinding comes to
]

expect.set_options(timeout=20_000)  # a test that waits fails; a busy machine may take long


@pytest.fixture(scope="module")  # no wider: while it is open, this thread has a running event loop
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("the tests of pages need the program chromium; on Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for a module, since each takes 0.6 s of CPU: pages of emulators at other ports share no storage."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def tab(profile: BrowserContext) -> Iterator[BrowserContext]:
    """Where pages can be opened; they are closed after the test."""
    yield profile
    for page in profile.pages:
        page.close()
    profile.clear_permissions()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Scenario files to choose from: the one that is served, another, and a wrong one."""
    (tmp_path / "front-desk.yaml").write_text(SCENARIO)
    (tmp_path / "other.yaml").write_text("name: other\notherwise: startSessionRet_OK\n")
    (tmp_path / "wrong.yaml").write_text("rules: [{retrun: startSessionRet_OK}]\n")
    return tmp_path


@pytest.fixture
def emulator(folder: Path) -> Iterator[Emulator]:
    with Emulator.start(folder / "front-desk.yaml") as started:
        yield started


@pytest.fixture
def watched(tab: BrowserContext, emulator: Emulator) -> Iterator[Page]:
    """A page; whatever the browser complains of, or asks of another server, fails the test.

    It complains of each refused request, too; that the page shows the reason is tested where it is refused.
    """
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", record := lambda request: asked.append(request.url))
    page = tab.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    tab.remove_listener("request", record)
    origin = emulator.url.removesuffix("/API/API.asmx")
    assert [url for url in asked if not url.startswith((origin, "data:", f"blob:{origin}"))] == []
    assert [text for text in said if "status of 404" not in text and "status of 422" not in text] == []


@pytest.fixture
def page(watched: Page, emulator: Emulator) -> Page:
    """The console, open."""
    return opened(watched, emulator)


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """The source of axe-core."""
    cache = request.config.cache
    assert cache is not None
    return axe_source(cache.mkdir("axe"))
