"""The options that tell ``serve`` what a client may send, for how long, and how many clients there may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, Final

import click

from emulator.cli.options import Seconds
from emulator.http.limits import HttpLimits

_SOME: Final = click.IntRange(min=1)
_A_WHILE: Final = Seconds(min=0, min_open=True)

_OPTIONS: Final = {
    "request_line": ("--max-request-line", _SOME, "BYTES", "The longest request line that is read; 414 past it."),
    "headers": ("--max-headers", _SOME, "COUNT", "How many headers a request may have; 400 past it."),
    "header_bytes": ("--max-header-bytes", _SOME, "BYTES", "How long they may be, all in all; 400 past it."),
    "body": ("--max-body", _SOME, "BYTES", "The longest body that is read; ASP.NET's error page past it."),
    "head_within": ("--head-timeout", _A_WHILE, "SECONDS", "How long a client may take to send a head; 408 past it."),
    "body_within": (
        "--body-timeout",
        _A_WHILE,
        "SECONDS",
        "How long it may take to send a body, 408 past it, or to read an answer.",
    ),
    "idle": ("--idle-timeout", _A_WHILE, "SECONDS", "When a connection ends on which nothing is asked."),
    "connections": (
        "--max-connections",
        _SOME,
        "COUNT",
        "How many connections are open at a time; the next one waits.",
    ),
}


def with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, and in their place one argument, ``limits``."""

    @wraps(command)
    def called(**values: Any) -> None:
        limits = HttpLimits(**{name: values.pop(_parameter(option)) for name, (option, *_) in _OPTIONS.items()})
        command(limits=limits, **values)

    for field in reversed(fields(HttpLimits)):
        option, kind, metavar, text = _OPTIONS[field.name]
        called = click.option(option, type=kind, default=field.default, show_default=True, metavar=metavar, help=text)(
            called
        )
    return called


def _parameter(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")
