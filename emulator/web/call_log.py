"""One log line for each request to the service: what it asked, what it got and why; never an auth code in full."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from typing_extensions import assert_never

from emulator.core.call import masked
from emulator.core.exchange import Exchange
from emulator.core.explanation import NearMiss
from emulator.core.replies import ConnectionFailure, HttpFailure, Outcome, Return, Throw
from emulator.wire.messages import Answer

logger = logging.getLogger("emulator.calls")


def log_exchange(exchange: Exchange, remarks: tuple[str, ...], seconds: float) -> None:
    """Logs a call with its reply; ``remarks`` tell what of the request the service ignored, and become a warning."""
    call = exchange.call
    rule = exchange.decided_by.value if exchange.rule is None else exchange.rule.name
    logger.info(
        "%s session=%d node=%d auth_code=%s rule=%r %s %.1f ms",
        call.binding.value,
        call.session,
        call.node,
        masked(call.auth_code),
        rule,
        told(exchange.outcome),
        seconds * 1000,
    )
    if remarks:
        logger.warning(
            "%s call %d was read as session=%d node=%d auth_code=%s, as the real service reads it: %s",
            call.binding.value,
            exchange.id,
            call.session,
            call.node,
            masked(call.auth_code),
            "; ".join(remarks),
        )


def log_near_misses(exchange: Exchange, near_misses: Sequence[NearMiss], rules: int) -> None:
    """Logs which rules a call that none accepted came nearest to, and in which condition it differed.

    Without near misses, because there are too many ``rules`` to compare them all, it tells who can.
    """
    if near_misses:
        nearest = "; ".join(str(miss) for miss in near_misses)
        logger.info("call %d was accepted by no rule; the nearest: %s", exchange.id, nearest)
    elif rules:
        logger.info("call %d was accepted by none of %d rules; 'explain' finds the nearest", exchange.id, rules)


def log_refusal(answer: Answer, seconds: float) -> None:
    """Logs a request that became no call."""
    refusal = answer.refusal
    reason = refusal.text_for_log or refusal.kind.id if refusal is not None else ""
    logger.info("%s refused with %d: %s %.1f ms", answer.binding.value, answer.status, reason, seconds * 1000)


def told(outcome: Outcome) -> str:
    """An outcome in a word or two."""
    match outcome:
        case Return(result):
            return result.value
        case Throw():
            return "exception"
        case HttpFailure():
            return f"status {outcome.status}"
        case ConnectionFailure():
            return f"connection {outcome.fault.value}"
        case _ as never:
            assert_never(never)
