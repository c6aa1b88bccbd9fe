"""How log lines look on standard error: text for people, JSON for programs; nothing in them can forge a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TextIO

from emulator.escaping import visible

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler

FORMATS: Final = ("text", "json")


class TextFormatter(logging.Formatter):
    """``2026-11-24 08:15:00.123 INFO soap11 session=1001 ...``; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, made visible, and the traceback."""
        second, milliseconds = divmod(int(record.created * 1000), 1000)
        line = visible(f"{_clock(second)}.{milliseconds:03d} {record.levelname} {record.getMessage()}")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """The traceback, whose messages may repeat what came from outside."""
        return visible(super().formatException(ei), keep="\n")


@lru_cache(maxsize=1)
def _clock(second: int) -> str:
    """A second since 1970 as clocks here show it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


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


class _Record(logging.LogRecord):
    """What the formatters here need of a log record: to look up the rest costs more than to write the line."""

    def __init__(self, name: str, level: int, msg: object, args: Any) -> None:
        self.name = name
        self.levelno = level
        self.levelname = logging.getLevelName(level)
        self.msg = msg
        self.args = args
        self.exc_info = None
        self.created = time.time()


class _Handler(_StreamHandler):
    """Writes each record at once, in one piece: standard error keeps those of threads apart, and holds nothing back."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Writes a record."""
        try:
            self.stream.write(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)
        return True


class _Logger(logging.Logger):
    """Gives a record straight to the handler here where that is the only one, as it is in the program's own process."""

    def _log(self, level: int, msg: object, args: Any, *others: Any, **named: Any) -> None:
        handlers = logging.root.handlers
        if others or named or len(handlers) != 1 or not isinstance(handlers[0], _Handler):
            super()._log(level, msg, args, *others, **named)
        else:
            handlers[0].handle(_Record(self.name, level, msg, args))


def log_to_stderr(form: str) -> None:
    """Sends the program's log to standard error, in one of ``FORMATS``; a closed standard error stops nothing.

    The process is the program's own: the loggers that it makes from now on are quick ones.
    """
    logging.setLoggerClass(_Logger)
    handler = _Handler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("emulator").setLevel(logging.INFO)
