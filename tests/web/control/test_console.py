"""The page of the console and its files, as they are served; tests/web has what a browser does with them."""

from __future__ import annotations

import pytest

from emulator.web.spaces import Settings
from tests.helpers.control import Emulated, detail
from tests.helpers.paths import ROOT

TOKEN = Settings(control_token="let-me-in")


def test_the_console_contains_no_data_and_is_open_to_everybody() -> None:
    emulated = Emulated(settings=TOKEN)
    page = emulated.request("GET", "/")
    assert page.status_code == 200
    assert "front-desk" not in page.text
    for name in ("console.css", "console.js"):
        assert f"static/{name}" in page.text
        assert emulated.request("GET", f"/static/{name}").status_code == 200


def test_the_readme_is_text_that_a_browser_shows() -> None:
    readme = Emulated(settings=TOKEN).request("GET", "/static/README.md")
    assert readme.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert readme.text.splitlines()[0] == (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[0]


def test_the_console_loads_its_own_files_only() -> None:
    policy = Emulated().request("GET", "/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/static/console.js"])
def test_a_browser_that_has_a_file_is_told_that_it_is_the_same(path: str) -> None:
    emulated = Emulated()
    etag = emulated.request("GET", path).headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        same = emulated.request("GET", path, headers={"If-None-Match": known})
        assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", etag)
        assert same.headers["Cache-Control"] == "no-cache"
    assert emulated.request("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_unknown_file_is_not_found() -> None:
    assert detail(Emulated().request("GET", "/static/secrets.js"), 404) == "there is no secrets.js here"


def test_the_address_without_a_slash_redirects() -> None:
    emulated = Emulated()
    response = emulated.request("GET", "")
    assert (response.status_code, response.headers["Location"]) == (308, "/__admin/")
    emulated.request("PUT", "/spaces/a")
    assert emulated.request("GET", "", root="/spaces/a").headers["Location"] == "/spaces/a/__admin/"
