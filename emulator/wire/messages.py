"""What passes between HTTP and the wire's protocols: a request with all that they look at, and the answer they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.core.call import Call
from emulator.core.contract import Binding, Result
from emulator.wire.faults import Refusal

# What the operation does: gives the result of a call, or raises ``faults.Thrown``.
Operation = Callable[[Call], Result]


@dataclass(slots=True)
class Request:
    """One request to the service.

    ``payload`` is the body, and for GET the query string as it was sent. ``operation`` is what follows the ``.asmx`` of
    the path and its slash, decoded; empty for SOAP. An absent header is None, but an absent Content-Type is "".
    """

    payload: bytes = field(repr=False)
    content_type: str = field(default="", repr=False)
    soap_action: str | None = field(default=None, repr=False)
    operation: str = field(default="", repr=False)


@dataclass(slots=True)
class Answer:
    """One answer of the service: the bytes, and what led to them.

    ``binding`` is the one in which the answer is written; a request that became no call has ``refusal``, one that did
    may have ``remarks``: what of it the service ignored though its sender hardly meant that.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    binding: Binding
    refusal: Refusal | None = None
    remarks: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why the request became no call, without what might be a secret; "" for one that did."""
        return "" if self.refusal is None else self.refusal.text_for_log or self.refusal.kind.reason
