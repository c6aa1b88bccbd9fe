"""The operation as spyne declares it, and the three spyne Applications that serve it over the four bindings."""

from __future__ import annotations

import logging
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
from emulator.wire.form import FormIn, FormOut
from emulator.wire.messages import Answer, Operation, Request
from emulator.wire.pipeline import Pipeline
from emulator.wire.soap import Soap11In, Soap11Out, Soap12In, Soap12Out
from emulator.wire.spyne_compat import Application, Enum, Integer32, Service, Unicode, rpc

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
    def start_session(ctx: Any, session: int, node: int, auth_code: str | None) -> Result:  # noqa: D102, N805
        call = Call(session, node, auth_code, ctx.binding)
        try:
            result: Result = ctx.udc(call)
        except faults.Thrown as thrown:
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


def answer(request: Request, operation: Operation, binding: Binding) -> Answer:
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
