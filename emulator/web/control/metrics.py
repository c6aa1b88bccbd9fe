"""What was counted since the start, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from emulator.core.journal import BUCKETS, Record
from emulator.visible import visible
from emulator.web.control.asked import Asked
from emulator.web.control.problems import PRIVATE
from emulator.web.visit import Answer

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics(asked: Asked) -> Answer:
    """The counters of this emulator."""
    from prometheus_client import CollectorRegistry, generate_latest  # not loaded before somebody scrapes

    asked.query(())
    registry = CollectorRegistry()
    registry.register(_Counted(asked.engine.record()))
    return Answer(200, CONTENT_TYPE, generate_latest(registry), PRIVATE)


class _Counted:
    """Tells prometheus_client what a record of the journal counted."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        totals = self._record.totals
        calls = CounterMetricFamily(
            "rescue_emulator_calls", "Calls, by binding, result and who decided", labels=["binding", "result", "rule"]
        )
        for (binding, result, rule), count in totals.calls.items():
            calls.add_metric([binding.value, result, visible(rule)], count)
        yield calls
        refusals = CounterMetricFamily(
            "rescue_emulator_refusals", "Requests that never became calls", labels=["binding", "status"]
        )
        for (refused, status), count in totals.refusals.items():
            refusals.add_metric([refused.value if refused else "none", str(status)], count)
        yield refusals
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        yield HistogramMetricFamily(
            "rescue_emulator_seconds",
            "Time to decide an answer, without its delay",
            buckets=[*zip(bounds, accumulate(totals.seconds), strict=True)],
            sum_value=totals.seconds_sum,
        )
        yield GaugeMetricFamily("rescue_emulator_journal_entries", "Entries in the journal", len(self._record.entries))
        yield GaugeMetricFamily(
            "rescue_emulator_journal_dropped", "Entries dropped since the last reset", self._record.dropped
        )
