"""The service as spyne declares it, and the spyne pipeline that answers a request over each of the four bindings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from emulator.core import contract
from emulator.core.contract import Binding, Call, Result
from emulator.core.journal import Reason
from emulator.wire import faults
from emulator.wire.faults import AsmxFault
from emulator.wire.form import FormIn, FormOut
from emulator.wire.soap import Soap11In, Soap11Out, Soap12In, Soap12Out
from emulator.wire.spyne_compat import spyne

Operation = Callable[[Call], Result | None]
"""Returns the result of a call, or None if the service is not to answer it: then the body is empty.

May raise ``faults.ServiceException``.
"""

INTERNAL_ERROR: Final = "Internal error of rescue-emulator; its log has the details."
"""The text of the fault when the emulator itself fails."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class WireRequest:
    """A request to the service, as far as it decides the answer.

    ``payload`` is the body, or for GET the query string as it was sent. ``content_type`` is "" and ``soap_action`` None
    if the header is absent. ``operation`` is the decoded path after ``.asmx/``; "" for SOAP.
    """

    payload: bytes = field(repr=False)
    content_type: str = field(default="", repr=False)
    soap_action: str | None = field(default=None, repr=False)
    operation: str = field(default="", repr=False)


@dataclass(slots=True)
class WireResponse:
    """The service's answer to a request.

    ``binding`` is the one in which the answer is written. ``fault`` is set if the answer is a fault. ``remarks`` name
    what the service ignored in a call although the client probably meant it.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    binding: Binding
    fault: AsmxFault | None = None
    remarks: tuple[Reason, ...] = ()

    @property
    def why(self) -> Reason | None:
        """Why the answer is a fault; None if it is not."""
        return None if self.fault is None else self.fault.why


@dataclass
class Transport:
    """The attributes of spyne's transport context that the protocols use."""

    req: WireRequest
    resp_code: int = 200
    mime_type: str = ""


class Context:
    """The attributes of spyne's ``MethodContext`` that are read before a step sets them.

    spyne's own costs 18 µs, this one 0.4. ``udc``, spyne's field for user-defined data, is the operation. ``binding``
    is the one guessed from the headers until the envelope has been read.
    """

    in_error = outprot_ctx = None
    out_object: Any = None
    out_document: Any = None
    out_string: Any = None
    out_error: Any = None
    descriptor: Any = None
    remarks: tuple[Reason, ...] = ()

    def __init__(self, app: Any, request: WireRequest, operation: Operation, binding: Binding) -> None:
        self.app, self.binding, self.out_protocol = app, binding, app.out_protocol
        self.transport = Transport(request)
        self.udc = operation

    def fire_event(self, event: str) -> None:
        if self.app.event_manager.handlers:
            self.app.event_manager.fire_event(event, self)
        if self.descriptor is not None:
            for manager in self.descriptor.event_managers:
                if manager.handlers:
                    manager.fire_event(event, self)


class Pipeline(spyne.server.ServerBase):  # type: ignore[misc]  # spyne is untyped
    transport = "http"

    def run(self, ctx: Any) -> None:
        """Run spyne's steps, from reading the request to the bytes of the result or fault in ``ctx.out_string``."""
        protocol = self.app.in_protocol
        try:
            protocol.create_in_document(ctx)
            protocol.decompose_incoming_envelope(ctx, protocol.REQUEST)
            (ctx.descriptor,) = self.app.interface.service_method_map[ctx.method_request_string]
            ctx.function = ctx.descriptor.function
            protocol.deserialize(ctx, protocol.REQUEST)
        except spyne.Fault as fault:
            ctx.out_error = fault
            ctx.fire_event("method_exception_object")
        else:
            self.get_out_object(ctx)
        self.get_out_string(ctx)


ResultType = spyne.Enum(*(result.value for result in Result), type_name=contract.RESULT_TYPE)
Int = spyne.Integer32(min_occurs=1, nillable=False)


class API(spyne.Service):  # type: ignore[misc]  # spyne is untyped
    """The service. What its operation does comes with each request, so the class has no state."""

    @spyne.rpc(
        Int,
        Int,
        spyne.Unicode,
        _args=contract.PARAMETERS,
        _returns=ResultType,
        _operation_name=contract.OPERATION,
        _out_variable_name=contract.RESPONSE_RESULT,
    )  # type: ignore[untyped-decorator]
    def start_session(ctx: Any, session: int, node: int, auth_code: str | None) -> Result | None:  # noqa: N805
        call = Call(session, node, auth_code, ctx.binding)
        try:
            result: Result | None = ctx.udc(call)
        except faults.ServiceException as error:
            raise _thrown(ctx.binding, str(error)) from None
        except Exception:
            _logger.exception("answering %r failed", call)
            raise _thrown(ctx.binding, INTERNAL_ERROR) from None
        return result

    start_session.__doc__ = contract.DESCRIPTION


def _thrown(binding: Binding, message: str) -> AsmxFault:
    spec = faults.THROWN if binding in (Binding.SOAP11, Binding.SOAP12) else faults.THROWN_IN_FORM
    return spec.fault(message=message)


@lru_cache(maxsize=1)
def pipelines() -> dict[Binding, Pipeline]:
    """Return the pipeline of each binding; for SOAP, of the version guessed from the headers.

    A SOAP pipeline can write either version, since the envelope may turn out to be of the other one.
    """
    writers = {Binding.SOAP11: Soap11Out(), Binding.SOAP12: Soap12Out()}
    form = _pipeline("Form", FormIn(), FormOut())
    return {
        Binding.SOAP11: _pipeline("Soap", Soap11In(writers), writers[Binding.SOAP11]),
        Binding.SOAP12: _pipeline("Soap12", Soap12In(writers), writers[Binding.SOAP12]),
        Binding.GET: form,
        Binding.POST: form,
    }


def _pipeline(suffix: str, in_protocol: Any, out_protocol: Any) -> Pipeline:
    return Pipeline(spyne.Application([API], contract.NAMESPACE, contract.SERVICE + suffix, in_protocol, out_protocol))


def respond(request: WireRequest, operation: Operation, binding: Binding) -> WireResponse:
    """Answer a request over a binding; for SOAP, of the version that ``soap.guessed_version`` returns.

    Never raises: a bad request, an exception of the service and an error inside the operation, which is logged, all
    give a fault in the form of the binding.
    """
    pipeline = pipelines()[binding]
    ctx = Context(pipeline.app, request, operation, binding)
    try:
        pipeline.run(ctx)
    except Exception:
        _logger.exception("answering a request over %s failed", binding.value)
        ctx = Context(pipeline.app, request, operation, binding)
        ctx.out_error = _thrown(binding, INTERNAL_ERROR)
        pipeline.get_out_string(ctx)
    if ctx.out_error is not None:  # its frames refer to ctx: the body would stay in memory until a garbage collection
        ctx.out_error.__traceback__ = ctx.out_error.__context__ = None
    transport, body = ctx.transport, b"".join(ctx.out_string)
    return WireResponse(transport.resp_code, transport.mime_type, body, ctx.binding, ctx.out_error, ctx.remarks)
