"""The routes of the control API as one table: dispatch, OpenAPI and the application's Map are made from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from emulator.core.contract import INT32_MAX, INT32_MIN, Binding, Result
from emulator.core.journal import REFUSED
from emulator.core.replies import Throw
from emulator.core.rules import Scenario
from emulator.delivery import ConnectionFault
from emulator.scenario import control_models as models
from emulator.scenario import control_shapes as shapes
from emulator.scenario.fields import MAX_ENTRY_ID
from emulator.scenario.loading import from_data, loads, read, rule_from_data, when_from_data
from emulator.scenario.source import UnquotedStr
from emulator.scenario.strict_model import StrictModel
from emulator.web.control import calls, console, openapi, rules, scenarios, sending, spaces, status
from emulator.web.control.dispatch import JSON, YAML, Body, ControlRequest, Parameter, Route
from emulator.web.control.har import HarJson

_DECIMAL: Final = r"[0-9]{1,400}(\.[0-9]{1,400})?([eE][-+]?[0-9]{1,4})?"  # as JSON writes a number
_OUTCOME: Final = "|".join(
    [
        *(result.value for result in Result),
        Throw.word,
        "status [2-5][0-9]{2}",
        f"connection ({'|'.join(fault.value for fault in ConnectionFault)})",
        REFUSED,
    ]
)
_FILE_NAME: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,500}"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) > MAX_ENTRY_ID:
        raise ValueError(f"is not a whole number from 0 to {MAX_ENTRY_ID}")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text == "true"


def _seconds(text: str) -> float:
    seconds = float(text) if re.fullmatch(_DECIMAL, text) else math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError("is not a number of seconds such as 0.5")
    return seconds


def _ids(text: str) -> frozenset[int]:
    numbers = text.split(",", calls.MAX_IDS)
    try:
        ids = frozenset(map(_count, numbers))
    except ValueError:
        ids = frozenset()
    if not 0 < len(numbers) <= calls.MAX_IDS or not ids:
        raise ValueError(f"is not 1 to {calls.MAX_IDS} ids with commas between them, such as 3,5,7")
    return ids


def _outcome(text: str) -> str:
    if not re.fullmatch(_OUTCOME, text):
        results = ", ".join(result.value for result in Result)
        raise ValueError(
            f"is no outcome; possible here: {results}, exception, {REFUSED}, and such as 'status 503' and "
            "'connection reset'"
        )
    return text


def _choice(values: Sequence[str], what: str) -> Parameter:
    """Return the parameter that is one of some words, by default the first; ``what`` describes it."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"is none of these: {', '.join(values)}")
        return text

    return Parameter({"enum": [*values], "default": values[0], "description": what}, parse)


def _file_name(text: str) -> str:
    if not re.fullmatch(_FILE_NAME, text):
        raise ValueError("is not a file name: one line of 500 characters at most")
    return text


def _condition(name: str, schema: Mapping[str, object]) -> Parameter:
    """Return the parameter for a field of a call, read as strictly as in a file."""
    return Parameter(schema, lambda text: getattr(when_from_data({name: UnquotedStr(text)}, "query"), name))


def _limit(default: int) -> Parameter:
    return Parameter({**_ID, "default": default, "description": "The maximum number of items."}, _count)


def _body(model: type[StrictModel], name: str) -> Body:
    """Return the body that is parsed to a model; ``name`` begins the messages."""
    return Body(model.__name__, partial(read, model, name=name))


def _scenario(data: Any, file: str = "") -> Scenario:
    """Parse a scenario from YAML bytes or JSON data; ``file`` is its name in messages and places of rules."""
    name = file or "body"
    return loads(data, name) if isinstance(data, bytes) else from_data(data, name)


_STRING: Final = {"type": "string"}
_INT32: Final = {"type": "integer", "format": "int32", "minimum": INT32_MIN, "maximum": INT32_MAX}
_ID: Final = {"type": "integer", "minimum": 0, "maximum": MAX_ENTRY_ID}

_FILE: Final = {
    "file": Parameter(
        {**_STRING, "pattern": f"^{_FILE_NAME}$", "description": "The file of the body, for messages and rule places."},
        _file_name,
    )
}
_FORMAT: Final = {"format": _choice(("json", "har"), "har: HAR 1.2, as a file.")}
_CALL_QUERY: Final = {
    "near_misses": _choice(("related", "all"), "Only rules that have something in common with the call, or any."),
    **_FORMAT,
}
_CALLS_QUERY: Final = {
    "session": _condition("session", _INT32),
    "node": _condition("node", _INT32),
    "auth_code": _condition("auth_code", _STRING),
    "binding": _condition("binding", {"enum": [binding.value for binding in Binding]}),
    "rule": Parameter({**_STRING, "description": "The rule that answered; desk or otherwise if none did."}, str),
    "matched": Parameter({"type": "boolean", "description": "Whether a rule answered."}, _boolean),
    "outcome": Parameter(
        {
            **_STRING,
            "pattern": f"^({_OUTCOME})$",
            "description": "What was answered, in the words of `timeline`; refused is any refusal.",
        },
        _outcome,
    ),
    "min_s": Parameter(
        {"type": "number", "minimum": 0, "description": "The least `answered_s`; an entry that waits has none."},
        _seconds,
    ),
    "ids": Parameter(
        {
            **_STRING,
            "pattern": f"^[0-9]{{1,15}}(,[0-9]{{1,15}}){{0,{calls.MAX_IDS - 1}}}$",
            "description": "Only these entries, such as those that were waiting: 3,5,7.",
        },
        _ids,
    ),
    "after": Parameter({**_ID, "description": "Only entries after this id; then the oldest are returned."}, _count),
    "before": Parameter({**_ID, "description": "Only entries before this id."}, _count),
    "limit": _limit(calls.DEFAULT_LIMIT),
    **_FORMAT,
}
_RULES_QUERY: Final = {"limit": _limit(rules.DEFAULT_LIMIT)}
_RULE: Final = Body("RuleModel", rule_from_data)


def _openapi(_control: ControlRequest) -> dict[str, Any]:
    return openapi.describe(ROUTES)


# fmt: off
PAGES: Final[tuple[Route, ...]] = (
    Route("GET", "", console.redirect, "Redirect to the console", is_open=True),
    Route("GET", "/", console.page, "The console", is_open=True),
    Route("GET", "/static/<file>", console.static, "A file of the console", is_open=True),
)
"""Pages for people; they contain no data, so that anybody may load them."""

HEALTH: Final = Route(
    "GET", "/health", status.health, "Whether it is ready", shapes.HealthJson, problems=(503,), is_open=True
)
"""The one route that exists without a control API too: by it clients know an emulator from any other server."""

ROUTES: Final[tuple[Route, ...]] = (
    HEALTH,
    Route("GET", "/openapi.json", _openapi, "This description", dict),
    Route("GET", "/scenario", scenarios.show, "The scenario as written", bytes, problems=(404,), produces=YAML),
    Route(
        "PUT", "/scenario", scenarios.replace, "Replace the scenario, all or nothing", shapes.ScenarioSummaryJson,
        query=_FILE, body=Body("ScenarioModel", _scenario, (JSON, YAML)),
    ),
    Route("GET", "/scenarios", scenarios.list_files, "The scenario files of the folder", shapes.ScenarioFilesJson),
    Route("POST", "/scenarios/<file>", scenarios.use, "Use one of them", shapes.ScenarioSummaryJson, problems=(422,)),
    Route("GET", "/rules", rules.list_all, "The rules in order of precedence", shapes.RuleListJson, query=_RULES_QUERY),
    Route("POST", "/rules", rules.add, "Add a rule before all others", shapes.RuleJson, (201,), body=_RULE),
    Route("DELETE", "/rules", rules.remove_all, "Remove every runtime rule"),
    Route("GET", "/rules/<id:id>", rules.show, "One runtime rule", shapes.RuleJson),
    Route("PUT", "/rules/<id:id>", rules.change, "Replace a runtime rule", shapes.RuleJson, body=_RULE),
    Route("DELETE", "/rules/<id:id>", rules.remove, "Remove a runtime rule"),
    Route(
        "GET", "/calls", calls.list_all, "The journal, the newest last", shapes.CallListJson | HarJson,
        query=_CALLS_QUERY,
    ),
    Route(
        "POST", "/calls", sending.send, "Send one call to this server, and see the answer as a client",
        shapes.SentCallJson, problems=(503,), body=_body(models.SentCallModel, "call"), waits=True,
    ),
    Route("DELETE", "/calls", calls.clear, "Clear the journal"),
    Route(
        "GET", "/calls/<id:id>", calls.show, "One entry with its messages", shapes.EntryDetailJson | HarJson,
        query=_CALL_QUERY,
    ),
    Route("GET", "/desk", scenarios.show_desk, "The desk as it is now", shapes.DeskJson),
    Route(
        "PUT", "/desk/technicians/<id:node>", scenarios.set_technician, "Set the status of a technician",
        shapes.TechnicianStatusJson, body=_body(models.TechnicianStatusModel, "technician"),
    ),
    Route(
        "PUT", "/desk/sessions/<id:id>", scenarios.set_session, "Set the status of a session", shapes.SessionStatusJson,
        body=_body(models.SessionStatusModel, "session"),
    ),
    Route(
        "POST", "/verify", calls.verification, "Whether calls came as often as expected", shapes.VerificationJson,
        problems=(409,), body=Body("VerificationModel", models.parse_verification),
    ),
    Route(
        "POST", "/explain", calls.explanation, "What a call would get, and why", shapes.ExplanationJson,
        body=_body(models.CallModel, "call"),
    ),
    Route("POST", "/reset", scenarios.reset, "Clear journal, counters, desk changes and runtime rules"),
    Route("GET", "/spaces", spaces.list_all, "The open spaces", shapes.SpaceListJson, is_server_only=True),
    Route(
        "PUT", "/spaces/<name>", spaces.put, "Open a space with a scenario, by default the server's", shapes.SpaceJson,
        (200, 201), problems=(409,), query=_FILE, is_server_only=True,
        body=Body("ScenarioModel", _scenario, (JSON, YAML), is_required=False),
    ),
    Route("DELETE", "/spaces/<name>", spaces.drop, "End a space", is_server_only=True),
    Route("GET", "/metrics", status.metrics, "Counters for Prometheus", str, produces=status.METRICS_TYPE),
)
# fmt: on
