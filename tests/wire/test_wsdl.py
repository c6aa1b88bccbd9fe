"""The WSDL and the discovery document are those of the service, byte for byte, for any address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import pytest
from lxml import etree

from emulator.core.contract import NAMESPACE
from emulator.wire.wsdl import disco, wsdl
from tests.helpers.paths import GOLDEN

LOCAL = "http://127.0.0.1:8085/api/API.asmx"

Document = Callable[[str], bytes]
ADDRESSES: dict[Document, str] = {
    wsdl: "//*[local-name()='address']/@location",
    disco: "//@docRef | //@address",
}
both = pytest.mark.parametrize("document", ADDRESSES, ids=["wsdl", "disco"])


def golden(name: str) -> bytes:
    """Return a golden document as it is on the wire, where lines end in CRLF."""
    return (GOLDEN / "asmx" / name).read_bytes().replace(b"\n", b"\r\n")


def addresses(document: Document, address: str) -> set[str]:
    """Return the addresses that a client reads from a document."""
    found = etree.fromstring(document(address)).xpath(ADDRESSES[document])
    assert isinstance(found, list)
    return {str(value) for value in found}


def test_the_wsdl_is_the_golden_one() -> None:
    assert wsdl(NAMESPACE) == golden("expected.wsdl")


def test_the_discovery_document_is_the_golden_one() -> None:
    assert disco(NAMESPACE) == golden("expected.disco")


@both
def test_only_the_address_differs_between_two_addresses(document: Document) -> None:
    here, there = "http://here.example/API/API.asmx", "http://there.example/API/API.asmx"
    assert document(here).replace(b"here.example", b"there.example") == document(there)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(LOCAL, id="plain"),
        pytest.param('http://a" onload="x"/API/API.asmx', id="quote"),
        pytest.param("http://a'><b/>&amp;&c;/API/API.asmx", id="markup"),
        pytest.param("http://a/\x00\x1f\ufffe\r\n/API.asmx", id="not allowed in XML"),
        pytest.param("http://h\u00f6st:80/$namespace/${x}/API.asmx", id="template"),
        pytest.param("http://[::1]:8085/spaces/a b/API/API.asmx", id="space"),
    ],
)
def test_any_address_is_read_back_from_both_documents(address: str) -> None:
    for document in ADDRESSES:
        assert {unquote(found) for found in addresses(document, address)} == {address}


def test_an_address_is_escaped_as_dotnet_escapes_a_uri() -> None:
    escaped = "http://[::1]:80/A%20b%3C/%C3%B6/%23/(x)/API.asmx?a=b&c"
    assert addresses(wsdl, "http://[::1]:80/A b</\u00f6/#/(x)/API.asmx?a=b&c") == {escaped}
    assert addresses(wsdl, escaped) == {escaped}
