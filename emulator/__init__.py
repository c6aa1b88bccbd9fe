"""The public names of the package; each is imported at its first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.client.remote import RemoteEmulator as RemoteEmulator
    from emulator.core.contract import Binding as Binding
    from emulator.core.contract import Call as Call
    from emulator.core.contract import Result as Result
    from emulator.core.journal import Exchange as Exchange
    from emulator.core.journal import Refusal as Refusal
    from emulator.core.rules import Scenario as Scenario
    from emulator.emulator import Emulator as Emulator
    from emulator.emulator import Options as Options
    from emulator.errors import EmulatorError as EmulatorError
    from emulator.errors import RemoteError as RemoteError
    from emulator.errors import ScenarioError as ScenarioError
    from emulator.errors import StartError as StartError
    from emulator.errors import VerificationError as VerificationError
    from emulator.fluent import Rescue as Rescue
    from emulator.server import HttpLimits as HttpLimits
    from emulator.server.tls import CertificateFiles as CertificateFiles
    from emulator.server.tls import MadeCertificate as MadeCertificate

_MODULES = {
    "client.remote": ("RemoteEmulator",),
    "core.contract": ("Binding", "Call", "Result"),
    "core.journal": ("Exchange", "Refusal"),
    "core.rules": ("Scenario",),
    "emulator": ("Emulator", "Options"),
    "errors": ("EmulatorError", "RemoteError", "ScenarioError", "StartError", "VerificationError"),
    "fluent": ("Rescue",),
    "server": ("HttpLimits",),
    "server.tls": ("CertificateFiles", "MadeCertificate"),
}
__all__ = sorted(name for names in _MODULES.values() for name in names)


def __getattr__(name: str) -> Any:
    """Import a public name: pytest imports this package in every run, and most runs use nothing of it."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
