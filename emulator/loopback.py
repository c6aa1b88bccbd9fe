"""Which addresses are this machine's own."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(address: str) -> bool:
    """Whether an IP address, ``::ffff:127.0.0.1`` among them, leads to this machine; ValueError for what is none."""
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)  # Python looks at it by itself from 3.13 on
    return (found if mapped is None else mapped).is_loopback
