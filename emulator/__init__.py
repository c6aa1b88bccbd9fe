"""The public names of the package, nothing else; each is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.core.call import Call
    from emulator.core.contract import Binding, Result
    from emulator.core.exchange import Exchange, Refusal
    from emulator.core.rules import Scenario
    from emulator.errors import EmulatorError, RemoteError, ScenarioError, StartError, VerificationError
    from emulator.http.limits import HttpLimits
    from emulator.remote import RemoteEmulator
    from emulator.rescue import Rescue
    from emulator.server import Emulator, Options
    from emulator.tls import CertificateFiles, MadeCertificate

_HOMES = {
    "Binding": "core.contract",
    "Call": "core.call",
    "CertificateFiles": "tls",
    "Emulator": "server",
    "EmulatorError": "errors",
    "Exchange": "core.exchange",
    "HttpLimits": "http.limits",
    "MadeCertificate": "tls",
    "Options": "server",
    "Refusal": "core.exchange",
    "RemoteEmulator": "remote",
    "RemoteError": "errors",
    "Rescue": "rescue",
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
