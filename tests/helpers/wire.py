"""Requests to the wire without a server, and its golden bytes."""

from __future__ import annotations

from typing import Final

from emulator.core.contract import OPERATION, SOAP_ACTION, Binding, Call, Result
from emulator.wire import service
from emulator.wire.service import WireRequest, WireResponse
from tests.helpers.paths import GOLDEN

TYPES: Final = {
    Binding.SOAP11: "text/xml; charset=utf-8",
    Binding.SOAP12: "application/soap+xml; charset=utf-8",
    Binding.POST: "application/x-www-form-urlencoded",
    Binding.GET: "",
}
FORM: Final = b"iSession=1&iNode=2&sAuthCode=demo"


def golden(name: str) -> bytes:
    """Return the exact bytes of a request or an answer."""
    return (GOLDEN / "wire" / name).read_bytes()


def request_over(binding: Binding, **replacements: str) -> WireRequest:
    """Return a valid request over a binding, with texts of its envelope or form replaced."""
    is_form = binding in (Binding.GET, Binding.POST)
    payload = FORM if is_form else golden(f"{binding.value}-request.xml")
    for old, new in replacements.items():
        payload = payload.replace(old.encode(), new.encode())
    action = f'"{SOAP_ACTION}"' if binding is Binding.SOAP11 else None
    return WireRequest(payload, TYPES[binding], action, OPERATION if is_form else "")


def respond(
    request: WireRequest, binding: Binding, result: Result | None = Result.OK
) -> tuple[WireResponse, list[Call]]:
    """Return the answer to a request, and the calls that the operation received."""
    calls: list[Call] = []

    def operation(call: Call) -> Result | None:
        calls.append(call)
        return result

    return service.respond(request, operation, binding), calls
