"""What one client may send, for how long, and how many clients there may be: the defaults, and why they are these."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of requests and connections; sizes in bytes, times in seconds.

    A ``request_line`` that is longer gets 414; a head with more ``headers``, or more ``header_bytes``, gets 400, as
    it does from HTTP.sys (whose ``MaxRequestBytes`` is 16 kB for line and headers together). A ``body`` that is
    longer gets ASP.NET's error page (``maxRequestLength``). A head that is not here ``head_within`` seconds after
    its first byte, or a body ``body_within`` seconds after its head, gets 408; a client may take as long as for a
    body to read an answer. A connection on which nothing is asked ends after ``idle`` seconds. When so many
    ``connections`` are open, the next one waits until one ends. ValueError for a bound that lets nothing through.
    """

    request_line: int = 16 * 1024
    headers: int = 100
    header_bytes: int = 16 * 1024
    body: int = 4 * 1024 * 1024
    head_within: float = 10.0
    body_within: float = 30.0
    idle: float = 15.0
    connections: int = 1000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"{field.name}={value!r} lets nothing through: it has to be more than 0")
