"""An emulator that runs elsewhere, driven through its control API: for tests, and for the command ``verify``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from emulator.client.control_api import AnyPath, ControlApi, RequestRefused, root_url
from emulator.core.contract import SERVICE_PATH, Call
from emulator.core.journal import Exchange, RawExchange, Reason, Refusal
from emulator.core.matching import Mismatch, When
from emulator.core.rules import NearMiss, Rule, Scenario
from emulator.errors import Problem, RemoteError, ScenarioError, on_purpose
from emulator.fluent import Rescue, RuleData, describe_unused
from emulator.scenario import control_shapes as shapes
from emulator.scenario.control_models import parse_verification
from emulator.scenario.fields import MAX_ENTRY_ID, check_space_name
from emulator.scenario.loading import from_data, load, reply_from_data

__tracebackhide__ = on_purpose

RemoteScenario = Scenario | Mapping[str, object] | str | os.PathLike[str]
"""A scenario, a dict in the scenario language, or the path of a file on this machine."""


class RemoteEmulator(Rescue):
    """An emulator elsewhere.

    ``url`` is the address of the server, of its service or of a space. With ``space``, a space of that name is opened
    when the ``with`` statement begins, and ended with it. ``token`` is the server's control token; ``ca_file`` is the
    CA certificate to trust over TLS. Auth codes in ``calls`` are as the server shows them: masked, unless a rule names
    them.
    """

    def __init__(
        self, url: str, *, token: str | None = None, space: str | None = None, ca_file: AnyPath | None = None
    ) -> None:
        self._server = self._control = ControlApi(root_url(url), token, ca_file)
        self._space_path = None
        if space is not None:
            try:
                self._space_path = f"/spaces/{check_space_name(space)}"
            except ValueError as error:
                raise RemoteError(str(error)) from None
            self._control = self._server.space(self._space_path)

    @property
    def url(self) -> str:
        return self._control.root + SERVICE_PATH

    def add_rule(self, rule: RuleData) -> int:
        return int(self._control.request("POST", "/rules", rule, shape=shapes.RuleJson, name="rule")["id"])

    def change_rule(self, rule_id: int, rule: RuleData) -> bool:
        return _exists(self._control, "PUT", f"/rules/{rule_id}", rule)

    def remove_rule(self, rule_id: int) -> bool:
        return _exists(self._control, "DELETE", f"/rules/{rule_id}")

    @property
    def calls(self) -> tuple[Exchange, ...]:
        """The calls in the journal with their replies, the oldest first; without the messages."""
        return tuple(self._exchange(entry) for entry in self._journal() if entry["kind"] == "exchange")

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(_refusal(entry) for entry in self._journal() if entry["kind"] == "refusal")

    def verification(self, data: Mapping[str, object]) -> tuple[bool, str]:
        within = parse_verification(data).within or 0.0
        try:
            found = self._control.request(
                "POST", "/verify", data, shape=shapes.VerificationJson, name="verification", within=within
            )
        except RequestRefused as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            return False, str(refused)
        except ScenarioError as error:  # the data were right for this version
            message = f"the emulator at {self._control.root} is of another version, and refuses the verification"
            raise RemoteError(f"{message}: {error}") from None
        return found["verified"], found["text"]

    def rule_hits(self, rule_id: int) -> int | None:
        try:
            rule: shapes.RuleJson = self._control.request("GET", f"/rules/{rule_id}", shape=shapes.RuleJson)
        except RequestRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return rule["hits"]

    def unused_rules(self) -> tuple[str, ...]:
        rules: shapes.RuleListJson = self._control.request(
            "GET", f"/rules?limit={MAX_ENTRY_ID}", shape=shapes.RuleListJson
        )
        unused = (rule for rule in rules["rules"] if rule["id"] is not None and not rule["hits"])
        return tuple(describe_unused(rule["name"], rule["chance"]) for rule in unused)

    def use(self, scenario: RemoteScenario) -> None:
        self._put("/scenario", scenario, self._control)

    def reset(self) -> None:
        self._control.request("POST", "/reset")

    def health(self) -> shapes.HealthJson:
        """Return the state of the emulator; RemoteError while it is not ready."""
        health: shapes.HealthJson = self._control.request("GET", "/health", shape=shapes.HealthJson)
        return health

    def open(self, scenario: RemoteScenario | None = None) -> None:
        """Open the space, with a scenario of its own or the server's."""
        if self._space_path is None:
            raise RemoteError("there is no space to open: name one, as in RemoteEmulator(url, space='mine')")
        self._put(self._space_path, scenario, self._server)

    def close(self) -> None:
        """End the space, if there is one; do nothing if it has ended already."""
        if self._space_path is not None:
            _exists(self._server, "DELETE", self._space_path)

    def __enter__(self) -> RemoteEmulator:
        if self._space_path is not None:
            self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _put(self, path: str, scenario: RemoteScenario | None, control: ControlApi) -> None:
        body, name = (None, "") if scenario is None else _content(scenario, self.scenario_folder)
        query = f"?file={quote(name, safe='')}" if name else ""
        control.request("PUT", path + query, body, name=name)

    def _journal(self) -> list[shapes.EntryJson]:
        path = f"/calls?limit={MAX_ENTRY_ID}"  # the largest limit: all entries
        journal: shapes.CallListJson = self._control.request("GET", path, shape=shapes.CallListJson)
        return journal["calls"]

    def _exchange(self, data: shapes.ExchangeJson) -> Exchange:
        reply = reply_from_data(data["reply"])
        rule = None
        if data["rule"] is not None:
            rule = Rule(data["rule"], When(), (reply,), source=data["source"], id=data["rule_id"])
        return Exchange(
            id=data["id"],
            call=Call(data["session"], data["node"], data["auth_code"], data["binding"]),
            outcome=reply.outcome,
            delay=data["delay_s"],
            decided_by=data["decided_by"],
            rule=rule,
            reason=data["reason"],
            raw=_raw(data),
            considered=partial(self._near_misses, data["id"]),
        )

    def _near_misses(self, entry_id: int, _call: Call, _rule: Rule | None, related: bool) -> tuple[NearMiss, ...]:
        """Request the near misses of a call, which the remote emulator finds."""
        path = f"/calls/{entry_id}?near_misses={'related' if related else 'all'}"
        detail = self._control.request("GET", path, shape=shapes.ExchangeDetailJson)
        return tuple(_near_miss(miss) for miss in detail["near_misses"])


def _near_miss(data: shapes.NearestRuleJson) -> NearMiss:
    chance = data["chance"] and float(data["chance"].removesuffix("%"))
    rule = Rule(data["rule"], When(), (), data["times"], data["per"], data["source"], chance=chance or None)
    return NearMiss(rule, tuple(Mismatch(**mismatch) for mismatch in data["mismatches"]), data["by_chance"])


def _refusal(data: shapes.RefusalJson) -> Refusal:
    return Refusal(data["id"], data["binding"], data["status"], Reason.literal(data["reason"]), _raw(data))


def _raw(data: shapes.EntryJson) -> RawExchange:
    remarks = tuple(map(Reason.literal, data["remarks"]))
    return RawExchange(
        data["time"],
        delivered=data["delivered"],
        decided_s=data["decided_s"],
        answered_s=data["answered_s"],
        remarks=remarks,
    )


def _exists(control: ControlApi, method: str, path: str, body: object = None) -> bool:
    """Send a request and return False for 404."""
    try:
        control.request(method, path, body, name="rule")
    except RequestRefused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def _content(scenario: RemoteScenario, folder: Path | None) -> tuple[dict[str, object] | bytes, str]:
    """Return a scenario as data or as YAML, and the name of its file; checked here, where its lines are."""
    if isinstance(scenario, Mapping):
        data = dict(scenario)
        from_data(data, "scenario")
        return data, "scenario"
    if isinstance(scenario, Scenario):
        source, name = scenario.source, scenario.name
    else:
        source, name = load(scenario, folder).source, os.fsdecode(scenario)
    if source is None:
        raise ScenarioError([Problem("scenario", 0, 0, "was made by a program, and has no text that could be sent")])
    return source.encode(), name
