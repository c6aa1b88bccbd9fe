"""The README: short enough to be read, true on its first screen, with lines that the recipes run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.core.contract import NAMESPACE, Binding
from tests.helpers.calling import a_request, call, serving
from tests.helpers.documents import PAGES, Terminal, blocks, quoted, table
from tests.helpers.paths import ROOT
from tests.helpers.recorded_cases import load_cases
from tests.helpers.suites import run

PAGE = "README.md"
README = PAGES[PAGE]
CLIENTS = table(PAGE, "client")


def test_it_has_at_most_180_lines_and_the_first_call_on_the_first_screen() -> None:
    lines = README.splitlines()
    assert len(lines) <= 180
    first_screen = "\n".join(lines[:24])
    assert "$ make serve" in first_screen
    assert ">startSessionRet_OK<" in first_screen


def test_it_says_how_many_recorded_cases_there_are() -> None:
    cases = load_cases()
    whole = [case for case in cases if all(answer.compare == "all" for answer in case.answers)]
    text = " ".join(README.split())
    assert f"Of {len(cases)} recorded cases it gives {len(whole)} byte for byte" in text
    assert f"and {len(cases) - len(whole)}, among them the help pages, by status and type only" in text


def without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize(("client", "code", "program"), CLIENTS, ids=[row[0] for row in CLIENTS])
def test_the_line_for_a_client_is_in_a_program_that_runs(client: str, code: str, program: str) -> None:
    """The program may have more arguments behind those of the line, and anything in the place of three dots."""
    assert client
    text = without_spaces((ROOT / program.partition("](")[2].rstrip(")")).read_text(encoding="utf-8"))
    written = code.strip("` ").rstrip("]}) ")
    pattern = ".*?".join(re.escape(without_spaces(part)) for part in written.split("..."))
    assert re.search(pattern, text.replace("base_url", "url").replace("self._url", "url"))


def test_the_test_fails_with_the_report_that_is_shown(pytester: pytest.Pytester) -> None:
    (test,) = blocks(PAGE, "python")
    line = "start(rescue.url, session=1001)"
    assert line in test.text.splitlines()[-2]
    pytester.makepyfile(**{test.file.removesuffix(".py"): test.text.replace(line, line.replace("1001", "1010"))})
    result = run(pytester)
    result.assert_outcomes(failed=1)
    (shown,) = blocks(PAGE, "text")
    assert f"{shown.text}=" in result.stdout.str() + "\n"


def test_each_picture_exists() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]*)\)", README)
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


SYMPTOMS = [text for symptom, *_ in table(PAGE, "you see") for text in quoted(symptom)]


def test_a_taken_port_is_reported_as_shown(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.run("rescue-emulator serve")
        assert terminal.run("env -u RESCUE_EMULATOR_PORT rescue-emulator serve --port 8085").strip() in SYMPTOMS


def test_a_wrong_namespace_and_a_compressed_body_are_logged_as_shown(caplog: pytest.LogCaptureFixture) -> None:
    right = a_request(Binding.SOAP11)
    wrong = replace(right, body=(right.body or "").replace(f'xmlns="{NAMESPACE}"', 'xmlns="http://tempuri.org/"'))
    compressed = replace(right, headers=[*right.headers, ("Content-Encoding", "gzip")], body="\x1f\x8b")
    with serving("rules: []") as address:
        for request in (wrong, compressed):
            call(address, request)
    in_log = [symptom for symptom in SYMPTOMS if symptom in caplog.text]
    assert in_log == ["session=0 node=0", "the service does not decompress"]
