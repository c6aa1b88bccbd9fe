"""An HTTP/1.1 server for one WSGI application: strict parsing, limits, TLS, delays and connection faults."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of requests and connections; sizes in bytes, times in seconds. ValueError unless all are above 0.

    A longer ``request_line`` gets 414. More ``headers``, or more ``header_bytes`` in all, get 400, as from HTTP.sys
    (whose ``MaxRequestBytes`` is 16 kB for the request line and the headers together). A longer ``body`` gets
    ASP.NET's error page (``maxRequestLength``). Behind a response that waits, ``read_ahead`` bytes of further requests
    are read. A head that is incomplete ``head_within`` seconds after its first
    byte, or a body ``body_within`` seconds after its head, gets 408; a client that reads nothing of its response for
    ``body_within`` seconds is reset. A connection without a request is closed after ``idle`` seconds. While
    ``connections`` are open, the next client waits until one closes.
    """

    request_line: int = 16 * 1024
    headers: int = 100
    header_bytes: int = 16 * 1024
    body: int = 4 * 1024 * 1024
    read_ahead: int | None = None
    head_within: float = 10.0
    body_within: float = 30.0
    idle: float = 15.0
    connections: int = 1000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:  # also refuses NaN
                raise ValueError(f"{field.name}={value!r} lets nothing through: it has to be more than 0")
