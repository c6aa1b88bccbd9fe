"""TLS: clients that trust the certificate and those that do not, the certificate's files, and faults within TLS."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import ssl
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from trustme import CA

from emulator import CertificateFiles, Emulator, MadeCertificate, Options, RemoteEmulator, RemoteError, StartError
from emulator.core.contract import SERVICE_PATH
from tests.helpers.calling import (
    PATIENCE,
    Address,
    a_request,
    everything,
    free_port,
    next_answer,
    next_answers,
    run,
    sent,
    serve,
    serving,
    serving_application,
)
from tests.helpers.raw_http import HOST, Request
from tests.server.application import HOUR, LOOPS, SmallApplication, get, post


@dataclass(frozen=True, slots=True)
class Secured:
    """A server over TLS: its address, and the file of its CA certificate."""

    address: Address
    ca: Path

    @contextlib.contextmanager
    def sent(self, *requests: Request, name: str = "localhost") -> Iterator[ssl.SSLSocket]:
        """Open a connection by a host name and send requests on it, pipelined."""
        context = ssl.create_default_context(cafile=self.ca)
        with (
            socket.create_connection(self.address, PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False) as connection,
        ):
            connection.sendall(b"".join(request.head + request.content for request in requests))
            yield connection


@contextlib.contextmanager
def secured(ca: Path, application: SmallApplication | None = None, **options: Any) -> Iterator[Secured]:
    certificate = MadeCertificate(ca=ca)
    with serving_application(application or SmallApplication(), certificate=certificate, **options) as address:
        yield Secured(address, ca)


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("tls") / "ca.pem", loop=request.param) as found:
        yield found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log; nothing in it has a traceback, or comes from the event loop."""
    caplog.set_level(logging.INFO, "emulator")
    yield caplog
    records = caplog.get_records("call")
    assert [each for each in records if each.exc_info or each.name.partition(".")[0] in ("uvloop", "asyncio")] == []


def logged(log: pytest.LogCaptureFixture, words: str) -> str:
    """Return the log message with some words, once it is there."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for message in log.messages:
            if words in message:
                return message
        time.sleep(0.001)
    pytest.fail(f"{words!r} is not in {log.messages}")


# Connections


def test_a_connection_carries_one_request_after_another(server: Secured) -> None:
    with server.sent(get("/1")) as connection:
        assert next_answer(connection) == (200, b"/1")
        connection.sendall(get("/2").head)
        assert next_answer(connection) == (200, b"/2")
        assert connection.version() == "TLSv1.3"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_sends_close_notify_right_behind_its_request_is_answered(loop: str, tmp_path: Path) -> None:
    with secured(tmp_path / "ca.pem", loop=loop) as server, socket.create_connection(server.address, PATIENCE) as plain:
        read, unsent = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=server.ca)
        client = context.wrap_bio(read, unsent, server_hostname="localhost")
        until_done(client.do_handshake, plain, read, unsent)
        client.write(get("/abc").head)
        with contextlib.suppress(ssl.SSLWantReadError):
            client.unwrap()
        plain.sendall(unsent.read())
        read.write(everything(plain))
        read.write_eof()
        assert client.read().endswith(b"/abc")


def until_done(step: Callable[[], object], plain: socket.socket, read: ssl.MemoryBIO, unsent: ssl.MemoryBIO) -> None:
    """Repeat a step of TLS over a socket until it is done."""
    while True:
        try:
            step()
        except ssl.SSLWantReadError:
            plain.sendall(unsent.read())
            read.write(plain.recv(65536))
        else:
            return


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", HOST])
def test_the_certificate_is_for_the_given_names_and_loopback(name: str, server: Secured) -> None:
    with server.sent(get(), name=name) as connection:
        assert next_answer(connection)[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_without_tls_gets_an_answer_with_a_date(method: str, server: Secured) -> None:
    with sent(server.address, replace(get(), method=method)) as plain:
        head, _, body = everything(plain).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert (body == b"") == (method == "HEAD")
    assert re.search(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", head)


def test_the_certificate_is_for_no_other_name(server: Secured, log: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"), server.sent(name="rescue.test"):
        pass
    logged(log, "does not trust the certificate")


def test_a_client_that_does_not_trust_the_certificate_is_logged(server: Secured, log: pytest.LogCaptureFixture) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{server.address[0]}:{server.address[1]}", timeout=PATIENCE)
    logged(log, "TLS handshake with 127.0.0.1 failed: it does not trust the certificate; give it the CA's")


def handshake(server: Secured, newest: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cafile=server.ca)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TLS 1.1 is deprecated
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    with (
        socket.create_connection(server.address, PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.version()


def test_tls_1_2_is_the_oldest_version(server: Secured, log: pytest.LogCaptureFixture) -> None:
    assert handshake(server, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(OSError):  # noqa: PT011  # an alert, or an end without one
        handshake(server, ssl.TLSVersion.TLSv1_1)
    logged(log, "TLS handshake with 127.0.0.1 failed: unsupported protocol")


@pytest.mark.parametrize("size", [0, 1_000_000], ids=["short", "long"])
def test_a_client_that_speaks_plain_http_is_answered(size: int, server: Secured, log: pytest.LogCaptureFixture) -> None:
    request = post("x" * size)
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.sendall(request.head + request.content)
        assert next_answer(connection) == (400, b"This port speaks TLS only: use https:// instead of http://.\n")
        assert everything(connection) == b""
    assert logged(log, "plain HTTP").startswith("127.0.0.1 speaks plain HTTP to a TLS port")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "did not begin a TLS handshake within 0.05 s"),
        (b"\x16\x03\x01\x02\x00", "it left, or took longer than 0.05 s"),
        (b"G", "did not begin a TLS handshake within 0.05 s"),
    ],
    ids=["nothing", "some", "HTTP"],
)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_has_its_time_and_no_more(
    data: bytes, message: str, loop: str, tmp_path: Path, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.acceptor._HANDSHAKE_TIMEOUT", 0.05)
    with secured(tmp_path / "ca.pem", loop=loop) as server:
        with socket.create_connection(server.address, PATIENCE) as silent:
            silent.sendall(data)
            assert everything(silent)[:8] in (b"", b"HTTP/1.1")
            logged(log, message)
        with server.sent(get()) as connection:
            assert next_answer(connection)[0] == 200


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"\x16\x03\x01\x00\x05hello"], ids=["nothing", "no", "broken"])
def test_what_is_no_tls_holds_up_nobody(data: bytes, server: Secured, log: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            everything(connection)
    with server.sent(get()) as connection:
        assert next_answer(connection)[0] == 200
    assert bool(log.messages) == bool(data)


# Faults and shutdown


def test_a_reset_is_a_tcp_reset(server: Secured) -> None:
    # Python's TLS takes a reset for an EOF: read from the socket beneath it.
    with (
        server.sent(get(fault="reset")) as connection,
        socket.socket(fileno=os.dup(connection.fileno())) as beneath,
    ):
        beneath.settimeout(PATIENCE)
        with pytest.raises(ConnectionResetError):
            everything(beneath)


@pytest.mark.parametrize(
    ("query", "length"),
    [({"fault": "close"}, 0), ({"fault": "stall"}, 0), ({"fault": "garbage"}, 512)],
    ids=lambda value: str(value),
)
def test_a_fault_ends_within_tls(query: dict[str, str], length: int, tmp_path: Path) -> None:
    with secured(tmp_path / "ca.pem", max_delay=0.05) as server, server.sent(get(**query)) as connection:
        assert len(everything(connection)) == length


def test_truncate_and_trickle_send_their_part_of_the_response(server: Secured) -> None:
    with server.sent(get(fault="truncate", times=10)) as connection:
        assert everything(connection).endswith(b"\r\n\r\n/////")
    with server.sent(get(fault="trickle", times=10, over=0.01)) as connection:
        assert next_answers(connection, 1) == [(200, b"/" * 10)]
        assert everything(connection) == b""


@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_cuts_a_delay_short_and_waits_for_no_idle_client(
    loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.acceptor._STOP_TIMEOUT", 2 * PATIENCE)
    application = SmallApplication()
    with contextlib.ExitStack() as stack:
        with secured(tmp_path / "ca.pem", application, loop=loop) as server:
            idle, slow = (stack.enter_context(server.sent(get(delay=delay))) for delay in (0, HOUR))
            next_answer(idle)
            stack.enter_context(socket.create_connection(server.address))
            application.wait_for(2)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE
        assert everything(idle) == b""
        assert everything(slow).endswith(b"/")


# The certificate and its files


def test_the_ca_file_is_readable_for_all_until_the_emulator_stops() -> None:
    with Emulator.start({}, Options(certificate=MadeCertificate())) as emulator:
        ca = emulator.ca_file
        assert ca is not None
        assert stat.S_IMODE(ca.stat().st_mode) == 0o644
        assert re.findall("BEGIN ([A-Z ]+)", ca.read_text()) == ["CERTIFICATE"]
        secured = Secured(("127.0.0.1", urlsplit(emulator.url).port or 0), ca)
        with secured.sent(a_request(), name=HOST) as connection:  # emulator.py gives the names
            assert next_answer(connection)[0] == 200
    assert not ca.exists()


def test_a_ca_file_with_a_path_stays(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("that of an earlier server")
    with Emulator.start({}, Options(certificate=MadeCertificate(["rescue.test"], path))) as emulator:
        assert emulator.ca_file == path
        secured = Secured(("127.0.0.1", urlsplit(emulator.url).port or 0), path)
        with secured.sent(a_request(), name="rescue.test") as connection:
            assert next_answer(connection)[0] == 200
        with pytest.raises(ssl.SSLCertVerificationError), secured.sent(name="localhost"):
            pass
    assert path.exists()


def test_without_the_extra_a_made_certificate_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(StartError, match=re.escape("pip install 'rescue-emulator[tls]'")):
        Emulator({}, Options(certificate=MadeCertificate()))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates and keys, good ones and others."""
    folder = tmp_path_factory.mktemp("files")
    authority = CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("ours", "other"):
        made = authority.issue_cert("localhost", "127.0.0.1")
        made.private_key_pem.write_to_path(folder / f"{name}.key")
        made.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
    key = load_pem_private_key((folder / "ours.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a passphrase"))
    (folder / "locked.key").write_bytes(locked)
    (folder / "junk").write_text("neither")
    return folder


def test_a_certificate_of_ones_own_is_used(files: Path) -> None:
    certificate = CertificateFiles(files / "ours.crt", files / "ours.key")
    with Emulator.start({}, Options(certificate=certificate)) as emulator:
        assert emulator.ca_file is None
        assert requests.get(emulator.wsdl_url, verify=str(files / "ca.pem"), timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize(
    ("cert", "key", "message"),
    [
        ("none", "ours.key", "cannot read the certificate {}/none: No such file or directory"),
        ("ours.crt", "none", "cannot read the key {}/none: No such file or directory"),
        ("junk", "ours.key", "{}/junk holds no certificate as PEM"),
        ("ours.key", "ours.key", "{}/ours.key holds no certificate as PEM"),
        ("ours.crt", "junk", "{}/junk holds no private key as PEM"),
        ("ours.crt", "other.key", "the key {0}/other.key does not belong to the certificate {0}/ours.crt"),
        ("ours.crt", "locked.key", "the key {}/locked.key is encrypted: it has to be one without a passphrase"),
    ],
)
def test_files_that_cannot_be_used_are_an_error_and_free_the_port(
    cert: str, key: str, message: str, files: Path
) -> None:
    port = free_port()
    with pytest.raises(StartError) as error:
        Emulator({}, Options(port=port, certificate=CertificateFiles(files / cert, files / key)))
    assert str(error.value) == message.format(files)
    Emulator({}, Options(port=port)).stop()


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "localhost:8085", "https://localhost", "10.0.0.0/8", "ann@rescue.test"]
)
def test_what_is_no_host_name_is_an_error(name: str) -> None:
    with pytest.raises(StartError) as error:
        Emulator({}, Options(certificate=MadeCertificate(["localhost", name])))
    assert str(error.value) == f"cannot make a certificate for {name!r}: it is neither a host name nor an IP address"


def test_a_ca_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "none" / "ca.pem"
    with pytest.raises(StartError) as error:
        Emulator({}, Options(certificate=MadeCertificate(ca=path)))
    assert str(error.value) == f"cannot write the CA certificate to {path}: No such file or directory"


# The program and other clients


@pytest.mark.parametrize(
    "options",
    [
        ["--tls-name", "rescue.test"],
        ["--tls-ca", "ca.pem"],
        ["--tls-cert", "a"],
        ["--tls-key", "a"],
        ["--tls", "--tls-cert", "a", "--tls-key", "b"],
        ["--tls-name", "a", "--tls-cert", "a", "--tls-key", "b"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together_are_wrong_usage(options: list[str]) -> None:
    result = run("serve", "--port", "0", *options)
    assert (result.exit_code, "Error: --tls" in result.output) == (2, True)


@contextlib.contextmanager
def serve_tls(folder: Path, options: str = "") -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """Run ``serve --tls`` with its temporary files in a folder; yield the process, its URL and its CA file."""
    with serve(f"--tls {options}", env={**os.environ, "TMPDIR": str(folder)}) as process:
        assert process.stdout is not None
        word, url, _, _, ca = process.stdout.readline().rstrip("\n").split(" ", 4)
        assert (word, ca[:3]) == ("ready", "ca=")
        yield process, url, Path(ca[3:])


def test_the_ready_line_names_the_ca_file_and_nothing_else_is_left_on_the_disk(tmp_path: Path) -> None:
    with serve_tls(tmp_path) as (process, url, ca):
        assert [*tmp_path.iterdir()] == [ca]
        assert requests.get(f"{url}?wsdl", verify=str(ca), timeout=PATIENCE).status_code == 200
        for _ in range(2):
            process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert [*tmp_path.iterdir()] == []


def test_without_a_free_file_accepting_is_retried(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with serve(f"--tls --tls-ca '{ca}'", before="ulimit -n 40;") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = urlsplit(process.stdout.readline().split()[1]).port or 0
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            assert process.stderr.readline().endswith("WARNING cannot accept a connection: Too many open files\n")
        with Secured(("127.0.0.1", port), ca).sent(a_request()) as connection:
            assert next_answer(connection)[0] == 200
        process.terminate()
        assert "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The whole product over TLS."""
    ca = tmp_path_factory.mktemp("tls") / "the ca.pem"
    with serving("otherwise: startSessionRet_OK", certificate=MadeCertificate(ca=ca)) as address:
        yield Secured(address, ca)


def url(server: Secured) -> str:
    return f"https://{server.address[0]}:{server.address[1]}{SERVICE_PATH}"


def test_documents_and_the_control_api_know_that_it_is_https(emulator: Secured) -> None:
    with emulator.sent(Request("GET", f"{SERVICE_PATH}?wsdl")) as connection:
        assert f'"https://{HOST}/API/API.asmx"'.encode() in next_answer(connection)[1]
    for origin, status in (("https://localhost", 200), ("https://rescue.test", 403)):
        request = Request("GET", "/__admin/calls", [("Host", "localhost"), ("Origin", origin)], no_host=True)
        with emulator.sent(request) as connection:
            assert next_answer(connection)[0] == status


def test_commands_trust_the_given_ca_and_no_other(
    emulator: Secured, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = url(emulator)
    call = ("call", address, "--session", "1000", "--node", "2")
    trusting = ("--cacert", str(emulator.ca))
    assert run("wait", address, *trusting).exit_code == 0
    assert run(*call, *trusting).output == "startSessionRet_OK\n"
    assert run("verify", address, "--session", "1000", "--times", "1", *trusting).exit_code == 0
    assert RemoteEmulator(address, ca_file=emulator.ca).health()["status"] == "ready"
    refused = run(*call)
    assert ("certificate" in refused.output, "--cacert" in refused.output, refused.exit_code) == (True, True, 4)
    assert run("wait", address, "--timeout", "0").exit_code == 1
    for ca, status in ((emulator.ca, 0), (files / "ca.pem", 4)):
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        assert run(*call).exit_code == status


@pytest.mark.parametrize("content", [None, "x"], ids=["missing", "no CA"])
def test_a_ca_file_that_cannot_be_used_is_an_error(content: str | None, tmp_path: Path, emulator: Secured) -> None:
    ca = tmp_path / "ca.pem"
    if content:
        ca.write_text(content)
    with pytest.raises(RemoteError, match=re.escape(str(ca))):
        RemoteEmulator(url(emulator), ca_file=ca)
    refused = run("call", url(emulator), "--session", "1", "--node", "2", "--cacert", str(ca))
    assert (str(ca) in refused.output, refused.exit_code) == (True, 4)
