"""Output in any encoding of the terminal: what it cannot show is escaped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.cli import main
from tests.helpers.calling import PATIENCE, serve
from tests.helpers.paths import ROOT

NAME = "\u4e88\u7d04\xe9\U0001f600"  # Japanese, a Latin letter, and one beyond the BMP
RULES = f"name: {NAME}\nrules: [{{when: {{auth_code: {NAME}}}, return: startSessionRet_OK}}]"
CALL = "--session 1 --node 1 --auth-code x"


def escaped(encoding: str) -> str:
    return NAME.encode(encoding, "backslashreplace").decode(encoding)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a right and a wrong scenario."""
    (tmp_path / f"{NAME}.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / f"wrong-{NAME}.yaml").write_text("rules: [{whne: 1}]")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize(
    ("arguments", "status", "output"),
    [
        (f"check wrong-{NAME}.yaml", 1, "wrong-{}.yaml:1:10: rules[0].whne: "),
        (f"explain {NAME}.yaml {CALL}", 0, "auth_code is x, the rule wants {}"),
        (f"serve none-{NAME}.yaml", 1, "none-{}.yaml:1:1: no such file"),
        (f"serve --port {NAME}", 2, "Error: Invalid value for '--port': '{}' is neither"),
        (f"call {NAME} {CALL}", 2, "Error: Invalid value for 'URL': '{}' "),
        (f"serve {NAME}.yaml {NAME}", 2, "Error: Got unexpected extra argument ({})"),
        (f"--{NAME}", 2, "--{}"),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "",
)
def test_what_the_encoding_lacks_is_escaped(encoding: str, arguments: str, status: int, output: str) -> None:
    result = CliRunner(charset=encoding).invoke(main, arguments.split())
    assert output.format(escaped(encoding)) in result.output_bytes.decode(encoding)
    assert result.exit_code == status


@pytest.mark.usefixtures("folder")
def test_the_ready_line_and_the_log_are_whole_in_any_encoding(folder: Path) -> None:
    file = folder / f"{NAME}.yaml"
    command = f"'{file}' --watch --exit-with-stdin --log-format json"
    env = os.environ | {"PYTHONIOENCODING": "cp1252"}
    with serve(command, env=env, encoding="cp1252", stdin=subprocess.PIPE, cwd=folder) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert f" scenario={escaped('cp1252')} " in process.stdout.readline()
        file.write_text(RULES.replace("rules", "rlues"), encoding="utf-8")
        _, log = (json.loads(process.stderr.readline()) for _ in range(2))
    assert f"{NAME}.yaml is invalid" in log["message"]


@pytest.mark.parametrize("option", ["wsdl --address", "serve --public-url"])
def test_a_text_that_the_locale_cannot_read_is_a_usage_error(option: str) -> None:
    env = os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "emulator", *option.split(), f"http://{NAME}"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 2
    assert done.stderr.endswith(b": it is not text in the encoding of this terminal\n")
