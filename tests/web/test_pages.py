"""The pages say what the service's own say, hold whatever a request puts into them, and ask nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from emulator.core.contract import NAMESPACE, OPERATION, PARAMETERS
from emulator.web import pages
from tests.helpers.paths import GOLDEN

PATH = "/API/API.asmx"
HOST = "secure.logmeinrescue.com"
HOSTILE = "/a\"'><script>alert(1)</script>&lt;{{7*7}}{0}%s/x.asmx"

PAGES: dict[str, Callable[[str], str]] = {
    "overview": pages.overview,
    "operation, by path": lambda text: pages.operation(text, HOST, NAMESPACE),
    "operation, by host": lambda text: pages.operation(PATH, text, NAMESPACE),
    "operation, by address": lambda text: pages.operation(PATH, HOST, f"http://{text}"),
    "method not found, by path": lambda text: pages.method_not_found(text, "other"),
    "method not found, by name": lambda text: pages.method_not_found(PATH, text),
    "runtime error": pages.runtime_error,
    "plain error, by title": lambda text: pages.plain_error(400, text, "text"),
    "plain error, by text": lambda text: pages.plain_error(400, "title", text),
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
help_pages = pytest.mark.parametrize(
    "page",
    [
        pages.overview,
        lambda path: pages.operation(path, HOST, NAMESPACE),
        lambda path: pages.method_not_found(path, "other"),
    ],
    ids=["overview", "operation", "method not found"],
)


def parsed(page: str) -> etree._Element:
    """A page as a browser takes it apart."""
    return etree.fromstring(page, etree.HTMLParser())


def found(page: str, path: str) -> Any:
    """What an XPath finds in a page."""
    return parsed(page).xpath(path)


def words(page: str) -> str:
    """What a person reads on a page, the form apart, with all white space made one space."""
    return " ".join("".join(found(page, "//body//text()[not(ancestor::form)]")).split())


def an_operation_page(*, path: str = PATH, host: str = HOST, address: str = NAMESPACE) -> str:
    """The page of the operation, by default as it is seen at the real service."""
    return pages.operation(path, host, address)


def test_the_operation_page_reads_as_that_of_the_service() -> None:
    golden = (GOLDEN / "asmx" / "operation-page.txt").read_text(encoding="utf-8")
    assert words(an_operation_page()) == " ".join(golden.split())


def test_the_overview_lists_the_operation() -> None:
    assert words(pages.overview(PATH)) == (
        "API The following operations are supported. For a formal definition, please review the Service Description. "
        "startSession Starts the selected session"
    )


def test_an_unknown_method_is_named() -> None:
    assert words(pages.method_not_found(PATH, "other")) == (
        "API Click here for a complete list of operations. "
        "Method Not Found Method 'other' was not found in service API."
    )


@help_pages
def test_a_help_page_has_the_title_the_heading_and_the_way_to_discovery(page: Callable[[str], str]) -> None:
    html = page("/api/Api.asmx")
    assert found(html, "string(//title)") == "API Web Service"
    assert found(html, "//div[@id='content']/p[@class='heading1']/text()") == ["API"]
    assert found(html, "//head/link[@rel='alternate'][@type='text/xml']/@href") == ["/api/Api.asmx?disco"]


@help_pages
def test_discovery_is_never_sought_on_another_host(page: Callable[[str], str]) -> None:
    assert found(page("//elsewhere.example/API.asmx"), "//link[@rel='alternate']/@href") == [
        "/elsewhere.example/API.asmx?disco"
    ]


@pytest.mark.parametrize(
    ("page", "links"),
    [
        (pages.overview("/api/Api.asmx"), ["Api.asmx?WSDL", "Api.asmx?op=startSession"]),
        (an_operation_page(path="/api/Api.asmx"), ["Api.asmx"]),
        (pages.method_not_found("/spaces/a b/api.ASMX", "other"), ["api.ASMX"]),
    ],
    ids=["overview", "operation", "method not found"],
)
def test_links_name_the_file_as_it_was_requested(page: str, links: list[str]) -> None:
    assert found(page, "//a/@href") == links


def test_the_form_posts_every_parameter_to_the_operation_in_a_new_window() -> None:
    page = an_operation_page(address="http://127.0.0.1:8085/API/API.asmx")
    (form,) = found(page, "//form")
    assert dict(form.attrib) == {
        "target": "_blank",
        "action": "http://127.0.0.1:8085/API/API.asmx/startSession",
        "method": "post",
    }
    assert found(page, "//form//input[@type='text']/@name") == list(PARAMETERS)
    assert found(page, "//form//button/text()") == ["Invoke"]


def test_every_field_of_the_form_has_its_label() -> None:
    page = an_operation_page()
    assert found(page, "//form//label/text()") == [f"{name}:" for name in PARAMETERS]
    assert found(page, "//form//label/@for") == found(page, "//form//input/@id")


def test_a_sample_stands_in_lines_that_could_be_sent() -> None:
    assert found(an_operation_page(), "string(//pre[1])").splitlines() == [
        "POST /API/API.asmx HTTP/1.1",
        "Host: secure.logmeinrescue.com",
        "Content-Type: text/xml; charset=utf-8",
        "Content-Length: length",
        'SOAPAction: "https://secure.logmeinrescue.com/API/API.asmx/startSession"',
        "",
        '<?xml version="1.0" encoding="utf-8"?>',
        '<soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">',
        "  <soap:Body>",
        '    <startSession xmlns="https://secure.logmeinrescue.com/API/API.asmx">',
        "      <iSession>int</iSession>",
        "      <iNode>int</iNode>",
        "      <sAuthCode>string</sAuthCode>",
        "    </startSession>",
        "  </soap:Body>",
        "</soap:Envelope>",
    ]


def test_the_samples_repeat_path_and_host_of_the_request_and_nothing_else() -> None:
    there = words(an_operation_page(path="/api/api.asmx", host="localhost:8085", address="http://localhost:8085/x"))
    here = words(an_operation_page())
    assert re.sub(r"(POST|GET) /api/api\.asmx", rf"\1 {PATH}", there).replace("localhost:8085", HOST) == here


def test_every_result_is_a_placeholder_of_each_answer() -> None:
    page = an_operation_page()
    for answer in found(page, "//pre[position() mod 2 = 0]"):
        assert len(answer.xpath("var[starts-with(text(), 'startSessionRet_')]")) == 6


@every_page
def test_a_hostile_text_stays_text(page: Callable[[str], str]) -> None:
    tags = [element.tag for element in parsed(page(HOSTILE)).iter()]
    assert tags == [element.tag for element in parsed(page("/harmless/x.asmx")).iter()]


def test_a_hostile_text_is_shown_as_it_came() -> None:
    assert HOSTILE in words(an_operation_page(path=HOSTILE))
    assert f"Host: {HOSTILE}" in words(an_operation_page(host=HOSTILE))
    assert f"'{HOSTILE}'" in words(pages.method_not_found(PATH, HOSTILE))


@every_page
def test_a_page_asks_for_nothing_runs_nothing_and_suits_every_reader(page: Callable[[str], str]) -> None:
    html = page("/API/API.asmx")
    assert found(html, "//script | //img | //iframe | //@src | //@onclick | //link[@rel='stylesheet']") == []
    assert found(html, "//link[@rel='icon']/@href") == ["data:,"]
    assert "url(" not in html
    assert "@import" not in html
    assert found(html, "string(/html/@lang)") == "en"
    assert found(html, "string(//meta[@name='viewport']/@content)") == "width=device-width, initial-scale=1"
    assert len(found(html, "//h1 | //*[@role='heading'][@aria-level='1']")) == 1


def test_a_runtime_error_names_the_application_and_nothing_of_the_cause() -> None:
    page = pages.runtime_error("/API")
    assert found(page, "string(//title)") == "Runtime Error"
    assert found(page, "string(//h1)") == "Server Error in '/API' Application."


def test_a_plain_error_is_ascii() -> None:
    page = pages.plain_error(400, "Bad Request - Invalid Hostname", "No host \u201c\u00e9\u201d is known.")
    assert page.isascii()
    assert words(page) == "Bad Request - Invalid Hostname HTTP Error 400. No host \u201c\u00e9\u201d is known."


def test_the_operation_is_named_on_its_page() -> None:
    assert found(an_operation_page(), "//h2/text()") == [OPERATION]
    assert found(an_operation_page(), "//h3/text()") == ["Test", "SOAP 1.1", "SOAP 1.2", "HTTP GET", "HTTP POST"]
