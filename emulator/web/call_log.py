"""Journals and logs each request to the service: the one place for calls and refusals."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from emulator.core.contract import format_auth_code
from emulator.core.engine import Engine
from emulator.core.journal import DecidedBy, Exchange, RawExchange, RawMessage, Reason
from emulator.core.replies import ConnectionFailure
from emulator.delivery import ConnectionFault, MalformedRequest
from emulator.web.redaction import Redactor
from emulator.web.request import Header, Request, Response

logger = logging.getLogger("emulator.calls")

_MAX_RULES_COMPARED: Final = 1000  # with an unmatched call, for the log; comparing more would hold up other clients
_WITHOUT_RESPONSE: Final = frozenset(ConnectionFault) - {ConnectionFault.TRUNCATE, ConnectionFault.TRICKLE}
_MAX_RULE_NAME: Final = 300  # characters, of up to twelve bytes each; many servers and clients take headers of 8,000
_SAFE_IN_HEADER: Final = " !#$&'()*+,/:;=?@[]{}|\"<>^`\\"


class CallLog:
    """Completes the journal of an engine and logs one line for each request.

    With ``adds_headers`` the response names the rule that answered and the entry of the journal; the contract has no
    other headers.
    """

    def __init__(self, engine: Engine, redactor: Redactor, *, adds_headers: bool) -> None:
        self._engine = engine
        self._redactor = redactor
        self._adds_headers = adds_headers

    def headers(self, exchange: Exchange) -> tuple[Header, ...]:
        """Return the headers that name the rule and the journal entry of a call; none if they are off."""
        if not self._adds_headers:
            return ()
        detail = exchange.reason if exchange.rule is None else exchange.rule.source
        return (("X-Emulator-Rule", _rule_in_header(exchange.decider, detail)), ("X-Emulator-Call", str(exchange.id)))

    def record(self, request: Request, response: Response) -> None:
        """Journal and log a response to a call, or to a request that should have become one; log any other remark."""
        if response.exchange is not None:
            self._record_exchange(request, response, response.exchange)
        elif response.why is not None:
            self._record_refusal(request, response)
        elif response.remarks:
            logger.warning("%s answered with %d: %s", request.method, response.status_code, self._remarks(response))

    def record_malformed(self, malformed: MalformedRequest) -> None:
        """Journal a request that the server answered itself, and logged."""
        raw = RawExchange(time.time())
        if malformed.start:
            raw.request = RawMessage(malformed.start, malformed.headers, b"")
        refusal = self._engine.refuse(None, malformed.status, Reason.literal(malformed.reason), raw)
        self._engine.complete(refusal, RawMessage.parse(malformed.sent), 0.0)

    def _record_exchange(self, request: Request, response: Response, exchange: Exchange) -> None:
        outcome = exchange.outcome
        has_response = not (isinstance(outcome, ConnectionFailure) and outcome.fault in _WITHOUT_RESPONSE)
        answer = response.as_sent() if has_response else None
        self._engine.complete(exchange, answer, request.seconds, response.remarks)
        if logger.isEnabledFor(logging.INFO):
            self._log_exchange(exchange)
            if exchange.decided_by is DecidedBy.OTHERWISE:
                self._log_near_misses(exchange)
        if response.remarks:
            self._log_remarks(exchange, response)

    def _record_refusal(self, request: Request, response: Response) -> None:
        assert response.why is not None
        raw = request.as_received(request.kept_body)
        refusal = self._engine.refuse(response.binding, response.status_code, response.why, raw)
        if self._adds_headers:
            response.headers.add("X-Emulator-Call", str(refusal.id))
        self._engine.complete(refusal, response.as_sent(), request.seconds, response.remarks)
        if logger.isEnabledFor(logging.INFO):
            kind = request.method if refusal.binding is None else refusal.binding.value
            reason = "; ".join(filter(None, (self._redactor.reason(refusal.why), self._remarks(response))))
            logger.info("%s refused with %d: %s %.1f ms", kind, refusal.status, reason, refusal.raw.seconds * 1000)

    def _log_exchange(self, exchange: Exchange) -> None:
        call = exchange.call
        logger.info(
            "%s session=%d node=%d auth_code=%s rule=%r %s %.1f ms",
            call.binding._value_,  # the same as value, which is slow to read
            call.session,
            call.node,
            format_auth_code(self._redactor.code(call.auth_code)),
            exchange.attribution,
            exchange.outcome.word,
            exchange.raw.seconds * 1000,
        )

    def _remarks(self, response: Response) -> str:
        return "; ".join(map(self._redactor.reason, response.remarks))

    def _log_remarks(self, exchange: Exchange, response: Response) -> None:
        call = self._redactor.call(exchange.call)
        logger.warning(
            "%s call %d was read as session=%d node=%d auth_code=%s, as the real service reads it: %s",
            call.binding.value,
            exchange.id,
            call.session,
            call.node,
            format_auth_code(call.auth_code),
            self._remarks(response),
        )

    def _log_near_misses(self, exchange: Exchange) -> None:
        rules = len(self._engine.scenario.rules)
        if rules > _MAX_RULES_COMPARED:
            logger.info("call %d matched none of %d rules; 'explain' finds the nearest", exchange.id, rules)
            return
        near_misses = self._redactor.near_misses(exchange.call, exchange.near_misses())
        if near_misses:
            logger.info("call %d matched no rule; the nearest: %s", exchange.id, "; ".join(map(str, near_misses)))


@lru_cache(maxsize=1024)
def _rule_in_header(decider: str, detail: str | None) -> str:
    text = f"{decider} ({detail})" if detail else decider
    return quote(text[:_MAX_RULE_NAME], safe=_SAFE_IN_HEADER, errors="replace")
