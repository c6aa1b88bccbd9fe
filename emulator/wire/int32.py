"""How .NET reads an Int32 from text: sign, digits and the white space around them, nothing else."""

from __future__ import annotations

import re

from emulator.core.contract import INT32_MAX, INT32_MIN

# System.Xml trims XML's white space before it parses; Convert.ChangeType lets Int32.Parse skip C's, and trailing NULs.
_XML_SPACE = " \t\r\n"
_C_SPACE = " \t\n\v\f\r"
_DIGITS = re.compile(r"[+-]?[0-9]+")
_SURELY_IN_RANGE = 10  # digits; fewer, and nothing else, are an Int32
_MOST_DIGITS = 11  # with a sign, and without leading zeros


class NotANumber(ValueError):
    """The text is no whole number as .NET writes it."""


class OutOfRange(ValueError):
    """A whole number outside the range of an Int32."""


def int32_in_xml(text: str) -> int:
    """The Int32 that the text of an XML element stands for."""
    return _int32(text.strip(_XML_SPACE))


def int32_in_form(text: str) -> int:
    """The Int32 that a value of a query string or form stands for."""
    return _int32(text.rstrip("\0").strip(_C_SPACE))


def _int32(digits: str) -> int:
    if len(digits) < _SURELY_IN_RANGE and digits.isdigit() and digits.isascii():
        return int(digits)
    if not _DIGITS.fullmatch(digits):
        raise NotANumber
    if len(digits) > _MOST_DIGITS:
        digits = digits[0].strip("0123456789") + (digits.lstrip("+-0") or "0")
        if len(digits) > _MOST_DIGITS:
            raise OutOfRange
    number = int(digits)
    if not INT32_MIN <= number <= INT32_MAX:
        raise OutOfRange
    return number
