"""Whether the emulator is ready: the one thing that the control API tells everybody, though without the reason."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from time import monotonic
from typing import Final

from emulator.web.control.asked import Asked, said
from emulator.web.control.problems import Refused
from emulator.web.visit import Answer

_READY: Final = "ready"
_NOT_FOR_STRANGERS: Final = (
    "not all is well; the log tells what is wrong, and so does this address to those who may use the control API"
)


def health(asked: Asked) -> Answer:
    """200 while all is well, 503 with the reason when the rules in force are not those that were asked for."""
    asked.query(())
    trouble = asked.about.trouble()
    if trouble is not None:
        raise Refused(503, _NOT_FOR_STRANGERS if asked.stranger else trouble)
    if asked.stranger:
        return said({"status": _READY})
    return said(
        {
            "status": _READY,
            "version": _version(),
            "scenario": asked.engine.scenario.name,
            "uptime_s": round(monotonic() - asked.about.began, 3),
        }
    )


@lru_cache(maxsize=1)
def _version() -> str:
    """Read once from the package's metadata, which is a file."""
    return version("rescue-emulator")
