"""Texts that would steer a terminal, end a line, turn the writing or end a tag: none does, wherever it is shown."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from playwright.sync_api import BrowserContext, expect
from werkzeug.test import Client, TestResponse

from emulator import Emulator
from emulator.core.contract import NAMESPACE, SOAP_ACTION, Result
from emulator.core.engine import Engine
from emulator.core.matching import When
from emulator.core.replies import Reply, Return
from emulator.core.rules import Rule, Scenario
from emulator.escaping import visible
from emulator.fluent import account
from emulator.logs import FORMATS, JsonFormatter, TextFormatter
from emulator.scenario.loading import loads
from emulator.web.app import Application
from tests.helpers.calling import call, run
from tests.helpers.listening import answering, listening
from tests.helpers.raw_http import Request
from tests.web.conftest import browser, profile, tab

__all__ = ["browser", "profile", "tab"]

SERVICE: Final = "/API/API.asmx"
HOSTILE: Final = {
    "a line of its own": "a\r\n2026-11-24 08:15:00.123 INFO forged",
    "NUL": "a\0b",
    "a colour": "\x1b[31mred\x1b[0m",
    "a window's title": "\x1b]0;title\x07",
    "a link": "\x1b]8;;http://evil.test\x1b\\here\x1b]8;;\x1b\\",
    "C1 controls": "\x9b31mred\x85next",
    "DEL and backspaces": "abc\b\b\b\x7f",
    "line separators": "a\u2028b\u2029c",
    "turned writing": "a\u202egpj.exe\u2066b",
    "nothing to see": "a\u200b\ufeffb\U000e0041",
    "half a character": "a\ud800b",
    "markup": "</script></title><script>alert(1)</script><img src=x onerror=alert(2)>",
    "what fills in": "%s %d {0} {name} ${x} {{7*7}}",
    "a very long text": "long " * 4000,
}


def is_plain(shown: str) -> bool:
    """Whether nothing but line feeds steers what shows it."""
    return all(sign.isprintable() or sign == "\n" for sign in shown)


def test_there_is_something_to_find() -> None:
    steering = {name for name, text in HOSTILE.items() if not is_plain(text)}
    assert steering == set(HOSTILE) - {"markup", "what fills in", "a very long text"}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_made_visible_is_plain_and_all_else_stays(name: str) -> None:
    text = HOSTILE[name]
    assert is_plain(visible(text))
    assert visible(f"\u00e9 {text} \U0001f600").startswith("\u00e9 ")
    if is_plain(text):
        assert visible(text) == text


def quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def in_a_header(text: str) -> str:
    """A text as WSGI has the bytes of a header."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def get(client: Client, query: str) -> TestResponse:
    return client.get(f"{SERVICE}/startSession?{query}")


def soap(client: Client, inside: str = "", **environ: str) -> TestResponse:
    call = f'<startSession xmlns="{NAMESPACE}">{inside}</startSession>'
    envelope = f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{call}</e:Body></e:Envelope>'
    told = {"CONTENT_TYPE": "text/xml; charset=utf-8", "HTTP_SOAPACTION": f'"{SOAP_ACTION}"'} | environ
    data = envelope.encode("utf-8", "surrogatepass")
    return client.post(SERVICE, data=data, environ_overrides=told)


def named(client: Client, environ: dict[str, str], path: str = f"{SERVICE}/startSession") -> TestResponse:
    return client.get(path, query_string="iSession=1&iNode=2&sAuthCode=x", environ_overrides=environ)


def whole(path: str) -> dict[str, str]:
    return {"PATH_INFO": in_a_header(path)}


CHANNELS: Final[dict[str, Callable[[Client, str], TestResponse]]] = {
    "an auth code over GET": lambda client, text: get(client, f"iSession=1&iNode=2&sAuthCode={quoted(text)}"),
    "an auth code over SOAP": lambda client, text: soap(client, f"<sAuthCode>{escape(text)}</sAuthCode>"),
    "an auth code as a reference": lambda client, text: soap(
        client, f"<sAuthCode>{''.join(f'&#{ord(sign)};' for sign in text)}</sAuthCode>"
    ),
    "a session": lambda client, text: get(client, f"iSession={quoted(text)}&iNode=2&sAuthCode=x"),
    "the name of a parameter": lambda client, text: get(client, f"{quoted(text)}=1"),
    "an element": lambda client, text: soap(client, f"<{text}/>"),
    "a namespace": lambda client, text: soap(client, f'<iSession xmlns="{escape(text)}">1</iSession>'),
    "an operation": lambda client, text: named(client, whole(f"{SERVICE}/{text}")),
    "an operation with a value": lambda client, text: named(client, whole(f"{SERVICE}/startSession/1/{text}")),
    "a path": lambda client, text: named(client, whole(f"/{text}")),
    "a path of the other API": lambda client, text: named(
        client, whole("/API/startSession") | {"HTTP_HOST": in_a_header(text)}
    ),
    "a path with a long body": lambda client, text: client.post(
        "/", data=b"x", environ_overrides=whole(f"/{text}/") | {"CONTENT_LENGTH": "5000000"}
    ),
    "a help page": lambda client, text: client.get(f"{SERVICE}?op={quoted(text)}"),
    "a help page's host": lambda client, text: client.get(
        f"{SERVICE}?op=startSession", environ_overrides={"HTTP_HOST": in_a_header(text)}
    ),
    "a space": lambda client, text: named(client, whole(f"/spaces/{text}{SERVICE}")),
    "a verb": lambda client, text: named(client, {"REQUEST_METHOD": in_a_header(text)}),
    **{
        name: lambda client, text, key=key: soap(client, **{key: in_a_header(text)})  # type: ignore[misc]
        for name, key in {
            "a SOAPAction": "HTTP_SOAPACTION",
            "a Content-Type": "CONTENT_TYPE",
            "a User-Agent": "HTTP_USER_AGENT",
            "a Host": "HTTP_HOST",
            "a header of its own": "HTTP_X_OTHER",
        }.items()
    },
}


def scenario(text: str) -> Scenario:
    """A scenario whose every name is hostile, as only a program can write it, and that answers session 1."""
    answering = Rule(text, When(), (Reply(Return(Result.OK)),), source=f"{text}:7")
    return Scenario(text, description=text, rules=(answering,))


class Log:
    """What is logged, as text and as JSON."""

    def __init__(self) -> None:
        self.streams = io.StringIO(), io.StringIO()

    def drain(self) -> tuple[str, str]:
        """Return what was logged since the last time."""
        text, as_json = (stream.getvalue() for stream in self.streams)
        for stream in self.streams:
            stream.seek(0)
            stream.truncate()
        return text, as_json


@pytest.fixture
def log() -> Iterator[Log]:
    logger = logging.getLogger("emulator")
    log = Log()
    handlers = [logging.StreamHandler(stream) for stream in log.streams]
    for handler, formatter in zip(handlers, (TextFormatter(), JsonFormatter()), strict=True):
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield log
    logger.setLevel(level)
    for handler in handlers:
        logger.removeHandler(handler)


def assert_is_harmless(answer: TestResponse) -> None:
    """Nothing in its headers splits them, or is longer than others take."""
    assert all(value.isascii() and value.isprintable() and len(value) < 4000 for _, value in answer.headers)


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_a_request_holds_is_plain_in_log_headers_and_control_api(channel: str, log: Log) -> None:
    engine = Engine(scenario("rule"))
    client = Client(Application(engine))
    for text in HOSTILE.values():
        engine.reset()
        log.drain()
        response = CHANNELS[channel](client, text)
        assert_is_harmless(response)
        assert response.status_code != 500 or "Runtime Error" not in response.text or engine.snapshot().refusals
        as_text, as_json = log.drain()
        assert "Traceback" not in as_text
        assert is_plain(as_text)
        assert is_plain(as_json)
        assert len(as_text.splitlines()) == len([json.loads(line) for line in as_json.splitlines()])
        last = engine.snapshot().last_id
        responses = [client.get(f"/__admin{path}") for path in ("/calls", "/rules", "/metrics", f"/calls/{last}")]
        assert {each.status_code for each in responses[:3]} == {200}
        assert all(is_plain(each.text) for each in responses)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_scenario_is_called_is_plain_everywhere(name: str, log: Log) -> None:
    text = HOSTILE[name]
    client = Client(Application(Engine(scenario(text))))
    response = get(client, "iSession=1&iNode=2&sAuthCode=x")
    assert response.status_code == 200
    assert_is_harmless(response)
    start = quote(text[:3], safe=" </%{}$", errors="replace").split("%")[0]
    assert response.headers["X-Emulator-Rule"].startswith(start)
    assert all(is_plain(logged) and logged.count("\n") == 1 for logged in log.drain())
    for path in ("/health", "/calls", "/calls/1", "/rules", "/metrics", "/openapi.json"):
        shown = client.get(f"/__admin{path}")
        assert (shown.status_code, is_plain(shown.text)) == (200, True)
        assert_is_harmless(shown)


PROBLEMS: Final[dict[str, Callable[[Client, str], TestResponse]]] = {
    "a path": lambda client, text: named(client, whole(f"/__admin/{text}")),
    "the name of a query": lambda client, text: client.get(f"/__admin/calls?{quoted(text)}=1"),
    "the value of a query": lambda client, text: client.get(f"/__admin/calls?limit={quoted(text)}"),
    "a rule's id": lambda client, text: named(client, whole(f"/__admin/rules/{text}")),
    "a space": lambda client, text: client.put(f"/__admin/spaces/{quoted(text)}"),
    "a scenario's file": lambda client, text: client.post(f"/__admin/scenarios/{quoted(text)}"),
    "a key": lambda client, text: client.post("/__admin/rules", json={text: 1, "return": "startSessionRet_OK"}),
    "a value": lambda client, text: client.post("/__admin/rules", json={"return": text}),
    "a name": lambda client, text: client.post("/__admin/rules", json={"name": text, "return": "x"}),
    "a name of a file": lambda client, text: client.put(
        f"/__admin/scenario?file={quoted(text)}", data="rules: 5", content_type="application/yaml"
    ),
    "a media type": lambda client, text: client.post(
        "/__admin/rules", data="{}", environ_overrides={"CONTENT_TYPE": in_a_header(text)}
    ),
    "a body": lambda client, text: client.post(
        "/__admin/rules", data=text.encode("utf-8", "surrogatepass"), content_type="application/json"
    ),
    "an Origin": lambda client, text: named(client, {"HTTP_ORIGIN": in_a_header(text)}, "/__admin/calls"),
}


@pytest.mark.parametrize("channel", PROBLEMS)
def test_a_problem_tells_what_was_wrong_in_plain_text(channel: str) -> None:
    client = Client(Application(Engine(scenario("rule"))))
    for text in HOSTILE.values():
        response = PROBLEMS[channel](client, text)
        assert 400 <= response.status_code < 500
        assert response.content_type == "application/problem+json"
        assert_is_harmless(response)
        assert is_plain(response.text)


PAGES: Final = ("a help page", "a help page's host", "a path", "a path with a long body", "a path of the other API")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_holds_it_as_plain_text(page: str) -> None:
    client = Client(Application(Engine(scenario("rule"))))
    for text in HOSTILE.values():
        response = CHANNELS[page](client, text)
        assert is_plain(response.text.replace("\r\n", "\n"))
        assert response.content_type.startswith("text/plain") or "<script" not in response.text


def test_the_traceback_of_a_failure_is_plain(log: Log) -> None:
    for text in HOSTILE.values():
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("emulator").exception("failed at %s", text)
        as_text, as_json = log.drain()
        assert is_plain(as_text)
        assert len(as_text.split("\n")[0]) > len("2026-11-24 08:15:00.123 ERROR failed at ")
        assert is_plain(as_json)
        assert as_json.count("\n") == 1


def test_the_report_of_a_failed_test_is_plain() -> None:
    for text in HOSTILE.values():
        with Emulator.start(scenario(text)) as rescue:
            client = Client(Application(rescue.engine))
            client.get(f"{SERVICE}/startSession?iSession=1&iNode=2&sAuthCode={quoted(text)}")
            client.get(f"{SERVICE}/{quoted(text)}")
            report = account(rescue)
            assert is_plain(report)
            assert len([line for line in report.split("\n") if not line.startswith("    remark: ")]) == 2
            with pytest.raises(AssertionError) as failed:
                rescue.verify(session=5)
            assert is_plain(str(failed.value))


def named_file(folder: Path, text: str, content: str) -> Path:
    """A file of a hostile name, as far as a file can have it."""
    file = folder / (text.replace("/", "").replace("\0", "")[:60] + ".yaml")
    file.write_text(content)
    return file


CALL: Final = ("--session", "1", "--node", "2")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_the_commands_about_files_print_is_plain(name: str, tmp_path: Path) -> None:
    text = HOSTILE[name].replace("\ud800", "\udcff")  # the half characters that the name of a file can have
    rule = json.dumps({"whne": 1, text: 2, "return": text})
    bad = named_file(tmp_path, text, f"rules: [{rule}]\n")
    good = named_file(tmp_path, "good" + text, "rules: [{when: {session: 9}, return: startSessionRet_OK}]\n")
    checked, explained, refused = (
        run("check", str(bad)),
        run("explain", str(good), *CALL),
        run("explain", str(bad), *CALL),
    )
    assert (checked.exit_code, explained.exit_code, refused.exit_code) == (1, 0, 1)
    for result in (checked, explained, refused):
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert is_plain(result.output)
    assert all(".yaml:1:" in line for line in checked.output.splitlines())
    auth_code = run("explain", str(good), *CALL, "--auth-code", text)
    assert is_plain(auth_code.output)


@pytest.mark.parametrize(
    ("arguments", "status", "key"),
    [
        pytest.param(("verify",), 200, "text", id="a finding"),
        pytest.param(("verify",), 403, "detail", id="a refusal to verify"),
        pytest.param(("wait", "--timeout", "0"), 503, "detail", id="a reason to wait"),
        pytest.param(("call", *CALL), 500, None, id="a fault"),
        pytest.param(("call", *CALL), 200, None, id="no result"),
    ],
)
def test_what_a_hostile_server_answers_is_printed_plain(
    arguments: tuple[str, ...], status: int, key: str | None
) -> None:
    finding = {"verified": False, "count": 0, "near_misses": [], "text": "", "detail": ""}
    command, *options = arguments
    for text in HOSTILE.values():
        body = text.encode("utf-8", "surrogatepass") if key is None else json.dumps(finding | {key: text}).encode()
        with listening(answering(body, f"{status} Hostile")) as url:
            result = run(command, url, *options)
        assert result.exit_code in (1, 3, 4)
        assert result.output.strip()
        assert is_plain(result.output)


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_server_prints_is_plain(form: str, tmp_path: Path) -> None:
    file = named_file(
        tmp_path, "\x1b[31mred\nready \u202eb", "rules: [{when: {session: 9}, return: startSessionRet_OK}]\n"
    )
    command = [sys.executable, "-m", "emulator", "serve", str(file), "--port", "0", "--log-format", form]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline().decode()
            port = int(ready.split("127.0.0.1:")[1].split("/")[0])
            for text in HOSTILE.values():
                target = f"{SERVICE}/{quoted(text[:2000])}"
                agent = in_a_header("".join(sign for sign in text[:2000] if " " <= sign != "\x7f"))
                call(("127.0.0.1", port), Request("GET", target, [("User-Agent", agent)]))
            call(("127.0.0.1", port), Request("GET", "/\x1b[31m", [("X-Bad", "\x1b[31m")]))
            process.terminate()
            rest, log = (output.decode() for output in process.communicate(timeout=20))
        finally:
            process.kill()
    assert ready.startswith("ready ")
    assert is_plain(ready)
    assert rest == ""
    assert is_plain(log)
    assert len(log.splitlines()) >= len(HOSTILE)


def test_the_console_shows_what_would_not_be_seen(tab: BrowserContext) -> None:
    names = [text for name, text in HOSTILE.items() if name not in ("half a character", "a very long text")]
    rules = tuple(Rule(text, When(), (Reply(Return(Result.OK)),)) for text in names)
    with Emulator.start(Scenario("\u202ename", rules=rules)) as emulator:
        client = Client(Application(emulator.engine))
        for text in names:
            get(client, f"iSession=1&iNode=2&sAuthCode={quoted(text)}")
            named(client, whole(f"{SERVICE}/{text}"))
        page = tab.new_page()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.goto(emulator.url.replace(SERVICE, "/__admin/"))
        expect(page.locator("#health")).to_have_text("\\u{202e}name: ready")
        for number in (1, 2, 2 * len(names)):
            page.get_by_role("link", name=f"Open call {number}", exact=True).click()
            expect(page.locator("#call-title")).to_contain_text(f" {number}")
            assert is_plain(page.locator("body").inner_text().replace("\t", " ").replace("\r\n", "\n"))
        assert page.locator("body script, body img, #rules b").count() == 0
        for text in ("\\u{1b}[31mred", "a\\u{202e}gpj.exe", "</script></title>"):
            expect(page.locator("#rules")).to_contain_text(text)


def test_what_is_right_is_shown_as_it_is() -> None:
    text = "J\u00fcrgen \u2013 \u65e5\u672c\u8a9e \u0639\u0631\u0628\u064a \U0001f600"
    engine = Engine(loads(f"rules: [{{name: '{text}', return: startSessionRet_OK}}]"))
    client = Client(Application(engine))
    get(client, "iSession=1&iNode=2&sAuthCode=x")
    assert client.get("/__admin/calls").json["calls"][0]["rule"] == text  # type: ignore[index]
    assert text in client.get("/__admin/metrics").text
    assert visible(text) == text
