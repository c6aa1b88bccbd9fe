"""What the application and the server exchange beside WSGI: the request as received, and the response's delivery.

Both environ keys are optional. Under another WSGI server the application works without them, but cannot break
connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from time import perf_counter
from typing import Any, Final

RECEIVED: Final = "emulator.received"
"""The environ key of the :class:`Received`, set by the server."""

DELIVERY: Final = "emulator.delivery"
"""The environ key of the :class:`Delivery`, set by the server and filled in by the application."""

WHOLE: Final = "whole"
NOTHING: Final = "nothing"

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ConnectionFault(str, Enum):
    """How a connection can fail in place of a complete response."""

    RESET = "reset"
    CLOSE = "close"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    STALL = "stall"
    TRICKLE = "trickle"


@dataclass(frozen=True, slots=True)
class Received:
    """What WSGI does not keep of a request: the target and the headers as sent, in order, case and number.

    ``body_limit`` is the size limit in bytes that the body exceeded, None if it did not; the body is then empty.
    """

    target: str
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body_limit: int | None = None


@dataclass(frozen=True, slots=True)
class MalformedRequest:
    """A request that the server answered itself, since its bytes are no acceptable HTTP, and the ``reason``.

    ``start`` and ``headers`` are its first line and its headers as far as they were read; ``sent`` is the whole
    response with its ``status``. ``began`` is as in :class:`Delivery`.
    """

    reason: str
    start: str = field(repr=False)
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    status: int
    sent: bytes = field(repr=False)
    began: Any = None


class Delivery:
    """How the server delivers one response: after a delay in seconds, with a connection fault, or made in a thread.

    ``over`` is the duration of a trickle in seconds. ``received_at`` is when the last byte of the request was read, in
    the seconds of ``perf_counter``. ``began`` is what the server's ``on_begin`` returned when its first byte was read.

    The server calls ``on_delivered`` once, in the event loop, with the bytes that it handed to the operating system
    and what they are: ``whole``, ``cut after N bytes``, ``N bytes of garbage``, ``nothing``, or ``client left after
    S s``. It does so just before the last byte is written: who has the whole response finds it recorded.
    """

    __slots__ = ("began", "cancel", "deferred", "delay", "fault", "on_delivered", "over", "received_at", "waits")

    def __init__(self, received_at: float = 0.0, began: Any = None) -> None:
        self.received_at = received_at
        self.began = began
        self.on_delivered: Callable[[bytes, str], None] | None = None
        self.delay = 0.0
        self.fault: ConnectionFault | None = None
        self.over: float | None = None
        self.deferred: Callable[[], WSGIApplication] | None = None
        self.waits = False
        self.cancel: Callable[[], object] | None = None

    def defer(
        self,
        work: Callable[[], WSGIApplication],
        *,
        waits: bool = False,
        cancel: Callable[[], object] | None = None,
    ) -> None:
        """Let the server run slow work in a thread and send the response that it returns, which is called there, too.

        Work that ``waits`` for something else gets a thread pool of its own, so that neither kind starves the other;
        a full pool is answered with 503. A stopping server does not wait for work that ``waits``. The server calls
        ``cancel``, in the event loop, once the client ends its sending or the server stops: the work should then return
        soon.

        Deferred work can defer once more: its own response is then ignored.
        """
        self.deferred, self.waits, self.cancel = work, waits, cancel

    @property
    def seconds(self) -> float:
        """The time since the last byte of the request was read, in seconds."""
        return perf_counter() - self.received_at

    def report(self, sent: bytes, what: str) -> None:
        """Call ``on_delivered``, unless that has been done."""
        on_delivered, self.on_delivered = self.on_delivered, None
        if on_delivered is not None:
            on_delivered(sent, what)
