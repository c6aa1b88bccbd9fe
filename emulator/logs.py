"""Log lines on standard error: text for people, JSON for programs. Control characters are escaped."""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import lru_cache
from typing import Any, Final

from emulator.escaping import visible

FORMATS: Final = ("text", "json")


class TextFormatter(logging.Formatter):
    """``2026-11-24 08:15:00.123 INFO soap11 session=1001 ...``; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        clock = f"{_local_time(int(record.created))}.{int(record.msecs):03d}"
        line = visible(f"{clock} {record.levelname} {record.getMessage()}")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return visible(super().formatException(ei), keep="\n")


@lru_cache(maxsize=1)  # most lines are of the same second as the one before
def _local_time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (seconds since 1970), ``level``, ``logger``, ``message``, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)  # in ASCII: what the encoding of standard error lacks would be escaped wrongly


class StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not subscriptable before Python 3.11
    """Writes each line to standard error in one piece. A closed or failing standard error does not stop the program."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Drop the line: there is no other place to report it."""


def log_to_stderr(log_format: str) -> None:
    """Send the log of the process to standard error, in one of ``FORMATS``.

    Neither format shows the place, thread or process of a record. Not looking them up makes a line 4 µs cheaper; these
    are the switches of the logging HOWTO, section Optimization.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.getLogger().addHandler(handler)
    logging.getLogger("emulator").setLevel(logging.INFO)
