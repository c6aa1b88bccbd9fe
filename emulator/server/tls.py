"""The server's TLS certificate: issued at start by a CA of its own, or loaded from PEM files.

The key of a CA that is made here is never stored: to trust that CA is to trust this one server.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import assert_never

from emulator.errors import StartError

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class MadeCertificate:
    """A certificate that is made at start, by a CA made for it; clients trust it by the CA's certificate.

    It is for ``names``, by default localhost and the host of the real service, and always for the loopback addresses.
    ``ca`` is the file to write the CA's certificate to, by default a temporary one that is removed at the stop.
    """

    names: Sequence[str] = ()
    ca: AnyPath | None = None


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files: a certificate, followed by its intermediate ones, and its key without a passphrase."""

    cert: AnyPath
    key: AnyPath


Certificate = MadeCertificate | CertificateFiles


@dataclass(eq=False)
class TlsSetup:
    """What the server needs for TLS; ``ca_file`` is None if the certificate was not made here.

    ``clean_up`` removes a temporary ``ca_file``; it can be called repeatedly, and is when the process exits.
    """

    context: ssl.SSLContext
    ca_file: Path | None
    ca_pem: bytes = b""
    clean_up: Callable[[], object] = lambda: None

    def keep_temporary(self) -> None:
        """Remove the ``ca_file`` with ``clean_up``."""
        assert self.ca_file is not None
        self.clean_up = weakref.finalize(self, _remove, self.ca_file, os.getpid())

    def restore(self) -> None:
        """Write the ``ca_file`` again if ``clean_up`` removed it; StartError if that fails."""
        if self.ca_file is None or self.ca_file.exists():
            return
        try:
            with open(self.ca_file, "xb") as file:
                file.write(self.ca_pem)
        except OSError as error:
            raise StartError(f"cannot write the CA certificate to {self.ca_file}: {error.strerror}") from error
        self.keep_temporary()


def _remove(file: Path, process: int) -> None:
    """Remove a file, unless this is the exit of a child that was forked."""
    if os.getpid() == process:
        file.unlink(missing_ok=True)


def set_up_tls(certificate: Certificate, addresses: Sequence[str], default_names: Sequence[str]) -> TlsSetup:
    """Make or load the certificate of a server that listens on IP addresses; StartError if that fails.

    ``default_names`` are the host names of a made certificate that gives none itself.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # writing never has to read
    context.set_alpn_protocols(["http/1.1"])
    match certificate:
        case MadeCertificate():
            own = [address.partition("%")[0] for address in addresses]
            names = [*(certificate.names or default_names), "127.0.0.1", "::1", *own]
            return _write_ca(_issue(names, context), certificate.ca, context)
        case CertificateFiles():
            _load(certificate, context)
            return TlsSetup(context, None)
        case _ as never:
            assert_never(never)


def _issue(names: list[str], context: ssl.SSLContext) -> bytes:
    """Give the context a certificate for names; return the CA's certificate as PEM."""
    try:
        from trustme import CA  # imported late: it loads cryptography, and is in the extra "tls"
    except ImportError as error:
        message = "to make a certificate needs the package trustme: pip install 'rescue-emulator[tls]'"
        raise StartError(message) from error
    authority = CA(organization_name="rescue-emulator")
    for name in names:
        try:
            if not name.strip() or "@" in name or "/" in name:
                raise ValueError(name)
            authority.issue_cert(name)
        except ValueError as error:
            message = f"cannot make a certificate for {name!r}: it is neither a host name nor an IP address"
            raise StartError(message) from error
    authority.issue_cert(*dict.fromkeys(names)).configure_cert(context)  # by a private temporary file for the key
    return authority.cert_pem.bytes()


def _write_ca(content: bytes, path: AnyPath | None, context: ssl.SSLContext) -> TlsSetup:
    """Write the CA's certificate to a file, a temporary one if the path is None."""
    try:
        if path is not None:
            Path(path).write_bytes(content)
            return TlsSetup(context, Path(path), content)
        fd, temporary = tempfile.mkstemp(".pem", "rescue-emulator-ca-")
        with open(fd, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
    except OSError as error:
        where = "a temporary file" if path is None else path
        raise StartError(f"cannot write the CA certificate to {where}: {error.strerror}") from error
    setup = TlsSetup(context, Path(temporary), content)
    setup.keep_temporary()
    return setup


def _load(files: CertificateFiles, context: ssl.SSLContext) -> None:
    for what, path in (("certificate", files.cert), ("key", files.key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise StartError(f"cannot read the {what} {path}: {error.strerror}") from error

    def refuse_passphrase() -> str:
        raise StartError(f"the key {files.key} is encrypted: it has to be one without a passphrase")

    try:
        context.load_cert_chain(files.cert, files.key, refuse_passphrase)
    except ssl.SSLError as error:
        raise StartError(_load_failure(files, error)) from error


def _load_failure(files: CertificateFiles, error: ssl.SSLError) -> str:
    """Return which of the two files is wrong: OpenSSL does not say, but reads the certificate first."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {files.key} does not belong to the certificate {files.cert}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(files.cert)
    except ssl.SSLError:
        return f"{files.cert} holds no certificate as PEM"
    return f"{files.key} holds no private key as PEM"
