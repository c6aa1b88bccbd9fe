"""Our context and pipeline give the same bytes as spyne's own, for every recorded request."""

from __future__ import annotations

from typing import Any

from emulator.core.contract import SERVICE_PATH, Binding, Call, Result
from emulator.wire import service
from emulator.wire.faults import ServiceException
from emulator.wire.service import Operation, Transport, WireRequest, WireResponse
from emulator.wire.soap import guessed_version
from emulator.wire.spyne_compat import spyne
from tests.helpers.recorded_cases import Case, load_cases

COMPARED = ("status", "content_type", "body", "binding", "remarks")


def operation(call: Call) -> Result:
    if call.auth_code == "throw":
        raise ServiceException("oracle was asked to throw")
    return Result.OK if call.auth_code == "ok" else Result.ERROR


class StockServer(spyne.server.ServerBase):  # type: ignore[misc]  # spyne is untyped
    """spyne's own server, with its MethodContext and its own ``generate_contexts``."""

    transport = "http"

    def respond(self, request: WireRequest, operation: Operation, binding: Binding) -> WireResponse:
        context: Any = spyne.MethodContext(self, spyne.MethodContext.SERVER)
        ours = {
            "udc": operation,
            "transport": Transport(request),
            "binding": binding,
            "is_routed": False,
            "remarks": (),
        }
        context.__dict__.update(ours)
        (ctx, *_) = self.generate_contexts(context)
        if ctx.in_error is None:
            self.get_in_object(ctx)
        if ctx.in_error is None:
            self.get_out_object(ctx)
        else:
            ctx.out_object, ctx.out_error = None, ctx.in_error
        self.get_out_string(ctx)
        body, transport = b"".join(ctx.out_string), ctx.transport
        return WireResponse(transport.resp_code, transport.mime_type, body, ctx.binding, ctx.out_error, ctx.remarks)


def wire_request(case: Case) -> tuple[WireRequest, Binding] | None:
    """Return a recorded request as the wire gets it; None for one that never gets that far."""
    headers = {name.lower(): value for name, value in case.request.headers}
    path, _, query = case.request.path.partition("?")
    info = path[len(SERVICE_PATH) :] if path.lower().startswith(SERVICE_PATH.lower()) else None
    body = (case.request.body or "").encode(case.request.encoding)
    content_type, action = headers.get("content-type", ""), headers.get("soapaction")
    match case.request.method, info:
        case "POST", "":
            return WireRequest(body, content_type, action), guessed_version(content_type, action)
        case "POST", str() if info and len(info) > 1:
            return WireRequest(body, content_type, operation=info[1:]), Binding.POST
        case "GET", str() if info and len(info) > 1:
            return WireRequest(query.encode("latin-1"), operation=info[1:]), Binding.GET
        case _:
            return None


def test_spynes_own_context_gives_the_same_answers() -> None:
    requests = {case.id: found for case in load_cases() if (found := wire_request(case)) is not None}
    assert len(requests) > 200
    different = []
    for case_id, (request, binding) in requests.items():
        stock = StockServer(service.pipelines()[binding].app).respond(request, operation, binding)
        ours = service.respond(request, operation, binding)
        if any(getattr(stock, name) != getattr(ours, name) for name in COMPARED):
            different.append(case_id)
    assert different == []
