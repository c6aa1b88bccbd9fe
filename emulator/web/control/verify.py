"""Questions about calls: whether some came as often as they should, and what one would get."""

from __future__ import annotations

from emulator.core.explain import Verification, verify
from emulator.errors import ScenarioError
from emulator.scenario.control_models import parse_call, parse_verification
from emulator.web.control.asked import Asked, done, said
from emulator.web.control.problems import Refused, unprocessable
from emulator.web.request import Answer


def verification(asked: Asked) -> Answer:
    """Whether the journal holds as many calls as it should."""
    asked.query(())
    data = asked.json()
    try:
        when, times, after = parse_verification(data)
    except ScenarioError as error:
        raise unprocessable(error) from None
    found = verify(asked.engine.snapshot(), when, times, after=after, secret=asked.secret)
    if not found.certain:
        raise Refused(409, found.text, count=found.count, dropped=found.dropped)
    return said(_as_data(found))


def explanation(asked: Asked) -> Answer:
    """A dry run of one call."""
    asked.query(())
    data = asked.json()
    try:
        call = parse_call(data)
    except ScenarioError as error:
        raise unprocessable(error) from None
    explained = asked.engine.explain(call, asked.secret)
    return said({**explained.as_data(asked.secret), "text": explained.text(asked.secret)})


def reset(asked: Asked) -> Answer:
    """Journal, counters, desk and runtime rules are as at the start."""
    asked.query(())
    asked.engine.reset()
    return done()


def _as_data(found: Verification) -> dict[str, object]:
    return {
        "verified": found.verified,
        "count": found.count,
        "near_misses": [near.as_data() for near in found.near_misses],
        "text": found.text,
    }
