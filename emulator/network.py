"""Network addresses: those of a host, which ones are loopback, and how host and port are written in a URL."""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

SERVICE_NAME: Final = "rescue-emulator"
"""How health, and each refusal of the control API, says what answers there."""

VALID_HOST: Final = (
    "a host is a name or an address, with a port up to 65535 if any: localhost, 127.0.0.1:8085, [::1]:8085"
)
"""What is right, for messages about a host that is not."""

_HOST: Final = re.compile(
    r"(?:(?P<name>[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?)|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::0*(?P<port>[0-9]{0,5}))?"
)

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


@lru_cache(maxsize=64)
def is_valid_host(text: str) -> bool:
    """Return True for the host of an http URL, with or without a port (RFC 9110, 4.2.1 and 7.2).

    Names are those of the DNS (RFC 3986, 3.2.2; RFC 1034, 3.5) and, since they occur, with underscores anywhere.
    .NET's ``System.Uri`` takes no others either: RFC 3986 also lets in percent-encoding and punctuation.
    """
    match = _HOST.fullmatch(text)
    if match is None or len(match["name"] or "") > 255 or int(match["port"] or 0) > 65535:
        return False
    try:
        return match["ipv6"] is None or bool(IPv6Address(match["ipv6"]))
    except ValueError:
        return False
