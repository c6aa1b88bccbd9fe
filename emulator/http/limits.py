"""What one client may send, for how long, and how many clients there may be: the defaults, and why they are these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of requests and connections; sizes in bytes, times in seconds.

    A ``request_line`` that is longer gets 414, a head with more ``headers`` or more ``header_bytes`` 400, as HTTP.sys
    answers, whose ``MaxRequestBytes`` and ``UrlSegmentMaxLength`` the sizes are nearest to. A ``body`` that is longer
    gets ASP.NET's error page (``maxRequestLength``). A head that is not here ``head_within`` seconds after its first
    byte, or a body ``body_within`` seconds after its head, gets 408; so long may a client take to read an answer, too.
    A connection without a request ends after ``idle`` seconds. Of ``connections`` that are open, the next one waits
    until one ends.
    """

    request_line: int = 16 * 1024
    headers: int = 100
    header_bytes: int = 16 * 1024
    body: int = 4 * 1024 * 1024
    head_within: float = 10.0
    body_within: float = 30.0
    idle: float = 15.0
    connections: int = 1000
