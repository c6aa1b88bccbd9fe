"""Verification and explanation of calls, and the reset."""

from __future__ import annotations

from werkzeug.exceptions import Conflict

from emulator.core.explain import verify
from emulator.scenario.control_shapes import ExplanationJson, VerificationJson
from emulator.web.control.dispatch import ControlRequest, problem
from emulator.web.request import Response


def verification(control: ControlRequest) -> VerificationJson | Response:
    when, times, after = control.body
    found = control.space.redactor.verification(verify(control.space.engine.snapshot(), when, times, after=after))
    if not found.certain:
        return problem(Conflict(found.text), count=found.count, dropped=found.dropped)
    return {  # type: ignore[return-value]
        "verified": found.verified,
        "count": found.count,
        "near_misses": [near.as_data() for near in found.near_misses],
        "text": found.text,
    }


def explanation(control: ControlRequest) -> ExplanationJson:
    explained = control.space.redactor.explanation(control.space.engine.explain(control.body.build()))
    return {**explained.as_data(), "text": explained.text()}  # type: ignore[typeddict-item]


def reset(control: ControlRequest) -> None:
    control.space.engine.reset()
