"""Texts as a person writes them, quoted or not, and what each must look like where not everything will do."""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from emulator.scenario.words import kind
from emulator.scenario.written import NO_VALUE, mistake

TEXT: Final[JsonValue] = ["string", "number", "boolean"]
"""What a text may look like to one who reads YAML by other rules, when it stands there without quotes."""

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_OURS: Final = {
    "content-length": "the server writes this header itself",
    "transfer-encoding": "the server writes this header itself",
    "content-type": "write 'content_type' beside 'headers' in its place",
}
_OURS_IN_ANY_CASE: Final = "|".join("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in name) for name in _OURS)
HEADER_NAME: Final = rf"(?!(?:{_OURS_IN_ANY_CASE})$){_TOKEN}"
_SHORT: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}"
_XML: Final = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*"
_HEADER: Final = r"[\t\x20-\x7e\xa0-\xff]*"
_MEDIA_TYPE: Final = rf"{_TOKEN}/{_TOKEN}( *; *[\x20-\x7e]+)?"


def _like(pattern: str, complaint: str) -> AfterValidator:
    """Refuses a text that the pattern does not match as a whole."""
    wanted = re.compile(pattern)

    def check(value: str) -> str:
        if not wanted.fullmatch(value):
            raise mistake(complaint)
        return value

    return AfterValidator(check)


def _encodable(value: str) -> str:
    if not value.isascii() and _SURROGATE.search(value):
        raise mistake("holds half of a surrogate pair, which is no character")
    return value


def _pattern(value: object) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise mistake(NO_VALUE if value is None else f"a regular expression is wanted here, not {kind(value)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a later Python may read differently is right today
            return re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise mistake(f"not a regular expression: {error}") from error


def _not_ours(name: str) -> str:
    if name.lower() in _OURS:
        raise mistake(_OURS[name.lower()])
    return name


def _schema(pattern: str, **more: JsonValue) -> Any:
    """The pattern as the schema tells it."""
    return Field(json_schema_extra={"pattern": f"^{pattern}$", **more})


Text = Annotated[str, Field(strict=True), AfterValidator(_encodable)]
Filled = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_encodable)]
ShortText = Annotated[Text, _like(_SHORT, "one line of 1 to 200 characters is wanted here"), _schema(_SHORT)]
XmlText = Annotated[Text, _like(_XML, "holds a control character, which no XML can carry"), _schema(_XML)]
HeaderName = Annotated[Text, _like(_TOKEN, "not the name of a header"), AfterValidator(_not_ours)]
HeaderValue = Annotated[Text, _like(_HEADER, "a header's value is one line of Latin-1 characters"), _schema(_HEADER)]
MediaType = Annotated[
    Text, _like(_MEDIA_TYPE, "a media type is written like text/html"), _schema(_MEDIA_TYPE, type="string")
]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern), WithJsonSchema({"type": TEXT, "format": "regex"})]
