"""Ordinary mistakes of clients, sent to a real port: one line of the log alone says what to change."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import pytest

from emulator.core.contract import SERVICE_PATH, SOAP_ACTION, Binding
from emulator.core.engine import Engine
from emulator.scenario.loading import loads
from tests.helpers.calling import PATIENCE, Address, a_request, everything, serving
from tests.helpers.raw_http import Request

SECRET: Final = "s3cret-code-0123"
OPERATION: Final = f"{SERVICE_PATH}/startSession"
FORM: Final = f"iSession=1&iNode=2&sAuthCode={SECRET}"
FORM_TYPE: Final = ("Content-Type", "application/x-www-form-urlencoded")
JSON: Final = ("Content-Type", "application/json; charset=utf-8")
SOAP: Final = a_request(Binding.SOAP11, auth_code=SECRET)
ENVELOPE: Final = SOAP.body or ""


def raw(request: Request) -> bytes:
    return request.head + request.content


def get(target: str, *headers: tuple[str, str]) -> bytes:
    return raw(Request("GET", target, headers))


def post(target: str, body: str, *headers: tuple[str, str], encoding: str = "utf-8") -> bytes:
    return raw(Request("POST", target, headers, body, encoding))


def soap(body: str = ENVELOPE, *headers: tuple[str, str], target: str = SERVICE_PATH, encoding: str = "utf-8") -> bytes:
    return post(target, body, *SOAP.headers, *headers, encoding=encoding)  # type: ignore[arg-type]


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


GZIPPED: Final = gzip.compress(ENVELOPE.encode()).decode("latin-1")
GZIP: Final = ("Content-Encoding", "gzip")
MULTIPART: Final = ("Content-Type", "multipart/form-data; boundary=b")
PART: Final = f'--b\r\nContent-Disposition: form-data; name="sAuthCode"\r\n\r\n{SECRET}\r\n--b--\r\n'

# Refused requests: the bytes, the status, what the log line says.
REFUSED: Final[dict[str, tuple[bytes, int, str]]] = {
    "a gzip body": (
        soap(GZIPPED, GZIP, encoding="latin-1"),
        400,
        "the body is compressed (Content-Encoding: gzip); the service does not decompress",
    ),
    "a gzip body without its header": (
        soap(GZIPPED, encoding="latin-1"),
        400,
        "the body is compressed with gzip; the service does not decompress",
    ),
    "a compressed form": (
        post(OPERATION, GZIPPED, FORM_TYPE, GZIP, encoding="latin-1"),
        500,
        "the body is compressed (Content-Encoding: gzip)",
    ),
    "JSON to the SOAP address": (
        post(SERVICE_PATH, json.dumps({"sAuthCode": SECRET}), JSON),
        500,
        "the service takes no JSON: SOAP is sent as text/xml or application/soap+xml",
    ),
    "JSON to the operation": (
        post(OPERATION, json.dumps({"sAuthCode": SECRET}), JSON),
        500,
        "application/json is for ASP.NET's script handler, which this service does not have: send "
        "application/x-www-form-urlencoded",
    ),
    "a form to the SOAP address": (
        post(SERVICE_PATH, FORM, FORM_TYPE),
        500,
        f"a form is sent to {OPERATION}; this is the address for SOAP",
    ),
    "SOAP to the operation": (soap(target=OPERATION), 500, f"SOAP is sent to {SERVICE_PATH}, without /startSession"),
    "a multipart form": (
        post(OPERATION, PART, MULTIPART),
        500,
        "the form has to be sent as application/x-www-form-urlencoded",
    ),
    "a form without its type": (post(OPERATION, FORM), 500, "the form has to be sent as application/x-www-form-urle"),
    "parameters of a POST in its URL": (
        post(f"{OPERATION}?{FORM}", "", FORM_TYPE),
        500,
        "the parameters of a POST are read from its body, not from its URL",
    ),
    "parameters of a GET in its body": (
        raw(Request("GET", OPERATION, [FORM_TYPE], FORM)),
        500,
        "the parameters of a GET are read from its URL, not from its body",
    ),
    "; as separator": (get(f"{OPERATION}?{FORM.replace('&', ';')}"), 500, "pairs are separated by & alone"),
    "&amp; as separator": (get(f"{OPERATION}?{FORM.replace('&', '&amp;')}"), 500, "pairs are separated by & alone"),
    "a slash behind the service": (soap(target=f"{SERVICE_PATH}/"), 500, "the path ends in a slash, which is one too"),
    "a slash behind the operation": (get(f"{OPERATION}/?{FORM}"), 500, "the path ends in a slash, which is one too"),
    "the operation in another case": (
        get(f"{SERVICE_PATH}/StartSession?{FORM}"),
        500,
        "method names are case sensitive.   The method name 'startSession'",
    ),
    "a missing parameter": (get(f"{OPERATION}?iSession=1&sAuthCode={SECRET}"), 500, "Missing parameter: iNode."),
    "an escaped question mark": (
        get(f"{OPERATION}%3FiSession=1"),
        400,
        "the path has '?'; the ? before the query is not escaped",
    ),
    "an escaped question mark before wsdl": (get(f"{SERVICE_PATH}%3Fwsdl"), 400, "the ? before the query is not esca"),
    "a query that is too long": (
        get(f"{OPERATION}?{FORM}&a={'1' * 2048}"),
        404,
        "characters, and IIS takes 2,048; POST takes longer values",
    ),
    "a wrong method": (
        raw(Request("PUT", OPERATION, [FORM_TYPE], FORM)),
        405,
        "PUT is not for the service; it takes GET and POST",
    ),
    "no Content-Length": (
        raw(Request("POST", SERVICE_PATH, SOAP.headers)),
        411,
        "A POST needs a Content-Length or a chunked body",
    ),
    "no Host": (raw(Request("GET", OPERATION, no_host=True)), 400, "HTTP/1.1 needs a Host header"),
    "an address of another API": (
        get(f"/API/startSession.aspx?{FORM}"),
        404,
        f"/API/startSession.aspx is not part of this web service: the operation is at {OPERATION}",
    ),
    "an address that is unknown": (soap(target="/API/API.asm"), 404, f"; the service is at {SERVICE_PATH}"),
    "a value for ?wsdl": (get(f"{SERVICE_PATH}?wsdl=1"), 500, "?wsdl takes no value"),
    # refused below the application
    "a folded header": (
        get(f"{OPERATION}?{FORM}", ("X-A", "1\r\n 2")),
        400,
        "a header goes on in the next line (it is folded), which HTTP/1.1 forbids: send each header on one line",
    ),
    "a space in the URL": (get(f"{OPERATION}?{FORM} b"), 400, "a space in the URL is written %20"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400, "this is HTTP/2 (its preface"),
    "TLS": (client_hello(), 400, "this is TLS, and the port speaks plain HTTP: use http://"),
    "chunks that are none": (
        raw(Request("POST", SERVICE_PATH, [*SOAP.headers, ("Transfer-Encoding", "chunked")])) + ENVELOPE.encode(),
        400,
        "the body is not chunked, as Transfer-Encoding says",
    ),
}  # fmt: skip

# Requests that get an answer, but hardly the one that was wanted.
ANSWERED: Final[dict[str, tuple[bytes, str]]] = {
    "?singleWsdl": (get(f"{SERVICE_PATH}?singleWsdl"), "the WSDL is at ?wsdl"),
    "?wsdl and a space": (get(f"{SERVICE_PATH}?wsdl%20"), "the WSDL is at ?wsdl"),
    "a call without the operation": (
        get(f"{SERVICE_PATH}?{FORM}"),
        f"a call needs /startSession between {SERVICE_PATH}",
    ),
    "a query that nothing knows": (get(f"{SERVICE_PATH}?{SECRET}"), "does not look at the query 's3cr***'"),
    "SOAP with GET": (get(SERVICE_PATH, ("SOAPAction", SOAP_ACTION)), "SOAP is sent with POST"),
    "a page of another site": (
        raw(Request("OPTIONS", SERVICE_PATH, [("Access-Control-Request-Method", "POST")])),
        "a browser asks whether a page of another site may call (CORS)",
    ),
    "Content-Encoding: utf-8": (
        soap(ENVELOPE, ("Content-Encoding", "utf-8")),
        "the service repeats Content-Encoding: utf-8 on its answer",
    ),
}


@pytest.fixture
def engine() -> Engine:
    return Engine(loads("name: empty\n"))


@pytest.fixture
def address(engine: Engine, caplog: pytest.LogCaptureFixture) -> Iterator[Address]:
    with serving(engine) as found, caplog.at_level(logging.INFO, "emulator"):
        yield found


def answer_to(data: bytes, address: Address) -> bytes:
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return everything(connection)


@pytest.mark.parametrize(("data", "status", "cause"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_says_what_to_change(
    data: bytes, status: int, cause: str, engine: Engine, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    assert answer_to(data, address).startswith(b"HTTP/1.1 %d " % status)
    (line,) = caplog.messages
    assert cause in line
    assert SECRET not in line
    (refusal,) = engine.snapshot().refusals
    assert (refusal.status, cause in "; ".join((refusal.reason, *refusal.remarks))) == (status, True)


@pytest.mark.parametrize(("data", "cause"), ANSWERED.values(), ids=ANSWERED)
def test_an_answer_that_was_hardly_wanted_leaves_one_line(
    data: bytes, cause: str, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    assert answer_to(data, address).startswith(b"HTTP/1.1 200 ")
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert cause in line
    assert SECRET not in line


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(get(SERVICE_PATH), id="the overview"),
        pytest.param(get(f"{SERVICE_PATH}?op=startSession"), id="the operation's page"),
        pytest.param(get(f"{SERVICE_PATH}?WSDL"), id="the WSDL"),
        pytest.param(raw(Request("OPTIONS", SERVICE_PATH)), id="OPTIONS"),
        pytest.param(soap(), id="SOAP"),
        pytest.param(post(OPERATION, FORM, FORM_TYPE, GZIP), id="a form with a Content-Encoding that is not repeated"),
    ],
)
def test_what_is_no_mistake_leaves_no_warning(data: bytes, address: Address, caplog: pytest.LogCaptureFixture) -> None:
    assert answer_to(data, address).startswith(b"HTTP/1.1 200 ")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
