"""Connections of requests that another thread can end, for a deadline that a trickle of bytes does not put off."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter


class Connections(HTTPAdapter):
    """An adapter whose connections, in whatever state, end with :meth:`shut_down`; later ones end at once."""

    def __init__(self) -> None:
        super().__init__()
        self._sockets: list[socket.socket] = []  # duplicates: TLS takes a socket away from its object
        self._is_shut_down = False

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return the pool of connections for a request; the name is requests'."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        adapter = self

        class Connection(pool.ConnectionCls):  # type: ignore[misc]
            def _new_conn(self) -> Any:  # urllib3's, before a proxy's CONNECT and the handshake
                connected = super()._new_conn()
                adapter._add(connected.dup())
                return connected

        pool.ConnectionCls = Connection
        return pool

    def shut_down(self) -> None:
        self._is_shut_down = True
        for each in self._sockets:
            with suppress(OSError):  # it is closed, or was never connected
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        for each in self._sockets:
            each.close()

    def _add(self, duplicate: socket.socket) -> None:
        self._sockets.append(duplicate)
        if self._is_shut_down:
            self.shut_down()
