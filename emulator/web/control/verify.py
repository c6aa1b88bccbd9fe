"""Verification and explanation of calls, and the reset."""

from __future__ import annotations

from werkzeug.exceptions import Conflict

from emulator.core.explain import verify
from emulator.scenario.control_shapes import ExplanationJson, VerificationJson
from emulator.web.control.dispatch import ControlRequest, with_extras


def verification(control: ControlRequest) -> VerificationJson:
    """Return whether the journal holds as many calls as expected; 409 if it cannot tell."""
    when, times, after = control.body
    found = verify(control.space.engine.snapshot(), when, times, after=after)
    found = control.space.redactor.verification(found)
    if not found.certain:
        raise with_extras(Conflict(found.text), count=found.count, dropped=found.dropped)
    return {
        "verified": found.verified,
        "count": found.count,
        "near_misses": [near.as_data() for near in found.near_misses],  # type: ignore[misc]
        "text": found.text,
    }


def explanation(control: ControlRequest) -> ExplanationJson:
    """Return what a call would get, without making it."""
    explained = control.space.redactor.explanation(control.space.engine.explain(control.body))
    return {**explained.as_data(), "text": explained.text()}  # type: ignore[typeddict-item]


def reset(control: ControlRequest) -> None:
    """Reset journal, counters, desk and runtime rules."""
    control.space.engine.reset()
