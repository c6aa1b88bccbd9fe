"""The shapes of what the control API answers, as JSON Schema: what a program that reads them can count on."""

from __future__ import annotations

from typing import Any, Final

from emulator.core.contract import Binding
from emulator.core.journal import DecidedBy
from emulator.core.rules import Per

_Schema = dict[str, Any]

_TEXT: Final[_Schema] = {"type": "string"}
_MAYBE_TEXT: Final[_Schema] = {"type": ["string", "null"]}
_COUNT: Final[_Schema] = {"type": "integer", "minimum": 0}
_SECONDS: Final[_Schema] = {"type": "number", "minimum": 0, "description": "Seconds."}
_BINDING: Final[_Schema] = {"enum": [binding.value for binding in Binding]}


def _object(**properties: _Schema) -> _Schema:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _named(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_MESSAGE: Final = _object(start=_TEXT, headers=_list(_list(_TEXT)), body=_TEXT)
_MISMATCH: Final = _object(field=_TEXT, expected=_TEXT, actual=_TEXT)
_NEAR_MISS: Final = _object(rule=_TEXT, source=_MAYBE_TEXT, spent={"type": "boolean"}, mismatches=_list(_MISMATCH))
_NEAREST: Final = _object(
    **_NEAR_MISS["properties"],
    reason={**_TEXT, "description": "Why it did not answer, in words."},
    times={"type": ["integer", "null"]},
    per={"enum": [per.value for per in Per]},
)
_NEAR_CALL: Final = _object(id=_COUNT, mismatches=_list(_MISMATCH))
_ENTRY: Final = {"id": _COUNT, "time": {"type": "number", "description": "Seconds since 1970."}, "seconds": _SECONDS}
_EXCHANGE: Final = _object(
    kind={"const": "exchange"},
    **_ENTRY,
    binding=_BINDING,
    session={"type": "integer"},
    node={"type": "integer"},
    auth_code=_MAYBE_TEXT,
    decided_by={"enum": [who.value for who in DecidedBy]},
    rule=_MAYBE_TEXT,
    source=_MAYBE_TEXT,
    reply={"type": "object", "description": "What was replied, in the words of the scenario language."},
    delay_s=_SECONDS,
)
_REFUSAL: Final = _object(
    kind={"const": "refusal"}, **_ENTRY, binding={"enum": [*_BINDING["enum"], None]}, status=_COUNT, reason=_TEXT
)
_TRAVELLED: Final = _object(
    request={"anyOf": [_MESSAGE, {"type": "null"}]},
    answer={"anyOf": [_MESSAGE, {"type": "null"}], "description": "null: no byte of one was sent."},
    near_misses=_list(_NEAREST),
)
_PROBLEM: Final = _object(title=_TEXT, status=_COUNT, detail=_TEXT)
_WRONG: Final[_Schema] = {
    **_object(message=_TEXT),
    "description": "One thing that is wrong; with its place, where the body is YAML.",
}
_WRONG["properties"] |= {"line": _COUNT, "column": _COUNT}

ANSWERS: Final[dict[str, _Schema]] = {
    "Any": {"type": "object"},
    "Text": _TEXT,
    "ScenarioFile": {
        "type": "object",
        "description": "A scenario in YAML, where texts need no quotes; the command `schema` prints what it can hold.",
    },
    "Health": {
        **_object(status={"const": "ready"}, version=_TEXT, scenario=_TEXT, uptime_s=_SECONDS),
        "required": ["status"],
        "description": "All of it to those who may use the control API; to anybody else the status alone.",
    },
    "ScenarioNews": _object(scenario=_TEXT, rules=_COUNT),
    "ScenarioFiles": _object(files=_list(_TEXT), in_force=_MAYBE_TEXT),
    "Desk": _object(
        administrators=_list(_object(name=_TEXT, auth_code=_TEXT, status=_TEXT, role=_TEXT)),
        technicians=_list(_object(name=_TEXT, node={"type": "integer"}, status=_TEXT)),
        sessions=_list(
            _object(id={"type": "integer"}, customer=_MAYBE_TEXT, status=_TEXT, node={"type": ["integer", "null"]})
        ),
    ),
    "TechnicianNews": _object(node={"type": "integer"}, status=_TEXT),
    "SessionNews": _object(id={"type": "integer"}, status=_TEXT),
    "Rule": _object(
        id={"type": ["integer", "null"], "description": "null: a rule of the scenario."},
        name=_TEXT,
        source=_MAYBE_TEXT,
        hits=_COUNT,
        when={"type": "object", "additionalProperties": _TEXT, "description": "The conditions, in words."},
        replies=_list(_TEXT),
        last={"type": ["integer", "null"], "description": "The id of the last call that it answered."},
        times={"type": ["integer", "null"]},
        per={"enum": [per.value for per in Per]},
    ),
    "Rules": _object(rules=_list(_named("Rule")), total=_COUNT),
    "Call": {"oneOf": [_EXCHANGE, _REFUSAL]},
    "Calls": _object(
        calls=_list(_named("Call")),
        found=_COUNT,
        first={**_COUNT, "description": "Entries with smaller ids are gone."},
        last={**_COUNT, "description": "The id of the newest entry there was; 0 for none."},
        timeline=_list(_object(at={"type": "number"}, counts={"type": "object", "additionalProperties": _COUNT})),
        dropped={**_COUNT, "description": "Entries dropped for want of room since the journal was last cleared."},
        totals={**_object(calls=_COUNT, refusals=_COUNT), "description": "Since the start, whatever was dropped."},
    ),
    "CallInFull": {"allOf": [_named("Call"), _TRAVELLED]},
    "Verification": _object(verified={"type": "boolean"}, count=_COUNT, near_misses=_list(_NEAR_CALL), text=_TEXT),
    "Explanation": _object(
        call=_object(session={"type": "integer"}, node={"type": "integer"}, auth_code=_TEXT, binding=_BINDING),
        passed_over=_list(_NEAR_MISS),
        decided_by={"enum": [who.value for who in DecidedBy]},
        rule={"type": ["object", "null"]},
        reply=_TEXT,
        reason=_TEXT,
        near_misses=_list(_NEAR_MISS),
        text=_TEXT,
    ),
    "Space": _object(name=_TEXT, url=_TEXT, wsdl_url=_TEXT, control_url=_TEXT, scenario=_TEXT, idle_s=_SECONDS),
    "Spaces": _object(spaces=_list(_named("Space")), most=_COUNT, idle_s=_SECONDS),
    "Problem": {
        **_PROBLEM,
        "properties": {**_PROBLEM["properties"], "problems": _list(_WRONG), "count": _COUNT, "dropped": _COUNT},
        "description": "RFC 9457. With 422, `problems` lists all that is wrong; with 409 to a question about calls, "
        "`count` is how many were found and `dropped` how many entries are gone.",
    },
}
