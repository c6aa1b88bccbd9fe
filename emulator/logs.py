"""How log lines look on standard error: text for people, JSON for programs; nothing in them can forge a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TextIO

from emulator.visible import visible

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


_NOT_LOOKED_UP: Final = {
    **dict.fromkeys(("pathname", "filename", "module", "funcName", "processName", "threadName", "taskName"), "-"),
    **dict.fromkeys(("lineno", "process", "thread", "msecs", "relativeCreated"), 0),
    **dict.fromkeys(("stack_info", "exc_text")),
}


class _Record(logging.LogRecord):
    """What the formatters here need of a log record, and no more: the rest costs most of one."""

    def __init__(
        self, name: str, level: int, _file: str, _line: int, msg: object, args: Any, exc_info: Any, *_: Any, **__: Any
    ) -> None:
        self.__dict__.update(_NOT_LOOKED_UP)  # for formatters of others
        self.name = name
        self.levelno = level
        self.levelname = logging.getLevelName(level)
        self.msg = msg
        self.args = args
        self.exc_info = exc_info
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


def log_to_stderr(form: str) -> None:
    """Sends the program's log to standard error, in one of ``FORMATS``; a closed standard error stops nothing.

    The process is the program's own: all its records are made the cheap way.
    """
    logging.setLogRecordFactory(_Record)
    logging._srcfile = None  # the documented way to look for no caller
    handler = _Handler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("emulator").setLevel(logging.INFO)
