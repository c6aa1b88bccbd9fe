"""Notes each request with its answer in the journal and in the log, and tells the client under which number."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote

from emulator.core.engine import Engine
from emulator.core.exchange import DecidedBy, Exchange, Message
from emulator.core.replies import ConnectionFailure, ConnectionFault
from emulator.web.call_log import is_logged, log_exchange, log_near_misses, log_refusal
from emulator.web.settings import Settings
from emulator.web.visit import Answer, Visit

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
        self._engine.answered(exchange, _sent(exchange, answer), seconds)
        log_exchange(exchange, remarks, self._secret)
        if exchange.decided_by is DecidedBy.OTHERWISE and is_logged():
            self._log_near_misses(exchange)
        return answer

    def refused(self, visit: Visit, answer: Answer, body: bytes) -> Answer:
        """The answer to a request that never became a call, once it is noted."""
        refusal = self._engine.refuse(answer.binding, answer.status, answer.refused, visit.traffic(body))
        if self._telling:
            answer.headers = (*answer.headers, _number(refusal.id))
        self._engine.answered(refusal, answer.message(), visit.seconds)
        log_refusal(refusal, visit.method)
        return answer

    def _log_near_misses(self, exchange: Exchange) -> None:
        rules = len(self._engine.scenario.rules)
        few = rules <= _MOST_RULES_COMPARED
        log_near_misses(exchange, exchange.near_misses(secret=self._secret) if few else (), rules)


def _sent(exchange: Exchange, answer: Answer) -> Message | None:
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
