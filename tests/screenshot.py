"""Takes the picture of the console that the README shows: the demo, after the calls that tell its story."""

from __future__ import annotations

import shutil
import sys

from playwright.sync_api import expect, sync_playwright

from emulator import Call, Emulator
from emulator.client.soap import written
from emulator.core.contract import Binding
from tests.helpers.calling import Address, everything, sent
from tests.helpers.paths import ROOT
from tests.helpers.raw_http import Request
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


def send(address: Address, call: Call) -> None:
    """One call, whatever becomes of it."""
    request = written(call)
    headers = [*request.headers.items(), ("Connection", "close")]
    body = None if request.body is None else request.body.decode()
    with sent(address, Request(request.method, f"/API/API.asmx{request.path}", headers, body)) as connection:
        try:
            everything(connection)
        except ConnectionResetError:
            print(f"session {call.session}: the connection was reset, as the demo wants it")


def main() -> None:
    """Writes the picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("the picture needs the program chromium; on Debian and Ubuntu: apt-get install chromium")
    with Emulator.start(ROOT / "scenarios" / "demo.yaml") as emulator, sync_playwright() as playwright:
        host, _, port = emulator.url.removeprefix("http://").partition("/")[0].partition(":")
        for call in STORY:
            send((host, int(port)), call)
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1480, "height": 1080}, reduced_motion="reduce")
        page.goto(emulator.url.replace("/API/API.asmx", "/__admin/"))
        page.get_by_role("button", name=f"Open call {len(STORY)}").click()
        expect(page.locator("#call")).to_be_visible()
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
