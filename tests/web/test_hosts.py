"""The host of a request: good ones are in the WSDL, all others are refused on every path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from emulator.core.contract import SERVICE_PATH
from tests.helpers.calling import Address, a_request, call, result, serving
from tests.helpers.control import Emulated
from tests.helpers.raw_http import Request

# By section of the RFC: of 3986 (URI), 9110 (HTTP), 1034 and 1123 (names).
GOOD: Final = {
    '9110, 7.2: Host = uri-host [ ":" port ]': ["example.com", "example.com:8085"],
    "3986, 3.2.2: case-insensitive": ["EXAMPLE.Com:81"],
    "3986, 3.2.3: port = *DIGIT": ["x:", "x:0", "x:1", "x:65535", "x:00080"],
    "3986, 3.2.2: IPv4address": ["127.0.0.1", "127.0.0.1:8085", "0.0.0.0:1"],
    "3986, 3.2.2: IP-literal": ["[::1]", "[::1]:8085", "[::]", "[2001:DB8::1]:443", "[::ffff:127.0.0.1]"],
    "3986, 3.2.2: what is no IPv4address is a name": ["1.2.3", "256.1.1.1", "2130706433"],
    "1123, 2.1: a digit may be first": ["3com.example"],
    "1034, 3.1: a dot may be last": ["example.com.", "example.com.:81"],
    "1034, 3.1: labels of 63 bytes": ["a" * 63 + ".example"],
    "3986, 3.2.2: unreserved": ["docker_host-1.my_net:8085", "_x", "a-", "-a"],
    "punycode": ["xn--mnchen-3ya.example"],
}
BAD: Final = {
    "3986, 2: a space is no character of a URI": ["a b", "a  b:80", "x :80", "x: 80", "a\tb"],
    "3986, 3.2: the authority ends at a slash": ["a/../b", "a/", "/", "x:80/", "http://x"],
    "3986, 3.2: and at ? and #": ["a?b", "a#b", "?", "#"],
    "9110, 4.2.4: no userinfo": ["u@h", "u:p@h", "@", "h@"],
    "3986, 3.2.2: IPv6 in brackets": ["::1", "::1:8085", "2001:db8::1", "fe80::1%eth0", "1:2:3"],
    "3986, 3.2.2: a bad IP-literal": [
        "[", "]", "[]", "[::1", "::1]", "[::1]x", "[::1]8085", "[x]", "[1:2:3]", "[:::]", "[12345::]", "[127.0.0.1]",
        "[::1]:x", "x[::1]", "[[::1]]",
    ],
    "6874 is no part of HTTP: zones": ["[fe80::1%25eth0]", "[fe80::1%eth0]:80"],
    "3986, 3.2.2: IPvFuture, which nobody knows": ["[v1.x]"],
    "3986, 3.2.3: port = *DIGIT, of 16 bits": [
        "x:asd", "x:99999", "x:65536", "x:-1", "x:+1", "x:1:2", "x:0x50", "x:8 0", "x::80", ":", ":80",
        "x:" + "1" * 30,
    ],
    "3986, 2: bytes over 127 are no characters of a URI": ["\xff", "m\xfcnchen", "x\xa0", "\xc3\xa4.example", "x:\xb2"],
    "1034, 3.1: labels of 1 to 63 bytes, 255 in all": [
        ".", "..", "a..b", ".a", "a..", "a" * 64, ".".join(["a" * 63] * 5),
    ],
    "3986, 3.2.2: for the DNS, no escapes": ["a%20b", "a%2fb", "%61", "%", "a%zz"],
    "3986, 3.2.2: for the DNS, no punctuation": ["a,b", "x, y", "a;b", "a=b", "*", "a!b", "(a)", "$a"],
    "3986, 2: other characters": ['"a"', "<a>", "a\\b", "a^b", "a`b", "{a}", "a|b", "{", "}"],
}  # fmt: skip


def each(hosts: dict[str, list[str]]) -> list[object]:
    return [
        pytest.param(host, id=f"{source}: {host[:30]!a}-{number}")
        for source, listed in hosts.items()
        for number, host in enumerate(listed)
    ]


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serving("otherwise: startSessionRet_OK") as found:
        yield found


def get(target: str, *hosts: str, version: str = "HTTP/1.1") -> Request:
    return Request("GET", target, [("Host", host) for host in hosts], no_host=True, version=version)


def location(body: bytes) -> str:
    found = re.search(rb'address location="http://([^"]*)/API/API.asmx"', body)
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize("host", each(GOOD))
def test_a_good_host_is_in_the_wsdl(host: str, address: Address) -> None:
    shown = re.sub(":0*(80)?$", "", host.lower())
    assert location(call(address, get(f"{SERVICE_PATH}?wsdl", host)).body) == shown
    assert location(call(address, get(f"http://{host}{SERVICE_PATH}?wsdl")).body) == shown


@pytest.mark.parametrize("host", each(BAD))
def test_a_bad_host_is_refused_on_every_path(host: str, address: Address) -> None:
    for path in (f"{SERVICE_PATH}?wsdl", "/__admin", "/__admin/health", "/nothing"):
        answer = call(address, get(path, host))
        assert (answer.status, answer.headers["location"]) == (400, None)
        assert b"Bad Request - Invalid Hostname" in answer.body
        assert b"a host is a name or an address" in answer.body
    # RFC 9112, 3.2: also if the host of the target replaces it
    assert call(address, get(f"http://x{SERVICE_PATH}?wsdl", host)).status == 400


@pytest.mark.parametrize("host", each({key: [h for h in BAD[key] if not set(h) & set(" \t/?#")] for key in BAD}))
def test_a_bad_host_of_a_target_is_refused(host: str, address: Address) -> None:
    for header in ((), ("x",)):
        assert call(address, get(f"http://{host}{SERVICE_PATH}?wsdl", *header)).status == 400


PATHS: Final = (
    a_request().path, f"{SERVICE_PATH}?wsdl", "/", "/nothing", "/__admin", "/__admin/", "/__admin/health",
    "/__admin/calls", "/spaces/none/API/API.asmx", "/api/startSession.aspx", "/favicon.ico",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("hosts", [(), ("",), ("x", "x")], ids=["none", "an empty one", "two"])
def test_http_1_1_needs_one_host_on_every_path(path: str, hosts: tuple[str, ...], address: Address) -> None:
    assert call(address, get(path, *hosts)).status == 400  # RFC 9112, 3.2


def test_later_minor_versions_need_a_host_too(address: Address) -> None:
    assert call(address, get(a_request().path, version="HTTP/1.2")).status == 400
    assert result(call(address, get(a_request().path, "x", version="HTTP/1.2"))) == "OK"


@pytest.mark.parametrize("hosts", [(), ("",)], ids=["none", "an empty one"])
def test_http_1_0_needs_none(hosts: tuple[str, ...], address: Address) -> None:
    answer = call(address, get(f"{SERVICE_PATH}?wsdl", *hosts, version="HTTP/1.0"))
    assert location(answer.body) == f"127.0.0.1:{address[1]}"


def test_an_ipv6_address_that_stands_for_the_host_has_brackets() -> None:
    with serving("otherwise: startSessionRet_OK", host="::1") as (host, port):
        answer = call((host, port), get(f"{SERVICE_PATH}?wsdl", version="HTTP/1.0"))
    assert location(answer.body) == f"[::1]:{port}"


@pytest.mark.parametrize("header", [(), ("localhost",), ("evil.example",)], ids=["none", "localhost", "a foreign one"])
@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("127.0.0.1:1", 200), ("evil.example", 403)])
def test_the_host_of_the_target_counts_for_the_control_api(
    host: str, status: int, header: tuple[str, ...], address: Address
) -> None:
    assert call(address, get(f"http://{host}/__admin/calls", *header)).status == status


def test_a_refused_host_is_in_the_journal_of_the_service_only() -> None:
    emulated = Emulated()
    for path in (SERVICE_PATH, "/__admin/calls"):
        assert emulated.client.get(path, headers={"Host": "a b"}).status_code == 400
    journal = emulated.get("/calls")
    assert journal["totals"] == {"calls": 0, "refusals": 1}
    assert "The Host is invalid: a host is a name" in emulated.get("/calls/1")["reason"]
