"""Health and metrics."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emulator.scenario.fields import package_version
from emulator.web.spaces import Settings
from tests.helpers.control import SERVICE, Emulated, detail, limited

TOKEN = Settings(control_token="let-me-in")


def samples(emulated: Emulated) -> dict[tuple[str, ...], float]:
    """Return the metrics by name and labels."""
    families = text_string_to_metric_families(emulated.request("GET", "/metrics").text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_health_names_version_scenario_and_uptime() -> None:
    health = Emulated().get("/health")
    assert (health["status"], health["scenario"]) == ("ready", "front-desk")
    assert health["version"]
    assert health["uptime_s"] >= 0


SPACE = "/spaces/mine"


@pytest.mark.parametrize("problem", [None, "front-desk.yaml:7:3: unknown key"], ids=["well", "not well"])
@pytest.mark.parametrize(
    ("public_url", "root", "url"),
    [
        (None, "", "http://localhost/API/API.asmx"),
        (None, SPACE, "http://localhost/spaces/mine/API/API.asmx"),
        ("https://rescue.example/base", SPACE, "https://rescue.example/base/spaces/mine/API/API.asmx"),
    ],
)
def test_health_has_the_scenario_and_the_addresses(
    public_url: str | None, root: str, url: str, problem: str | None
) -> None:
    scenario = "{name: front-desk, description: A busy morning.}"
    emulated = Emulated(scenario, Settings(public_url=public_url), health_problem=problem)
    emulated.request("PUT", SPACE)
    about = emulated.request("GET", "/health", root=root).json
    assert about is not None
    assert {key: about[key] for key in ("scenario", "description", "space", "public_url", "url", "wsdl_url")} == {
        "scenario": "front-desk",
        "description": "A busy morning.",
        "space": "mine" if root else None,
        "public_url": public_url,
        "url": url,
        "wsdl_url": f"{url}?wsdl",
    }
    assert about["control_url"] == url.replace("/API/API.asmx", "/__admin")


@pytest.mark.parametrize("settings", [TOKEN, Settings(exposed=True), Settings()], ids=["token", "exposed", "local"])
def test_strangers_learn_that_it_is_ready_and_no_more(settings: Settings) -> None:
    response = Emulated(settings=settings).request("GET", "/health", headers={"Host": "rescue:8085"})
    assert (response.status_code, response.json) == (200, {"service": "rescue-emulator", "status": "ready"})


@pytest.mark.parametrize("settings", [TOKEN, Settings(control=False)], ids=["token", "no control"])
def test_the_reason_for_bad_health_is_not_for_strangers(settings: Settings) -> None:
    emulated = Emulated(settings=settings, health_problem="front-desk.yaml:7:3: unknown key")
    stranger = emulated.request("GET", "/health")
    assert "the log has the reason" in detail(stranger, 503)
    assert "front-desk" not in stranger.text
    assert stranger.json is not None
    assert stranger.json["service"] == "rescue-emulator"


def test_the_reason_for_bad_health_is_for_those_who_may_use_the_control_api() -> None:
    emulated = Emulated(settings=TOKEN, health_problem="front-desk.yaml:7:3: unknown key")
    response = emulated.request("GET", "/health", headers={"Authorization": "Bearer let-me-in"})
    assert detail(response, 503) == "front-desk.yaml:7:3: unknown key"


def test_a_copy_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    package_version.cache_clear()
    try:
        assert Emulated().get("/health")["version"] == "(unknown version)"
    finally:
        package_version.cache_clear()


def test_metrics_count_whatever_was_dropped_cleared_or_reset() -> None:
    emulated = Emulated(settings=limited(entries=1))
    emulated.call()
    emulated.call()
    emulated.client.get(f"{SERVICE}/startSession")
    found = samples(emulated)
    assert found["rescue_emulator_journal_entries",] == 1
    assert found["rescue_emulator_journal_dropped",] == 2
    emulated.request("DELETE", "/calls")
    emulated.post("/reset")
    found = samples(emulated)
    assert found["rescue_emulator_calls_total", "get", "startSessionRet_OK", "Ann"] == 2
    assert found["rescue_emulator_refusals_total", "get", "500"] == 1
    assert found["rescue_emulator_seconds_count",] == found["rescue_emulator_seconds_bucket", "+Inf"] == 3
    assert found["rescue_emulator_journal_entries",] == found["rescue_emulator_journal_dropped",] == 0
