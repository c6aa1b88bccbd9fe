"""How log lines look on standard error: text for people, JSON for programs; nothing in them can forge a line."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Final

from emulator.visible import visible

FORMATS: Final = ("text", "json")


class TextFormatter(logging.Formatter):
    """``2026-11-24 08:15:00.123 INFO soap11 session=1001 ...``; a traceback follows on lines of its own."""

    default_time_format = "%Y-%m-%d %H:%M:%S"
    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line, made visible."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """The traceback, whose messages may repeat what came from outside."""
        return visible(super().formatException(ei), keep="\n")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (seconds since 1970), ``level``, ``logger``, ``message``, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        line = json.dumps(entry, ensure_ascii=False)
        return line if line.isprintable() else json.dumps(entry)


def log_to_stderr(form: str) -> None:
    """Sends the program's log to standard error, in one of ``FORMATS``; a closed standard error stops nothing."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("emulator").setLevel(logging.INFO)
