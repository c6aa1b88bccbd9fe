"""What the log and the journal say of ordinary mistakes of clients: alone, it has to tell a person what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from emulator.core.contract import NAMESPACE, SOAP11_NS, SOAP12_NS, SOAP_ACTION, Binding
from emulator.wire.service import WireRequest
from emulator.wire.soap import guessed_version
from tests.helpers.wire import request_over, respond

VALUES: Final = "<iSession>1</iSession><iNode>2</iNode><sAuthCode>s3cr3t-code</sAuthCode>"
OPERATION: Final = f"<startSession xmlns='{NAMESPACE}'>"
READING: Final = "Server was unable to read request. ---> "
NUMBER: Final = "has to be a whole number from -2147483648 to 2147483647"
WRONG_ACTION: Final = "Server did not recognize the value of HTTP Header SOAPAction: "
RIGHT_ACTION: Final = f'it has to be SOAPAction: "{SOAP_ACTION}"'


def said(body: str, *, content_type: str = "text/xml; charset=utf-8", soap_action: str | None = SOAP_ACTION) -> str:
    """Return the reason of the refusal, or the remarks on the call, for what is in Envelope."""
    ns = SOAP12_NS if content_type.startswith("application/soap+xml") else SOAP11_NS
    return said_of(f'<e:Envelope xmlns:e="{ns}">{body}</e:Envelope>', content_type, soap_action)


def said_of(payload: str, content_type: str, soap_action: str | None) -> str:
    request = WireRequest(payload.encode(), content_type, soap_action)
    answer, _ = respond(request, guessed_version(content_type, soap_action))
    return "; ".join(map(str, answer.remarks)) if answer.why is None else str(answer.why)


def operation(content: str = VALUES, *, name: str = "startSession", ns: str = NAMESPACE) -> str:
    return f'<e:Body><{name} xmlns="{ns}">{content}</{name}></e:Body>'


REMARKS = {
    "wrong namespace": (
        operation(ns="http://tempuri.org/"),
        f"<startSession> is in namespace 'http://tempuri.org/', and has to be <startSession> in '{NAMESPACE}'",
    ),
    "wrong case": (
        operation(VALUES.replace("iNode", "INode")),
        "<INode> has to be spelled <iNode>",
    ),
    "another operation": (
        operation(name="startSessionRequest"),
        f"<startSessionRequest> in Body is not the operation, which has to be {OPERATION}",
    ),
    "wrapper": (
        operation(f"<request>{VALUES}</request>"),
        "<request> is between <startSession> and its parameters, which have to be directly in <startSession>",
    ),
    "wrapper named as the operation": (
        operation(f"<startSession>{VALUES}</startSession>"),
        "<startSession> is between <startSession> and its parameters, which have to be directly in <startSession>",
    ),
    "unwrapped": (
        f'<e:Body><iNode xmlns="{NAMESPACE}">2</iNode></e:Body>',
        f"<iNode> is directly in Body, and has to be in {OPERATION}",
    ),
    "attributes": (
        f'<e:Body><startSession xmlns="{NAMESPACE}" iSession="1"/></e:Body>',
        "iSession is an attribute of <startSession>, and has to be an element <iSession> in it",
    ),
    "multi-ref": (
        operation('<sAuthCode href="#a"/>') + "<a>s3cr3t-code</a>",
        "<sAuthCode> refers to another element (href, rpc/encoded style), which the service does not follow; "
        "the value has to be in <sAuthCode> itself",
    ),
    "CDATA in Body": (
        f"<e:Body><![CDATA[{operation()}]]></e:Body>",
        f"Body holds text, maybe XML in CDATA or escaped; it has to hold {OPERATION} as markup",
    ),
    "empty Body": ("<e:Body/>", f"Body is empty, and has to hold {OPERATION}"),
    "repeated": (
        operation("<iNode>1</iNode><iNode>2</iNode>"),
        "<iNode> occurs more than once; only the first one counts",
    ),
    "a value in an element": (
        operation(VALUES.replace(">1<", "><i>1</i><")),
        "<iSession> holds <i>, after which the service reads no more; it has to hold the value alone",
    ),
}


@pytest.mark.parametrize("mistake", REMARKS)
def test_a_remark_names_what_the_service_ignores_and_what_is_right(mistake: str) -> None:
    body, remark = REMARKS[mistake]
    assert said(body) == remark


@pytest.mark.parametrize("body", [operation(), operation("<extra><b/></extra>" + VALUES), operation("<sAuthCode/>")])
def test_what_does_no_harm_is_not_remarked_on(body: str) -> None:
    assert said(body) == ""


REASONS: dict[str, tuple[Callable[[], str], str]] = {
    "text before Body": (
        lambda: said(f"text{operation()}"),
        f"{READING}Request format is invalid: Missing required soap:Body element. "
        "(text is before Body, where only one Header may be)",
    ),
    "an element before Body": (
        lambda: said(f"<e:header/>{operation()}"),
        f"{READING}Request format is invalid: Missing required soap:Body element. "
        "(<header> is before Body, where only one Header may be)",
    ),
    "no Body": (
        lambda: said("<Body/>"),
        f"{READING}Request format is invalid: Missing required soap:Body element. "
        "(there is no Body in the namespace of the Envelope)",
    ),
    "bad int": (
        lambda: said(operation("<iSession>1.5</iSession>")),
        f"{READING}There is an error in XML document (1, 167). ---> Input string was not in a correct format. "
        f"(<iSession> is '1.5', and {NUMBER})",
    ),
    "int out of range": (
        lambda: said(operation("<iNode>2147483648</iNode>")),
        f"{READING}There is an error in XML document (1, 168). ---> "
        f"Value was either too large or too small for an Int32. (<iNode> is '2147483648', and {NUMBER})",
    ),
    "an int by reference": (
        lambda: said(operation('<iNode href="#n"/>')),
        f"{READING}There is an error in XML document (1, 161). ---> Input string was not in a correct format. "
        "(<iNode> refers to another element (href, rpc/encoded style), which the service does not follow; "
        "the value has to be in <iNode> itself)",
    ),
    "a comment in a value": (
        lambda: said(operation("<iNode>1<!-- x --></iNode>")),
        "<iNode> has to hold text only, but there is a comment or processing instruction in it",
    ),
    "an element in a value": (
        lambda: said(operation("<sAuthCode>s3cr3t-code<b/></sAuthCode>")),
        "<sAuthCode> has to hold text only, but there is <b> in it",
    ),
    "empty SOAPAction": (
        lambda: said(operation(), soap_action=""),
        f"{WRONG_ACTION}. (the header sent is SOAPAction: (empty); {RIGHT_ACTION})",
    ),
    "wrong SOAPAction": (
        lambda: said(operation(), soap_action="'StartSession'"),
        f"{WRONG_ACTION}'StartSession'. (the header sent is SOAPAction: 'StartSession'; {RIGHT_ACTION})",
    ),
    "no SOAPAction and another operation": (
        lambda: said(operation(name="StartSession"), soap_action=None),
        "Unable to handle request without a valid action parameter. Please supply a valid soap action. "
        f"(there is no SOAPAction, so Body has to begin with {OPERATION}, but begins with <StartSession> in namespace "
        f"'{NAMESPACE}')",
    ),
    "SOAPAction in SOAP 1.2": (
        lambda: said("<e:Body>s3cr3t-code</e:Body>", content_type="application/soap+xml"),
        "Unable to handle request without a valid action parameter. Please supply a valid soap action. "
        "(SOAPAction does not count for application/soap+xml, so Body has to begin with "
        f"{OPERATION}, but begins with text)",
    ),
    "wrong action": (
        lambda: said("<e:Body/>", content_type='application/soap+xml; action="urn:x"'),
        "Unable to handle request. The action 'urn:x' was not recognized. "
        f"(the action is not '{SOAP_ACTION}', so Body has to begin with {OPERATION}, but is empty)",
    ),
    "no Content-Type": (
        lambda: said(operation(), content_type=""),
        "there is no Content-Type, which has to be text/xml, or application/soap+xml for SOAP 1.2",
    ),
    "another media type": (
        lambda: said(operation(), content_type="application/xml; charset=utf-8"),
        "the media type 'application/xml' is not accepted, only text/xml, or application/soap+xml for SOAP 1.2",
    ),
    "SOAP 1.1 as SOAP 1.2": (
        lambda: said_of(request_over(Binding.SOAP11).payload.decode(), "application/soap+xml", None),
        "the media type application/soap+xml is for SOAP 1.2, but the envelope is of SOAP 1.1, "
        "which is sent as text/xml",
    ),
    "no XML": (lambda: said_of("", "text/xml", SOAP_ACTION), "the body is empty"),
    "no XML, routed by the Body": (
        lambda: said_of(" ", "text/xml", None),
        "Server was unable to process request. ---> Root element is missing. (the body is empty)",
    ),
    "XML that is not well-formed": (
        lambda: said_of(f"<!DOCTYPE a><a>{operation()}</a>", "text/xml", SOAP_ACTION),
        "the XML is not well-formed: DTD is prohibited in this XML document.",
    ),
    "another root": (
        lambda: said_of("<html/>", "text/xml", SOAP_ACTION),
        "Possible SOAP version mismatch: Envelope namespace  was unexpected. "
        f"Expecting {SOAP11_NS}. (the root element is <html>; an Envelope is in {SOAP11_NS} or {SOAP12_NS})",
    ),
    "a header to be understood": (
        lambda: said(f'<e:Header><h e:mustUnderstand="1"/></e:Header>{operation()}'),
        "SOAP header h was not understood. (the service understands no header, so none can have mustUnderstand)",
    ),
}


@pytest.mark.parametrize("mistake", REASONS)
def test_a_reason_names_what_was_wrong_in_the_request_and_what_is_right(mistake: str) -> None:
    actual, reason = REASONS[mistake]
    assert actual() == reason


@pytest.mark.parametrize("binding", [Binding.GET, Binding.POST])
def test_a_reason_names_the_parameter_that_is_no_number(binding: Binding) -> None:
    answer, _ = respond(request_over(binding, **{"iNode=2": "iNode=0x2"}), binding)
    assert str(answer.why).endswith(f"format. (iNode {NUMBER})")
