"""Standard output and error of a server, which goes on where nobody takes what it writes there."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

import click

_STANDARD: Final = (0, 1, 2)

_logger = logging.getLogger(__name__)


def take_the_place_of_closed_streams() -> None:
    """Leads closed standard streams nowhere: else the next connection would get their number, and what is written."""
    while (number := os.open(os.devnull, os.O_RDWR)) in _STANDARD:
        pass
    os.close(number)


def say(line: str) -> None:
    """Prints a line at once; where it cannot be written, as on a full disk, it goes into the log with the reason."""
    try:
        click.echo(line)
    except OSError as error:
        _logger.warning("standard output takes nothing, %s: %s", error.strerror, line)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what is still to be written would fail again when the process ends
        os.close(nowhere)
