"""Journals and logs each request to the service: the one place for calls and refusals."""

from __future__ import annotations

import logging
import time
from functools import lru_cache, partial
from typing import Final
from urllib.parse import quote

from emulator.core.contract import format_auth_code
from emulator.core.engine import Engine
from emulator.core.journal import NOT_KEPT, DecidedBy, Entry, Exchange, RawExchange, RawMessage, Reason
from emulator.delivery import WHOLE, Delivery, MalformedRequest
from emulator.web.redaction import Redactor
from emulator.web.request import Header, Request, Response

logger = logging.getLogger("emulator.calls")

_MAX_RULES_COMPARED: Final = 1000  # with an unmatched call, for the log; comparing more would hold up other clients
_MAX_RULE_NAME: Final = 300  # characters, of up to twelve bytes each; many servers and clients take headers of 8,000
_BEGAN_BEFORE: Final = Reason("the request began before a reset, so that it is not in the journal")
_SAFE_IN_HEADER: Final = " !#$&'()*+,/:;=?@[]{}|\"<>^`\\"


class CallLog:
    """Completes the journal of an engine and logs one line for each request.

    With ``adds_headers`` the response names the rule that answered and the entry of the journal; the contract has no
    other headers.
    """

    def __init__(self, engine: Engine, redactor: Redactor, *, adds_headers: bool) -> None:
        self._engine = engine
        self.redactor = redactor
        self._adds_headers = adds_headers

    def headers(self, exchange: Exchange) -> tuple[Header, ...]:
        """Return the headers that name the rule and the journal entry of a call; none if they are off."""
        if not self._adds_headers:
            return ()
        detail = exchange.reason if exchange.rule is None else exchange.rule.source
        rule = ("X-Emulator-Rule", _rule_in_header(exchange.decider, detail))
        return (rule,) if exchange.id == NOT_KEPT else (rule, ("X-Emulator-Call", str(exchange.id)))

    def record(self, request: Request, response: Response) -> None:
        """Journal and log a response to a call, or to a request that should have become one; log any other remark."""
        if response.exchange is not None:
            self._complete_when_sent(request, response, response.exchange)
        elif response.why is not None:
            self._record_refusal(request, response)
        elif response.remarks:
            remarks = "; ".join(self.remarks(response.remarks))
            logger.warning("%s answered with %d: %s", request.method, response.status_code, remarks)

    def record_malformed(self, malformed: MalformedRequest) -> None:
        """Journal a request that the server answered itself, and logged."""
        raw = RawExchange(time.time(), began=malformed.began)
        if malformed.start:
            raw.request = RawMessage(malformed.start, malformed.headers, b"")
        refusal = self._engine.refuse(None, malformed.status, Reason.literal(malformed.reason), raw)
        self._engine.complete(refusal, malformed.sent, WHOLE, 0.0)

    def _record_refusal(self, request: Request, response: Response) -> None:
        assert response.why is not None
        raw = request.as_received(request.kept_body)
        refusal = self._engine.refuse(response.binding, response.status_code, response.why, raw)
        if self._adds_headers and refusal.id != NOT_KEPT:
            response.headers.add("X-Emulator-Call", str(refusal.id))
        raw.decided_s = request.seconds
        self._complete_when_sent(request, response, refusal)

    def _complete_when_sent(self, request: Request, response: Response, entry: Entry) -> None:
        """Complete and log an entry once the server reports what it sent; at once under another WSGI server."""
        entry.raw.remarks = (*response.remarks, _BEGAN_BEFORE) if entry.id == NOT_KEPT else response.remarks
        delivery, line = request.delivery, _Line(entry, request.method, self)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%d arrived: %s", entry.id, line.subject)
        if delivery is None:
            self._complete(line, response.as_sent(), None, None)
        else:
            delivery.on_delivered = partial(self._on_delivered, line, delivery)

    def _on_delivered(self, line: _Line, delivery: Delivery, sent: bytes, what: str) -> None:
        self._complete(line, sent, what, delivery.seconds)

    def _complete(self, line: _Line, sent: bytes, delivered: str | None, answered_s: float | None) -> None:
        self._engine.complete(line.entry, sent, delivered, answered_s)
        logger.log(logging.WARNING if line.entry.raw.remarks else logging.INFO, line)

    def remarks(self, remarks: tuple[Reason, ...]) -> list[str]:
        return [*map(self.redactor.reason, remarks)]

    def near_misses(self, entry: Entry) -> list[str]:
        """Return the rules that came closest to a call that only ``otherwise`` answers."""
        if not isinstance(entry, Exchange) or entry.decided_by is not DecidedBy.OTHERWISE:
            return []
        rules = len(self._engine.scenario.rules)
        if rules > _MAX_RULES_COMPARED:
            return [f"not looked for among {rules} rules; 'explain' finds them"]
        return [*map(str, self.redactor.near_misses(entry.call, entry.near_misses()))]


class _Line:
    """The log line of an entry: text by ``str``, data by ``fields``; made by the formatter, as the log needs it."""

    __slots__ = ("_log", "_method", "entry")

    def __init__(self, entry: Entry, method: str, log: CallLog) -> None:
        self.entry = entry
        self._method = method
        self._log = log

    @property
    def subject(self) -> str:
        """The call with its auth code redacted, or what is known of a refused request."""
        entry = self.entry
        if not isinstance(entry, Exchange):
            return self._method if entry.binding is None else entry.binding.value
        call = entry.call
        auth_code = format_auth_code(self._log.redactor.code(call.auth_code))
        # _value_ is the same as value, which is slow to read
        return f"{call.binding._value_} session={call.session} node={call.node} auth_code={auth_code}"

    def __str__(self) -> str:
        entry, raw = self.entry, self.entry.raw
        notes = self._log.remarks(raw.remarks) if raw.remarks else []
        if isinstance(entry, Exchange):
            delay = f" after {entry.delay:g} s" if entry.delay else ""
            text = f"{self.subject} rule={entry.attribution!r} {entry.outcome.word}{delay}"
            if near_misses := self._log.near_misses(entry):
                notes.append("near misses: " + "; ".join(near_misses))
        else:
            text = f"{self.subject} refused with {entry.status}"
            notes.insert(0, " ".join(self._log.redactor.reason(entry.why).splitlines()))
        if raw.delivered not in (None, WHOLE):
            text += f", {raw.delivered}"
        if notes:
            text += ": " + "; ".join([*(note.removesuffix(".") for note in notes[:-1]), notes[-1]])
        return f"{text} ({raw.decided_s * 1000:.1f} ms)"

    def fields(self) -> dict[str, object]:
        entry, raw, log = self.entry, self.entry.raw, self._log
        fields: dict[str, object] = {"id": entry.id, "binding": None}
        if isinstance(entry, Exchange):
            call = entry.call
            fields |= {
                "binding": call.binding.value,
                "session": call.session,
                "node": call.node,
                "auth_code": log.redactor.code(call.auth_code),
                "decided_by": entry.decided_by.value,
                "rule": None if entry.rule is None else entry.rule.name,
                "source": None if entry.rule is None else entry.rule.source,
                "reason": entry.reason,
                "result": entry.outcome.word,
                "delay_s": entry.delay,
                "near_misses": log.near_misses(entry),
            }
        else:
            fields |= {
                "binding": entry.binding and entry.binding.value,
                "method": self._method,
                "status": entry.status,
                "reason": log.redactor.reason(entry.why),
            }
        answered_s = raw.answered_s
        return fields | {
            "remarks": log.remarks(raw.remarks),
            "delivered": raw.delivered,
            "decided_s": round(raw.decided_s, 6),
            "answered_s": answered_s and round(answered_s, 6),
        }

    @property
    def title(self) -> str:
        return "call" if isinstance(self.entry, Exchange) else "refused request"


@lru_cache(maxsize=1024)
def _rule_in_header(decider: str, detail: str | None) -> str:
    text = f"{decider} ({detail})" if detail else decider
    return quote(text[:_MAX_RULE_NAME], safe=_SAFE_IN_HEADER, errors="replace")
