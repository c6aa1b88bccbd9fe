"""Whether the emulator is ready: the one thing that the control API tells everybody, though without the reason."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from itertools import accumulate
from time import monotonic
from typing import TYPE_CHECKING, Final

from emulator.core.journal import BUCKETS, Snapshot
from emulator.escaping import visible
from emulator.web.control.asked import Asked, said
from emulator.web.control.problems import PRIVATE, Refused
from emulator.web.request import Answer

if TYPE_CHECKING:
    from prometheus_client.core import Metric


_READY: Final = "ready"
_NOT_FOR_STRANGERS: Final = (
    "not all is well; the log tells what is wrong, and so does this address to those who may use the control API"
)


def health(asked: Asked) -> Answer:
    """200 while all is well, 503 with the reason when the rules in force are not those that were asked for."""
    asked.query(())
    trouble = asked.about.trouble()
    if trouble is not None:
        raise Refused(503, _NOT_FOR_STRANGERS if asked.stranger else trouble)
    if asked.stranger:
        return said({"status": _READY})
    return said(
        {
            "status": _READY,
            "version": _version(),
            "scenario": asked.engine.scenario.name,
            "uptime_s": round(monotonic() - asked.about.began, 3),
        }
    )


@lru_cache(maxsize=1)
def _version() -> str:
    """Read once from the package's metadata, which is a file."""
    return version("rescue-emulator")


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics(asked: Asked) -> Answer:
    """The counters of this emulator."""
    from prometheus_client import CollectorRegistry, generate_latest  # not loaded before somebody scrapes

    asked.query(())
    registry = CollectorRegistry()
    registry.register(_Counted(asked.engine.snapshot()))
    return Answer(200, CONTENT_TYPE, generate_latest(registry), PRIVATE)


class _Counted:
    """Tells prometheus_client what a record of the journal counted."""

    def __init__(self, record: Snapshot) -> None:
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
