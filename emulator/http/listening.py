"""Where a server listens: a socket on a host's port, and how many connections its process may hold."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Final

from emulator.errors import StartError
from emulator.loopback import is_loopback

_BACKLOG: Final = 2048


def reaches_beyond(host: str) -> bool:
    """Whether somebody on another machine could reach a server that listens on this host."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        return not is_loopback(str(found).partition("%")[0])
    except (OSError, ValueError):
        return True


def bound(host: str, port: int) -> socket.socket:
    """A bound socket, or a StartError that says why there is none."""
    listening = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address[0], port, *address[2:]))  # the number as given: the look-up would cut it to 16 bits
        listening.listen(_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        if listening is not None:
            listening.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StartError(f"cannot listen on {joined(host, port)}: {why}") from error
    return listening


def joined(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def allow_many_connections() -> None:
    """Raises the process's own limit of open files to the one that the system sets it."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # some systems name a limit that they do not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
