"""A server of a few lines that answers every connection in the same way, right or wrong."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread


@contextmanager
def listening(serve: Callable[[socket.socket], object], host: str = "127.0.0.1") -> Iterator[str]:
    """Serve one connection after the other in a thread, and close each; yield its URL."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:

        def run() -> None:
            with suppress(OSError):  # of accept, once the listener is shut down
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        serve(connection)

        thread = Thread(target=run)
        thread.start()
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    """Return a function for ``listening`` that gives the same answer to every request."""
    return sending(answer(body, status, *headers))


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def sending(content: bytes, requests: list[bytes] | None = None) -> Callable[[socket.socket], None]:
    """Return a function for ``listening`` that sends these bytes for every request, and records the request."""

    def serve(connection: socket.socket) -> None:
        request = connection.recv(65536)
        if requests is not None:
            requests.append(request)
        connection.sendall(content)

    return serve
