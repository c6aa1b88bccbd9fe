"""The journal as HAR 1.2: valid, redacted as everywhere, and with all that the emulator knows beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.test import TestResponse

from emulator.core.contract import Binding
from emulator.core.journal import RawExchange, Reason
from tests.helpers.calling import a_request, call, serving
from tests.helpers.control import SERVICE, Emulated, detail
from tests.helpers.raw_http import Request

SECRET = "s3cret-of-ann-0123"


def record(required: str, **properties: Any) -> dict[str, Any]:
    """Return the schema of an object with required keys, and no others but those with an underscore."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "patternProperties": {"^_": {}},
        "additionalProperties": False,
    }


TEXT, COUNT, SIZE = {"type": "string"}, {"type": "number", "minimum": 0}, {"type": "integer", "minimum": -1}
PAIRS = {"type": "array", "items": record("name value", name=TEXT, value=TEXT)}
COOKIES = {"type": "array", "items": {"type": "object"}}
# http://www.softwareishard.com/blog/har-12-spec/; optional keys that are not used here are left out.
HAR = record(
    "log",
    log=record(
        "version creator entries",
        version={"const": "1.2"},
        creator=record("name version", name=TEXT, version=TEXT),
        entries={
            "type": "array",
            "items": record(
                "startedDateTime time request response cache timings",
                startedDateTime={
                    **TEXT,
                    "format": "date-time",
                    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$",
                },
                time=COUNT,
                request=record(
                    "method url httpVersion cookies headers queryString headersSize bodySize",
                    method=TEXT,
                    url={**TEXT, "format": "uri", "pattern": "^https?://[^/]+/"},
                    httpVersion=TEXT,
                    cookies=COOKIES,
                    headers=PAIRS,
                    queryString=PAIRS,
                    headersSize=SIZE,
                    bodySize=SIZE,
                    postData=record("mimeType text", mimeType=TEXT, text=TEXT),
                ),
                response=record(
                    "status statusText httpVersion cookies headers content redirectURL headersSize bodySize",
                    status={"type": "integer"},
                    statusText=TEXT,
                    httpVersion=TEXT,
                    cookies=COOKIES,
                    headers=PAIRS,
                    content=record("size mimeType", size={"type": "integer"}, mimeType=TEXT, text=TEXT),
                    redirectURL=TEXT,
                    headersSize=SIZE,
                    bodySize=SIZE,
                ),
                cache={"type": "object"},
                timings=record("send wait receive", send=COUNT, wait=COUNT, receive=COUNT),
            ),
        },
    ),
)


def entries(response: TestResponse) -> list[dict[str, Any]]:
    """Return the entries of a valid archive."""
    assert response.status_code == 200, response.text
    data = response.json
    assert data is not None
    check = Draft202012Validator(HAR, format_checker=FormatChecker())
    assert [error.message for error in check.iter_errors(data)] == []
    found: list[dict[str, Any]] = data["log"]["entries"]
    return found


def filled() -> Emulated:
    """Return an emulator with a call by GET and by SOAP, a refusal, and a request that was no HTTP."""
    emulated = Emulated()
    emulated.call(1001)
    emulated.call(99, auth_code=SECRET, binding=Binding.SOAP11)
    emulated.client.get(f"{SERVICE}/startSession?iSession=1")
    emulated.engine.refuse(None, 400, Reason("no HTTP"), RawExchange(1.5))
    return emulated


def test_every_kind_of_entry_is_valid_har() -> None:
    by_get, by_soap, refusal, malformed = entries(filled().request("GET", "/calls?format=har"))
    query = "iSession=1001&iNode=5&sAuthCode=demo-ann"
    assert (by_get["request"]["method"], by_get["request"]["url"]) == (
        "GET",
        f"http://localhost{SERVICE}/startSession?{query}",
    )
    assert {"name": "sAuthCode", "value": "demo-ann"} in by_get["request"]["queryString"]
    assert (by_get["response"]["status"], by_get["response"]["statusText"]) == (200, "OK")
    assert "startSessionRet_OK" in by_get["response"]["content"]["text"]
    assert by_soap["request"]["postData"]["mimeType"] == "text/xml; charset=utf-8"
    assert refusal["response"]["status"] == 500
    assert (malformed["startedDateTime"], malformed["request"]["method"]) == ("1970-01-01T00:00:01.500+00:00", "")


def test_an_entry_has_what_the_json_has_under_keys_with_an_underscore() -> None:
    emulated = filled()
    known = [{f"_{key}": value for key, value in call.items()} for call in emulated.get("/calls")["calls"]]
    for entry, expected in zip(entries(emulated.request("GET", "/calls?format=har")), known, strict=True):
        assert {key: value for key, value in entry.items() if key.startswith("_")} == expected


def test_auth_codes_are_masked_as_everywhere() -> None:
    text = json.dumps(entries(filled().request("GET", "/calls?format=har")))
    assert ("s3cr***" in text, SECRET in text, "demo-ann" in text) == (True, False, True)


@pytest.mark.parametrize(
    ("path", "ids", "file"),
    [
        ("/calls?format=har&limit=2", [3, 4], "calls.har"),
        ("/calls?format=har&session=99", [2], "calls.har"),
        ("/calls/2?format=har", [2], "call-2.har"),
    ],
)
def test_filters_and_limit_hold_for_the_file_too(path: str, ids: list[int], file: str) -> None:
    response = filled().request("GET", path)
    assert [entry["_id"] for entry in entries(response)] == ids
    assert response.headers["Content-Disposition"] == f'attachment; filename="{file}"'


@pytest.mark.parametrize("path", ["/calls", "/calls/2"])
def test_an_unknown_format_is_refused(path: str) -> None:
    emulated = filled()
    assert emulated.get(f"{path}?format=json") == emulated.get(path)
    refused = emulated.request("GET", f"{path}?format=xml")
    assert detail(refused, 400) == "format='xml' is none of these: json, har"


def test_an_answer_that_never_came_has_status_0_and_the_time_that_it_took() -> None:
    with serving("otherwise: {fail: {connection: reset}}") as address:
        with pytest.raises((ConnectionError, EOFError)):
            call(address, a_request())
        answer = call(address, Request("GET", "/__admin/calls/1?format=har", [("Host", "localhost")], no_host=True))
    (entry,) = json.loads(answer.body)["log"]["entries"]
    assert (entry["response"]["status"], entry["_delivered"]) == (0, "nothing")
    assert entry["time"] == entry["timings"]["wait"] == pytest.approx(entry["_answered_s"] * 1000)
