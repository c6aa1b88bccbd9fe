"""Escape text from outside before it is printed, so that it cannot forge lines or control a terminal."""

from __future__ import annotations


def visible(text: str, keep: str = "") -> str:
    """Return the text with each unprintable character as a Python escape, except those in ``keep``.

    >>> visible("line\\r\\nforged \\x1b[31mred\\u202e"), visible("two\\nlines", keep="\\n")
    ('line\\\\r\\\\nforged \\\\x1b[31mred\\\\u202e', 'two\\nlines')
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii") for char in text
    )


def encodable(text: str, encoding: str | None) -> str:
    """Return the text with what an encoding lacks as Python escapes."""
    return text.encode(encoding, "backslashreplace").decode(encoding) if encoding else text
