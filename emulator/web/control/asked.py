"""A request to the control API, read strictly: its query, its body, and the emulator that it is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from emulator.core.call import Secret
from emulator.core.engine import Engine
from emulator.scenario.suggestions import hint
from emulator.web.control.controlled import PREFIX, Controlled
from emulator.web.control.problems import PRIVATE, Refused
from emulator.web.request import Answer, BodyTooLong, Visit
from emulator.wire.content_type import parse_content_type

JSON: Final = "application/json"
YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, what it is about, the values in its path, and how auth codes are to be shown in its answer.

    A ``stranger`` may not use the control API, and gets of it what everybody does.
    """

    visit: Visit
    about: Controlled
    path: dict[str, str]
    secret: Secret
    stranger: bool = False

    @property
    def engine(self) -> Engine:
        """The engine that it is about."""
        return self.about.engine

    def at(self, path: str) -> str:
        """The whole path of something else that can be asked of the same emulator."""
        return f"{self.visit.root}{PREFIX}{path}"

    def query(self, names: Sequence[str]) -> dict[str, str]:
        """The query by name; Refused with a name that is not among those, or is given twice."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.visit.query, keep_blank_values=True, errors="replace"):
            if name not in names:
                possible = hint(name, tuple(names)) if names else "there are none here"
                raise Refused(400, f"unknown query parameter '{name}'; {possible}")
            if name in found:
                raise Refused(400, f"the query parameter '{name}' is given twice")
            found[name] = value
        return found

    def number_in_path(self, name: str, what: str) -> int:
        """The id in the path; Refused when it is none that there could be."""
        text = self.path[name]
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            raise Refused(404, f"there is no {what} '{text}'; ids are whole numbers")
        return int(text)

    @property
    def body(self) -> bytes:
        """The body; Refused when it is too long."""
        try:
            return self.visit.body
        except BodyTooLong as error:
            raise Refused(413, str(error)) from None

    @property
    def media_type(self) -> str:
        """The media type of the body, in lower case; "" when none is told."""
        return parse_content_type(self.visit.content_type).base.strip()

    def json(self) -> Any:
        """The body as data; Refused when it is no JSON, or says one thing twice."""
        if self.media_type != JSON:
            raise wrong_type(self.visit.content_type, [JSON])
        return self.parsed()

    def parsed(self) -> Any:
        """The same, whatever its media type says."""
        try:
            return json.loads(self.body.decode("utf-8-sig"), object_pairs_hook=_each_once, parse_constant=_no_constant)
        except UnicodeDecodeError:
            raise Refused(400, "the body is not JSON: it has to be UTF-8") from None
        except RecursionError:
            raise Refused(400, "the body is not JSON that can be read: it nests too deep") from None
        except ValueError as error:
            raise Refused(400, f"the body is not JSON: {error}") from None


def wrong_type(content_type: str, right: Sequence[str]) -> Refused:
    """The refusal of a body of another media type."""
    what = f"is '{content_type}'" if content_type else "is missing"
    return Refused(415, f"the Content-Type {what}; it has to be {' or '.join(right)}")


def said(value: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """An answer in JSON."""
    return Answer(status, JSON, json.dumps(value), (*PRIVATE, *headers))


def done() -> Answer:
    """The answer that has nothing to say but that it is done."""
    return Answer(204, headers=PRIVATE)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise ValueError(f"the key '{key}' is given twice")
        data[key] = value
    return data


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
