"""One log line for each request to the service: what it asked, what it got and why; never an auth code in full."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from emulator.core.call import Secret
from emulator.core.exchange import Exchange, Refusal
from emulator.core.near_misses import NearMiss

logger = logging.getLogger("emulator.calls")


def is_logged() -> bool:
    """Whether calls are logged at all, so that nothing is put into words for nobody."""
    return logger.isEnabledFor(logging.INFO)


def log_exchange(exchange: Exchange, remarks: tuple[str, ...], secret: Secret) -> None:
    """Logs a call with its reply; ``remarks`` tell what of the request the service ignored, and become a warning."""
    if not is_logged() and not remarks:
        return
    call = exchange.call
    logger.info(
        "%s session=%d node=%d auth_code=%s rule=%r %s %.1f ms",
        call.binding._value_,  # the same as value, which is slow to read
        call.session,
        call.node,
        secret(call.auth_code),
        exchange.decider,
        exchange.outcome.word,
        exchange.traffic.seconds * 1000,
    )
    if remarks:
        logger.warning(
            "%s call %d was read as session=%d node=%d auth_code=%s, as the real service reads it: %s",
            call.binding.value,
            exchange.id,
            call.session,
            call.node,
            secret(call.auth_code),
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


def log_refusal(refusal: Refusal, method: str) -> None:
    """Logs a request that became no call."""
    asked = method if refusal.binding is None else refusal.binding.value
    milliseconds = refusal.traffic.seconds * 1000
    logger.info("%s refused with %d: %s %.1f ms", asked, refusal.status, refusal.reason, milliseconds)
