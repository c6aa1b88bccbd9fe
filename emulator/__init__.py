"""The public names of the package, nothing else; each is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.client.remote import RemoteEmulator
    from emulator.core.call import Call
    from emulator.core.contract import Binding, Result
    from emulator.core.journal import Exchange, Refusal
    from emulator.core.rules import Scenario
    from emulator.emulator import Emulator, Options
    from emulator.errors import EmulatorError, RemoteError, ScenarioError, StartError, VerificationError
    from emulator.fluent import Rescue
    from emulator.server.limits import HttpLimits
    from emulator.server.tls import CertificateFiles, MadeCertificate

_HOMES = {
    "Binding": "core.contract",
    "Call": "core.call",
    "CertificateFiles": "server.tls",
    "Emulator": "emulator",
    "EmulatorError": "errors",
    "Exchange": "core.journal",
    "HttpLimits": "server.limits",
    "MadeCertificate": "server.tls",
    "Options": "emulator",
    "Refusal": "core.journal",
    "RemoteEmulator": "client.remote",
    "RemoteError": "errors",
    "Rescue": "fluent",
    "Result": "core.contract",
    "Scenario": "core.rules",
    "ScenarioError": "errors",
    "StartError": "errors",
    "VerificationError": "errors",
}

__all__ = [
    "Binding",
    "Call",
    "CertificateFiles",
    "Emulator",
    "EmulatorError",
    "Exchange",
    "HttpLimits",
    "MadeCertificate",
    "Options",
    "Refusal",
    "RemoteEmulator",
    "RemoteError",
    "Rescue",
    "Result",
    "Scenario",
    "ScenarioError",
    "StartError",
    "VerificationError",
]


def __getattr__(name: str) -> Any:
    """Loads a public name: pytest imports this package in every run, and most runs use nothing of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
