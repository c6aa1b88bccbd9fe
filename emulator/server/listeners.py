"""Listening sockets: one port on every address of every host."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from emulator.errors import StartError
from emulator.network import ANY_ADDRESS, addresses, host_port

_BACKLOG: Final = 2048
_MAX_PORT_CHOICES: Final = 20  # ports that the system may choose until one is free on all addresses
_LOOPBACK: Final = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


def listen(hosts: Sequence[str], ports: Sequence[int]) -> tuple[list[socket.socket], list[str]]:
    """Return sockets that listen on all addresses of the hosts, at the first port that is free on all; 0 is any.

    Also return the addresses that were skipped: those of a family (IPv4, IPv6) that this machine lacks. StartError if
    a host is unknown, an address is another machine's, or no port is free.
    """
    if not hosts or not ports:
        raise StartError("there is no host or no port to listen on: give one of each")
    wanted: dict[Address, None] = {}
    for host in hosts:
        try:
            wanted.update(dict.fromkeys(addresses(host)))
        except (OSError, UnicodeError) as error:
            raise _failure(host, ports, error) from error
    covering = {family for family, address in wanted if address[0] in ANY_ADDRESS}
    chosen = [(family, address) for family, address in wanted if family not in covering or address[0] in ANY_ADDRESS]
    available = {family for family, _ in chosen if _is_available(family)}
    bound = [item for item in chosen if item[0] in available] or chosen  # if none is left, binding says why
    skipped = [address[0] for family, address in chosen if available and family not in available]
    return _bind_to_one(bound, ports), skipped


def _bind_to_one(bound: list[Address], ports: Sequence[int]) -> list[socket.socket]:
    candidates = [*ports] if 0 not in ports else [0] * _MAX_PORT_CHOICES
    while True:
        port = candidates.pop(0)
        listeners: list[socket.socket] = []
        try:
            for family, address in bound:
                listener = socket.socket(family, socket.SOCK_STREAM)
                listeners.append(listener)
                if os.name == "posix":
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family is socket.AF_INET6 and len(bound) > 1:  # :: would take the port of the IPv4 addresses, too
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address[0], port, *address[2:]))
                listener.listen(_BACKLOG)
                port = listener.getsockname()[1]
        except (OSError, OverflowError) as error:
            for listener in listeners:
                listener.close()
            if not candidates or getattr(error, "errno", None) != errno.EADDRINUSE:
                raise _failure(address[0], ports, error) from error
        else:
            return listeners


def _is_available(family: socket.AddressFamily) -> bool:
    """Return True if this machine has addresses of a family."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((_LOOPBACK[family], 0))
    except OSError:
        return False
    return True


def _failure(host: str, ports: Sequence[int], error: Exception) -> StartError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    more = f" to {ports[-1]}" if len(ports) > 1 else ""
    return StartError(f"cannot listen on {host_port(host, ports[0])}{more}: {reason}")
