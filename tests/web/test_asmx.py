"""What the service address makes of headers and URLs: Content-Encoding, Host, slashes, bytes that are no ASCII."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from werkzeug.test import Client

from emulator.core.contract import SERVICE_PATH, Binding
from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from emulator.web.app import Application
from emulator.web.spaces import Settings
from tests.helpers.calling import ALL_BINDINGS, Address, a_request, call, everything, result, sent, serving
from tests.helpers.raw_http import Answer, Request

SCENARIO: Final = """
rules:
  - {when: {auth_code: n\u00e9}, return: startSessionRet_OK}
  - {when: {auth_code: status}, fail: {status: 503}}
  - {when: {auth_code: throw}, fail: {exception: thrown}}
  - {when: {auth_code: truncate}, fail: {connection: truncate}}
"""
SOAP_BINDINGS: Final = (Binding.SOAP11, Binding.SOAP12)
OPERATION: Final = f"{SERVICE_PATH}/startSession"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(loads(SCENARIO))


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[Address]:
    with serving(engine) as found:
        yield found


def encoded(request: Request, value: str = "gzip, X") -> Request:
    """Return a request with a Content-Encoding."""
    headers = [*request.headers, ("Content-Encoding", value)]
    return Request(request.method, request.path, headers, request.body)


def encodings(answer: Answer) -> list[str] | None:
    return answer.headers.get_all("Content-Encoding")


@ALL_BINDINGS
@pytest.mark.parametrize(
    ("values", "status", "is_repeated"),
    [
        pytest.param({}, 200, True, id="a result"),
        pytest.param({"auth_code": "throw"}, 500, True, id="an exception"),
        pytest.param({"session": "x"}, 500, True, id="a fault"),
        pytest.param({"auth_code": "status"}, 503, False, id="a response of the scenario"),
    ],
)
def test_the_content_encoding_of_soap_is_repeated_on_what_the_service_answers(
    values: dict[str, str], status: int, is_repeated: bool, binding: Binding, address: Address
) -> None:
    answer = call(address, encoded(a_request(binding, **values)))  # type: ignore[arg-type]
    assert answer.status == status
    assert encodings(answer) == (["gzip, X"] if is_repeated and binding in SOAP_BINDINGS else None)


def test_the_content_encoding_is_repeated_on_an_empty_400_and_on_half_a_result(address: Address) -> None:
    request = a_request(Binding.SOAP11)
    broken = call(address, encoded(Request(request.method, request.path, request.headers, "\x1f\x8b")))
    assert (broken.status, broken.body, encodings(broken)) == (400, b"", ["gzip, X"])
    with sent(address, encoded(a_request(Binding.SOAP11, auth_code="truncate"))) as connection:
        assert b"\r\nContent-Encoding: gzip, X\r\n" in everything(connection)


def test_an_empty_content_encoding_is_not_repeated(address: Address) -> None:
    assert encodings(call(address, encoded(a_request(Binding.SOAP11), ""))) is None


@pytest.mark.parametrize("query", ["sAuthCode=n\xc3\xa9", "sAuthCode=n%C3%A9"], ids=["as they are", "escaped"])
def test_bytes_that_are_no_ascii_are_utf8_in_a_url(query: str, engine: Engine, address: Address) -> None:
    engine.clear_journal()
    assert result(call(address, Request("GET", f"{OPERATION}?iSession=1&iNode=2&{query}"))) == "OK"
    (exchange,) = engine.snapshot().exchanges
    assert exchange.raw.request is not None
    assert exchange.raw.request.start.encode() == f"GET {OPERATION}?iSession=1&iNode=2&{query} HTTP/1.1".encode(
        "latin-1"
    )


@pytest.mark.parametrize("byte", ["\xe9", "%E9"], ids=["as it is", "escaped"])
def test_a_byte_that_is_no_utf8_is_replaced_in_a_url(byte: str, engine: Engine, address: Address) -> None:
    engine.clear_journal()
    call(address, Request("GET", f"{OPERATION}?iSession=1&iNode=2&sAuthCode={byte}"))
    assert [exchange.call.auth_code for exchange in engine.snapshot().exchanges] == ["\ufffd"]


@pytest.mark.parametrize("path", ["/API//API.asmx", "//API/API.asmx", "//API///API.asmx"])
def test_slashes_before_the_file_are_joined(path: str, address: Address) -> None:
    assert call(address, Request("GET", f"{path}/startSession?iSession=1&iNode=2&sAuthCode=x")).status == 200


@pytest.mark.parametrize("escaped", ["%3F", "%2A", "%3A", "%25"])
def test_what_cannot_be_part_of_a_path_is_refused_wherever_it_stands(escaped: str, address: Address) -> None:
    for path in (f"{OPERATION}{escaped}", f"{OPERATION}/{escaped}a"):
        assert call(address, Request("GET", path)).status == 400


@pytest.mark.parametrize(
    ("sent_host", "shown"),
    [
        ("SECURE.LogMeInRescue.com", "secure.logmeinrescue.com"),
        ("build-pc:80", "build-pc"),
        ("build-pc:", "build-pc"),
        ("build-pc:080", "build-pc"),
        ("build-pc:443", "build-pc:443"),
        ("[2001:DB8::1]:80", "[2001:db8::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ],
)
@pytest.mark.parametrize("query", ["wsdl", "disco", "op=startSession"])
def test_documents_show_the_host_as_a_uri_does(query: str, sent_host: str, shown: str, address: Address) -> None:
    page = call(address, Request("GET", f"{SERVICE_PATH}?{query}", [("Host", sent_host)], no_host=True)).body.decode()
    assert f'"http://{shown}{SERVICE_PATH}' in page
    assert query[:2] != "op" or page.count(f"Host: {shown}\n") + page.count(f"Host: {shown}<") == 4
    assert f"{sent_host}/" not in page.replace(f"{shown}/", "")


def test_over_tls_the_port_443_is_left_out() -> None:
    client = Client(Application(Engine(loads("name: empty\n"))))
    page = client.get(f"{SERVICE_PATH}?wsdl", base_url="https://Build-PC:443", headers={"Host": "Build-PC:443"}).text
    assert f'location="https://build-pc{SERVICE_PATH}"' in page


def test_the_public_address_is_shown_as_the_operator_writes_it() -> None:
    settings = Settings(public_url="http://Build-PC:80")
    client = Client(Application(Engine(loads("name: empty\n")), settings))
    assert f'location="http://Build-PC:80{SERVICE_PATH}"' in client.get(f"{SERVICE_PATH}?wsdl").text
