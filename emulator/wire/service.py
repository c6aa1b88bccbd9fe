"""The operation as spyne declares it, and the three spyne Applications that serve it over the four bindings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from emulator.core.call import Call
from emulator.core.contract import (
    DESCRIPTION,
    NAMESPACE,
    OPERATION,
    PARAMETERS,
    RESPONSE_RESULT,
    RESULT_TYPE,
    SERVICE,
    Binding,
    Result,
)
from emulator.wire import faults
from emulator.wire.faults import Refusal
from emulator.wire.form import FormIn, FormOut
from emulator.wire.soap import Soap11In, Soap11Out, Soap12In, Soap12Out
from emulator.wire.spyne_compat import Application, Enum, Fault, Integer32, ServerBase, Service, Unicode, rpc

# What the operation does: gives the result of a call, or raises ``faults.ServiceException``.
Operation = Callable[[Call], Result]


@dataclass(slots=True)
class WireRequest:
    """One request to the service.

    ``payload`` is the body, and for GET the query string as it was sent. ``operation`` is what follows the ``.asmx`` of
    the path and its slash, decoded; empty for SOAP. An absent header is None, but an absent Content-Type is "".
    """

    payload: bytes = field(repr=False)
    content_type: str = field(default="", repr=False)
    soap_action: str | None = field(default=None, repr=False)
    operation: str = field(default="", repr=False)


@dataclass(slots=True)
class WireResponse:
    """One answer of the service: the bytes, and what led to them.

    ``binding`` is the one in which the answer is written; a request that became no call has ``refusal``, one that did
    may have ``remarks``: what of it the service ignored though its sender hardly meant that.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    binding: Binding
    refusal: Refusal | None = None
    remarks: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why the request became no call, without what might be a secret; "" for one that did."""
        return "" if self.refusal is None else self.refusal.text_for_log or self.refusal.kind.reason


class Transport:
    """The part of spyne's transport context that tells how an answer travels."""

    type = "http"
    resp_code = 200
    mime_type = ""

    def __init__(self, request: WireRequest) -> None:
        self.req = request


class Context:
    """Stands in for spyne's ``MethodContext``. ``udc``, spyne's place for the user's own data, is the operation.

    ``binding`` begins as the guess that the request's headers allow and is set right once the envelope is read.
    """

    in_string: Any = None
    in_document: Any = None
    in_header_doc: Any = None
    in_body_doc: Any = None
    in_header: Any = None
    in_object: Any = None
    in_error: Fault | None = None
    out_header: Any = None
    out_object: Any = None
    out_document: Any = None
    out_string: Any = None
    out_stream: Any = None
    out_error: Any = None
    descriptor: Any = None
    function: Any = None
    method_request_string: str | None = None
    protocol: Any = None
    inprot_ctx: Any = None
    outprot_ctx: Any = None
    pusher_stack: tuple[Any, ...] = ()
    routed = False
    remarks: tuple[str, ...] = ()

    def __init__(self, app: Any, request: WireRequest, operation: Operation | None, binding: Binding) -> None:
        self.app = app
        self.binding = binding
        self.in_protocol, self.out_protocol = app.in_protocol, app.out_protocol
        self.transport = Transport(request)
        self.udc = operation

    @property
    def method_name(self) -> Any:
        """The name of the operation, once it is known."""
        return self.descriptor and self.descriptor.name

    @property
    def service_class(self) -> Any:
        """The spyne service that declares the operation, once it is known."""
        return self.descriptor and self.descriptor.service_class

    def fire_event(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Tells the listeners of the application and of the operation."""
        if self.app.event_manager.handlers:
            self.app.event_manager.fire_event(event, self, *args, **kwargs)
        if self.descriptor is not None:
            for manager in self.descriptor.event_managers:
                if manager.handlers:
                    manager.fire_event(event, self, *args, **kwargs)

    def close(self) -> None:
        """Nothing is kept beyond the request."""


class Pipeline(ServerBase):  # type: ignore[misc]  # spyne has no types
    """One spyne Application, ready to answer requests."""

    transport = "http"

    def answer(self, request: WireRequest, operation: Operation, binding: Binding) -> WireResponse:
        """The answer to one request: a result, or the refusal of what is wrong with it."""
        ctx = Context(self.app, request, operation, binding)
        self.generate_contexts(ctx)
        if ctx.in_error is None:
            self.get_in_object(ctx)
        if ctx.in_error is None:
            self.get_out_object(ctx)
        return self._written(ctx)

    def refuse(self, request: WireRequest, refusal: Refusal, binding: Binding) -> WireResponse:
        """A refusal without a look at the request."""
        ctx = Context(self.app, request, None, binding)
        ctx.out_error = refusal
        return self._written(ctx)

    def _written(self, ctx: Context) -> WireResponse:
        self.get_out_string(ctx)
        told, body = ctx.transport, b"".join(ctx.out_string)
        return WireResponse(told.resp_code, told.mime_type, body, ctx.binding, ctx.out_error, ctx.remarks)

    def generate_contexts(self, ctx: Any, in_string_charset: str | None = None) -> Any:
        """Reads the request up to the name of the operation, and looks that up among those of the application."""
        protocol = self.app.in_protocol
        try:
            protocol.create_in_document(ctx, in_string_charset)
            protocol.decompose_incoming_envelope(ctx, protocol.REQUEST)
            (ctx.descriptor,) = self.app.interface.service_method_map[ctx.method_request_string]
            ctx.function = ctx.descriptor.function
        except Fault as fault:
            ctx.in_error = ctx.out_error = fault
            ctx.fire_event("method_exception_object")
        return (ctx,)


_logger = logging.getLogger(__name__)

_SOAP = (Binding.SOAP11, Binding.SOAP12)
OUR_FAULT = "The emulator itself failed; its log has the details."

startSessionRet = Enum(*(result.value for result in Result), type_name=RESULT_TYPE)  # noqa: N816  # a type of the WSDL
Int = Integer32(min_occurs=1, nillable=False)


class API(Service):  # type: ignore[misc]  # spyne has no types
    """The service. What its operation does comes with each request, so that the service itself has no state."""

    @rpc(
        Int,
        Int,
        Unicode,
        _args=PARAMETERS,
        _returns=startSessionRet,
        _operation_name=OPERATION,
        _out_variable_name=RESPONSE_RESULT,
    )  # type: ignore[untyped-decorator]
    def start_session(ctx: Any, session: int, node: int, auth_code: str | None) -> Result:  # noqa: N805
        call = Call(session, node, auth_code, ctx.binding)
        try:
            result: Result = ctx.udc(call)
        except faults.ServiceException as thrown:
            raise _thrown(ctx.binding, thrown.message) from None
        except Exception:
            _logger.exception("answering %r failed", call)
            raise _thrown(ctx.binding, OUR_FAULT) from None
        return result

    start_session.__doc__ = DESCRIPTION


def _thrown(binding: Binding, message: str) -> faults.Refusal:
    kind = faults.THROWN if binding in _SOAP else faults.THROWN_IN_FORM
    return kind.refuse(message=message)


@lru_cache(maxsize=1)
def _pipelines() -> dict[Binding, Pipeline]:
    """The pipeline of each binding; a SOAP request begins in the one of the version that its headers speak for."""
    writers = {Binding.SOAP11: Soap11Out(), Binding.SOAP12: Soap12Out()}
    by_form = _pipeline("Form", FormIn(), FormOut())
    return {
        Binding.SOAP11: _pipeline("Soap", Soap11In(writers), writers[Binding.SOAP11]),
        Binding.SOAP12: _pipeline("Soap12", Soap12In(writers), writers[Binding.SOAP12]),
        Binding.GET: by_form,
        Binding.POST: by_form,
    }


def _pipeline(suffix: str, in_protocol: Any, out_protocol: Any) -> Pipeline:
    return Pipeline(Application([API], NAMESPACE, SERVICE + suffix, in_protocol, out_protocol))


def respond(request: WireRequest, operation: Operation, binding: Binding) -> WireResponse:
    """The service's answer to a request over a binding; for SOAP, the one of the version that its headers speak for.

    Never raises: what is wrong with the request, what the operation throws, and an error in the operation itself, which
    is logged, are all answered in the form of the binding.
    """
    pipeline = _pipelines()[binding]
    try:
        return pipeline.answer(request, operation, binding)
    except Exception:
        _logger.exception("reading a request over %s failed", binding.value)
        return pipeline.refuse(request, _thrown(binding, OUR_FAULT), binding)


def application(binding: Binding) -> Application:
    """The spyne Application in which a request over a binding begins."""
    return _pipelines()[binding].app


def prepare() -> None:
    """Builds what the first answer would otherwise wait for."""
    _pipelines()
