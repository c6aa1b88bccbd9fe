"""The options that tell ``serve`` by which certificate it is known over TLS, and which of them go together."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from emulator.cli.options import FILE
from emulator.tls import NAMES, Certificate, CertificateFiles, MadeCertificate

_OPTIONS: Final = (
    click.option("--tls", is_flag=True, help="Serve over TLS, by a certificate made now, and a CA made for it alone."),
    click.option(
        "--tls-name",
        multiple=True,
        metavar="NAME",
        help=f"A name that --tls makes the certificate for, in place of {' and '.join(NAMES)}; can be repeated.",
    ),
    click.option(
        "--tls-ca",
        type=FILE,
        metavar="FILE",
        help="Where --tls writes the CA certificate for clients; left out, a temporary file that the ready line names.",
    ),
    click.option("--tls-cert", type=FILE, metavar="FILE", help="Serve over TLS, by the certificate in this PEM file."),
    click.option("--tls-key", type=FILE, metavar="FILE", help="The key of --tls-cert, a PEM file without passphrase."),
)


def with_certificate(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, and in their place one argument, ``certificate``: None to serve without TLS."""

    @wraps(command)
    def called(tls: bool, tls_name: tuple[str, ...], tls_ca: Path | None, **others: Any) -> None:
        files = others.pop("tls_cert"), others.pop("tls_key")
        if any(files):
            if tls or tls_name or tls_ca:
                raise click.UsageError("--tls makes a certificate, --tls-cert and --tls-key name one: give either")
            command(certificate=_files(*files), **others)
        elif tls:
            command(certificate=MadeCertificate(tls_name or NAMES, tls_ca), **others)
        elif tls_name or tls_ca:
            raise click.UsageError("--tls-name and --tls-ca tell what --tls is to make: give that too")
        else:
            command(certificate=None, **others)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _files(cert: Path | None, key: Path | None) -> Certificate:
    if cert is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key belong together: give both")
    return CertificateFiles(cert, key)
