"""The journal as HAR 1.2, the format that browsers export: http://www.softwareishard.com/blog/har-12-spec/."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from typing_extensions import TypedDict

from emulator.core.journal import Entry
from emulator.network import SERVICE_NAME
from emulator.scenario.fields import package_version
from emulator.web.redaction import Redactor

_NOT_SENT: Final[dict[str, Any]] = {"start": "", "headers": [], "body": ""}
_UNKNOWN: Final = {"cookies": [], "headersSize": -1}


class HarLogJson(TypedDict):
    version: Literal["1.2"]
    creator: dict[str, str]
    entries: list[dict[str, Any]]


class HarJson(TypedDict):
    """HAR 1.2; each entry has the keys of the JSON format too, with an underscore before them."""

    log: HarLogJson


def archive(entries: list[dict[str, Any]]) -> HarJson:
    creator = {"name": SERVICE_NAME, "version": package_version()}
    return {"log": {"version": "1.2", "creator": creator, "entries": entries}}


def har_entry(entry: Entry, data: Mapping[str, object], redactor: Redactor, server_url: str) -> dict[str, Any]:
    """Return one entry of the journal; its ``data`` are added under keys with an underscore.

    As in a browser's archive, the status of an answer that never came is 0.
    """
    waited = round((entry.answered_s or 0.0) * 1000, 3)
    arrived = datetime.fromtimestamp(entry.raw.at, timezone.utc)
    return {
        "startedDateTime": arrived.isoformat(timespec="milliseconds"),
        "time": waited,
        "request": _request(entry, redactor.request(entry.raw.request) or _NOT_SENT, server_url),
        "response": _response(entry, redactor.response(entry) or _NOT_SENT),
        "cache": {},
        "timings": {"send": 0, "wait": waited, "receive": 0},
        **{f"_{key}": value for key, value in data.items()},
    }


def _request(entry: Entry, message: Mapping[str, Any], server_url: str) -> dict[str, Any]:
    method, _, rest = message["start"].partition(" ")
    target, _, version = rest.rpartition(" ")
    url = target if "://" in target.partition("?")[0] else f"{server_url}/{target.removeprefix('/')}"
    query = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    data = {
        "method": method,
        "url": url,
        "httpVersion": version,
        "headers": _pairs(message["headers"]),
        "queryString": _pairs(query),
        "bodySize": 0 if entry.raw.request is None else len(entry.raw.request.body),
        **_UNKNOWN,
    }
    if message["body"]:
        data["postData"] = {"mimeType": _header(message, "content-type"), "text": message["body"]}
    return data


def _response(entry: Entry, message: Mapping[str, Any]) -> dict[str, Any]:
    version, _, rest = message["start"].partition(" ")
    status, _, reason = rest.partition(" ")
    size = 0 if entry.raw.answer is None else len(entry.raw.answer.body)
    return {
        "status": int(status) if status.isdigit() else 0,
        "statusText": reason,
        "httpVersion": version,
        "headers": _pairs(message["headers"]),
        "content": {"size": size, "mimeType": _header(message, "content-type"), "text": message["body"]},
        "redirectURL": _header(message, "location"),
        "bodySize": size,
        **_UNKNOWN,
    }


def _pairs(pairs: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _header(message: Mapping[str, Any], wanted: str) -> str:
    return next((value for name, value in message["headers"] if name.lower() == wanted), "")
