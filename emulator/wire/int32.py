"""Parse an Int32 as .NET does: a sign, digits and surrounding white space, nothing else.

Python's ``int`` differs: it accepts ``1_2``, digits of other scripts and numbers of any size.
"""

from __future__ import annotations

import re

from emulator.core.contract import INT32_MAX, INT32_MIN

# System.Xml trims XML's white space before it parses. Convert.ChangeType calls Int32.Parse, which skips the white space
# of C and trailing NULs.
_XML_SPACE = " \t\r\n"
_C_SPACE = " \t\n\v\f\r"
_NUMBER = re.compile(r"[+-]?[0-9]+")
_ALWAYS_IN_RANGE = 9  # any number of so many digits is an Int32
_MOST_CHARACTERS = 11  # of an Int32: a sign and ten digits


class NotANumber(ValueError):
    """The text is not an integer in .NET's syntax."""


class OutOfRange(ValueError):
    """The integer does not fit in an Int32."""


def int32_in_xml(text: str) -> int:
    """Parse the text of an XML element; raise NotANumber or OutOfRange."""
    return _int32(text.strip(_XML_SPACE))


def int32_in_form(text: str) -> int:
    """Parse a value of a query string or form; raise NotANumber or OutOfRange."""
    return _int32(text.rstrip("\0").strip(_C_SPACE))


def _int32(text: str) -> int:
    if len(text) <= _ALWAYS_IN_RANGE and text.isdigit() and text.isascii():
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise NotANumber
    if len(text) > _MOST_CHARACTERS:  # int() is slow on many digits, and raises ValueError on more than 4,300
        text = text[0].strip("0123456789") + (text.lstrip("+-0") or "0")
        if len(text) > _MOST_CHARACTERS:
            raise OutOfRange
    number = int(text)
    if not INT32_MIN <= number <= INT32_MAX:
        raise OutOfRange
    return number
