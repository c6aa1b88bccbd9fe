"""Requests made to do harm are refused or answered as any other, at once, and others are served meanwhile."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import create_environ

from emulator.core.contract import OPERATION, SERVICE_PATH, SOAP_ACTION, Binding
from emulator.core.engine import Engine
from emulator.delivery import DELIVERY, WSGIApplication
from emulator.scenario.loading import loads
from emulator.server.server import HttpServer
from emulator.web.app import Application
from emulator.wire.input_limits import DEEPEST, LONGEST_TO_DECODE, MOST_MARKUP, MOST_PAIRS
from emulator.wire.service import INTERNAL_ERROR
from tests.helpers.calling import PATIENCE, Address, a_request, call, next_answer, result, sent, serving
from tests.helpers.hostile import ANSWERED, FORMS, REFUSED, envelope, many

AT_ONCE = 1.0  # seconds of the processor's time; most take a twentieth of that
FORM = "application/x-www-form-urlencoded"
TYPES = {Binding.SOAP11: "text/xml; charset=utf-8", Binding.SOAP12: "application/soap+xml; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the application, and how long it took of the processor's time."""

    status: int
    body: bytes
    seconds: float


class Service:
    """The application, asked without a socket."""

    def __init__(self) -> None:
        self.engine = Engine(loads("otherwise: startSessionRet_OK"))
        self._application = Application(self.engine)

    def soap(self, body: str | bytes, binding: Binding = Binding.SOAP11, content_type: str | None = None) -> Answered:
        """An envelope; over SOAP 1.2 it has no action, so that it has to be read to be routed."""
        headers = {"SOAPAction": SOAP_ACTION} if binding is Binding.SOAP11 else {}
        content = body.encode() if isinstance(body, str) else body
        return self._asked("POST", SERVICE_PATH, content_type or TYPES[binding], content, headers)

    def form(self, form: str) -> Answered:
        """A form."""
        return self._asked("POST", f"{SERVICE_PATH}/{OPERATION}", FORM, form.encode("latin-1"), {})

    def query(self, query: str) -> Answered:
        """A query of any length, as another server than ours might let through."""
        environ = create_environ(f"{SERVICE_PATH}/{OPERATION}", method="GET")
        return self._answer(environ | {"QUERY_STRING": query})

    def shown(self) -> tuple[Any, float]:
        """The newest entry of the journal as the control API shows it, and how long that took."""
        newest = self.engine.snapshot().last_id
        answer = self._answer(create_environ(f"/__admin/calls/{newest}", base_url="http://127.0.0.1"))
        assert answer.status == 200, answer.body
        return json.loads(answer.body), answer.seconds

    def _asked(self, method: str, path: str, content_type: str, body: bytes, headers: dict[str, str]) -> Answered:
        return self._answer(
            create_environ(
                path, method=method, headers=headers, content_type=content_type, input_stream=io.BytesIO(body)
            )
            | {"CONTENT_LENGTH": str(len(body))}
        )

    def _answer(self, environ: Any) -> Answered:
        told: list[str] = []

        def start(status: str, _headers: Any, _error: Any = None) -> Any:
            told.append(status)

        began = time.thread_time()
        body = b"".join(self._application(environ, start))
        return Answered(int(told[0][:3]), body, time.thread_time() - began)


@pytest.fixture(scope="module")
def service() -> Service:
    return Service()


@pytest.fixture(autouse=True)
def logs_stay_short(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    for record in caplog.get_records("call"):
        assert record.levelno < logging.ERROR, record.getMessage()
        assert len(record.getMessage()) < 3000


def check_shown_at_once(service: Service) -> None:
    _, seconds = service.shown()
    assert seconds < AT_ONCE


@pytest.mark.parametrize("name", ANSWERED)
def test_a_long_envelope_with_little_in_it_is_answered_at_once(name: str, service: Service) -> None:
    for binding in TYPES:
        response = service.soap(envelope(ANSWERED[name](), binding=binding), binding)
        assert (response.status, b"startSessionRet_OK" in response.body) == (200, True)
        assert response.seconds < AT_ONCE
        check_shown_at_once(service)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_mistake_in_a_long_envelope_is_found_at_once(name: str, service: Service) -> None:
    bad_int = service.soap(envelope(ANSWERED[name](), session="x"))
    assert (bad_int.status, b"Input string was not in a correct format" in bad_int.body) == (500, True)
    cut_short = service.soap(envelope(ANSWERED[name]())[:-1])
    assert (cut_short.status, cut_short.body) == (400, b"")
    assert max(bad_int.seconds, cut_short.seconds) < AT_ONCE


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_envelope_or_too_much_of_one_is_refused_at_once(name: str, service: Service) -> None:
    response = service.soap(envelope(REFUSED[name]()))
    assert (response.status, response.body) == (400, b"")
    assert response.seconds < AT_ONCE
    check_shown_at_once(service)
    in_routing = service.soap(envelope("", binding=Binding.SOAP12, header=REFUSED[name]()), Binding.SOAP12)
    assert in_routing.status == 500
    assert b"Server was unable to process request. ---&gt; " in in_routing.body
    assert INTERNAL_ERROR.encode() not in in_routing.body
    assert in_routing.seconds < AT_ONCE


@pytest.mark.parametrize("name", FORMS)
def test_a_long_form_or_query_is_answered_at_once(name: str, service: Service) -> None:
    make, part = FORMS[name]
    response, too_long = service.form(make()), service.query(make())
    assert part.encode() in response.body
    assert too_long.status == 404
    assert max(response.seconds, too_long.seconds) < AT_ONCE
    check_shown_at_once(service)


def test_a_query_has_as_many_characters_as_iis_lets_through_and_no_more(service: Service) -> None:
    query = "iSession=1&iNode=2&sAuthCode=ok&padding="
    assert service.query(query.ljust(2048, "1")).status == 200
    assert service.query(query.ljust(2049, "1")).status == 404


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "iso-8859-8", "windows-1255", "big5", "iso-2022-jp", "hz"])
def test_bytes_that_mean_nothing_in_their_charset_are_read_at_once(charset: str, service: Service) -> None:
    for byte in (b"\xff", b"\x80", b"+", b"\x1b", b"~", b"\xd8\0"):
        for length in (LONGEST_TO_DECODE, LONGEST_TO_DECODE * 8):
            response = service.soap(byte * (length // len(byte)), content_type=f"text/xml; charset={charset}")
            assert (response.status, response.body) == (400, b"")
            assert response.seconds < AT_ONCE


def test_a_document_in_a_slow_charset_is_as_long_as_is_stated_and_no_longer(service: Service) -> None:
    space = " " * (LONGEST_TO_DECODE // 2 - len(envelope("")))
    for content_type, longer in [("text/xml; charset=utf-16", 400), (TYPES[Binding.SOAP11], 200)]:
        charset = content_type.partition("=")[2].replace("16", "16-le")
        assert service.soap(envelope(space).encode(charset), content_type=content_type).status == 200
        assert service.soap(envelope(space + " ").encode(charset), content_type=content_type).status == longer


def test_the_names_of_charsets_that_nobody_knows_are_not_remembered(service: Service) -> None:
    import encodings

    cache: dict[str, object] = encodings._cache
    before = len(cache)
    for number in range(100):
        service.soap("<a/>", content_type=f"text/xml; charset=unknown-{number}")
        service.soap(f"<?xml version='1.0' encoding='unknown-{number}'?><a/>", Binding.SOAP12, "application/soap+xml")
    assert len(cache) == before


ENTITIES = {
    "none": "<!DOCTYPE a>",
    "laughing": '<!DOCTYPE a [<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]>",
    "repeated": f'<!DOCTYPE a [<!ENTITY b "{"x" * 50_000}">]>',
    "from a file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file://{file}">]>',
    "from the network": '<!DOCTYPE a [<!ENTITY b SYSTEM "http://127.0.0.1:{port}/b">]>',
    "of parameters": '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:{port}/b"> %b;]>',
    "in a DTD elsewhere": '<!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/a.dtd">',
    "in a public DTD": '<!DOCTYPE a PUBLIC "-//A//B//EN" "http://127.0.0.1:{port}/a.dtd">',
}
USED = {"laughing": "&l9;", "repeated": "&b;" * 20_000, "from a file": "&b;", "from the network": "&b;"}
CHARSETS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1", "cp037"]


@pytest.mark.parametrize("entity", ENTITIES)
def test_no_entity_is_read_and_nothing_is_fetched(entity: str, service: Service, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("startSessionRet_of_a_file")
    calls = len(service.engine.snapshot().exchanges)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = str(listening.getsockname()[1])
        declared = ENTITIES[entity].replace("{port}", port).replace("{file}", str(tmp_path / "secret"))
        for charset, binding in product(CHARSETS, TYPES):
            used = envelope(USED.get(entity, ""), binding=binding).replace(">ok<", f">{USED.get(entity, 'ok')[:20]}<")
            content_type = f"{TYPES[binding].partition(';')[0]}; charset={charset.removesuffix('-sig')}"
            response = service.soap((declared + used).encode(charset), binding, content_type)
            if binding is Binding.SOAP11:
                assert (response.status, response.body) == (400, b"")
            else:
                assert response.status == 500
                assert b"DTD is prohibited in this XML document." in response.body
            assert b"of_a_file" not in response.body
            assert response.seconds < AT_ONCE
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert len(service.engine.snapshot().exchanges) == calls


def a_nest(deep: int) -> str:
    """An envelope so many elements deep."""
    return envelope("<a>" * (deep - 3) + "</a>" * (deep - 3))


@pytest.mark.parametrize("padding", [0, 100_000], ids=["read quickly", "read closely"])
def test_elements_nest_as_deep_as_is_stated_and_no_deeper(
    padding: int, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    space = "<!--x-->" + " " * padding
    assert DEEPEST == 256
    assert service.soap(a_nest(DEEPEST) + space).status == 200
    assert service.soap(a_nest(DEEPEST + 1) + space).status == 400
    assert caplog.messages[-1].startswith("soap11 refused with 400: the XML nests more than 256 deep")


def test_a_nest_that_is_too_deep_is_refused_in_words_where_it_is_read_for_its_route(service: Service) -> None:
    nest = "<a>" * DEEPEST + "</a>" * DEEPEST
    answer = service.soap(envelope("", binding=Binding.SOAP12, header=nest), Binding.SOAP12)
    assert (answer.status, b"larger than rescue-emulator reads" in answer.body) == (500, True)


def test_as_many_tags_are_read_as_is_stated_and_no_more(service: Service) -> None:
    own = envelope("").count("<") + envelope("").count("=")
    assert service.soap(envelope("<a/>" * (MOST_MARKUP - own))).status == 200
    assert service.soap(envelope("<a/>" * (MOST_MARKUP - own + 1))).status == 400


@pytest.mark.parametrize(
    ("over", "told"),
    [
        (
            "form",
            b"The URL-encoded form data is not valid. ---> Operation is not valid due to the current state of",
        ),
        ("query", b"Operation is not valid due to the current state of"),
    ],
)
def test_a_form_has_as_many_pairs_as_the_service_reads_and_no_more(over: str, told: bytes, service: Service) -> None:
    right = "iSession=1&iNode=2&sAuthCode=ok"
    pairs = [right, *[""] * (MOST_PAIRS - 3)]
    assert getattr(service, over)("&".join(pairs)).status == 200
    answer = getattr(service, over)("&".join([*pairs, ""]))
    assert (answer.status, answer.body) == (500, told + b" the object.\r\n")


def test_what_was_overlooked_is_told_once_and_not_without_end(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    elements = ['<iSession xmlns="u"/>' * 100, *(f'<iNode xmlns="{"u" * number}"/>' for number in range(1, 1000, 10))]
    assert service.soap(envelope("".join(elements))).status == 200
    (remark,) = [each for each in caplog.messages if "<iSession> is in" in each]
    assert remark.count("<iSession> is in") == 1
    assert "; and 16 more (" in remark


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f'<Envelope xmlns="{"u" * 3_000_000}"/>', id="the namespace of an envelope"),
        pytest.param(envelope("", header=f'<{"h" * 3_000_000} e:mustUnderstand="1"/>'), id="the name of a header"),
        pytest.param(envelope(f'<iSession xmlns="{"u" * 3_000_000}"/>'), id="the namespace of a parameter"),
        pytest.param(envelope(f"<{'w' * 3_000_000}><iNode/></{'w' * 3_000_000}>"), id="the name of a wrapper"),
        pytest.param(envelope("").replace("<e:Body", f"<{'w' * 3_000_000}/><e:Body", 1), id="the name before Body"),
        pytest.param(envelope(f"<iNode><{'w' * 3_000_000}/></iNode>"), id="the name in a parameter"),
    ],
)
def test_of_what_is_long_the_log_tells_the_beginning(body: str, service: Service) -> None:
    assert service.soap(body).status in (200, 400, 500)  # and the fixture looks at the log


def test_of_a_long_body_the_beginning_is_shown(service: Service) -> None:
    body = envelope(many("<!--x-->"))
    service.soap(body)
    shown, _ = service.shown()
    assert len(shown["request"]["body"]) < 100_000
    assert shown["request"]["body"].endswith(f"… ({len(body):,} bytes in all)")


@pytest.mark.parametrize("start", ["<", "<a ", "iSession=", "<a b='", "<!--"])
def test_whatever_a_shown_body_is_made_of_is_masked_at_once(start: str, service: Service) -> None:
    for piece in ("<!--", "<![CDATA[", "<?", "<a ", "<a b='", "a", " ", "-", "<a b=", "%", "&", "?/"):
        service.soap(start + many(piece, 60_000) + "!", content_type=FORM)
        check_shown_at_once(service)


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with serving("otherwise: startSessionRet_OK") as found:
        yield found


def test_others_are_served_while_a_long_body_is_read() -> None:
    """The long one is answered after another one: if the event loop read it, neither would be answered."""
    inner = Application(Engine(loads("otherwise: startSessionRet_OK")))
    long_came, other_came = threading.Event(), threading.Event()

    def application(environ: Any, start_response: Any) -> Any:
        body = inner(environ, start_response)
        work = environ[DELIVERY].deferred
        if work is None:
            other_came.set()
            return body

        def wait_for_the_other() -> WSGIApplication:
            long_came.set()
            assert other_came.wait(PATIENCE)
            return work()  # type: ignore[no-any-return]

        environ[DELIVERY].defer(wait_for_the_other)
        return body

    server = HttpServer(application, host="127.0.0.1", port=0, max_delay=1.0)
    server.start()
    try:
        address = ("127.0.0.1", int(server.origin.rpartition(":")[2]))
        with sent(address, a_request(Binding.SOAP11, padding=200_000)) as connection:
            assert long_came.wait(PATIENCE)
            assert result(call(address, a_request())) == "OK"
            assert b"startSessionRet_OK" in next_answer(connection)[1]
    finally:
        server.stop()


HEADS = {
    "a query": b"GET /API/API.asmx?%b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path": b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header": b"GET /API/API.asmx HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n",
    "the name of a header": b"GET /API/API.asmx HTTP/1.1\r\nHost: x\r\n%b: y\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("length", [16 * 1024 + 1, 4_000_000])
def test_a_head_that_is_too_long_is_refused(head: str, length: int, address: Address) -> None:
    answer = answered_to(HEADS[head] % (b"a" * length), address)
    told = (b"400 Bad Request", b"Request Too Long") if "header" in head else (b"414 URI Too Long", b"URI Too Long")
    assert answer.startswith(b"HTTP/1.1 %b\r\n" % told[0])
    assert told[1] in answer
    assert result(call(address, a_request())) == "OK"


def test_a_head_without_end_is_refused_before_it_is_all_in_memory(address: Address) -> None:
    answer = answered_to(b"GET /API/API.asmx HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000, address)
    assert b"Request Too Long" in answer


def answered_to(data: bytes, address: Address) -> bytes:
    """The beginning of what comes back, however much of the request was read."""
    with sent(address) as connection:
        sending = threading.Thread(target=_send, args=(connection, data))
        sending.start()
        found = connection.recv(4096)
        sending.join(PATIENCE)
    return found


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:  # the server has closed, and reads no more of it
        return


def test_a_prefix_that_nobody_declared_is_refused_whatever_else_is_odd(service: Service) -> None:
    """lxml takes a document whose last oddity is worth a warning only, as is a namespace that is no address."""
    body = envelope("<a p:b=''><c xmlns='relative'/></a>")
    assert service.soap(body).status == 400


@pytest.mark.parametrize("letter", ["\U0001f600", "\u2c00", "\u0221"], ids=ascii)
@pytest.mark.parametrize("where", ["<a{0}/>", "<a b='>' c{0}=''/>", "<?a{0} b?>", '<a b="\'" c{0}="">\'</a>'])
def test_a_letter_that_came_after_net_is_not_part_of_a_name(where: str, letter: str, service: Service) -> None:
    assert service.soap(envelope(where.format("\u00e9"))).status == 200
    assert service.soap(envelope(where.format(letter))).status == 400


def test_such_a_letter_is_right_in_a_value(service: Service) -> None:
    body = envelope("<a b='\U0001f600'/>\U0001f600<!--\U0001f600-->").replace(">ok<", ">\U0001f600<")
    assert service.soap(body).status == 200
    assert service.engine.snapshot().exchanges[-1].call.auth_code == "\U0001f600"
