"""What an answer is to suffer on its way to the client: the ways in which a connection can fail."""

from __future__ import annotations

from enum import Enum


class ConnectionFault(str, Enum):
    """How a connection can fail under an answer."""

    RESET = "reset"
    CLOSE = "close"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    STALL = "stall"
    TRICKLE = "trickle"
