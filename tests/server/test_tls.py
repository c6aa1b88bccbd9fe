"""The service over TLS, as clients that trust its certificate see it, and those that do not."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import zeep
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from trustme import CA

from emulator import CertificateFiles, Emulator, MadeCertificate, Options, RemoteEmulator, RemoteError, StartError
from emulator.cli import main
from emulator.core.contract import SERVICE_PATH, Binding
from tests.helpers.calling import (
    ALL_BINDINGS,
    PATIENCE,
    Address,
    AttentiveEngine,
    a_request,
    everything,
    next_answer,
    serving,
)
from tests.helpers.raw_http import Request

LOOPS = ["uvloop", "asyncio"]
SCENARIO = """
otherwise: startSessionRet_OK
rules:
  - {when: {auth_code: reset}, fail: {connection: reset}}
  - {when: {auth_code: close}, fail: {connection: close}}
  - {when: {auth_code: truncate}, fail: {connection: truncate}}
  - {when: {auth_code: garbage}, fail: {connection: garbage}}
  - {when: {auth_code: stall}, fail: {connection: stall}}
  - {when: {auth_code: trickle}, fail: {connection: trickle, over: 50ms}}
  - {when: {auth_code: slow}, delay: 3600s, return: startSessionRet_OK}
"""
curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@dataclass(frozen=True, slots=True)
class Secured:
    """A server over TLS: where it listens, and the file with its CA certificate."""

    address: Address
    ca: Path

    @property
    def url(self) -> str:
        return f"https://{self.address[0]}:{self.address[1]}{SERVICE_PATH}"

    @contextlib.contextmanager
    def sent(self, *requests: Request, name: str = "localhost") -> Iterator[ssl.SSLSocket]:
        """A connection to it by a name, on which requests were sent, one behind the other."""
        context = ssl.create_default_context(cafile=self.ca)
        with (
            socket.create_connection(self.address, PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False) as connection,
        ):
            connection.sendall(b"".join(request.head + request.content for request in requests))
            yield connection


@contextlib.contextmanager
def secured(ca: Path, scenario: str | AttentiveEngine = SCENARIO, **others: object) -> Iterator[Secured]:
    with serving(scenario, certificate=MadeCertificate(ca=ca), **others) as address:  # type: ignore[arg-type]
        yield Secured(address, ca)


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("tls") / "ca.pem", loop=request.param) as found:
        yield found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged; nothing of it has a traceback, or comes from the event loop."""
    caplog.set_level(logging.INFO, "emulator")
    yield caplog
    records = caplog.get_records("call")
    assert [each for each in records if each.exc_info or each.name.partition(".")[0] in ("uvloop", "asyncio")] == []


def told(log: pytest.LogCaptureFixture, words: str) -> str:
    """The line of the log that has some words, once it is there."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for message in log.messages:
            if words in message:
                return message
        time.sleep(0.001)
    pytest.fail(f"{words!r} is not in {log.messages}")


@ALL_BINDINGS
def test_a_connection_carries_one_call_after_another(binding: Binding, server: Secured) -> None:
    request = a_request(binding)
    with server.sent(request, request) as connection:
        for _ in range(2):
            assert b"startSessionRet_OK" in next_answer(connection)[1]
        connection.sendall(request.head + request.content)
        assert b"startSessionRet_OK" in next_answer(connection)[1]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_says_goodbye_right_behind_its_call_is_answered(loop: str, tmp_path: Path) -> None:
    with secured(tmp_path / "ca.pem", loop=loop) as server, socket.create_connection(server.address, PATIENCE) as plain:
        read, unsent = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=server.ca)
        client = context.wrap_bio(read, unsent, server_hostname="localhost")
        until_done(client.do_handshake, plain, read, unsent)
        client.write(a_request().head + a_request().content)
        with contextlib.suppress(ssl.SSLWantReadError):
            client.unwrap()
        plain.sendall(unsent.read())
        read.write(everything(plain))
        read.write_eof()
        assert b"startSessionRet_OK" in client.read()


def until_done(step: Callable[[], object], plain: socket.socket, read: ssl.MemoryBIO, unsent: ssl.MemoryBIO) -> None:
    """Takes a step of TLS, over a socket as often as need be."""
    while True:
        try:
            step()
        except ssl.SSLWantReadError:
            plain.sendall(unsent.read())
            read.write(plain.recv(65536))
        else:
            return


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "secure.logmeinrescue.com"])
def test_the_certificate_is_for_this_machine_and_the_real_service(name: str, server: Secured) -> None:
    with server.sent(a_request(), name=name) as connection:
        assert next_answer(connection)[0] == 200
        assert connection.version() == "TLSv1.3"


def test_the_certificate_is_for_nobody_else(server: Secured) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"), server.sent(name="rescue.test"):
        pass


def test_requests_understands_it(server: Secured) -> None:
    with requests.Session() as session:
        session.verify, session.trust_env = str(server.ca), False  # which else may name another CA
        for _ in range(2):
            answer = session.get(f"{server.url}/startSession?iSession=1&iNode=2&sAuthCode=x", timeout=PATIENCE)
            assert "startSessionRet_OK" in answer.text


@pytest.mark.parametrize("port", ["APISoap", "APISoap12"])
def test_zeep_calls_at_the_address_in_the_wsdl(port: str, server: Secured) -> None:
    with requests.Session() as session:
        session.verify, session.trust_env = str(server.ca), False  # which else may name another CA
        transport = zeep.Transport(session=session)  # type: ignore[no-untyped-call]
        client = zeep.Client(f"{server.url}?wsdl", transport=transport, port_name=port)  # type: ignore[no-untyped-call]
        assert client.service.startSession(1, 2, "x") == "startSessionRet_OK"


@curl
def test_curl_takes_it_for_the_real_service(server: Secured) -> None:
    port = server.address[1]
    url = f"https://secure.logmeinrescue.com:{port}{SERVICE_PATH}/startSession?iSession=1&iNode=2&sAuthCode=x"
    there = f"secure.logmeinrescue.com:{port}:127.0.0.1"
    command = ["curl", "-sS", "--noproxy", "*", "--cacert", str(server.ca), "--resolve", there, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert "startSessionRet_OK" in done.stdout


@pytest.mark.parametrize("path", [f"{SERVICE_PATH}?wsdl", f"{SERVICE_PATH}?disco", SERVICE_PATH])
def test_the_addresses_that_it_tells_begin_with_https(path: str, server: Secured) -> None:
    with server.sent(Request("GET", path)) as connection:
        _, body = next_answer(connection)
    assert b"http://secure.logmeinrescue.com" not in body
    assert path == SERVICE_PATH or b'"https://secure.logmeinrescue.com/API/API.asmx' in body


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        pytest.param("localhost", "https://localhost", 200, id="its own page"),
        pytest.param("localhost", "https://rescue.test", 403, id="a page of another site"),
        pytest.param("rescue.test", None, 403, id="another host"),
    ],
)
def test_the_control_api_answers_its_own_pages_alone(
    host: str, origin: str | None, status: int, server: Secured
) -> None:
    headers = [("Host", host), *([("Origin", origin)] if origin else [])]
    with server.sent(Request("GET", "/__admin/calls", headers, no_host=True)) as connection:
        assert next_answer(connection)[0] == status


def test_a_client_that_does_not_trust_the_certificate_is_told_of(
    server: Secured, log: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(server.url, timeout=PATIENCE)
    assert told(log, "no TLS") == "no TLS with 127.0.0.1: it does not trust the certificate; give it the CA's"


def handshake(server: Secured, newest: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cafile=server.ca)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TLS 1.1 is not to be used
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    with (
        socket.create_connection(server.address, PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.version()


def test_tls_1_2_is_the_oldest_that_it_speaks(server: Secured, log: pytest.LogCaptureFixture) -> None:
    assert handshake(server, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(OSError):  # noqa: PT011  # an alert, or an end without one
        handshake(server, ssl.TLSVersion.TLSv1_1)
    assert told(log, "no TLS") == "no TLS with 127.0.0.1: unsupported protocol"


@pytest.mark.parametrize("padding", [0, 1_000_000], ids=["short", "long"])
@ALL_BINDINGS
def test_plain_http_is_told_to_speak_tls(
    binding: Binding, padding: int, server: Secured, log: pytest.LogCaptureFixture
) -> None:
    request = a_request(binding, padding=padding)
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.sendall(request.head + request.content)
        assert next_answer(connection) == (400, b"This port speaks TLS alone: ask with https:// in place of http://.\n")
        assert everything(connection) == b""
    assert told(log, "plain HTTP").startswith("127.0.0.1 speaks plain HTTP to a port for TLS")


@pytest.mark.parametrize(
    "said", [b"", b"\x16", b"\x16\x03\x01\x02\x00", b"G"], ids=["nothing", "a byte", "some", "HTTP"]
)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_that_does_not_come_is_not_waited_for(
    said: bytes, loop: str, tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    with secured(tmp_path / "ca.pem", loop=loop, handshake_within=0.05) as server:
        with socket.create_connection(server.address, PATIENCE) as silent:
            silent.sendall(said)
            assert everything(silent)[:8] in (b"", b"HTTP/1.1")
            told(log, "did not say all in 0.05 s")
        with server.sent(a_request()) as connection:
            assert next_answer(connection)[0] == 200


@pytest.mark.parametrize("said", [b"", b"\x00\x01\x02", b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\x00\x02"])
def test_what_is_no_tls_holds_up_nobody(said: bytes, server: Secured, log: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(server.address, PATIENCE) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            everything(connection)
    with server.sent(a_request()) as connection:
        assert next_answer(connection)[0] == 200
    assert ("no TLS" in log.text) == bool(said)


def test_a_client_that_leaves_before_it_says_anything_is_not_worth_a_word(
    server: Secured, log: pytest.LogCaptureFixture
) -> None:
    socket.create_connection(server.address, PATIENCE).close()
    with server.sent(a_request()) as connection:
        assert next_answer(connection)[0] == 200
    assert {record.name for record in log.records} == {"emulator.calls"}


@contextlib.contextmanager
def beneath(connection: ssl.SSLSocket) -> Iterator[socket.socket]:
    """What carries a connection: there a reset shows, which Python's TLS takes for an end like others."""
    with socket.socket(fileno=os.dup(connection.fileno())) as carrier:
        carrier.settimeout(PATIENCE)
        yield carrier


@ALL_BINDINGS
def test_a_reset_is_a_tcp_reset(binding: Binding, server: Secured) -> None:
    with (
        server.sent(a_request(binding, auth_code="reset")) as connection,
        beneath(connection) as carrier,
        pytest.raises(ConnectionResetError),
    ):
        everything(carrier)


def test_close_is_an_orderly_end_of_tls_too(server: Secured) -> None:
    with server.sent(a_request(auth_code="close")) as connection:
        assert everything(connection) == b""


def test_truncate_sends_half_of_a_right_body(server: Secured) -> None:
    with server.sent(a_request(auth_code="none"), a_request(auth_code="truncate")) as connection:
        _, right = next_answer(connection)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == right[: len(right) // 2]


def test_garbage_is_within_tls(server: Secured) -> None:
    with server.sent(a_request(auth_code="garbage")) as connection:
        assert len(everything(connection)) == 512


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stall_is_bounded_by_the_longest_delay(loop: str, tmp_path: Path) -> None:
    with (
        secured(tmp_path / "ca.pem", loop=loop, max_delay=0.05) as server,
        server.sent(a_request(auth_code="stall")) as connection,
    ):
        assert everything(connection) == b""


def test_a_trickle_is_the_right_answer_whole(server: Secured) -> None:
    with server.sent(a_request(auth_code="trickle")) as connection:
        assert b"startSessionRet_OK" in next_answer(connection)[1]
        assert everything(connection) == b""


@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_waits_for_no_client_that_is_idle_or_says_nothing(
    loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.server.acceptor._GRACE", 2 * PATIENCE)
    with contextlib.ExitStack() as stack:
        with secured(tmp_path / "ca.pem", loop=loop) as server:
            idle = stack.enter_context(server.sent(a_request()))
            next_answer(idle)
            stack.enter_context(socket.create_connection(server.address))
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE
        assert everything(idle) == b""


@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_cuts_a_delay_short(loop: str, tmp_path: Path) -> None:
    engine = AttentiveEngine(SCENARIO)
    with contextlib.ExitStack() as stack:
        with secured(tmp_path / "ca.pem", engine, loop=loop) as server:
            slow = stack.enter_context(server.sent(a_request(auth_code="slow")))
            engine.wait_for(1)
        assert b"startSessionRet_OK" in everything(slow)


def test_the_ca_file_is_there_for_everybody_until_the_emulator_stops() -> None:
    with Emulator.start({}, Options(certificate=MadeCertificate())) as emulator:
        ca = emulator.ca_file
        assert ca is not None
        assert stat.S_IMODE(ca.stat().st_mode) == 0o644
        assert re.findall("BEGIN ([A-Z ]+)", ca.read_text()) == ["CERTIFICATE"]
        assert requests.get(emulator.wsdl_url, verify=str(ca), timeout=PATIENCE).status_code == 200
    assert not ca.exists()


def test_the_ca_file_can_have_a_place_where_it_stays(tmp_path: Path) -> None:
    place = tmp_path / "ca.pem"
    place.write_text("that of an earlier server")
    with Emulator.start({}, Options(certificate=MadeCertificate(["rescue.test"], place))) as emulator:
        assert emulator.ca_file == place
        assert requests.get(emulator.wsdl_url, verify=str(place), timeout=PATIENCE).status_code == 200
        secured = Secured(("127.0.0.1", urlsplit(emulator.url).port or 0), place)
        with secured.sent(a_request(), name="rescue.test") as connection:
            assert next_answer(connection)[0] == 200
    assert place.exists()


def test_without_tls_there_is_no_ca_file_and_what_makes_certificates_is_not_loaded() -> None:
    script = (
        "import sys\nfrom emulator import Emulator, MadeCertificate\n"
        "with Emulator.start() as emulator:\n"
        "    print(emulator.ca_file, sorted({'trustme', 'cryptography'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "None []\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates and keys, right ones and others."""
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


def test_a_certificate_of_ones_own_is_shown(files: Path) -> None:
    certificate = CertificateFiles(files / "ours.crt", files / "ours.key")
    with Emulator.start({}, Options(certificate=certificate)) as emulator:
        assert emulator.ca_file is None
        assert requests.get(emulator.wsdl_url, verify=str(files / "ca.pem"), timeout=PATIENCE).status_code == 200


def run(*arguments: str) -> Result:
    """One run of the program in this process."""
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("cert", "key", "why"),
    [
        ("none", "ours.key", "cannot read the certificate {}/none: No such file or directory"),
        ("ours.crt", "none", "cannot read the key {}/none: No such file or directory"),
        ("junk", "ours.key", "{}/junk holds no certificate as PEM"),
        ("ours.key", "ours.key", "{}/ours.key holds no certificate as PEM"),
        ("ours.crt", "junk", "{}/junk holds no private key as PEM"),
        ("ours.crt", "ours.crt", "{}/ours.crt holds no private key as PEM"),
        ("ours.crt", "other.key", "the key {0}/other.key is not that of the certificate {0}/ours.crt"),
        ("ours.crt", "locked.key", "the key {}/locked.key is encrypted: it has to be one without a passphrase"),
    ],
)
def test_files_that_cannot_be_used_are_one_clear_line(cert: str, key: str, why: str, files: Path) -> None:
    result = run("serve", "--port", "0", "--tls-cert", str(files / cert), "--tls-key", str(files / key))
    assert (result.output, result.exit_code) == (why.format(files) + "\n", 1)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "localhost:8085", "https://localhost", "10.0.0.0/8", "ann@rescue.test"]
)
def test_what_is_no_name_of_a_host_is_one_clear_line(name: str) -> None:
    result = run("serve", "--port", "0", "--tls", "--tls-name", "localhost", "--tls-name", name)
    assert (
        result.output == f"cannot make a certificate for {name!r}: it is neither the name of a host nor an IP address\n"
    )
    assert result.exit_code == 1


def test_a_ca_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    place = tmp_path / "none" / "ca.pem"
    result = run("serve", "--port", "0", "--tls", "--tls-ca", str(place))
    assert result.output == f"cannot write the CA certificate to {place}: No such file or directory\n"
    assert result.exit_code == 1


def test_a_certificate_that_cannot_be_had_frees_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StartError):
        Emulator({}, Options(port=port, certificate=CertificateFiles(tmp_path / "none", tmp_path / "none")))
    with Emulator.start({}, Options(port=port)):
        pass


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--tls-name", "rescue.test"], "--tls-name and --tls-ca tell what --tls is to make: give that too"),
        (["--tls-ca", "ca.pem"], "--tls-name and --tls-ca tell what --tls is to make: give that too"),
        (["--tls-cert", "a"], "--tls-cert and --tls-key belong together: give both"),
        (["--tls-key", "a"], "--tls-cert and --tls-key belong together: give both"),
        (
            ["--tls", "--tls-cert", "a", "--tls-key", "b"],
            "--tls makes a certificate, --tls-cert and --tls-key name one",
        ),
        (["--tls-name", "a", "--tls-cert", "a", "--tls-key", "b"], "--tls makes a certificate, --tls-cert and"),
        (["--tls-ca", "a", "--tls-key", "b"], "--tls makes a certificate, --tls-cert and --tls-key name one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_go_together_are_wrong_usage(options: list[str], why: str) -> None:
    result = run("serve", "--port", "0", *options)
    assert f"Error: {why}" in result.output
    assert result.exit_code == 2


@contextlib.contextmanager
def serve(*options: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """``serve --tls`` in a process whose temporary files are in a folder, with its address and CA file."""
    command = [sys.executable, "-m", "emulator", "serve", "--port", "0", "--tls", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)}
    ) as process:
        assert process.stdout is not None
        word, url, _, _, ca = process.stdout.readline().rstrip("\n").split(" ", 4)
        assert (word, ca[:3]) == ("ready", "ca=")
        yield process, url, Path(ca[3:])
        process.kill()


@pytest.mark.parametrize("signals", [1, 2])
def test_the_ready_line_names_the_ca_file_and_nothing_else_is_left_on_the_disk(signals: int, tmp_path: Path) -> None:
    with serve(folder=tmp_path) as (process, url, ca):
        assert [*tmp_path.iterdir()] == [ca]
        assert requests.get(f"{url}?wsdl", verify=str(ca), timeout=PATIENCE).status_code == 200
        for _ in range(signals):
            process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert [*tmp_path.iterdir()] == []


def test_without_a_free_file_it_waits_until_there_is_one(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    command = f"ulimit -n 40; exec '{sys.executable}' -m emulator serve --port 0 --tls --tls-ca '{ca}'"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = urlsplit(process.stdout.readline().split()[1]).port or 0
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            assert process.stderr.readline().endswith("WARNING cannot take a connection in: Too many open files\n")
        with Secured(("127.0.0.1", port), ca).sent(a_request()) as connection:
            assert next_answer(connection)[0] == 200
        process.terminate()
        assert "Traceback" not in process.stderr.read()


def test_the_commands_that_ask_trust_the_ca_that_they_are_given(tmp_path: Path) -> None:
    ca = tmp_path / "the ca.pem"
    with serve("--tls-ca", str(ca), folder=tmp_path) as (_, url, named):
        assert named == ca
        trusting = ("--cacert", str(ca))
        assert run("wait", url, *trusting).exit_code == 0
        called = run("call", url, "--session", "1000", "--node", "2", *trusting)
        assert (called.output, called.exit_code) == ("startSessionRet_OK\n", 0)
        assert run("verify", url, "--session", "1000", "--times", "1", *trusting).exit_code == 0
        assert RemoteEmulator(url, ca_file=ca).health()["status"] == "ready"
        for command in (["call", "--session", "1", "--node", "2"], ["wait", "--timeout", "0"], ["verify"]):
            refused = run(command[0], url, *command[1:])
            assert "its certificate is not accepted, unable to get local issuer certificate; --cacert" in refused.output
            assert refused.exit_code == (1 if command[0] == "wait" else 4)


def test_the_ca_of_the_environment_is_trusted(server: Secured, monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    for ca, status in ((server.ca, 0), (files / "ca.pem", 4)):
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        assert run("call", server.url, "--session", "1", "--node", "2").exit_code == status


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "cannot read the CA certificate {}: No such file or directory"), ("x", "{} holds no CA")],
)
def test_a_ca_file_that_cannot_be_read_is_one_clear_line(
    content: str | None, why: str, tmp_path: Path, server: Secured
) -> None:
    ca = tmp_path / "ca.pem"
    if content:
        ca.write_text(content)
    with pytest.raises(RemoteError, match=re.escape(why.format(ca))):
        RemoteEmulator(server.url, ca_file=ca)
    refused = run("call", server.url, "--session", "1", "--node", "2", "--cacert", str(ca))
    assert refused.output.startswith(why.format(ca))
    assert refused.exit_code == 4
    assert why.format(ca) in run("wait", server.url, "--timeout", "0", "--cacert", str(ca)).output


def test_a_port_without_tls_is_told_from_one_with_it() -> None:
    with serving("{}") as (host, port):
        refused = run("call", f"https://{host}:{port}", "--session", "1", "--node", "2")
    assert "what answers there does not speak TLS as it should (" in refused.output
    assert refused.exit_code == 4
