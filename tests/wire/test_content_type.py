"""Each difference to werkzeug that the module claims exists, which is why werkzeug is not used for these."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from werkzeug.http import parse_options_header

from emulator.wire.content_type import MediaType, parse_content_type, url_decoded


@pytest.mark.parametrize(
    ("content_type", "base", "charset", "action"),
    [
        ("text/xml ; charset=utf-8", "text/xml ", "utf-8", ""),
        ('a/b; action="x;y"', "a/b", None, "x"),
        (r'a/b; action="x\"y"', "a/b", None, r"x\"y"),
        ("a/b; charset=' utf-8 '", "a/b", "utf-8", ""),
        ("a/b; action=https://host/path", "a/b", None, "https://host/path"),
        ("a/b; charset=utf-8; charset=latin1", "a/b", "utf-8", ""),
        ("a/b; charset*=utf-8''utf-8", "a/b", None, ""),
    ],
)
def test_a_content_type_is_read_as_by_dotnet(content_type: str, base: str, charset: str | None, action: str) -> None:
    assert parse_content_type(content_type) == MediaType(base, charset, action)
    werkzeug_base, parameters = parse_options_header(content_type)
    assert (werkzeug_base, parameters.get("charset"), parameters.get("action", "")) != (base, charset, action)


@pytest.mark.parametrize(
    ("encoded", "decoded"), [("%u00e9%uD83D%uDE00", "\u00e9\U0001f600"), ("a%u0041%", "aA%"), ("%uD83D+", "\ufffd ")]
)
def test_url_encoding_is_undone_as_by_dotnet(encoded: str, decoded: str) -> None:
    assert url_decoded(encoded) == decoded
    assert unquote_plus(encoded) != decoded


@pytest.mark.parametrize("charset", ["idna", "unicode_escape", "base64", "rot13", "klingon", "x" * 65, "utf-8\0"])
def test_a_codec_that_is_no_charset_is_unknown(charset: str) -> None:
    assert parse_content_type(f"text/xml; charset={charset}").charset is None
