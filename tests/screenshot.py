"""Take the README's screenshot of the console: the demo after some calls."""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress

import requests
from playwright.sync_api import expect, sync_playwright

from emulator import Call, Emulator
from emulator.client.soap import build_request
from emulator.core.contract import SERVICE_PATH, Binding
from tests.helpers.paths import ROOT
from tests.web.conftest import QUIET

PICTURE = ROOT / "tests" / "golden" / "console.png"
STORY = (
    Call(1073174914, 337366, "demo-ann", Binding.SOAP11),
    Call(1073174914, 337366, "demo-ann", Binding.SOAP12),
    Call(1073174920, 337368, "demo-ann", Binding.GET),
    Call(1073174920, 337366, "demo-bob", Binding.POST),
    Call(1073174999, 337366, "demo-ann", Binding.SOAP11),
    Call(1073174999, 337366, "demo-ann", Binding.SOAP11),
    Call(1073174998, 337366, "demo-ann", Binding.SOAP12),
)


def main() -> None:
    """Write the screenshot."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("it needs the program chromium; on Debian and Ubuntu: apt-get install chromium")
    with Emulator.start(ROOT / "scenarios" / "demo.yaml") as emulator, sync_playwright() as playwright:
        origin = emulator.url.removesuffix(SERVICE_PATH)
        for request in map(build_request, STORY):
            url = origin + SERVICE_PATH + request.path
            with suppress(requests.ConnectionError):  # one session of the demo gets a reset
                requests.request(request.method, url, data=request.body, headers=request.headers, timeout=10)
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        page.goto(f"{origin}/__admin/")
        page.get_by_role("link", name=f"Open call {len(STORY)}").click()
        expect(page.locator("#call-answer")).to_contain_text("200 OK")
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
