"""One log line for each request to the service: what it asked, what it got and why; never an auth code in full."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from emulator.core.call import Secret
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy, Exchange, RawMessage, Refusal
from emulator.core.near_misses import NearMiss
from emulator.core.replies import ConnectionFailure
from emulator.delivery import ConnectionFault
from emulator.web.request import Answer, Visit
from emulator.web.settings import Settings

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
        exchange.raw.seconds * 1000,
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
    milliseconds = refusal.raw.seconds * 1000
    logger.info("%s refused with %d: %s %.1f ms", asked, refusal.status, refusal.reason, milliseconds)


_MOST_RULES_COMPARED: Final = 1000  # with an unmatched call, for the log; more would hold up others
_ANSWERLESS: Final = {ConnectionFault.RESET, ConnectionFault.CLOSE, ConnectionFault.GARBAGE, ConnectionFault.STALL}


class Recorder:
    """Completes the journal of an engine."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._telling = settings.control
        self._secret = settings.secret

    def exchanged(self, exchange: Exchange, answer: Answer, remarks: tuple[str, ...], seconds: float) -> Answer:
        """The answer to a call, once it is noted; ``remarks`` tell what of the request the service ignored."""
        if self._telling:
            answer.headers = (*answer.headers, *_told_of(exchange))
        self._engine.complete(exchange, _sent(exchange, answer), seconds)
        log_exchange(exchange, remarks, self._secret)
        if exchange.decided_by is DecidedBy.OTHERWISE and is_logged():
            self._log_near_misses(exchange)
        return answer

    def refused(self, visit: Visit, answer: Answer, body: bytes) -> Answer:
        """The answer to a request that never became a call, once it is noted."""
        refusal = self._engine.refuse(answer.binding, answer.status, answer.refused, visit.raw(body))
        if self._telling:
            answer.headers = (*answer.headers, _number(refusal.id))
        self._engine.complete(refusal, answer.message(), visit.seconds)
        log_refusal(refusal, visit.method)
        return answer

    def _log_near_misses(self, exchange: Exchange) -> None:
        rules = len(self._engine.scenario.rules)
        few = rules <= _MOST_RULES_COMPARED
        log_near_misses(exchange, exchange.near_misses(secret=self._secret) if few else (), rules)


def _sent(exchange: Exchange, answer: Answer) -> RawMessage | None:
    outcome = exchange.outcome
    never = isinstance(outcome, ConnectionFailure) and outcome.fault in _ANSWERLESS
    return None if never else answer.message()


def _told_of(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """The two headers that tell which rule answered and under which number; the contract has no others."""
    source = None if exchange.rule is None else exchange.rule.source
    return (("X-Emulator-Rule", _in_a_header(exchange.decider, source)), _number(exchange.id))


@lru_cache(maxsize=1024)
def _in_a_header(decider: str, source: str | None) -> str:
    told = decider if source is None else f"{decider} ({source})"
    return quote(told[:_LONGEST_TOLD], safe=_HEADER_SAFE, errors="replace")


def _number(entry_id: int) -> tuple[str, str]:
    return ("X-Emulator-Call", str(entry_id))


_LONGEST_TOLD = 300  # letters, each of which may be twelve in a header; many servers and clients take 8,000
_HEADER_SAFE = " !#$&'()*+,/:;=?@[]{}|\"<>^`\\"
