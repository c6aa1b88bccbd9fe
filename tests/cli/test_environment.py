"""Options from the environment, shipped scenarios by name, the first log line, and output in any encoding."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from emulator.cli import main
from tests.helpers.calling import PATIENCE, call, ready, run, serve
from tests.helpers.paths import ROOT
from tests.helpers.raw_http import Request

SHIPPED = sorted(file.stem for file in (ROOT / "scenarios").glob("*.yaml"))


def start(arguments: str = "", **variables: str) -> tuple[str, list[str]]:
    """Start ``serve`` and stop it; return the first line of its output, and its log."""
    env = os.environ | {f"RESCUE_EMULATOR_{name}": value for name, value in variables.items()}
    with serve(arguments, env=env) as process:
        assert process.stdout is not None
        line = process.stdout.readline().rstrip("\n")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == (0 if line else 1)
    return line, log.splitlines()


# The environment


@pytest.mark.parametrize(
    ("name", "value", "arguments", "message"),
    [
        ("PORT", "80x", "serve", "'80x' is neither a port from 0 to 65535 nor several such as 8085-8095"),
        ("MAX_BODY", "many", "serve", "'many' is not a valid integer range."),
        ("CONTROL_TOKEN", "é", "verify http://127.0.0.1:1", "a token is one or more printable ASCII characters"),
        (
            "BINDING",
            "soap",
            "explain x --session 1 --node 1",
            "'soap' is not one of 'soap11', 'soap12', 'get', 'post'.",
        ),
    ],
)
def test_a_wrong_value_is_an_error_with_the_name_of_the_variable(
    name: str, value: str, arguments: str, message: str
) -> None:
    result = run(*arguments.split(), env={f"RESCUE_EMULATOR_{name}": value})
    assert result.output.splitlines()[-1] == f"Error: Invalid value for RESCUE_EMULATOR_{name}: {message}"
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TLS_NAME": "localhost"}, "Error: --tls-name and --tls-ca require --tls"),
        ({"HOST": "a b"}, "cannot listen on a:8085: "),
        ({"SCENARIO": "demoo"}, "demoo: no such file or shipped scenario; did you mean 'demo'?"),
        ({"SCENARIO": "none.yaml"}, "none.yaml:1:1: no such file"),
    ],
    ids=str,
)
def test_other_errors_end_with_the_variables_in_use(variables: dict[str, str], message: str) -> None:
    result = run("serve", env={f"RESCUE_EMULATOR_{name}": value for name, value in variables.items()})
    error, names = result.output.splitlines()[-2:]
    assert error.startswith(message)
    assert names == "options from the environment: " + ", ".join(f"RESCUE_EMULATOR_{name}" for name in variables)
    assert result.exit_code in (1, 2)


def test_a_repeated_option_is_separated_by_spaces() -> None:
    line, _ = start(HOST="127.0.0.2 127.0.0.1", TLS_NAME="a.test b.test", TLS="1")
    assert line.startswith("ready https://127.0.0.2:")


UNKNOWN = "the environment variable {} is ignored, since there is no such option; {}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RESCUE_EMULATOR_PROT", "did you mean 'RESCUE_EMULATOR_PORT'?"),
        ("RESCUE_EMULATOR_AUTHCODE", "did you mean 'RESCUE_EMULATOR_AUTH_CODE'?"),
        ("RESCUE_EMULATOR_XYZ", "the help of each command lists its options"),
    ],
)
def test_an_unknown_variable_is_a_warning_with_the_nearest_right_name(name: str, hint: str) -> None:
    assert run("schema", env={name: "1"}).stderr == f"warning: {UNKNOWN.format(name, hint)}\n"


def test_serve_logs_an_unknown_variable() -> None:
    _, log = start(PROT="1")
    assert log[0].endswith(" WARNING " + UNKNOWN.format("RESCUE_EMULATOR_PROT", "did you mean 'RESCUE_EMULATOR_PORT'?"))


def test_no_option_of_any_command_is_unknown_nor_a_variable_of_kubernetes() -> None:
    names = {f"RESCUE_EMULATOR_{p.name}".upper(): "0" for command in main.commands.values() for p in command.params}
    for service in ("RESCUE_EMULATOR", "RESCUE_EMULATOR_WEB"):
        names[f"{service}_SERVICE_HOST"] = "10.0.0.1"
        names[f"{service}_SERVICE_PORT"] = names[f"{service}_SERVICE_PORT_HTTP"] = "8085"
        names[f"{service}_PORT"] = names[f"{service}_PORT_8085_TCP"] = "tcp://10.0.0.1:8085"
        names[f"{service}_PORT_8085_TCP_PROTO"] = "tcp"
        names[f"{service}_PORT_8085_TCP_PORT"] = "8085"
        names[f"{service}_PORT_8085_TCP_ADDR"] = "10.0.0.1"
    assert run("schema", env=names).stderr == ""


def test_the_port_of_kubernetes_is_not_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCUE_EMULATOR_PORT", "tcp://10.0.0.1:8086")
    assert main.commands["serve"].make_context("serve", []).params["port"] == range(8085, 8086)


@pytest.mark.parametrize("ports", ["0-5", "9-8", "8085-", "-1", "8085-65536", "1-2-3"])
def test_wrong_ports_are_a_usage_error(ports: str) -> None:
    result = run("serve", f"--port={ports}")
    assert f"'{ports}' is neither a port from 0 to 65535 nor several such as 8085-8095" in result.output
    assert result.exit_code == 2


# Shipped scenarios


def test_scenarios_lists_the_shipped_ones_with_description_and_file() -> None:
    result = run("scenarios")
    lines = result.output.splitlines()
    assert [line.partition(": ")[0] for line in lines[::2]] == SHIPPED
    assert [Path(line.strip()).read_bytes() for line in lines[1::2]] == [
        (ROOT / f"scenarios/{name}.yaml").read_bytes() for name in SHIPPED
    ]
    assert lines[2 * SHIPPED.index("outage")] == "outage: Ten calls through an outage; all later ones work."


@pytest.mark.parametrize("name", ["demo", "default"])
def test_a_shipped_scenario_is_served_by_its_name(name: str) -> None:
    assert f" scenario={name} " in start(name)[0]
    assert f" scenario={name} " in start(SCENARIO=name)[0]


def test_a_file_comes_before_a_shipped_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").write_text("nope: 1")
    assert run("serve", "demo").output.startswith("demo:1:1: nope: unknown key")


# The log's first line


OFF = (
    "the control API and the console are off, since other machines can reach this server: "
    "--control-token TOKEN, or RESCUE_EMULATOR_CONTROL_TOKEN in the environment, switches them on"
)


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        ("", "console: {}/__admin/"),
        ("--host 0.0.0.0", OFF),
        ("--host 127.0.0.1 --host 0.0.0.0", OFF),
        ("--host '*' --control-token x", "console: {}/__admin/"),
        ("--host 0.0.0.0 --no-control", "the control API and the console are off (--no-control)"),
    ],
)
def test_the_log_begins_with_the_console_or_how_to_switch_it_on(arguments: str, first: str) -> None:
    line, log = start(arguments)
    origin = line.split()[1].removesuffix("/API/API.asmx")
    assert origin.startswith("http://127.0.0.1:")
    assert log[0].partition(" INFO ")[2] == first.format(origin)


def test_the_control_api_is_off_if_one_of_several_hosts_is_not_loopback() -> None:
    with serve("--host 127.0.0.1 --host 0.0.0.0") as process:
        assert call(ready(process), Request("GET", "/__admin/calls")).status == 403
