"""The control API as a table: what can be asked where, what it takes and what it answers; the rest is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from emulator.core.contract import Binding
from emulator.web.control import calls, console, desk, rules, scenarios, spaces, status, verify
from emulator.web.control.asked import JSON, YAML, Asked, said
from emulator.web.control.openapi import described
from emulator.web.control.route import Route, Schema
from emulator.web.request import Answer

_TEXT: Final[Schema] = {"type": "string"}
_INT32: Final[Schema] = {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}


_LIMIT: Final[Schema] = {**_COUNT, "description": "How many are shown at most."}
_CALLS_QUERY: Final[Mapping[str, Schema]] = {
    "session": _INT32,
    "node": _INT32,
    "auth_code": _TEXT,
    "binding": {"enum": [binding.value for binding in Binding]},
    "rule": {**_TEXT, "description": "The name of the rule that answered; desk or otherwise where none did."},
    "matched": {"type": "boolean", "description": "Whether a rule answered."},
    "after": {**_COUNT, "description": "The id of the last entry that is known already; then the oldest come first."},
    "limit": _LIMIT,
}
_SCENARIO: Final = (JSON, YAML[0])
_FILE: Final[Mapping[str, Schema]] = {
    scenarios.FILE: {
        **_TEXT,
        "pattern": f"^{scenarios.FILE_NAME}$",
        "description": "The file that it came from, for messages and the places of rules.",
    }
}


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The control API as OpenAPI describes it."""
    return described(ROUTES)


def openapi(asked: Asked) -> Answer:
    """The description."""
    asked.query(())
    return said(description())


PAGES: Final = (
    Route(("GET",), "", console.with_slash, "To the console", {308: None}),
    Route(("GET",), "/", console.page, "The console", {200: "Text"}),
    Route(("GET",), "/static/{file}", console.static, "What the console is made of", {200: "Text"}, (404,)),
)
"""What is there for people, and no part of the description for programs."""

ROUTES: Final = (
    Route(("GET", "HEAD"), "/health", status.health, "Whether it is ready", {200: "Health"}, (503,)),
    Route(("GET",), "/openapi.json", openapi, "This description", {200: "Any"}),
    Route(
        ("GET",), "/scenario", scenarios.show, "The scenario in force", {200: "ScenarioFile"}, (404,), produces=YAML[0]
    ),
    Route(
        ("PUT",),
        "/scenario",
        scenarios.put,
        "Put another scenario in its place, all or nothing",
        {200: "ScenarioNews"},
        (400, 413, 415, 422),
        query=_FILE,
        body="ScenarioModel",
        media_types=_SCENARIO,
    ),
    Route(
        ("GET",), "/scenarios", scenarios.show_files, "The scenario files of the folder served", {200: "ScenarioFiles"}
    ),
    Route(("POST",), "/scenarios/{file}", scenarios.use, "Put one of them in force", {200: "ScenarioNews"}, (404, 422)),
    Route(("GET",), "/rules", rules.show_all, "The rules in force", {200: "Rules"}, query={"limit": _LIMIT}),
    Route(
        ("POST",),
        "/rules",
        rules.add,
        "Put a rule before all others",
        {201: "Rule"},
        (400, 413, 415, 422),
        body="RuleModel",
    ),
    Route(("DELETE",), "/rules", rules.remove_all, "Remove every rule that was added at run time", {204: None}),
    Route(("GET",), "/rules/{id}", rules.show, "One rule that was added at run time", {200: "Rule"}, (404,)),
    Route(
        ("PUT",),
        "/rules/{id}",
        rules.change,
        "Put another rule in its place",
        {200: "Rule"},
        (400, 404, 413, 415, 422),
        body="RuleModel",
    ),
    Route(("DELETE",), "/rules/{id}", rules.remove, "Remove one rule that was added at run time", {204: None}, (404,)),
    Route(("GET",), "/calls", calls.show_all, "The journal, newest last", {200: "Calls"}, query=_CALLS_QUERY),
    Route(("DELETE",), "/calls", calls.clear, "Clear the journal", {204: None}),
    Route(("GET",), "/calls/{id}", calls.show, "One entry, with all that travelled", {200: "CallInFull"}, (404,)),
    Route(("GET",), "/desk", desk.show, "The desk as it is now", {200: "Desk"}),
    Route(
        ("PUT",),
        "/desk/technicians/{node}",
        desk.set_technician,
        "Let a technician be online, offline or the like",
        {200: "TechnicianNews"},
        (400, 404, 413, 415, 422),
        body="TechnicianStatusModel",
    ),
    Route(
        ("PUT",),
        "/desk/sessions/{id}",
        desk.set_session,
        "Let a session wait, be closed or the like",
        {200: "SessionNews"},
        (400, 404, 413, 415, 422),
        body="SessionStatusModel",
    ),
    Route(
        ("POST",),
        "/verify",
        verify.verification,
        "Whether calls came as often as they should",
        {200: "Verification"},
        (400, 409, 413, 415, 422),
        body="VerificationModel",
    ),
    Route(
        ("POST",),
        "/explain",
        verify.explanation,
        "What a call would get, and why",
        {200: "Explanation"},
        (400, 413, 415, 422),
        body="CallModel",
    ),
    Route(("POST",), "/reset", verify.reset, "Forget journal, counters, desk and runtime rules", {204: None}),
    Route(("GET",), "/spaces", spaces.show_all, "The spaces that are open", {200: "Spaces"}, (404,)),
    Route(
        ("PUT",),
        "/spaces/{name}",
        spaces.put,
        "Open a space, with a scenario of its own or the server's",
        {200: "Space", 201: "Space"},
        (400, 404, 409, 413, 415, 422),
        query=_FILE,
        body="ScenarioModel",
        media_types=_SCENARIO,
        body_required=False,
    ),
    Route(("DELETE",), "/spaces/{name}", spaces.drop, "End a space", {204: None}, (404,)),
    Route(("GET",), "/metrics", status.metrics, "Counters for Prometheus", {200: "Text"}, produces=status.CONTENT_TYPE),
)

OPEN_TO_ALL: Final = (status.health, console.with_slash, console.page, console.static)
"""What is told without a token and under any name: whether it is ready, and no more, and a page that knows nothing."""
