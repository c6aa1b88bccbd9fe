"""One thing that can be asked of the control API: where, with what, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.web.control.asked import JSON, Asked
from emulator.web.request import Answer

Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked.

    ``path`` follows ``/__admin``. ``query`` has a schema for each parameter. ``body`` is the name of its schema, sent
    as one of ``media_types``. ``answers`` names the schema of each status that is no problem, None for no body;
    ``problems`` are the statuses of those that depend on what is asked.
    """

    methods: tuple[str, ...]
    path: str
    handler: Callable[[Asked], Answer]
    summary: str
    answers: Mapping[int, str | None]
    problems: tuple[int, ...] = ()
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: str | None = None
    media_types: tuple[str, ...] = (JSON,)
    body_required: bool = True
    produces: str = JSON
