"""What slow clients cost those that are busy: their rate beside a thousand whose heads never end, against none."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress
from urllib.parse import urlsplit

from emulator.server.server import allow_many_connections
from tests.bench.measuring import Effort, Figures
from tests.bench.wrk import NO_WRK, SECONDS, a_call, beside, load, served, wrk_is_there

SLOW = 1000
STEPS = 100  # a second, in each of which some of the clients send their byte
HEAD_TIMEOUT = 2  # seconds: a fifth of the default, so that they come again while there is a load
BEGIN = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "


def slow_clients(effort: Effort) -> Figures:
    """Calls a second of 8 connections without and with slow clients, in turn."""
    if not wrk_is_there():
        return Figures(left_out={"all": NO_WRK})
    figures = Figures()
    alone, among = "no slow clients, calls/s", f"{SLOW:,} slow clients, calls/s"
    seconds = effort.time(SECONDS)
    with served("--max-connections", str(2 * SLOW), "--head-timeout", str(HEAD_TIMEOUT)) as (origin, _):
        for _ in range(effort.rounds):
            without = load(origin, a_call(), seconds=seconds)
            with beside("tests.bench.slow_clients", origin, str(effort.some(SLOW))):
                with_them = load(origin, a_call(), seconds=seconds)
            assert without.errors == with_them.errors == 0, "there were errors among the busy clients"
            figures.add(alone, without.rate)
            figures.add(among, with_them.rate)
    figures.ratio(f"{SLOW:,} slow clients / none, rate", among, alone)
    return figures


class SlowClient:
    """Sends a byte of a head whenever it is told to, and comes again once it is answered: with 408."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._come()

    def _come(self) -> None:
        self._connection = socket.create_connection(self._address)
        self._connection.setblocking(False)
        self._sent = 0

    def go_on(self) -> None:
        """Send the next byte, or come again."""
        try:
            self._connection.recv(4096)
        except BlockingIOError:
            with suppress(ConnectionError):
                self._connection.send(BEGIN[self._sent : self._sent + 1] or b"a")
            self._sent += 1
            return
        except ConnectionError:  # the answer came long ago
            pass
        self._connection.close()
        self._come()


def crawl(origin: str, clients: int) -> None:
    """Have so many of them send a byte a second each, evenly, without end."""
    allow_many_connections()
    where = urlsplit(origin)
    slow = [SlowClient((where.hostname or "", where.port or 0)) for _ in range(clients)]
    print("crawling", flush=True)
    began, step = time.monotonic(), 0
    while True:
        for client in slow[step % STEPS :: STEPS]:
            client.go_on()
        step += 1
        time.sleep(max(0.0, began + step / STEPS - time.monotonic()))


if __name__ == "__main__":
    crawl(sys.argv[1], int(sys.argv[2]))
