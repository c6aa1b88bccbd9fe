"""Health, the one route that also strangers may use, and the metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from werkzeug.exceptions import ServiceUnavailable

from emulator.core.journal import DURATION_BOUNDS, Snapshot
from emulator.escaping import visible
from emulator.network import SERVICE_NAME
from emulator.scenario.control_shapes import AboutJson, HealthJson
from emulator.scenario.fields import package_version
from emulator.web.control.dispatch import PRIVATE, ControlRequest, problem
from emulator.web.control.spaces import addresses
from emulator.web.request import Response

if TYPE_CHECKING:
    from prometheus_client.core import Metric

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_FOR_STRANGERS: Final = (
    "not healthy; the log has the reason, and so has this address for those who may use the control API"
)


def health(control: ControlRequest) -> HealthJson | Response:
    """Return 200 while all is well; 503 with the reason if an edit of the scenario was refused, or would not be seen.

    Without a control API everybody is a stranger.
    """
    is_stranger = control.is_stranger or not control.space.settings.control
    reason = control.space.health_problem()
    about: AboutJson = {} if is_stranger else _about(control)
    if reason is not None:
        return problem(ServiceUnavailable(_FOR_STRANGERS if is_stranger else reason), **about)
    return {"service": SERVICE_NAME, "status": "ready", **about}


def _about(control: ControlRequest) -> AboutJson:
    space = control.space
    about: AboutJson = {
        "version": package_version(),
        "scenario": space.engine.scenario.name,
        "description": space.engine.scenario.description,
        "started": space.started_at,
        "uptime_s": round(space.spaces.clock() - space.started, 3),
        "space": space.name or None,
        "public_url": space.settings.public_url,
    }
    about.update(addresses(control, space))  # type: ignore[typeddict-item]
    if space.files is not None and space.files.watching is not None:
        about["watch"] = space.files.watching
    return about


def metrics(control: ControlRequest) -> Response:
    from prometheus_client import generate_latest  # loaded by the first scrape

    return Response(generate_latest(_Collector(control.space.engine.snapshot())), 200, PRIVATE, METRICS_TYPE)


@dataclass
class _Collector:
    """Converts the totals of a journal for prometheus_client."""

    snapshot: Snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield each metric; the name is prometheus_client's."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        snapshot, totals = self.snapshot, self.snapshot.totals
        calls = CounterMetricFamily(
            "rescue_emulator_calls", "Calls, by binding, result and rule", labels=["binding", "result", "rule"]
        )
        for (binding, result, rule), count in totals.calls.items():
            calls.add_metric([binding.value, result, visible(rule)], count)
        yield calls
        refusals = CounterMetricFamily(
            "rescue_emulator_refusals", "Requests that did not become calls", labels=["binding", "status"]
        )
        for (refused, status), count in totals.refusals.items():
            refusals.add_metric([refused.value if refused else "none", str(status)], count)
        yield refusals
        bounds = [*(str(bound) for bound in DURATION_BOUNDS), "+Inf"]
        yield HistogramMetricFamily(
            "rescue_emulator_seconds",
            "Time to decide a response, without its delay",
            buckets=[*zip(bounds, accumulate(totals.seconds), strict=True)],
            sum_value=totals.seconds_sum,
        )
        yield GaugeMetricFamily("rescue_emulator_journal_entries", "Entries in the journal", len(snapshot.entries))
        yield GaugeMetricFamily(
            "rescue_emulator_journal_dropped", "Entries dropped since the last reset", snapshot.dropped
        )
