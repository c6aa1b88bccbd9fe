"""Network addresses: which ones are loopback, and how host and port are written in a URL."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final

SERVICE_NAME: Final = "rescue-emulator"
"""How health, and each refusal of the control API, says what answers there."""


def is_loopback(address: str) -> bool:
    """Return True for a loopback IP address, also an IPv4-mapped one; raise ValueError if it is no IP address."""
    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)  # Python's own is_loopback honours it from 3.13 on
    return (parsed if mapped is None else mapped).is_loopback


def is_public(host: str) -> bool:
    """Return True if a server that listens on this host can be reached from other machines."""
    try:
        address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        return not is_loopback(str(address).partition("%")[0])
    except (OSError, ValueError):
        return True


def host_port(host: str, port: int) -> str:
    """Return host and port as in a URL: ``127.0.0.1:8085``, ``[::1]:8085``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
