"""A page of somebody else in a real browser: it changes nothing in the emulator and reads nothing of it.

The page is at another port of this machine (another origin of the same site), at the emulator's own port under a name
of its own (DNS rebinding), or nowhere at all (a sandboxed frame, a ``data:`` address).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import BrowserContext, Frame, Page, expect

from emulator import Emulator, Options

TOLD: Final = "a-name-to-be-found"
SCENARIO: Final = f"""
name: {TOLD}
rules:
  - {{name: {TOLD}, when: {{session: 77}}, return: startSessionRet_OK}}
desk:
  administrators: [{{name: Ann, auth_code: demo-ann}}]
  technicians: [{{name: {TOLD}, node: 337366}}]
  sessions: [{{id: 1001}}]
"""
RULE: Final = '{"when": {"session": 5}, "return": "startSessionRet_OK"}'

# Each tries something at ADMIN, the address of the control API, and gives what it could read.
_HELPERS: Final = """
const text = async (url, options) => { try { return await (await fetch(url, options)).text(); } catch { return ""; } };
const once = (target, ...events) => new Promise((done) => {
  for (const event of events) target.addEventListener(event, () => done(event));
  setTimeout(done, 3000, "late");
});
const form = async (path, type, values) => {
  const frame = Object.assign(document.createElement("iframe"), { name: "sink" });
  document.body.append(frame);
  const form = document.body.appendChild(document.createElement("form"));
  Object.assign(form, { method: "post", action: ADMIN + path, enctype: type, target: "sink" });
  for (const [name, value] of Object.entries(values)) {
    const input = form.appendChild(document.createElement("input"));
    Object.assign(input, { type: "hidden", name, value });
  }
  form.submit();
  await once(frame, "load");
  try { return frame.contentDocument.body.innerText; } catch { return ""; } finally { frame.remove(); }
};
const include = async (tag, attributes) => {
  const element = Object.assign(document.createElement(tag), attributes);
  document.head.append(element);
  const event = await once(element, "load", "error");
  return event === "load" ? `loaded as ${tag}` : "";
};
const framed = async (path) => {
  const frame = Object.assign(document.createElement("iframe"), { src: ADMIN + path });
  document.body.append(frame);
  await once(frame, "load");
  try { return frame.contentDocument.body.innerText; } catch { return ""; }
};
const xhr = (method, path, body, credentials) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.withCredentials = credentials;
  request.onloadend = () => done(request.responseText);
  request.open(method, ADMIN + path);
  request.send(body);
});
"""
_JSON: Final = '"Content-Type": "application/json"'
ATTEMPTS: Final = {
    "a form": 'form("/reset", "application/x-www-form-urlencoded", {a: "b"})',
    "a form with a file's type": 'form("/rules", "multipart/form-data", {a: RULE})',
    "a form of text with JSON in it": """form("/rules", "text/plain", {'{"when": {"session": 5}, "x': '": 1}'})""",
    "a form for the scenario's file": 'form("/scenarios/other.yaml", "text/plain", {})',
    "fetch of text without CORS": 'text(ADMIN + "/rules", {method: "POST", mode: "no-cors", body: RULE})',
    "fetch for a reset without CORS": 'text(ADMIN + "/reset", {method: "POST", mode: "no-cors"})',
    "fetch of the journal without CORS": 'text(ADMIN + "/calls", {mode: "no-cors"})',
    "fetch of the journal": 'text(ADMIN + "/calls")',
    "fetch of one call": 'text(ADMIN + "/calls/1")',
    "fetch of the health": 'text(ADMIN + "/health")',
    "fetch of JSON": f'text(ADMIN + "/rules", {{method: "POST", headers: {{{_JSON}}}, body: RULE}})',
    "fetch with credentials": 'text(ADMIN + "/calls", {credentials: "include"})',
    "fetch for a reset with credentials": 'text(ADMIN + "/reset", {method: "POST", credentials: "include"})',
    "fetch with a guessed token": 'text(ADMIN + "/calls", {headers: {Authorization: "Bearer guess"}})',
    "fetch in a worker": (
        "new Promise((done) => { const code = `fetch('${ADMIN}/reset', {method: 'POST'}).then((got) => got.text())"
        ".then(postMessage, () => postMessage(''))`; const worker = new Worker(URL.createObjectURL(new Blob([code])));"
        ' worker.onmessage = ({data}) => done(data); worker.onerror = () => done(""); })'
    ),
    "XMLHttpRequest": 'xhr("GET", "/calls", null, false)',
    "XMLHttpRequest with credentials": 'xhr("POST", "/reset", null, true)',
    "a beacon": '(navigator.sendBeacon(ADMIN + "/reset"), new Promise((done) => setTimeout(done, 300, "")))',
    "a beacon of JSON": (
        '(navigator.sendBeacon(ADMIN + "/rules", new Blob([RULE], {type: "application/json"})),'
        ' new Promise((done) => setTimeout(done, 300, "")))'
    ),
    **{
        f"{method} of {path}": f'text(ADMIN + "{path}", {{method: "{method}", headers: {{{_JSON}}}, body: {body}}})'
        for method, path, body in (
            ("DELETE", "/calls", "undefined"),
            ("DELETE", "/rules", "undefined"),
            ("DELETE", "/spaces/team-a", "undefined"),
            ("PUT", "/scenario", '"{}"'),
            ("PUT", "/spaces/team-b", "undefined"),
            ("PUT", "/desk/sessions/1001", """'{"status": "closed"}'"""),
            ("PATCH", "/rules", "RULE"),
        )
    },
    "an image": 'include("img", {src: ADMIN + "/calls"})',
    "a script": 'include("script", {src: ADMIN + "/calls"})',
    "a script of Prometheus text": 'include("script", {src: ADMIN + "/metrics"})',
    "a script of the console": 'include("script", {src: ADMIN + "/static/server.js", type: "module"})',
    "a stylesheet": 'include("link", {rel: "stylesheet", href: ADMIN + "/scenario"})',
    "a frame of the journal": 'framed("/calls")',
    "a frame of the console": 'framed("/")',
    "an event source": (
        "new Promise((done) => { const source = new EventSource(ADMIN + '/calls');"
        ' source.onmessage = ({data}) => done(data); source.onerror = () => done(""); })'
    ),
    "a web socket": (
        "new Promise((done) => { const socket = new WebSocket(ADMIN.replace('http', 'ws') + '/calls');"
        ' socket.onmessage = ({data}) => done(data); socket.onerror = () => done(""); })'
    ),
    "a window": (
        '(async () => { const opened = open(ADMIN + "/calls"); await new Promise((done) => setTimeout(done, 500));'
        " try { return opened.document.body.innerText; } catch { return ''; } finally { opened?.close(); } })()"
    ),
}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The address of a page on another port of this machine."""
    page = "<!doctype html><title>Another page</title><body>"
    with Emulator.start({"otherwise": {"fail": {"status": 200, "body": page, "content_type": "text/html"}}}) as other:
        yield f"{other.url}/startSession?iSession=1&iNode=2&sAuthCode=x"


TOKEN: Final = "let-me-in"
PASS: Final = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with started(tmp_path) as found:
        yield found


@pytest.fixture
def page(tab: BrowserContext) -> Page:
    return tab.new_page()


@contextmanager
def started(folder: Path, options: Options | None = None) -> Iterator[Emulator]:
    """One that has something of everything that a page could take away."""
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "other.yaml").write_text("name: other\n")
    with Emulator.start(folder / "scenario.yaml", options) as emulator:
        emulator.when(session=78, name=TOLD).returns("startSessionRet_OK")
        requests.get(f"{emulator.url}/startSession?iSession=77&iNode=1&sAuthCode={TOLD}", timeout=5)
        requests.put(f"{admin(emulator)}/spaces/team-a", headers=PASS, timeout=5).raise_for_status()
        yield emulator


def admin(emulator: Emulator) -> str:
    return emulator.url.replace("/API/API.asmx", "/__admin")


def state(emulator: Emulator) -> Any:
    """All that a page could have changed."""

    def told(path: str) -> Any:
        return requests.get(admin(emulator) + path, headers=PASS, timeout=5).text

    spaces = [space["name"] for space in json.loads(told("/spaces"))["spaces"]]
    calls = json.loads(told("/calls"))["calls"]
    return [told("/rules"), told("/scenario"), told("/scenarios"), told("/desk"), spaces, calls]


def what_is_read(page: Page | Frame, emulator: Emulator, at: str = "") -> dict[str, str]:
    """Make every attempt from a page; return what it could read by which one. An attempt that changes something fails.

    ``at`` is another root at which the page finds the control API.
    """
    names = f"const ADMIN = {json.dumps(at or admin(emulator))}, RULE = {json.dumps(RULE)};"
    before = state(emulator)
    found: dict[str, str] = {}
    for how, attempt in ATTEMPTS.items():
        found[how] = page.evaluate(f"async () => {{ {names}{_HELPERS} return await ({attempt}); }}")
        assert state(emulator) == before, how
    return {how: text for how, text in found.items() if text}


def test_a_page_at_another_port_changes_and_reads_nothing(emulator: Emulator, elsewhere: str, page: Page) -> None:
    page.goto(elsewhere)
    assert what_is_read(page, emulator) == {}


@pytest.mark.parametrize(
    ("token", "refusal"), [(None, "requests for the host 'evil.test"), (TOKEN, "a token is missing")]
)
def test_a_page_whose_name_leads_here_changes_and_reads_nothing(
    token: str | None, refusal: str, page: Page, tmp_path: Path
) -> None:
    with started(tmp_path, Options(control_token=token)) as emulator:
        rebound = emulator.url.replace("127.0.0.1", "evil.test")
        page.goto(rebound)
        expect(page.get_by_role("link", name="startSession")).to_be_visible()
        texts = what_is_read(page, emulator, rebound.replace("/API/API.asmx", "/__admin"))
        assert refusal in texts["fetch of the journal"]
        assert [how for how, text in texts.items() if TOLD in text] == []


@pytest.mark.parametrize(
    "attributes",
    [{"sandbox": "allow-scripts allow-forms", "srcdoc": "<body>"}, {"src": "data:text/html,<body>"}],
    ids=["sandbox", "data"],
)
def test_a_page_of_no_origin_changes_and_reads_nothing(
    attributes: dict[str, str], emulator: Emulator, elsewhere: str, page: Page
) -> None:
    page.goto(elsewhere)
    page.evaluate(
        "(attributes) => new Promise((onload) => "
        "document.body.append(Object.assign(document.createElement('iframe'), attributes, { onload })))",
        attributes,
    )
    assert page.frames[1].evaluate("self.origin") == "null"
    assert what_is_read(page.frames[1], emulator) == {}


def test_a_link_to_the_journal_is_followed_for_the_person_alone(emulator: Emulator, elsewhere: str, page: Page) -> None:
    page.goto(elsewhere)
    page.evaluate(f"location = '{admin(emulator)}/calls'")
    page.wait_for_url("**/__admin/calls")
    assert TOLD in page.content()


def test_the_service_itself_may_be_called_from_any_page(emulator: Emulator, elsewhere: str, page: Page) -> None:
    page.goto(elsewhere)
    before = len(emulator.calls)
    query = "iSession=77&iNode=1&sAuthCode=x"
    page.evaluate(f"fetch('{emulator.url}/startSession?{query}', {{mode: 'no-cors'}}).then(() => 0)")
    assert len(emulator.calls) == before + 1
