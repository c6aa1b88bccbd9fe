"""The slim context and pipeline against spyne's own, over every recorded request: the same bytes come out."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.core.call import Call
from emulator.core.contract import SERVICE_PATH, Binding, Result
from emulator.wire import service
from emulator.wire.faults import ServiceException
from emulator.wire.service import Operation, Transport, WireRequest, WireResponse
from emulator.wire.soap import guessed_version
from emulator.wire.spyne_compat import ServerBase
from tests.helpers.recorded_cases import Case, load_cases

RESULTS = {
    "ok": Result.OK,
    "bad": Result.INVALID_SECRET_AUTH_CODE,
    "deleted": Result.USER_DELETED_OR_DISABLED,
    "admin": Result.NOT_LOGGED_IN_AS_ADMIN,
    "failed": Result.ACTION_FAILED,
}


def operation(call: Call) -> Result:
    """What the recorded service did."""
    if call.auth_code == "throw":
        raise ServiceException("oracle was asked to throw")
    return RESULTS.get(call.auth_code or "", Result.ERROR)


class StockServer(ServerBase):  # type: ignore[misc]  # spyne has no types
    """spyne's own server, with its own contexts and its own way from the request to the operation."""

    transport = "http"

    def answer(self, request: WireRequest, operation: Operation, binding: Binding) -> WireResponse:
        context = self.context(request, operation, binding)
        (ctx, *_) = self.generate_contexts(context)
        if ctx.in_error is None:
            self.get_in_object(ctx)
        if ctx.in_error is None:
            self.get_out_object(ctx)
        else:
            ctx.out_object, ctx.out_error = None, ctx.in_error
        self.get_out_string(ctx)
        body = b"".join(ctx.out_string)
        return WireResponse(
            ctx.transport.resp_code, ctx.transport.mime_type, body, ctx.binding, ctx.out_error, ctx.remarks
        )

    def context(self, request: WireRequest, operation: Operation, binding: Binding) -> Any:
        from spyne import MethodContext

        context = MethodContext(self, MethodContext.SERVER)
        ours = {"udc": operation, "transport": Transport(request), "binding": binding, "routed": False, "remarks": ()}
        context.__dict__.update(ours)
        return context


def request_of(case: Case) -> tuple[WireRequest, Binding] | None:
    """A recorded request as the wire gets it; None for one that never gets that far."""
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


CASES = [(case.id, *found) for case in load_cases() if (found := request_of(case)) is not None]


def test_most_of_the_recorded_requests_get_as_far_as_the_wire() -> None:
    assert len(CASES) > 200


@pytest.mark.parametrize(("request_", "binding"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_spynes_own_context_gives_the_same_answer(request_: WireRequest, binding: Binding) -> None:
    slim = service.respond(request_, operation, binding)
    stock = StockServer(service.application(binding)).answer(request_, operation, binding)
    assert (stock.status, stock.content_type, stock.body) == (slim.status, slim.content_type, slim.body)
    assert (stock.binding, stock.remarks) == (slim.binding, slim.remarks)
