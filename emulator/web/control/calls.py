"""The journal as data: a list of what came, and one entry with all that travelled and with its near misses."""

from __future__ import annotations

from typing import Any, Final

from emulator.core.call import Secret
from emulator.core.journal import Entry, Exchange, Totals
from emulator.core.matching import FIELDS
from emulator.web.control import query
from emulator.web.control.asked import Asked, done, said
from emulator.web.control.problems import Refused
from emulator.web.redaction import shown_answer, shown_request
from emulator.web.request import Answer

FILTERS: Final = (*FIELDS, "rule", "matched")
MOST_SHOWN: Final = 100


def show_all(asked: Asked) -> Answer:
    """The newest entries, or with ``after`` the first that came later, oldest first; filters leave refusals out."""
    values = asked.query((*FILTERS, "after", "limit"))
    limit, after = query.number(values, "limit", MOST_SHOWN), query.number(values, "after", 0)
    when, rule, matched = query.when(values), values.get("rule"), query.truth(values, "matched")

    everything = values.keys().isdisjoint(FILTERS)

    def wanted(entry: Entry) -> bool:
        if not isinstance(entry, Exchange):
            return False
        return when.accepts(entry.call) and rule in (None, entry.decider) and matched in (None, entry.rule is not None)

    record = asked.engine.snapshot()
    found = [entry for entry in record.entries if entry.id > after and (everything or wanted(entry))]
    shown = found[:limit] if "after" in values else found[max(0, len(found) - limit) :]
    return said(
        {
            "calls": [as_data(entry, asked.secret) for entry in shown],
            "found": len(found),
            "first": record.first_id,
            "last": record.last_id,
            "timeline": [{"at": slot.at, "counts": slot.counts} for slot in record.timeline],
            "dropped": record.dropped,
            "totals": _totals(record.totals),
        }
    )


def show(asked: Asked) -> Answer:
    """One entry, with its request and answer as they travelled, and the rules that came nearest."""
    asked.query(())
    entry_id = asked.number_in_path("id", "call")
    record = asked.engine.snapshot()
    found = next((entry for entry in record.entries if entry.id == entry_id), None)
    if found is None:
        gone = 0 < entry_id <= record.dropped_id
        why = "the journal has dropped it to make room" if gone else f"GET {asked.at('/calls')} shows the ids"
        raise Refused(404, f"there is no call {entry_id} in the journal; {why}")
    return said({**as_data(found, asked.secret), **_in_full(found, asked.secret)})


def clear(asked: Asked) -> Answer:
    """The journal is empty; rules and counters stay."""
    asked.query(())
    asked.engine.clear_journal()
    return done()


def as_data(entry: Entry, secret: Secret) -> dict[str, Any]:
    """An entry in brief. Times are in seconds, the first since 1970."""
    raw = entry.raw
    told = {"id": entry.id, "time": round(raw.at, 6), "seconds": round(raw.seconds, 6)}
    if not isinstance(entry, Exchange):
        binding = None if entry.binding is None else entry.binding.value
        return {"kind": "refusal", **told, "binding": binding, "status": entry.status, "reason": entry.reason}
    call, rule = entry.call, entry.rule
    return {
        "kind": "exchange",
        **told,
        "binding": call.binding.value,
        "session": call.session,
        "node": call.node,
        "auth_code": secret(call.auth_code) if call.auth_code else call.auth_code,
        "decided_by": entry.decided_by.value,
        "rule": None if rule is None else rule.name,
        "source": None if rule is None else rule.source,
        "reply": entry.outcome.as_data(),
        "delay_s": entry.delay,
    }


def _in_full(entry: Entry, secret: Secret) -> dict[str, Any]:
    near = entry.near_misses(secret=secret) if isinstance(entry, Exchange) else ()
    return {
        "request": shown_request(entry.raw.request, secret),
        "answer": shown_answer(entry, secret),
        "near_misses": [
            {**miss.as_data(), "reason": miss.reason, "times": miss.rule.times, "per": miss.rule.per.value}
            for miss in near
        ],
    }


def _totals(totals: Totals) -> dict[str, int]:
    return {"calls": sum(totals.calls.values()), "refusals": sum(totals.refusals.values())}
