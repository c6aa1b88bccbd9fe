"""An emulator that runs elsewhere, driven through its control API: for tests, and for the commands that ask one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from emulator.client.control_api import AnyPath, ControlClient, RefusedByRemote, root_of
from emulator.core.call import Call, Masked, Secret
from emulator.core.contract import SERVICE_PATH, Binding
from emulator.core.journal import DecidedBy, Exchange, RawExchange, Refusal
from emulator.core.matching import Mismatch, When
from emulator.core.near_misses import NearMiss
from emulator.core.rules import Per, Rule, Scenario
from emulator.errors import Problem, RemoteError, ScenarioError, VerificationError, on_purpose
from emulator.fluent import Conditions, RuleData, asked_of, beginning
from emulator.scenario import from_data, load, reply_from_data
from emulator.scenario.control_models import parse_verification

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from emulator.fluent import RuleWords, VerifyWords


__tracebackhide__ = on_purpose

_ALL: Final = 2**53 - 1

RemoteScenario = Scenario | Mapping[str, object] | str | os.PathLike[str]
"""A scenario, its words in a dict, or the path of its file on this machine."""


class RemoteEmulator:
    """An emulator elsewhere, as a test sees it; the same words as for ``Emulator``.

    ``url`` is the address of the server, of its service or of a space in it. With ``space``, a space of that name is
    opened there when the ``with`` statement begins, and ended with it. ``token`` is the server's control token;
    ``ca_file`` has the CA certificate to trust over TLS. Auth codes in ``calls`` are masked, unless the server shows
    them.
    """

    def __init__(
        self, url: str, *, token: str | None = None, space: str | None = None, ca_file: AnyPath | None = None
    ) -> None:
        self._server = ControlClient(root_of(url), token, ca_file)
        self._space = space
        root = self._server.root if space is None else f"{self._server.root}/spaces/{quote(space, safe='')}"
        self._control = ControlClient(root, token, ca_file)

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._control.root + SERVICE_PATH

    @property
    def wsdl_url(self) -> str:
        """The address of the WSDL."""
        return f"{self.url}?wsdl"

    def when(self, **words: Unpack[RuleWords]) -> Conditions:
        """Begins a rule that comes before all others, with the words of a rule in a file."""
        return beginning(self, words)

    def add_rule(self, rule: RuleData) -> int:
        """Put a rule, as a file says it, before all others; the id by which it can be changed or removed."""
        added = _sent(self._control, "POST", "/rules", rule)
        with self._control.understood():
            return int(added["id"])

    def change_rule(self, rule_id: int, rule: RuleData) -> bool:
        """Put a rule in the place of one that was added; False when there is none."""
        return _is_there(self._control, "PUT", f"/rules/{rule_id}", rule)

    def remove_rule(self, rule_id: int) -> bool:
        """Take out a rule that was added; False when there is none."""
        return _is_there(self._control, "DELETE", f"/rules/{rule_id}")

    @property
    def calls(self) -> tuple[Exchange, ...]:
        """The calls in the journal with their answers, the oldest first; without what travelled."""
        with self._control.understood():
            return tuple(exchange(told, self._control) for told in self._journal("exchange"))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The requests in the journal that never became calls, the oldest first."""
        with self._control.understood():
            return tuple(refusal(told) for told in self._journal("refusal"))

    def verify(self, **words: Unpack[VerifyWords]) -> None:
        """VerificationError, an AssertionError, unless calls came as often as they should: at least once by default."""
        verified, text = self.verification(asked_of(words))
        if not verified:
            raise VerificationError(text)

    def verification(self, asked: Mapping[str, object]) -> tuple[bool, str]:
        """Whether calls came as often as they should, and what came, in words; what cannot be told is not verified."""
        parse_verification(asked)
        try:
            told = _sent(self._control, "POST", "/verify", asked)
        except RefusedByRemote as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            return False, str(refused)
        with self._control.understood():
            return bool(told["verified"]), str(told["text"])

    def use(self, scenario: RemoteScenario) -> None:
        """Put another scenario in force from the next call on; runtime rules stay before it."""
        self._put("/scenario", scenario, self._control)

    def reset(self) -> None:
        """Forget the journal, counters, what happened at the desk, and runtime rules; the scenario stays."""
        self._control.ask("POST", "/reset")

    def health(self) -> dict[str, Any]:
        """What the emulator tells of itself; RemoteError while it is not ready."""
        told: dict[str, Any] = self._control.ask("GET", "/health")
        return told

    def open(self, scenario: RemoteScenario | None = None) -> None:
        """Open the space, with a scenario of its own or the server's."""
        if self._space is None:
            raise RemoteError("there is no space to open: name one, as in RemoteEmulator(url, space='mine')")
        self._put(f"/spaces/{quote(self._space, safe='')}", scenario, self._server)

    def close(self) -> None:
        """End the space, if there is one; nothing happens when it has ended already."""
        if self._space is not None:
            _is_there(self._server, "DELETE", f"/spaces/{quote(self._space, safe='')}")

    def __enter__(self) -> RemoteEmulator:
        """Opens the space, if there is to be one."""
        if self._space is not None:
            self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the space."""
        self.close()

    def _put(self, path: str, scenario: RemoteScenario | None, control: ControlClient) -> None:
        body, yaml, name = _checked(scenario)
        query = f"?file={quote(name, safe='')}" if name else ""
        try:
            control.ask("PUT", path + query, body, yaml=yaml)
        except RefusedByRemote as refused:
            raise _as_scenario_error(refused, name or "scenario") from None

    def _journal(self, kind: str) -> list[dict[str, Any]]:
        told = self._control.ask("GET", f"/calls?limit={_ALL}")["calls"]
        return [entry for entry in told if entry["kind"] == kind]


def _sent(control: ControlClient, method: str, path: str, body: object) -> Any:
    try:
        return control.ask(method, path, body)
    except RefusedByRemote as refused:
        raise _as_scenario_error(refused, "rule") from None


def _is_there(control: ControlClient, method: str, path: str, body: object = None) -> bool:
    """Whether there is what is asked for; that there is not is no error."""
    try:
        _sent(control, method, path, body)
    except RefusedByRemote as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def _checked(scenario: RemoteScenario | None) -> tuple[object, bytes | None, str]:
    """A scenario as it is sent, as data or as YAML, and its file's name; checked here, where its lines are."""
    match scenario:
        case None:
            return None, None, ""
        case Mapping():
            data = dict(scenario)
            from_data(data, "scenario")
            return data, None, "scenario"
        case Scenario():
            source, name = scenario.source, scenario.name
        case _:
            source, name = load(scenario).source, os.fsdecode(scenario)
    if source is None:
        raise ScenarioError([Problem("scenario", 0, 0, "was made by a program, and has no text that could be sent")])
    return None, source.encode(), name


def _as_scenario_error(refused: RefusedByRemote, name: str) -> Exception:
    if not refused.problems:
        return refused
    return ScenarioError(
        [Problem(name, each.get("line", 0), each.get("column", 0), each["message"]) for each in refused.problems]
    )


@dataclass(frozen=True, slots=True)
class _Remembered:
    """The rules that a remote emulator considered for a call: it is asked which were nearest."""

    control: ControlClient
    id: int

    def nearest(self, _call: Call, _answered: Rule | None, limit: int, _secret: Secret) -> tuple[NearMiss, ...]:
        """What it tells; it knows the call, and how it shows secrets."""
        told = self.control.ask("GET", f"/calls/{self.id}")["near_misses"]
        return tuple(_near_miss(miss) for miss in told[:limit])


def _near_miss(told: dict[str, Any]) -> NearMiss:
    rule = Rule(told["rule"], When(), (), told["times"], Per(told["per"]), told["source"])
    return NearMiss(rule, tuple(Mismatch(**mismatch) for mismatch in told["mismatches"]))


def exchange(told: dict[str, Any], control: ControlClient) -> Exchange:
    """An exchange that was told; of what travelled it has nothing."""
    reply = reply_from_data(told["reply"])
    rule = None if told["rule"] is None else Rule(told["rule"], When(), (reply,), source=told["source"])
    return Exchange(
        id=told["id"],
        call=Call(told["session"], told["node"], _shown(told["auth_code"]), Binding(told["binding"])),
        outcome=reply.outcome,
        delay=told["delay_s"],
        decided_by=DecidedBy(told["decided_by"]),
        rule=rule,
        raw=RawExchange(told["time"], seconds=told["seconds"]),
        considered=_Remembered(control, told["id"]),
    )


def _shown(auth_code: str | None) -> str | None:
    """An auth code as it was told: masked, as a rule."""
    return Masked(auth_code) if auth_code is not None and auth_code.endswith("***") else auth_code


def refusal(told: dict[str, Any]) -> Refusal:
    """A refusal that was told."""
    binding = None if told["binding"] is None else Binding(told["binding"])
    return Refusal(
        told["id"], binding, told["status"], told["reason"], RawExchange(told["time"], seconds=told["seconds"])
    )
