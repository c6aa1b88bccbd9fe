"""The bytes of the contract, and that spyne's pipeline is what produces them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.core.call import Call
from emulator.core.contract import OPERATION, SOAP_ACTION, Binding, Result
from emulator.wire import service
from emulator.wire.faults import ServiceException
from emulator.wire.service import Operation, WireRequest, WireResponse
from emulator.wire.soap import guessed_version
from emulator.wire.spyne_compat import Application, Soap11, XmlDocument
from tests.helpers.paths import GOLDEN

ENVELOPES = {Binding.SOAP11: "soap11-request.xml", Binding.SOAP12: "soap12-request.xml"}
TYPES = {Binding.SOAP11: "text/xml; charset=utf-8", Binding.SOAP12: "application/soap+xml; charset=utf-8"}
FORM = b"iSession=1&iNode=2&sAuthCode=demo"


def request_over(binding: Binding, **changes: str) -> WireRequest:
    """A right request over a binding; a change replaces a text of the envelope, or of the form."""
    payload = FORM if binding in (Binding.GET, Binding.POST) else (GOLDEN / "wire" / ENVELOPES[binding]).read_bytes()
    for old, new in changes.items():
        payload = payload.replace(old.encode(), new.encode())
    match binding:
        case Binding.SOAP11:
            return WireRequest(payload, TYPES[binding], f'"{SOAP_ACTION}"')
        case Binding.SOAP12:
            return WireRequest(payload, TYPES[binding])
        case Binding.POST:
            return WireRequest(payload, "application/x-www-form-urlencoded", operation=OPERATION)
        case Binding.GET:
            return WireRequest(payload, operation=OPERATION)


def answered(request: WireRequest, operation: Operation, binding: Binding) -> WireResponse:
    return service.respond(request, operation, binding)


def golden(name: str) -> bytes:
    """An exact answer. The files end with the answer's own last byte; lines of GET and POST answers end in CRLF."""
    return (GOLDEN / "wire" / name).read_bytes()


def returning(result: Result) -> Operation:
    return lambda _: result


def throwing(error: Exception) -> Operation:
    def operation(_: Call) -> Result:
        raise error

    return operation


@pytest.mark.parametrize("binding", Binding)
@pytest.mark.parametrize("result", Result)
def test_each_result_is_written_to_the_byte_in_each_binding(binding: Binding, result: Result) -> None:
    name = f"{'form' if binding in (Binding.GET, Binding.POST) else binding.value}-ok.xml"
    answer = answered(request_over(binding), returning(result), binding)
    assert answer.body == golden(name).replace(b"startSessionRet_OK", result.value.encode())
    assert (answer.status, answer.refusal, answer.binding) == (200, None, binding)


@pytest.mark.parametrize(
    ("name", "binding", "changes"),
    [
        pytest.param("soap11-bad-int.xml", Binding.SOAP11, {">1<": ">abc<"}, id="F1"),
        pytest.param(
            "soap11-not-understood.xml",
            Binding.SOAP11,
            {"<soap:Body>": '<soap:Header><X soap:mustUnderstand="1"/></soap:Header><soap:Body>'},
            id="F3 in 1.1",
        ),
        pytest.param(
            "soap12-not-understood.xml",
            Binding.SOAP12,
            {"<soap12:Body>": '<soap12:Header><X soap12:mustUnderstand="1"/></soap12:Header><soap12:Body>'},
            id="F3 in 1.2",
        ),
        pytest.param(
            "soap11-version-mismatch.xml",
            Binding.SOAP11,
            {"http://schemas.xmlsoap.org/soap/envelope/": "urn:env"},
            id="F4",
        ),
    ],
)
def test_a_fault_is_written_to_the_byte(name: str, binding: Binding, changes: dict[str, str]) -> None:
    answer = answered(request_over(binding, **changes), returning(Result.OK), binding)
    assert (answer.status, answer.body) == (500, golden(name))


def test_an_unknown_soap_action_is_refused_to_the_byte() -> None:
    right = request_over(Binding.SOAP11)
    request = WireRequest(right.payload, right.content_type, '"https://secure.logmeinrescue.com/API/API.asmx/other"')
    assert answered(request, returning(Result.OK), Binding.SOAP11).body == golden("soap11-unknown-action.xml")


@pytest.mark.parametrize(
    ("binding", "name"),
    [
        (Binding.SOAP11, "soap11-thrown.xml"),
        (Binding.SOAP12, "soap12-thrown.xml"),
        (Binding.GET, "form-thrown.txt"),
        (Binding.POST, "form-thrown.txt"),
    ],
)
def test_what_the_operation_throws_is_written_to_the_byte(binding: Binding, name: str) -> None:
    answer = answered(request_over(binding), throwing(ServiceException("oracle was asked to throw")), binding)
    assert (answer.status, answer.body) == (500, golden(name))


@pytest.mark.parametrize("binding", Binding)
def test_an_error_of_ours_becomes_the_servers_fault_and_a_log_entry_without_the_auth_code(
    binding: Binding, caplog: pytest.LogCaptureFixture
) -> None:
    answer = answered(request_over(binding, demo="s3cr3t-code"), throwing(RuntimeError("boom")), binding)
    assert answer.status == 500
    assert service.OUR_FAULT.encode() in answer.body
    assert "boom" in caplog.text
    assert "s3cr3t-code" not in caplog.text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"iSession=1&": ""}, "Missing parameter: iSession."),
        ({"iNode=2&": "", "sAuthCode": "x"}, "Missing parameter: iNode."),
        ({"sAuthCode=demo": "sAuthCode"}, "Missing parameter: sAuthCode."),
        (
            {"=1": "=abc"},
            "Cannot convert abc to System.Int32.\r\nParameter name: type ---> "
            "Input string was not in a correct format.",
        ),
        (
            {"=2": "=2147483648"},
            "Cannot convert 2147483648 to System.Int32.\r\nParameter name: type ---> "
            "Value was either too large or too small for an Int32.",
        ),
        (
            {"demo": "%3Cscript%3E"},
            "A potentially dangerous WireRequest.{collection} value was detected from the client "
            "(sAuthCode=&quot;&lt;script&gt;&quot;).",
        ),
        (
            {"demo": "0123456789abc%26%23" + "x" * 40},
            "A potentially dangerous WireRequest.{collection} value was detected from the client "
            "(sAuthCode=&quot;...3456789abc&amp;#xxxxxxxxxxxxxxxxxx...&quot;).",
        ),
    ],
)
@pytest.mark.parametrize(("binding", "collection"), [(Binding.GET, "QueryString"), (Binding.POST, "Form")])
def test_get_and_post_refuse_with_a_text(binding: Binding, collection: str, changes: dict[str, str], text: str) -> None:
    answer = answered(request_over(binding, **changes), returning(Result.OK), binding)
    assert (answer.status, answer.content_type) == (500, "text/plain; charset=utf-8")
    assert answer.body == text.replace("{collection}", collection).encode() + b"\r\n"


@pytest.mark.parametrize("operation", ["STARTSESSION", "startsession"])
def test_an_operation_in_another_case_is_told_the_right_one(operation: str) -> None:
    answer = answered(WireRequest(FORM, operation=operation), returning(Result.OK), Binding.GET)
    text = (
        f"Invalid method name &#39;{operation}&#39;,  method names are case sensitive.   "
        "The method name &#39;startSession&#39; with the same name but different casing was found.\r\n"
        "Parameter name: methodName\r\n"
    )
    assert answer.body == text.encode()


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"<iSession>": '<iSession xmlns="">'}, "<iSession> is in no namespace"),
        ({"iNode>": "inode>"}, "<inode> has to be spelled <iNode>"),
        ({"</iSession>": "</iSession><iSession>5</iSession>"}, "<iSession> is there more than once"),
        ({'startSession xmlns="https': 'startSession xmlns="http'}, "<startSession> is in namespace 'http://"),
    ],
)
def test_what_the_service_ignores_in_silence_is_remarked_on(changes: dict[str, str], remark: str) -> None:
    answer = answered(request_over(Binding.SOAP11, **changes), returning(Result.OK), Binding.SOAP11)
    assert answer.status == 200
    assert any(remark in each for each in answer.remarks), answer.remarks


def test_elements_that_nobody_could_take_for_a_parameter_are_not_remarked_on() -> None:
    request = request_over(Binding.SOAP11, **{"<iNode>": "<extra/><iNode>"})
    assert answered(request, returning(Result.OK), Binding.SOAP11).remarks == ()


@pytest.mark.parametrize(
    ("content_type", "soap_action", "version"),
    [
        ("text/xml; charset=utf-8", '"x"', Binding.SOAP11),
        ("text/xml", None, Binding.SOAP12),
        ("application/soap+xml", None, Binding.SOAP12),
        ("application/soap+xml", '"x"', Binding.SOAP12),
        ("Application/SOAP+XML; action=x", "", Binding.SOAP12),
        ("", "", Binding.SOAP11),
    ],
)
def test_the_headers_speak_for_a_version(content_type: str, soap_action: str | None, version: Binding) -> None:
    assert guessed_version(content_type, soap_action) is version


@pytest.mark.parametrize("listens_to", ["the application", "the service"])
@pytest.mark.parametrize("binding", Binding)
def test_every_call_runs_through_the_pipeline_and_events_of_spyne(binding: Binding, listens_to: str) -> None:
    seen: list[tuple[str, str, list[object]]] = []
    listened_to = service.application(binding) if listens_to == "the application" else service.API
    manager = listened_to.event_manager

    def listener(event: str) -> Callable[[object], None]:
        def listen(ctx: object) -> None:
            seen.append((event, ctx.method_name, list(ctx.in_object)))  # type: ignore[attr-defined]

        return listen

    events = ["method_call", "method_return_object", "method_return_document", "method_return_string"]
    listeners = {event: listener(event) for event in events}
    for event, handler in listeners.items():
        manager.add_listener(event, handler)
    try:
        answered(request_over(binding), returning(Result.OK), binding)
    finally:
        for event, handler in listeners.items():
            manager.handlers[event].remove(handler)
    assert seen == [(event, OPERATION, [1, 2, "demo"]) for event in events]


@pytest.mark.parametrize("binding", ENVELOPES)
def test_an_envelope_that_breaks_off_anywhere_leaves_nothing_behind_for_the_next(binding: Binding) -> None:
    whole = request_over(binding)
    right = answered(whole, returning(Result.OK), binding)
    for length in range(0, len(whole.payload.rstrip()), 7):
        broken = WireRequest(whole.payload[:length], whole.content_type, whole.soap_action)
        assert answered(broken, returning(Result.OK), binding).refusal is not None
        assert answered(whole, returning(Result.OK), binding) == right


def test_spyne_declares_what_the_wsdl_says() -> None:
    application = Application([service.API], "urn:any", "Declared", Soap11(), XmlDocument())
    (descriptor,) = application.interface.service_method_map["{urn:any}startSession"]
    arguments = descriptor.in_message._type_info
    assert list(arguments) == ["iSession", "iNode", "sAuthCode"]
    assert [kind.Attributes.min_occurs for kind in arguments.values()] == [1, 1, 0]
    assert [kind.get_type_name() for kind in arguments.values()] == ["int", "int", "string"]
    (result,) = descriptor.out_message._type_info.values()
    assert result.get_type_name() == "startSessionRet"
    assert [str(value) for value in result.__values__] == [value.value for value in Result]
