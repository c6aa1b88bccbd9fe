"""From what a control API tells of its journal back to the values that it tells of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.control_client import ControlClient
from emulator.core.call import Call, Masked, Secret
from emulator.core.contract import Binding
from emulator.core.exchange import DecidedBy, Exchange, Refusal, Traffic
from emulator.core.matching import Mismatch, When
from emulator.core.near_misses import NearMiss
from emulator.core.rules import Per, Rule
from emulator.scenario import reply_from_data


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
        traffic=Traffic(told["time"], seconds=told["seconds"]),
        considered=_Remembered(control, told["id"]),
    )


def _shown(auth_code: str | None) -> str | None:
    """An auth code as it was told: masked, as a rule."""
    return Masked(auth_code) if auth_code is not None and auth_code.endswith("***") else auth_code


def refusal(told: dict[str, Any]) -> Refusal:
    """A refusal that was told."""
    binding = None if told["binding"] is None else Binding(told["binding"])
    return Refusal(told["id"], binding, told["status"], told["reason"], Traffic(told["time"], seconds=told["seconds"]))
