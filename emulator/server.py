"""The emulator on a port: in a thread of its own as a context manager, or in the foreground until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import uvicorn

from emulator.bridge import Bridge, Connection
from emulator.core.contract import SERVICE_PATH
from emulator.core.engine import Engine
from emulator.errors import StartError
from emulator.scenario import Scenario, load
from emulator.web.app import Application

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8085
DEFAULT_MAX_DELAY: Final = 300.0
_BACKLOG: Final = 2048
_GRACE: Final = 0.5  # seconds that answers under way are given when the server stops
_TICK: Final = 1.0  # seconds between two looks at the clock, for the Date header


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. ``port`` 0 takes any free one; ``max_delay`` bounds every wait of an answer, in seconds."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    public_url: str | None = None
    max_delay: float = DEFAULT_MAX_DELAY
