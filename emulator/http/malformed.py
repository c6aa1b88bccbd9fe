"""What is wrong with bytes that make no request, and with what status they are answered."""

from __future__ import annotations

from emulator.http.limits import HttpLimits


class Malformed(Exception):
    """Bytes that are no request, or one that goes beyond a limit: the ``status`` of its answer, and what is wrong."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def head_too_long(limits: HttpLimits) -> Malformed:
    """There are more headers, or longer ones, than are read."""
    why = f"Request Too Long: at most {limits.headers:,} headers of {limits.header_bytes:,} bytes in all are read"
    return Malformed(400, f"{why}; serve takes --max-headers and --max-header-bytes")


def target_too_long(limits: HttpLimits) -> Malformed:
    """The target is longer than is read."""
    why = f"URI Too Long: at most {limits.request_line:,} bytes of a request line are read"
    return Malformed(414, f"{why}; serve takes --max-request-line")
