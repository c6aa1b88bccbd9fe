"""Runs one request through spyne: its seams, its dispatch and its events, on a context that carries only what they use.

spyne's own context and WSGI server build far more than this one operation needs, which costs ten times the time of the
work itself. The slim ones here keep spyne's names for everything, so that its pipeline and listeners work on them.
"""

from __future__ import annotations

from typing import Any

from emulator.core.contract import Binding
from emulator.wire.faults import Refusal
from emulator.wire.messages import Answer, Operation, Request
from emulator.wire.spyne_compat import Fault, ServerBase


class Transport:
    """The part of spyne's transport context that tells how an answer travels."""

    type = "http"
    resp_code = 200
    mime_type = ""

    def __init__(self, request: Request) -> None:
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

    def __init__(self, app: Any, request: Request, operation: Operation | None, binding: Binding) -> None:
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

    def answer(self, request: Request, operation: Operation, binding: Binding) -> Answer:
        """The answer to one request: a result, or the refusal of what is wrong with it."""
        ctx = Context(self.app, request, operation, binding)
        self.generate_contexts(ctx)
        if ctx.in_error is None:
            self.get_in_object(ctx)
        if ctx.in_error is None:
            self.get_out_object(ctx)
        return self._written(ctx)

    def refuse(self, request: Request, refusal: Refusal, binding: Binding) -> Answer:
        """A refusal without a look at the request."""
        ctx = Context(self.app, request, None, binding)
        ctx.out_error = refusal
        return self._written(ctx)

    def _written(self, ctx: Context) -> Answer:
        self.get_out_string(ctx)
        told, body = ctx.transport, b"".join(ctx.out_string)
        return Answer(told.resp_code, told.mime_type, body, ctx.binding, ctx.out_error, ctx.remarks)

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
