"""Which addresses are this machine's own."""

from __future__ import annotations

import socket
from ipaddress import ip_address


def is_loopback(address: str) -> bool:
    """Whether an IP address, ``::ffff:127.0.0.1`` among them, leads to this machine; ValueError for what is none."""
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)  # Python looks at it by itself from 3.13 on
    return (found if mapped is None else mapped).is_loopback


def reaches_beyond(host: str) -> bool:
    """Whether somebody on another machine could reach a server that listens on this host."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        return not is_loopback(str(found).partition("%")[0])
    except (OSError, ValueError):
        return True


def joined(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
