"""Sends one real call to the server's own listening socket, and shows what a client sees of the answer."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus

from werkzeug.exceptions import ServiceUnavailable

from emulator.client.raw_call import SentCall, send_raw
from emulator.client.soap import find_result
from emulator.core.journal import RawMessage
from emulator.errors import RemoteError
from emulator.scenario.control_shapes import MessageJson, SentCallJson
from emulator.web.control.dispatch import ControlRequest
from emulator.web.request import Request
from emulator.wire.content_type import parse_content_type
from emulator.wire.decoding import as_text


def send(control: ControlRequest) -> SentCallJson:
    """Send the call once, whatever becomes of it. It goes on when the client of this request leaves."""
    body, request = control.body, control.request
    host, port = _address(request)
    try:
        sent = send_raw(body.build(), request.scheme, host, port, request.root_path, body.seconds)
    except RemoteError as error:
        raise ServiceUnavailable(f"the server cannot call itself: {error}") from None
    return _data(sent)


def _address(request: Request) -> tuple[str, int]:
    """Return the address of the socket on which a request came; under another WSGI server it may not be known."""
    name, port = request.environ.get("SERVER_NAME", ""), str(request.environ.get("SERVER_PORT", ""))
    if not name or not (port.isascii() and port.isdigit()):
        raise ServiceUnavailable(
            "the server cannot call itself: it does not say on which address it listens (SERVER_NAME, SERVER_PORT)"
        )
    return name, int(port)


def _data(sent: SentCall) -> SentCallJson:
    answer = sent.answer
    headers = {} if answer is None else {str(name).lower(): str(value) for name, value in answer.headers}
    call_id, status = headers.get("x-emulator-call"), None
    if answer is not None and answer.start:
        with suppress(ValueError):  # a status line is always ours, but not under another WSGI server
            status = HTTPStatus(int(answer.start.split(" ")[1])).value
    result = None if answer is None or status != HTTPStatus.OK else find_result(answer.body)
    return {
        "request": _message(sent.request),
        "answer": None if answer is None else _message(answer),
        "failure": sent.failure,
        "result": result,
        "status": status,
        "answered_s": round(sent.answered_s, 6),
        "call": int(call_id) if call_id and call_id.isdigit() else None,
    }


def _message(message: RawMessage) -> MessageJson:
    headers = [[str(name), str(value)] for name, value in message.headers]
    media = parse_content_type(next((value for name, value in headers if name.lower() == "content-type"), ""))
    return {"start": message.start, "headers": headers, "body": as_text(message.body, media)}
