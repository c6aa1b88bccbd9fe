"""Requests over HTTP: where they go, how long they may take, and what an error says."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
from trustme import CA

from emulator import Emulator, Options
from emulator.client.control_api import ControlApi, RequestRefused, root_url, send, send_within, service_url
from emulator.errors import RemoteError
from emulator.scenario.control_shapes import CallListJson
from tests.helpers.calling import PATIENCE
from tests.helpers.listening import answer, listening, sending

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def ready() -> bytes:
    """The answer of an emulator that is ready."""
    return answer(b'{"service": "rescue-emulator", "status": "ready"}')


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (reset, "Connection reset by peer"),
        (sending(b""), "the connection was closed before any answer"),
        (sending(b"220 mail.example ESMTP\r\n"), "the answer is not HTTP (BadStatusLine)"),
        (sending(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour"), "the answer ended after 4 bytes"),
        (
            sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            "the answer ended after 2 bytes",
        ),
        (
            sending(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
            "Content-Length contained multiple unmatching values (2, 3)",
        ),
    ],
    ids=["reset", "close", "another protocol", "half an answer", "half a chunk", "two lengths"],
)
def test_an_error_says_why_there_is_no_answer(serve: Callable[[socket.socket], object], why: str) -> None:
    with listening(serve) as url, pytest.raises(RemoteError) as error:
        send("GET", f"{url}?sAuthCode=s3cret")
    assert str(error.value) == f"no answer from {url}: {why}"


def test_an_error_that_is_being_handled_is_not_taken_for_the_cause() -> None:
    try:
        raise TimeoutError
    except TimeoutError:
        with pytest.raises(RemoteError) as error:
            send("GET", "http://127.0.0.1:1")
    assert str(error.value) == "no answer from http://127.0.0.1:1: Connection refused"


def test_an_unknown_host_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(RemoteError, match=r"^no answer from http://rescue.invalid: Name or service not known$"):
        send("GET", "http://rescue.invalid")


@pytest.mark.parametrize(
    ("name", "is_trusted", "why"),
    [
        ("127.0.0.1", False, "unable to get local issuer certificate"),
        ("rescue.test", True, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
    ids=["unknown CA", "another host"],
)
def test_an_untrusted_certificate_is_an_error_that_says_why(
    name: str, is_trusted: bool, why: str, tmp_path: Path
) -> None:
    ca, context = CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def handshake(connection: socket.socket) -> None:
        with suppress(OSError):
            context.wrap_socket(connection, server_side=True)

    with listening(handshake) as url, pytest.raises(RemoteError) as error:
        send("GET", url.replace("http", "https"), ca_file=tmp_path / "ca.pem" if is_trusted else None)
    assert f"its certificate is not trusted, {why}; name its CA by --cacert, ca_file= or" in str(error.value)


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_the_limit_holds_for_a_server_that_sends_nothing(seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RemoteError) as error:
        send_within(seconds, "GET", f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert str(error.value).endswith(": no complete answer within the time limit")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", OK.replace(b"2\r\n\r\nok", b"999999\r\n\r\n")])
def test_the_limit_holds_for_an_answer_of_which_a_byte_comes_now_and_then(head: bytes) -> None:
    """The client closes its connection then: nothing reads on."""

    def trickle(connection: socket.socket) -> None:
        connection.settimeout(0.02)
        connection.sendall(head)
        while True:
            with suppress(TimeoutError):
                if connection.recv(65536) == b"":
                    break
            connection.sendall(b"X")
        is_closed.set()

    is_closed = Event()
    with listening(trickle) as url, pytest.raises(RemoteError) as error:
        send_within(0.2, "GET", url)
    assert str(error.value) == f"no answer from {url}: no complete answer within the time limit"
    assert is_closed.wait(PATIENCE)


@pytest.mark.parametrize(
    ("bound", "host"),
    [("127.0.0.1", "localhost"), ("127.0.0.1", "0.0.0.0"), ("127.1.2.3", "127.1.2.3"), ("::1", "::1")],
)
def test_a_loopback_address_is_not_reached_through_a_proxy(
    bound: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with listening(sending(OK), bound) as url:
        assert send("GET", url.replace(bound, host)).text == "ok"


def test_another_address_is_reached_through_the_proxy_unless_the_environment_exempts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests: list[bytes] = []
    with listening(sending(OK, requests)) as url:
        monkeypatch.setenv("http_proxy", url)
        assert send("GET", "http://rescue.invalid/a").text == "ok"
    assert requests[0].startswith(b"GET http://rescue.invalid/a HTTP/1.1\r\n")
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(RemoteError, match=r"^no answer from http://rescue.invalid/a: "):
        send("GET", "http://rescue.invalid/a")


def test_an_error_names_the_proxy_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://ann:s3cret@127.0.0.1:1")
    with pytest.raises(RemoteError) as error:
        send("GET", "http://rescue.invalid")
    assert str(error.value) == (
        "no answer from http://rescue.invalid through the proxy 127.0.0.1:1: Connection refused"
    )


def test_no_entry_of_netrc_replaces_the_token(ready: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    requests: list[bytes] = []
    with listening(sending(ready, requests)) as url:
        ControlApi(url, "tökén-€").request("GET", "/calls")
    assert "\r\nAuthorization: Bearer tökén-€\r\n".encode() in requests[1]


@pytest.mark.parametrize(
    ("body", "status", "headers", "described"),
    [
        (b"", "200 OK", (), "200 OK"),
        (b"ok\x07 \xff", "200 OK", ("Content-Type: text/plain; charset=x",), "200 OK (text/plain): ok\\x07 \ufffd"),
        (b"[]", "200 OK", (), "200 OK: []"),
        (b'{"status": "ready"}', "200 OK", (), '200 OK: {"status": "ready"}'),
        (b'{"service": "other", "detail": "no"}', "503 Busy", (), '503 Busy: {"service": "other", "detail": "no"}'),
        (
            b"<html><head><style>p {}</style></head><!-- - --><body><p>Welcome\n to <b>nginx</b>!</p>" + b"x" * 200,
            "404 Not Found",
            ("Server: nginx/1.27", "Content-Type: text/html"),
            f"404 Not Found (Server: nginx/1.27, text/html): Welcome to nginx ! {'x' * 81}...",
        ),
        (b"", "302 Found", ("Location: http://127.0.0.1:1/?a=1",), "302 Found (Location: http://127.0.0.1:1/)"),
    ],
    ids=["nothing", "text", "a list", "another health", "another problem", "a page", "a redirect"],
)
@pytest.mark.parametrize("path", ["/reset", "/verify"])
def test_what_answers_instead_of_an_emulator_is_described_and_gets_neither_token_nor_request(
    path: str, body: bytes, status: str, headers: tuple[str, ...], described: str
) -> None:
    requests: list[bytes] = []
    with listening(sending(answer(body, status, *headers), requests)) as url, pytest.raises(RemoteError) as error:
        ControlApi(url, "s3cret").request("POST", path)
    assert str(error.value) == f"what answers at {url}/__admin/health is not this emulator: {described}"
    assert len(requests) == 1
    assert b"s3cret" not in requests[0]


def test_an_emulator_without_a_control_api_is_an_error_that_says_so() -> None:
    with Emulator.start({}, Options(control=False)) as emulator, pytest.raises(RequestRefused) as error:
        ControlApi(root_url(emulator.url)).request("POST", "/reset")
    assert "/__admin/reset answers 404 Not Found (" in str(error.value)
    assert str(error.value).endswith("; is the control API off there (--no-control)?")


def test_an_answer_of_another_shape_is_an_error_whose_cause_has_no_frames_with_the_token(ready: bytes) -> None:
    with listening(sending(ready)) as url, pytest.raises(RemoteError) as error:
        ControlApi(url).request("GET", "/calls", shape=CallListJson)
    assert str(error.value).startswith(f"{url}/__admin/calls answers, but not as this version of the emulator does: ")
    assert error.value.__cause__ is not None
    assert error.value.__cause__.__traceback__ is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("127.0.0.1:8085", "it has to begin like http://host or https://host:port"),
        ("ftp://127.0.0.1", "it has to begin like http://host or https://host:port"),
        ("http://", "it has to begin like http://host or https://host:port"),
        ("http://127.0.0.1:port", "Port could not be cast to integer value as 'port'"),
        ("http://127.0.0.1:99999", "Port out of range 0-65535"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("http://a..b", "a part of the host name is empty or too long"),
        ("http://127.0.0.1/a b", "write spaces and other special characters as %20"),
    ],
)
def test_what_is_not_a_url_is_an_error(url: str, why: str) -> None:
    with pytest.raises(RemoteError) as error:
        root_url(url)
    assert str(error.value).startswith(f"{url!r} is not a URL: {why}")


def test_a_url_with_a_password_is_an_error_that_does_not_repeat_it() -> None:
    with pytest.raises(RemoteError, match=r"^a user name and a password in a URL are not sent; leave them out$"):
        root_url("http://ann:hush@127.0.0.1")


def test_a_token_with_a_line_break_is_an_error_that_does_not_repeat_it() -> None:
    with pytest.raises(RemoteError) as error:
        ControlApi("http://127.0.0.1:1", "s3cret\n")
    assert str(error.value) == (
        "the control token cannot be sent: it contains a line break or another control character"
    )


@pytest.mark.parametrize(
    ("url", "root", "service"),
    [
        ("http://h", "http://h", "http://h/API/API.asmx"),
        ("http://h/", "http://h", "http://h/API/API.asmx"),
        ("http://h/API/API.asmx?wsdl", "http://h", "http://h/API/API.asmx"),
        ("http://h/api/api.asmx/startSession?x=1", "http://h", "http://h/api/api.asmx"),
        ("http://h:1/spaces/mine", "http://h:1/spaces/mine", "http://h:1/spaces/mine/API/API.asmx"),
        ("http://h/spaces/mine/API/API.asmx", "http://h/spaces/mine", "http://h/spaces/mine/API/API.asmx"),
        ("https://h/other/Service.asmx?a=b", "https://h/other/Service.asmx", "https://h/other/Service.asmx"),
    ],
)
def test_the_root_and_the_service_are_found_from_any_address(url: str, root: str, service: str) -> None:
    assert (root_url(url), service_url(url)) == (root, service)


@pytest.mark.parametrize("root", ["http://h", "http://h/spaces/mine"])
@pytest.mark.parametrize("path", ["/__admin", "/__admin/", "/__admin/health"])
def test_the_root_is_found_from_the_address_of_the_control_api(root: str, path: str) -> None:
    assert root_url(root + path) == root
