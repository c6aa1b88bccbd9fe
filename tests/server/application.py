"""A small WSGI application for the server's tests: the query of a request says how it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from queue import Queue
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from emulator.delivery import DELIVERY, RECEIVED, ConnectionFault
from tests.helpers.calling import PATIENCE
from tests.helpers.raw_http import Request

HOUR: Final = 3600.0
LOOPS: Final = ["uvloop", "asyncio"]


class SmallApplication:
    """Answers with the path and the body of the request, ``times`` over; with 413 if the body is too long.

    A ``delay`` or ``over`` is in seconds, a ``fault`` a ConnectionFault's value; with ``error`` it raises. With
    ``report`` it puts what the server reports of the response into ``reports``.
    """

    def __init__(self) -> None:
        self.environs: Queue[dict[str, Any]] = Queue()
        self.reports: Queue[tuple[bytes, str]] = Queue()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.environs.put(environ)
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        if "error" in query:
            raise LookupError("a mistake")
        delivery = environ[DELIVERY]
        delivery.delay = float(query.get("delay", 0))
        delivery.over = float(query["over"]) if "over" in query else None
        delivery.fault = ConnectionFault(query["fault"]) if "fault" in query else None
        if "report" in query:
            delivery.on_delivered = lambda *report: self.reports.put(report)
        body = (environ["PATH_INFO"].encode("latin-1") + environ["wsgi.input"].read()) * int(query.get("times", 1))
        status = "200 OK" if environ[RECEIVED].body_limit is None else "413 Content Too Large"
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response(status, headers + [("Connection", "close")] * ("close" in query))
        return [body]

    def wait_for(self, requests: int) -> None:
        """Wait until this number of requests has come since the last wait."""
        for _ in range(requests):
            self.environs.get(timeout=PATIENCE)


def get(path: str = "/", *headers: tuple[str, str], **query: Any) -> Request:
    """Return a GET whose query is for the application."""
    return Request("GET", f"{path}?{urlencode(query)}" if query else path, headers)


def post(body: str, *headers: tuple[str, str], chunked: bool = False, **query: object) -> Request:
    """Return a POST whose query is for the application."""
    return Request("POST", f"/?{urlencode(query)}", headers, body, chunked=chunked)


CLOSE: Final = ("Connection", "close")
