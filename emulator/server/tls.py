"""The certificate by which a server is known over TLS: made for it, with a CA of its own, or read from files.

It knows no sockets. The key of a CA that is made here is forgotten once it has signed, so that to trust that CA is to
trust this one server; no key stays on the disk.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from typing_extensions import assert_never

from emulator.core.contract import NAMESPACE
from emulator.errors import StartError

if TYPE_CHECKING:
    from trustme import CA


NAMES: Final = ("localhost", str(urlsplit(NAMESPACE).hostname))
"""The names that a certificate is made for when nobody says otherwise: this machine, and the real service."""

_LOOPBACK: Final = ("127.0.0.1", "::1")
_READABLE: Final = 0o644  # a CA certificate is for everybody

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class MadeCertificate:
    """A certificate for ``names``, made when the server starts, by a CA made for it: clients are given the CA's.

    Whatever the names, it holds for the addresses of this machine too. ``ca`` is where the CA's certificate is
    written; a temporary file when nothing is said, which is gone once the server stops.
    """

    names: Sequence[str] = NAMES
    ca: AnyPath | None = None


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate, with those between it and its CA behind it, and its key without a passphrase, as PEM files."""

    cert: AnyPath
    key: AnyPath


Certificate = MadeCertificate | CertificateFiles


class Identity:
    """What a server shows to its clients: ``context`` for their connections, ``ca`` the file that they are to trust."""

    def __init__(self, context: ssl.SSLContext, ca: Path | None, forget: Callable[[], object] = lambda: None) -> None:
        self.context = context
        self.ca = ca
        self.forget = forget
        """Removes what was written for the time of the serving; it can be repeated, and the end of the process does."""


def identity(certificate: Certificate, address: str) -> Identity:
    """The identity of a server that listens on an address; StartError when the certificate cannot be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    match certificate:
        case MadeCertificate():
            return _made(certificate, address, context)
        case CertificateFiles():
            _load(certificate, context)
            return Identity(context, None)
        case _ as never:
            assert_never(never)


def _made(certificate: MadeCertificate, address: str, context: ssl.SSLContext) -> Identity:
    from trustme import CA  # only whoever makes a certificate waits for cryptography to load

    authority = CA(organization_name="rescue-emulator")
    _issued(authority, [*certificate.names, *_LOOPBACK, address.partition("%")[0]], context)
    content = authority.cert_pem.bytes()
    if certificate.ca is None:
        return _told_for_a_while(content, context)
    try:
        Path(certificate.ca).write_bytes(content)
    except OSError as error:
        raise StartError(f"cannot write the CA certificate to {certificate.ca}: {error.strerror}") from error
    return Identity(context, Path(certificate.ca))


def _issued(authority: CA, names: list[str], context: ssl.SSLContext) -> None:
    """Gives the context a certificate for the names; the key is in a file for a moment, which is for nobody else."""
    for name in names:
        if not name.strip() or "@" in name or "/" in name:
            raise StartError(_no_name(name))
        try:
            authority.issue_cert(name)
        except ValueError as error:
            raise StartError(_no_name(name)) from error
    authority.issue_cert(*dict.fromkeys(names)).configure_cert(context)


def _no_name(name: str) -> str:
    return f"cannot make a certificate for {name!r}: it is neither the name of a host nor an IP address"


def _told_for_a_while(content: bytes, context: ssl.SSLContext) -> Identity:
    try:
        number, path = tempfile.mkstemp(".pem", "rescue-emulator-ca-")
        with open(number, "wb") as file:
            file.write(content)
        os.chmod(path, _READABLE)
    except OSError as error:
        raise StartError(f"cannot write the CA certificate to a temporary file: {error.strerror}") from error
    made = Identity(context, Path(path))
    made.forget = weakref.finalize(made, Path(path).unlink, missing_ok=True)
    return made


def _load(files: CertificateFiles, context: ssl.SSLContext) -> None:
    for what, path in (("certificate", files.cert), ("key", files.key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise StartError(f"cannot read the {what} {path}: {error.strerror}") from error

    def no_passphrase() -> str:
        raise StartError(f"the key {files.key} is encrypted: it has to be one without a passphrase")

    try:
        context.load_cert_chain(files.cert, files.key, no_passphrase)
    except ssl.SSLError as error:
        raise StartError(_wrong(files, error)) from error


def _wrong(files: CertificateFiles, error: ssl.SSLError) -> str:
    """Which of two files is wrong: OpenSSL does not say, but takes the certificate first."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {files.key} is not that of the certificate {files.cert}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(files.cert)
    except ssl.SSLError:
        return f"{files.cert} holds no certificate as PEM"
    return f"{files.key} holds no private key as PEM"
