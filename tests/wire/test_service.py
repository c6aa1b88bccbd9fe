"""The bytes of the contract, and that spyne's pipeline produces them."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest

from emulator.core.contract import OPERATION, SOAP11_NS, Binding, Call, Result
from emulator.process import gc_paused
from emulator.wire import faults, service
from emulator.wire.faults import ServiceException
from emulator.wire.service import Operation, WireRequest
from emulator.wire.spyne_compat import spyne
from tests.helpers.wire import FORM, golden, request_over, respond

SOAP = (Binding.SOAP11, Binding.SOAP12)


def throwing(error: Exception) -> Operation:
    def operation(_: Call) -> Result:
        raise error

    return operation


@pytest.mark.parametrize("binding", Binding)
def test_each_result_is_written_to_the_byte(binding: Binding) -> None:
    ok = golden(f"{binding.value if binding in SOAP else 'form'}-ok.xml")
    for result in Result:
        answer, _ = respond(request_over(binding), binding, result)
        assert answer.body == ok.replace(b"startSessionRet_OK", result.value.encode())
        assert (answer.status, answer.fault, answer.binding) == (200, None, binding)


@pytest.mark.parametrize("binding", Binding)
def test_nothing_is_rendered_when_the_operation_gives_no_result(binding: Binding) -> None:
    answer, calls = respond(request_over(binding), binding, None)
    assert (answer.body, answer.fault, answer.why) == (b"", None, None)
    assert calls == [Call(1, 2, "demo", binding)]


FAULTS = {
    "soap11-bad-int.xml": (">1<", ">abc<"),
    "soap11-not-understood.xml": ("<soap:Body>", '<soap:Header><X soap:mustUnderstand="1"/></soap:Header><soap:Body>'),
    "soap12-not-understood.xml": (
        "<soap12:Body>",
        '<soap12:Header><X soap12:mustUnderstand="1"/></soap12:Header><soap12:Body>',
    ),
    "soap11-version-mismatch.xml": (SOAP11_NS, "urn:env"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_written_to_the_byte(name: str) -> None:
    binding, (old, new) = Binding(name.partition("-")[0]), FAULTS[name]
    answer, calls = respond(request_over(binding, **{old: new}), binding)
    assert (answer.status, answer.body, calls) == (500, golden(name), [])


def test_an_unknown_soap_action_is_refused_to_the_byte() -> None:
    request = request_over(Binding.SOAP11)
    request.soap_action = '"https://secure.logmeinrescue.com/API/API.asmx/other"'
    assert respond(request, Binding.SOAP11)[0].body == golden("soap11-unknown-action.xml")


@pytest.mark.parametrize("binding", Binding)
def test_an_exception_of_the_service_is_written_to_the_byte(binding: Binding) -> None:
    name = f"{binding.value}-thrown.xml" if binding in SOAP else "form-thrown.txt"
    operation = throwing(ServiceException("oracle was asked to throw"))
    answer = service.respond(request_over(binding), operation, binding)
    assert (answer.status, answer.body) == (500, golden(name))


@pytest.mark.parametrize("binding", [Binding.SOAP12, Binding.GET])
def test_an_internal_error_is_a_fault_and_logged_without_the_auth_code(
    binding: Binding, caplog: pytest.LogCaptureFixture
) -> None:
    answer = service.respond(request_over(binding, demo="s3cr3t-code"), throwing(RuntimeError("boom")), binding)
    assert answer.status == 500
    assert service.INTERNAL_ERROR.encode() in answer.body
    assert "boom" in caplog.text
    assert "s3cr3t-code" not in caplog.text


def test_an_error_outside_the_operation_is_a_fault_too(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("boom")

    service.API.event_manager.add_listener("method_return_document", fail)
    try:
        answer, _ = respond(request_over(Binding.SOAP11), Binding.SOAP11)
    finally:
        service.API.event_manager.handlers["method_return_document"].remove(fail)
    assert (answer.status, service.INTERNAL_ERROR.encode() in answer.body) == (500, True)
    assert "boom" in caplog.text


@pytest.mark.parametrize("binding", Binding)
def test_a_refused_request_is_released_without_the_garbage_collector(binding: Binding) -> None:
    request = request_over(binding)
    request.payload = b"<a>" if binding in SOAP else b"iSession=x&iNode=2&sAuthCode=c"
    operation = throwing(ServiceException("is not reached"))
    context = weakref.ref(operation)  # what holds the request holds its operation, too
    with gc_paused():
        answer = service.respond(request, operation, binding)
        del operation
        assert answer.fault is not None
        assert context() is None


# What the recorded cases do not have.
@pytest.mark.parametrize(
    ("binding", "changes", "text"),
    [
        (Binding.GET, {"iNode=2&": "", "sAuthCode": "x"}, "Missing parameter: iNode."),
        (
            Binding.GET,
            {"=2": "=2147483648"},
            "Cannot convert 2147483648 to System.Int32.\r\nParameter name: type ---> "
            "Value was either too large or too small for an Int32.",
        ),
        (
            Binding.GET,
            {"demo": "0123456789abc%26%23" + "x" * 40},
            "A potentially dangerous Request.QueryString value was detected from the client "
            "(sAuthCode=&quot;...3456789abc&amp;#xxxxxxxxxxxxxxxxxx...&quot;).",
        ),
        (
            Binding.POST,
            {"demo": "%3Cscript%3E"},
            "A potentially dangerous Request.Form value was detected from the client "
            "(sAuthCode=&quot;&lt;script&gt;&quot;).",
        ),
    ],
)
def test_get_and_post_refuse_with_a_text(binding: Binding, changes: dict[str, str], text: str) -> None:
    answer, calls = respond(request_over(binding, **changes), binding)
    assert (answer.status, answer.content_type, calls) == (500, "text/plain; charset=utf-8", [])
    assert answer.body == f"{text}\r\n".encode()


def test_an_operation_in_another_case_gets_the_right_spelling() -> None:
    answer, _ = respond(WireRequest(FORM, operation="STARTSESSION"), Binding.GET)
    assert answer.body == (
        b"Invalid method name &#39;STARTSESSION&#39;,  method names are case sensitive.   "
        b"The method name &#39;startSession&#39; with the same name but different casing was found.\r\n"
        b"Parameter name: methodName\r\n"
    )


def test_a_reason_keeps_quoted_values_apart_and_shortens_them() -> None:
    why = respond(request_over(Binding.GET, **{"=1": "=" + "x" * 300}), Binding.GET)[0].why
    assert why is not None
    assert why.values == {"parameter": "iSession", "value": "x" * 200 + "…"}
    assert why.text.startswith("Cannot convert {value} to System.Int32.")
    assert str(why).startswith("Cannot convert xxx")
    why = respond(request_over(Binding.SOAP11, **{"</soap:Body>": ""}), Binding.SOAP11)[0].why
    assert why is not None
    assert why.text == faults.NOT_WELL_FORMED.reason


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"<iSession>": '<iSession xmlns="">'}, "<iSession> is in no namespace"),
        ({"iNode>": "inode>"}, "<inode> has to be spelled <iNode>"),
        ({"</iSession>": "</iSession><iSession>5</iSession>"}, "<iSession> occurs more than once"),
        ({'startSession xmlns="https': 'startSession xmlns="http'}, "<startSession> is in namespace 'http://"),
    ],
)
def test_an_element_that_the_service_ignores_is_remarked_on(changes: dict[str, str], remark: str) -> None:
    answer, _ = respond(request_over(Binding.SOAP11, **changes), Binding.SOAP11)
    assert answer.status == 200
    assert any(str(each).startswith(remark) for each in answer.remarks), answer.remarks


def test_an_element_unlike_any_parameter_is_not_remarked_on() -> None:
    answer, _ = respond(request_over(Binding.SOAP11, **{"<iNode>": "<extra/><iNode>"}), Binding.SOAP11)
    assert answer.remarks == ()


@pytest.mark.parametrize("binding", Binding)
def test_every_call_runs_through_the_pipeline_and_events_of_spyne(binding: Binding) -> None:
    seen: list[tuple[str, str, list[object]]] = []
    managers = [service.pipelines()[binding].app.event_manager, service.API.event_manager]

    def listener(event: str) -> Callable[[object], None]:
        def listen(ctx: object) -> None:
            seen.append((event, ctx.descriptor.name, list(ctx.in_object)))  # type: ignore[attr-defined]

        return listen

    events = ["method_call", "method_return_object", "method_return_document", "method_return_string"]
    listeners = [(manager, event, listener(event)) for manager in managers for event in events]
    for manager, event, handler in listeners:
        manager.add_listener(event, handler)
    try:
        respond(request_over(binding), binding)
    finally:
        for manager, event, handler in listeners:
            manager.handlers[event].remove(handler)
    assert seen == [(event, OPERATION, [1, 2, "demo"]) for event in events for _ in managers]


@pytest.mark.parametrize("binding", SOAP)
def test_a_truncated_envelope_does_not_affect_the_next_request(binding: Binding) -> None:
    whole = request_over(binding)
    expected, _ = respond(whole, binding)
    for length in range(0, len(whole.payload.rstrip()), 7):
        truncated = WireRequest(whole.payload[:length], whole.content_type, whole.soap_action)
        assert respond(truncated, binding)[0].fault is not None
        assert respond(whole, binding)[0] == expected


def test_spyne_declares_what_the_wsdl_says() -> None:
    application = spyne.Application(
        [service.API], "urn:any", "Declared", spyne.protocol.soap.Soap11(), spyne.protocol.xml.XmlDocument()
    )
    (descriptor,) = application.interface.service_method_map["{urn:any}startSession"]
    arguments = descriptor.in_message._type_info
    assert list(arguments) == ["iSession", "iNode", "sAuthCode"]
    assert [kind.Attributes.min_occurs for kind in arguments.values()] == [1, 1, 0]
    assert [kind.get_type_name() for kind in arguments.values()] == ["int", "int", "string"]
    (result,) = descriptor.out_message._type_info.values()
    assert result.get_type_name() == "startSessionRet"
    assert [str(value) for value in result.__values__] == [value.value for value in Result]
