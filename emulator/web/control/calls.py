"""The journal as data: a list, one entry with messages and near misses; calls verified, and explained beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from werkzeug.exceptions import Conflict, NotFound

from emulator.core.engine import Watch
from emulator.core.explain import Expectation
from emulator.core.journal import REFUSED, Entry, Exchange
from emulator.core.matching import FIELDS, When
from emulator.core.waiting import verify_within
from emulator.scenario import control_shapes as shapes
from emulator.web.control.dispatch import ControlRequest, json_response, problem, run_waiting
from emulator.web.control.har import archive, har_entry
from emulator.web.redaction import Redactor
from emulator.web.request import Response
from emulator.web.spaces import Space

_PAGING: Final = {"after", "before", "limit", "format"}  # any other parameter is a filter
_CALL_FILTERS: Final = {*FIELDS, "rule", "matched"} - {"binding"}  # which no refusal matches
DEFAULT_LIMIT: Final = 100
MAX_IDS: Final = 100
_ABANDONED: Final = "the server stops, or the client has ended its sending"


def list_all(control: ControlRequest) -> shapes.CallListJson | Response:
    """Return the newest entries, or with ``after`` the first later ones, the oldest first."""
    query, space = control.query, control.space
    ids = query.get("ids")
    snapshot = space.engine.snapshot(max(query.get("after", 0), min(ids, default=0) - 1 if ids else 0))
    entries: Sequence[Entry] = snapshot.entries
    if entries and "before" in query:
        entries = entries[: max(0, query["before"] - entries[0].id)]  # the ids have no gaps
    if not query.keys() <= _PAGING:
        entries = [*filter(_filter(query), entries)]
    limit = query.get("limit", DEFAULT_LIMIT)
    page = entries[:limit] if "after" in query else entries[max(0, len(entries) - limit) :]
    if query.get("format") == "har":
        return _archive(control, page, "calls.har")
    totals = snapshot.totals
    return {
        "started": space.started_at,
        "calls": [_data(entry, space.redactor) for entry in page],
        "found": len(entries),
        "first": snapshot.first_id,
        "last": snapshot.last_id,
        "timeline": [{"at": bucket.at, "counts": dict(bucket.counts)} for bucket in snapshot.timeline],
        "dropped": snapshot.dropped,
        "totals": {"calls": sum(totals.calls.values()), "refusals": sum(totals.refusals.values())},
    }


def _filter(query: Mapping[str, Any]) -> Callable[[Entry], bool]:
    """Return the filter for the parameters of a query that are no paging."""
    when = When(**{name: query[name] for name in FIELDS if name in query})
    rule, matched, ids = query.get("rule"), query.get("matched"), query.get("ids")
    outcome, min_s = query.get("outcome"), query.get("min_s", 0.0)
    has_calls_only = not query.keys().isdisjoint(_CALL_FILTERS)

    def matches(entry: Entry) -> bool:
        if ids is not None and entry.id not in ids:
            return False
        if min_s and (entry.answered_s is None or entry.answered_s < min_s):
            return False
        if not isinstance(entry, Exchange):
            is_binding = when.binding is None or when.binding.accepts(entry.binding)
            return not has_calls_only and is_binding and outcome in (None, REFUSED)
        if outcome not in (None, entry.outcome.word) or matched not in (None, entry.rule is not None):
            return False
        return rule in (None, entry.decider) and when.accepts(entry.call)

    return matches


def show(control: ControlRequest) -> shapes.EntryDetailJson | Response:
    entry_id, redactor = control.values["id"], control.space.redactor
    snapshot = control.space.engine.snapshot(entry_id - 1)
    entry = next(iter(snapshot.entries), None)
    if entry is None or entry.id != entry_id:
        was_dropped = 0 < entry_id <= snapshot.dropped_id
        why = "the journal dropped it to save memory" if was_dropped else f"GET {control.path('/calls')} lists the ids"
        raise NotFound(f"there is no call {entry_id} in the journal; {why}")
    if control.query.get("format") == "har":
        return _archive(control, [entry], f"call-{entry_id}.har")
    related = control.query.get("near_misses") != "all"
    near = redactor.near_misses(entry.call, entry.near_misses(related=related)) if isinstance(entry, Exchange) else ()
    return {  # type: ignore[return-value]
        **_data(entry, redactor),
        "request": redactor.request(entry.raw.request),
        "answer": redactor.response(entry),
        "near_misses": [
            {
                **miss.as_data(),
                "reason": miss.reason,
                "times": miss.rule.times,
                "per": miss.rule.per,
                "chance": miss.rule.percentage,
            }
            for miss in near
        ],
    }


def _archive(control: ControlRequest, entries: Sequence[Entry], file: str) -> Response:
    redactor, server_url = control.space.redactor, control.request.server_url
    data = [har_entry(entry, _data(entry, redactor), redactor, server_url) for entry in entries]
    return json_response(archive(data), headers=(("Content-Disposition", f'attachment; filename="{file}"'),))


def clear(control: ControlRequest) -> None:
    """Clear the journal; rules and counters stay."""
    control.space.engine.clear_journal()


def verification(control: ControlRequest) -> Response:
    """Return 409 with the near misses unless verified, so that ``curl -f`` fails; a thread of its own waits."""
    watch = Watch()
    work = partial(_verified, control.space, control.body, watch)
    if control.body.within is None:
        return work()
    return run_waiting(work, control.request, cancel=partial(watch.put, _ABANDONED))


def _verified(space: Space, expected: Expectation, watch: Watch) -> Response:
    found = space.redactor.verification(verify_within(space.engine, expected, monotonic, watch))
    if found.verified:
        verified: shapes.VerificationJson = {"verified": True, "count": found.count, "text": found.text}
        return json_response(verified)
    return problem(
        Conflict(found.text),
        verified=False,
        count=found.count,
        dropped=0 if found.certain else found.dropped,
        near_misses=[near.as_data() for near in found.near_misses],
    )


def explanation(control: ControlRequest) -> shapes.ExplanationJson:
    explained = control.space.redactor.explanation(control.space.engine.explain(control.body.build()))
    return {**explained.as_data(), "text": explained.text()}  # type: ignore[typeddict-item]


def _data(entry: Entry, redactor: Redactor) -> shapes.EntryJson:
    if not isinstance(entry, Exchange):
        return {
            "kind": "refusal",
            "id": entry.id,
            "time": round(entry.raw.at, 6),
            **_delivery(entry),
            "binding": entry.binding,
            "status": entry.status,
            "reason": redactor.reason(entry.why),
            "remarks": [*map(redactor.reason, entry.raw.remarks)],
        }
    call, rule = entry.call, entry.rule
    return {
        "kind": "exchange",
        "id": entry.id,
        "time": round(entry.raw.at, 6),
        **_delivery(entry),
        "binding": call.binding,
        "session": call.session,
        "node": call.node,
        "auth_code": redactor.code(call.auth_code),
        "decided_by": entry.decided_by,
        "rule": None if rule is None else rule.name,
        "rule_id": None if rule is None else rule.id,
        "source": None if rule is None else rule.source,
        "reason": entry.reason,
        "reply": entry.outcome.as_data(),
        "delay_s": entry.delay,
        "remarks": [*map(redactor.reason, entry.raw.remarks)],
    }


def _delivery(entry: Entry) -> shapes.DeliveryJson:
    answered_s = entry.answered_s
    return {
        "decided_s": round(entry.decided_s, 6),
        "answered_s": None if answered_s is None else round(answered_s, 6),
        "delivered": entry.delivered,
    }
