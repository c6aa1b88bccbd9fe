"""Network addresses: those of a host, which ones are loopback, and how host and port are written in a URL."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any, Final

ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The addresses that stand for all of a machine, each with the one at which that machine reaches itself."""

_FIXED: Final = {"*": ("0.0.0.0", "::"), "localhost": ("127.0.0.1", "::1")}  # localhost as in RFC 6761, 6.3


def addresses(host: str) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Return family and socket address of every address of a host, IPv4 first; ``*`` is all of this machine."""
    found = [
        (family, address)
        for name in _FIXED.get(host, (host,))
        for family, _, _, _, address in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    ]
    return sorted(found, key=lambda item: item[0] is not socket.AF_INET)


def is_loopback(address: str) -> bool:
    """Return True for a loopback IP address, also an IPv4-mapped one; raise ValueError if it is no IP address."""
    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)  # Python's own is_loopback honours it from 3.13 on
    return (parsed if mapped is None else mapped).is_loopback


def is_public(host: str) -> bool:
    """Return True if a server that listens on this host can be reached from other machines."""
    try:
        return not all(is_loopback(str(address[0]).partition("%")[0]) for _, address in addresses(host))
    except (OSError, ValueError):
        return True


def host_port(host: str, port: int) -> str:
    """Return host and port as in a URL: ``127.0.0.1:8085``, ``[::1]:8085``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
