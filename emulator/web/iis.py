"""What IIS answers before ASMX is asked: to verbs that are not its own, and to requests that are not whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emulator.web import pages
from emulator.web.request import HTML, Answer, Visit

_VERBS_OF_ASMX: Final = frozenset({"GET", "POST", "HEAD"})
_CONTROLS: Final = "".join(map(chr, (*range(32), 127)))
_FORBIDDEN: Final = frozenset("<>*%&:\\" + _CONTROLS)  # what ASP.NET and HTTP.sys refuse in a path after decoding
_ASCII_HTML = "text/html; charset=us-ascii"  # what HTTP.sys, below IIS, says of its own pages


@dataclass(frozen=True, slots=True)
class Stopped:
    """How IIS answers what never reaches ASMX: with a small page, or with headers alone where there is no title."""

    status: int
    title: str = ""
    text: str = ""
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()

    def answer(self) -> Answer:
        """The answer, its page rendered."""
        if not self.title:
            return Answer(self.status, headers=self.headers)
        page = pages.plain_error(self.status, self.title, self.text)
        return Answer(self.status, self.content_type, page, self.headers, f"{self.title}: {self.text}")


_ALLOWED = "OPTIONS, TRACE, GET, HEAD, POST"
_NO_HOST = Stopped(400, "Bad Request - Invalid Hostname", "HTTP/1.1 needs a Host header.", _ASCII_HTML)
_NO_LENGTH = Stopped(411, "Length Required", "A POST needs a Content-Length or a chunked body.", _ASCII_HTML)
_DANGEROUS_PATH = Stopped(
    400, "Bad Request", "None of < > * % & : \\ can be part of the path, and no control character."
)
_VERB_NOT_ALLOWED = Stopped(
    405, "Method Not Allowed", "This address takes GET and POST.", headers=(("Allow", _ALLOWED),)
)
_BY_IIS = {
    "OPTIONS": Stopped(200, headers=(("Allow", _ALLOWED), ("Public", _ALLOWED))),
    "TRACE": Stopped(501, "Not Implemented", "TRACE is not implemented here."),
}


def stopped(visit: Visit) -> Answer | None:
    """The answer to a request that does not get past IIS; None for one that does."""
    if visit.lacks_host:
        return _NO_HOST.answer()
    if visit.method not in _VERBS_OF_ASMX:
        return _BY_IIS.get(visit.method, _VERB_NOT_ALLOWED).answer()
    if visit.method == "POST" and visit.lacks_length:
        return _NO_LENGTH.answer()
    if not _FORBIDDEN.isdisjoint(visit.path):
        return _DANGEROUS_PATH.answer()
    return None
