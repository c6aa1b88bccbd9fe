"""Makes an exchange happen to the client: an HTTP failure here, a delay and a connection failure by the server."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol

from emulator.core.journal import Exchange
from emulator.core.replies import ConnectionFailure, HttpFailure
from emulator.web.request import PLAIN, Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_logger = logging.getLogger(__name__)

FATE = "emulator.fate"
"""The key of the WSGI environment under which a server that can carry out a ``Fate`` puts one, to be filled in."""


class Fate(Protocol):
    """What is to become of an answer once it is written: how many seconds it waits, and how its connection fails."""

    delay: float
    failure: ConnectionFailure | None


def carry_out(exchange: Exchange, answer: Answer, environ: WSGIEnvironment) -> Answer:
    """The answer that the exchange asks for, in place of the one that the service would have given."""
    fate: Fate | None = environ.get(FATE)
    outcome = exchange.outcome
    if fate is None:
        time.sleep(exchange.delay)  # another WSGI server: one thread for each request, so this one may wait
        if isinstance(outcome, ConnectionFailure):
            _logger.error("call %d asks for a failure of its connection: %s", exchange.id, _CANNOT_FAIL)
            answer = Answer(502, PLAIN, f"The scenario asks for {outcome} here: {_CANNOT_FAIL}\n")
    else:
        fate.delay = exchange.delay
        if isinstance(outcome, ConnectionFailure):
            fate.failure = outcome
    if isinstance(outcome, HttpFailure):
        answer = Answer(outcome.status, outcome.content_type or "", outcome.body, outcome.headers)
    return answer


_CANNOT_FAIL = "this WSGI server cannot do that to a connection, only rescue-emulator's own can."
