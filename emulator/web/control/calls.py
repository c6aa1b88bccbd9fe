"""The journal as data: a list, one entry with messages and near misses; calls verified, and explained beforehand."""

from __future__ import annotations

from typing import Final

from werkzeug.exceptions import Conflict, NotFound

from emulator.core.explain import verify
from emulator.core.journal import Entry, Exchange
from emulator.core.matching import FIELDS, When
from emulator.scenario import control_shapes as shapes
from emulator.web.control.dispatch import ControlRequest, problem
from emulator.web.redaction import Redactor
from emulator.web.request import Response

_PAGING: Final = {"after", "limit"}  # any other parameter is a filter
DEFAULT_LIMIT: Final = 100


def list_all(control: ControlRequest) -> shapes.CallListJson:
    """Return the newest entries, or with ``after`` the first later ones, the oldest first; filters exclude refusals."""
    query = control.query
    when = When(**{name: query[name] for name in FIELDS if name in query})
    rule, matched = query.get("rule"), query.get("matched")
    is_filtered = not query.keys() <= _PAGING

    def matches(entry: Entry) -> bool:
        if not isinstance(entry, Exchange):
            return not is_filtered
        return when.accepts(entry.call) and rule in (None, entry.decider) and matched in (None, entry.rule is not None)

    snapshot = control.space.engine.snapshot()
    entries = [entry for entry in snapshot.entries if entry.id > query.get("after", 0) and matches(entry)]
    limit = query.get("limit", DEFAULT_LIMIT)
    page = entries[:limit] if "after" in query else entries[max(0, len(entries) - limit) :]
    totals = snapshot.totals
    return {
        "calls": [_data(entry, control.space.redactor) for entry in page],
        "found": len(entries),
        "first": snapshot.first_id,
        "last": snapshot.last_id,
        "timeline": [{"at": bucket.at, "counts": dict(bucket.counts)} for bucket in snapshot.timeline],
        "dropped": snapshot.dropped,
        "totals": {"calls": sum(totals.calls.values()), "refusals": sum(totals.refusals.values())},
    }


def show(control: ControlRequest) -> shapes.EntryDetailJson:
    entry_id, redactor = control.values["id"], control.space.redactor
    snapshot = control.space.engine.snapshot()
    entry = next((entry for entry in snapshot.entries if entry.id == entry_id), None)
    if entry is None:
        was_dropped = 0 < entry_id <= snapshot.dropped_id
        why = "the journal dropped it to save memory" if was_dropped else f"GET {control.path('/calls')} lists the ids"
        raise NotFound(f"there is no call {entry_id} in the journal; {why}")
    near = redactor.near_misses(entry.call, entry.near_misses()) if isinstance(entry, Exchange) else ()
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


def clear(control: ControlRequest) -> None:
    """Clear the journal; rules and counters stay."""
    control.space.engine.clear_journal()


def verification(control: ControlRequest) -> shapes.VerificationJson | Response:
    """Return 409 with the near misses unless verified, so that ``curl -f`` fails."""
    when, times, after = control.body
    found = control.space.redactor.verification(verify(control.space.engine.snapshot(), when, times, after=after))
    if found.verified:
        return {"verified": True, "count": found.count, "text": found.text}
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
